from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._trie import Trie

def encode_ragged(
    trie: Trie, texts: Any, num_threads: int | None, append_eot: bool
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]: ...
def encode_batch(trie: Trie, texts: Any, num_threads: int | None) -> list[NDArray[np.uint16]]: ...
def count_batch(trie: Trie, texts: Any, num_threads: int | None) -> NDArray[np.int64]: ...
