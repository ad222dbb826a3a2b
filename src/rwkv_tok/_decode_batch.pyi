from typing import overload

import numpy as np
from numpy.typing import NDArray

from ._tokens import TokenTable

@overload
def decode_batch(
    tokens: TokenTable,
    ids: NDArray[np.uint16] | NDArray[np.int64],
    offsets: NDArray[np.int64],
    errors: str,
    unknown: str,
    num_threads: int | None,
) -> list[str]: ...
@overload
def decode_batch(
    tokens: TokenTable,
    ids: NDArray[np.uint16] | NDArray[np.int64],
    offsets: NDArray[np.int64],
    errors: None,
    unknown: str,
    num_threads: int | None,
) -> list[bytes]: ...
