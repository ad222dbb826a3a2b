"""Stop strings: a text that comes in pieces ends where one of them begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["StopStrings"]


class StopStrings:
    r"""Ends a text that comes in pieces exactly before the first of several stop strings.

    What might become one of them is held back until it is clear. The first is the one that is
    complete first; of those that end at the same place, the longest. So the result does not depend
    on how the text is cut.

    Parameters
    ----------
    strings
        The stop strings, none of them empty. With none, all text comes through.

    Examples
    --------
    >>> stop = StopStrings(["\n\nUser:", "</s>"])
    >>> [stop.feed(piece) for piece in ["Hi!\n", "\n", "Bye.", "\n\nUs", "er: and"]]
    ['Hi!', '', '\n\nBye.', '', '']
    >>> stop.found
    '\n\nUser:'
    """

    __slots__ = ("_beginnings", "_found", "_held", "_strings")

    def __init__(self, strings: Iterable[str]) -> None:
        if isinstance(strings, str) or not hasattr(strings, "__iter__"):
            raise TypeError(
                f"stop strings must be an iterable of str, not a single {type(strings).__name__}"
            )
        # The longest first: it wins where several end at the same place.
        self._strings = tuple(sorted({_exact(string) for string in strings}, key=_order))
        self._beginnings = tuple({string[0] for string in self._strings})
        self._held = ""
        self._found: str | None = None

    @property
    def strings(self) -> tuple[str, ...]:
        """The stop strings, the longest first."""
        return self._strings

    @property
    def found(self) -> str | None:
        """The stop string that ended the text; None as long as it has not ended."""
        return self._found

    def feed(self, text: str) -> str:
        """Take the next piece of the text; return what surely comes before any stop string.

        Once one was found, nothing comes any more.
        """
        if type(text) is not str:
            text = _exact(text, empty=True)
        if self._found is not None:
            return ""
        if not self._held:
            for beginning in self._beginnings:
                if beginning in text:
                    break
            else:
                return text
        # What this object holds is changed at the end only, when there is memory for all of it.
        text = self._held + text
        found: str | None = None
        first_end = len(text) + 1
        for string in self._strings:
            place = text.find(string, 0, first_end)
            # Of those that end at the same place the longest is the first one here.
            if place >= 0 and place + len(string) < first_end:
                first_end = place + len(string)
                found = string
        if found is not None:
            before, held = text[: first_end - len(found)], ""
        else:
            end = self._may_become_one(text)
            before, held = text[:end], text[end:]
        self._held, self._found = held, found
        return before

    def _may_become_one(self, text: str) -> int:
        """Where the longest end of a text begins with which a stop string begins."""
        first = len(text)
        for string in self._strings:
            place = max(0, len(text) - len(string) + 1)
            while (place := text.find(string[0], place, first)) >= 0:
                if string.startswith(text[place:]):
                    first = place
                    break
                place += 1
        return first

    def flush(self) -> str:
        """End the text: return what was held back, which has become no stop string.

        `found` stays as it is; `reset` begins a new text.
        """
        held, self._held = self._held, ""
        return held

    def reset(self) -> None:
        """Begin a new text, with the same stop strings."""
        self._held = ""
        self._found = None

    def copy(self) -> StopStrings:
        """One that goes on from here on its own."""
        other = StopStrings(self._strings)
        other._held = self._held
        other._found = self._found
        return other

    __copy__ = copy


def _exact(text: str, *, empty: bool = False) -> str:
    """A str itself, without what a subclass may have made of it."""
    if not isinstance(text, str):
        raise TypeError(f"expected a str, not {type(text).__name__}")
    if not empty and not str.__len__(text):
        raise ValueError("a stop string must not be empty")
    return str.__str__(text)


def _order(string: str) -> tuple[int, str]:
    return -len(string), string
