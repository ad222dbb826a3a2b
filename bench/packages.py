"""The packages that are compared: how each is loaded, and its call that encodes one text.

Fresh processes whose start is timed import this module first: it needs nothing that a package
would otherwise have to import itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "rwkv-tok"
PEER = "pyrwkv-tokenizer"
REFERENCE = "rwkv"
OTHER_VOCABULARY = "quicktok-v1"
NUMPY = "numpy"


class Package(NamedTuple):
    """A package, and how to get a tokenizer from it."""

    module: str
    load: Callable[[Any], Any]
    encode: Callable[[Any, str], Any]


def _load_reference(module: Any) -> Any:
    from pathlib import Path

    return module.TRIE_TOKENIZER(str(Path(module.__file__).with_name("rwkv_vocab_v20230424.txt")))


#: By the name on PyPI. The last one has another vocabulary: BPE, 200,000 tokens, in C++, and, as
#: few do, with the vocabulary inside the package. It is here to show what its family reaches.
PACKAGES = {
    OURS: Package("rwkv_tok", lambda m: m.load(), lambda t, text: t.encode(text)),
    PEER: Package("pyrwkv_tokenizer", lambda m: m.RWKVTokenizer(), lambda t, text: t.encode(text)),
    REFERENCE: Package("rwkv.rwkv_tokenizer", _load_reference, lambda t, text: t.encode(text)),
    OTHER_VOCABULARY: Package(
        "quicktok",
        lambda m: m.get_encoding("o200k_base"),
        lambda t, text: t.encode_ordinary(text),
    ),
}


def import_package(name: str) -> Any:
    """The module that has the tokenizer."""
    from importlib import import_module

    return import_module(PACKAGES[name].module)


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a package."""
    return PACKAGES[name].load(import_package(name))


def version(name: str) -> str | None:
    """The version of an installed package, None if it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def installed() -> list[str]:
    """Those of the packages that are there; ours is, wherever it comes from."""
    return [name for name in PACKAGES if name == OURS or version(name) is not None]
