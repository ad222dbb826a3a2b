from collections.abc import Iterable
from typing import final

from .arguments import IdArray

@final
class SpecialMatcher:
    def __new__(cls, tokens: dict[bytes, int]) -> SpecialMatcher: ...

@final
class IdSet:
    def __new__(cls, ids: Iterable[int]) -> IdSet: ...
    def silence(self, ids: IdArray) -> IdArray: ...
