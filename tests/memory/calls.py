"""The catalogue: every call of the public API in its forms, and in the ways in which it fails.

A call is named by what it calls and, after a slash, how: `Tokenizer.encode/surrogate`.
`test_catalogue.py` finds what is public and has no entry.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from memory.dataset_calls import DATASET_CALLS
from memory.decoding_calls import DECODING_CALLS
from memory.encoding_calls import ENCODING_CALLS
from memory.vocabulary_calls import VOCABULARY_CALLS

if TYPE_CHECKING:
    from memory.setting import Call

__all__ = ["CALLS", "called_by", "catalogue", "chosen"]

CALLS: dict[str, Call] = {**VOCABULARY_CALLS, **ENCODING_CALLS, **DECODING_CALLS, **DATASET_CALLS}


def called_by(name: str) -> str:
    """What a call calls: `Tokenizer.encode` of `Tokenizer.encode/surrogate`."""
    return name.partition("/")[0]


def catalogue(module: str) -> dict[str, Call]:
    """The calls of a module: this one's, or those that have a fault."""
    calls: dict[str, Call] = importlib.import_module(module).CALLS
    return calls


def chosen(calls: dict[str, Call], beginnings: list[str]) -> list[str]:
    """The names that begin with one of these; all names if there are none."""
    return [name for name in calls if not beginnings or name.startswith(tuple(beginnings))]
