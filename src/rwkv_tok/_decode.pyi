from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._tokens import TokenTable

def decode_bytes(tokens: TokenTable, ids: Any, unknown: str) -> bytes: ...
def read_ids(ids: Any, unknown: str) -> NDArray[np.uint16] | NDArray[np.int64]: ...
