from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._trie import Trie

def encode(trie: Trie, text: Any) -> NDArray[np.uint16]: ...
def encode_into(trie: Trie, text: Any, out: Any) -> int: ...
def count(trie: Trie, text: Any) -> int: ...
