import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable
from .arguments import IdArray

def decode_batch(
    table: DecodeTable,
    ids: IdArray,
    offsets: NDArray[np.int64],
    errors: str,
    unknown: str,
    num_threads: int | None,
) -> list[str]: ...
def decode_bytes_batch(
    table: DecodeTable,
    ids: IdArray,
    offsets: NDArray[np.int64],
    unknown: str,
    num_threads: int | None,
) -> list[bytes]: ...
