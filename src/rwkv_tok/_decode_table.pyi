from typing import final

from ._tokens import TokenTable

@final
class DecodeTable:
    def __new__(cls, tokens: TokenTable) -> DecodeTable: ...
