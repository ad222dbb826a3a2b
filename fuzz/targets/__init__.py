"""The targets: a module each, whose `one_input` raises if the package does something wrong."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS", "one_input_of"]

TARGETS = ("encode", "stream", "decode", "vocabulary", "binidx", "jsonl")


def one_input_of(target: str) -> Callable[[bytes], None]:
    """The function of a target that runs one input."""
    module = importlib.import_module(f"{__name__}.{target}")
    return cast("Callable[[bytes], None]", module.one_input)
