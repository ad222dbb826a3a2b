"""What a target expects. Not `assert`, which says less and which -O takes away."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Mismatch", "outcome", "same", "true"]

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 400
_SHORT.maxlist = _SHORT.maxtuple = 100


class Mismatch(Exception):  # noqa: N818 # what was found is no error of this program
    """The package gives something else than it should."""


def same(found: object, expected: object, what: str) -> None:
    """Raise Mismatch unless both are equal."""
    if found != expected:
        raise Mismatch(f"{what}: {_SHORT.repr(found)} instead of {_SHORT.repr(expected)}")


def true(condition: object, what: str) -> None:
    """Raise Mismatch unless it is so."""
    if not condition:
        raise Mismatch(what)


def outcome(
    call: Callable[..., Any],
    *arguments: object,
    raises: type[Exception] | tuple[type[Exception], ...],
    **options: object,
) -> Any:
    """What a call returns; or, if it raises such an error, its type and its arguments."""
    try:
        return call(*arguments, **options)
    except raises as error:
        return type(error), tuple(error.args)
