from typing import final

import numpy as np
from numpy.typing import NDArray

from ._tokens import TokenTable

@final
class Trie:
    def __new__(cls, tokens: TokenTable, lines: NDArray[np.uint32] | None = None) -> Trie: ...
    @property
    def num_nodes(self) -> int: ...
    @property
    def num_slots(self) -> int: ...
    def find(self, token: bytes) -> int: ...
