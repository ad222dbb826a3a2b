import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable

def decode_batch(
    table: DecodeTable,
    ids: NDArray[np.uint16] | NDArray[np.int64],
    offsets: NDArray[np.int64],
    errors: str,
    unknown: str,
    num_threads: int | None,
) -> list[str]: ...
def decode_bytes_batch(
    table: DecodeTable,
    ids: NDArray[np.uint16] | NDArray[np.int64],
    offsets: NDArray[np.int64],
    unknown: str,
    num_threads: int | None,
) -> list[bytes]: ...
