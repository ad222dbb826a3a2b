import numpy as np
from numpy.typing import NDArray

from ._tokens import TokenTable

def parse(data: bytes) -> tuple[TokenTable, NDArray[np.uint32]]: ...
