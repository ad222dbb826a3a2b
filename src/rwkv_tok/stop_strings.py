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

    __slots__ = ("_beginnings", "_found", "_held", "_longest", "_strings")

    def __init__(self, strings: Iterable[str]) -> None:
        if isinstance(strings, str):
            raise TypeError("stop strings must be an iterable of str, not a single str")
        # The longest first: it wins where several end at the same place.
        self._strings = tuple(sorted(dict.fromkeys(strings), key=_length, reverse=True))
        self._longest = len(self._strings[0]) if self._strings else 0
        self._beginnings = frozenset(
            string[:length] for string in self._strings for length in range(1, len(string))
        )
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
        if self._found is not None:
            return ""
        text = self._held + text
        found = min(
            (
                (place + len(string), place, string)
                for string in self._strings
                if (place := text.find(string)) >= 0
            ),
            default=None,
        )
        if found is not None:
            _, place, self._found = found
            self._held = ""
            return text[:place]
        held = self._beginning_at_end(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def _beginning_at_end(self, text: str) -> int:
        """How many of the last characters are the beginning of a stop string."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            if text[-length:] in self._beginnings:
                return length
        return 0

    def flush(self) -> str:
        """End the text: return what was held back, which has become no stop string."""
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


def _length(string: str) -> int:
    if not isinstance(string, str):
        raise TypeError(f"a stop string must be a str, not {type(string).__name__}")
    if not string:
        raise ValueError("a stop string must not be empty")
    return len(string)
