"""The tokenizer of the RWKV language models, compiled.

>>> import rwkv_tok
>>> tok = rwkv_tok.load()
>>> tok.encode("Hello world")
array([33155, 40213], dtype=uint16)
>>> tok.decode([33155, 40213])
'Hello world'
"""

from ._version import __version__
from .batch import TokenBatch
from .errors import TokenIdError, VocabularyError
from .tokenizer import Tokenizer, load

__all__ = ["TokenBatch", "TokenIdError", "Tokenizer", "VocabularyError", "__version__", "load"]
