import numpy as np
from numpy.typing import NDArray

from ._tokens import TokenTable

def byte_offsets(tokens: TokenTable, ids: NDArray[np.uint16]) -> NDArray[np.int64]: ...
def char_offsets(tokens: TokenTable, ids: NDArray[np.uint16], text: bytes) -> NDArray[np.int64]: ...
