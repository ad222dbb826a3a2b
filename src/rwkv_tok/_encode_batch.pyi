from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._decode_table import DecodeTable
from ._encode import Encoder
from ._special import SpecialMatcher

def encode_ragged(
    encoder: Encoder,
    texts: Any,
    num_threads: int | None,
    append_eot: bool,
    special: SpecialMatcher | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]: ...
def encode_ragged_with_offsets(
    encoder: Encoder,
    table: DecodeTable,
    texts: Any,
    by_character: bool,
    num_threads: int | None,
    special: SpecialMatcher | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64]]: ...
def encode_batch(
    encoder: Encoder, texts: Any, num_threads: int | None, special: SpecialMatcher | None = None
) -> list[NDArray[np.uint16]]: ...
def count_batch(
    encoder: Encoder, texts: Any, num_threads: int | None, special: SpecialMatcher | None = None
) -> NDArray[np.int64]: ...
