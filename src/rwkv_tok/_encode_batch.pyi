from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._encode import Encoder

def encode_ragged(
    encoder: Encoder, texts: Any, num_threads: int | None, append_eot: bool
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]: ...
def encode_batch(
    encoder: Encoder, texts: Any, num_threads: int | None
) -> list[NDArray[np.uint16]]: ...
def count_batch(encoder: Encoder, texts: Any, num_threads: int | None) -> NDArray[np.int64]: ...
