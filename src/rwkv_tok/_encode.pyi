from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ._cuts import Cuts
from ._special import SpecialMatcher
from ._tokens import TokenTable
from ._trie import Trie

@final
class Encoder:
    @property
    def trie(self) -> Trie: ...
    @property
    def cuts(self) -> Cuts: ...
    def __new__(cls, trie: Trie, tokens: TokenTable, kernel: str | None = None) -> Encoder: ...

def encode(
    encoder: Encoder, text: Any, special: SpecialMatcher | None = None
) -> NDArray[np.uint16]: ...
def encode_into(
    encoder: Encoder, text: Any, out: Any, special: SpecialMatcher | None = None
) -> int: ...
def count(encoder: Encoder, text: Any, special: SpecialMatcher | None = None) -> int: ...
