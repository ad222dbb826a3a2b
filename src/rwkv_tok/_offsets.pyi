import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable
from .arguments import IdArray

def text_offsets(
    table: DecodeTable, ids: NDArray[np.uint16], by_character: bool
) -> NDArray[np.int64]: ...
def decoded_offsets(
    table: DecodeTable,
    ids: IdArray,
    unknown: str,
    data: bytes,
    keep_invalid: bool,
) -> NDArray[np.int64]: ...
