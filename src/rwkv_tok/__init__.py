"""The tokenizer of the RWKV language models, compiled.

>>> import rwkv_tok
>>> tok = rwkv_tok.load()
>>> tok.encode("Hello world")
array([33155, 40213], dtype=uint16)
>>> tok.decode([33155, 40213])
'Hello world'
"""

from ._stream_decode import StreamDecoder
from ._stream_encode import StreamEncoder
from ._version import __version__
from .batch import TokenBatch
from .errors import TokenIdError, VocabularyError
from .offsets import char_to_token, token_to_chars
from .stop_strings import StopStrings
from .tokenizer import Tokenizer, load

__all__ = [
    "StopStrings",
    "StreamDecoder",
    "StreamEncoder",
    "TokenBatch",
    "TokenIdError",
    "Tokenizer",
    "VocabularyError",
    "__version__",
    "char_to_token",
    "load",
    "token_to_chars",
]
