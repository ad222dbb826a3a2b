from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable

def decode(table: DecodeTable, ids: Any, errors: str, unknown: str) -> str: ...
def decode_bytes(table: DecodeTable, ids: Any, unknown: str) -> bytes: ...
def read_ids(ids: Any, unknown: str) -> NDArray[np.uint16] | NDArray[np.int64]: ...
