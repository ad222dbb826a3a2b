from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable
from ._tokens import TokenTable
from .arguments import IdArray

def text_offsets(
    tokens: TokenTable, ids: NDArray[np.uint16], text: Any, by_character: bool
) -> NDArray[np.int64]: ...
def decoded_offsets(
    table: DecodeTable,
    ids: IdArray,
    unknown: str,
    data: bytes,
    keep_invalid: bool,
) -> NDArray[np.int64]: ...
