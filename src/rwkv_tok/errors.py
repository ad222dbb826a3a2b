"""The exceptions of this package; each is also the built-in one that a caller would expect."""

from __future__ import annotations

__all__ = ["DataError", "TokenIdError", "VocabularyError"]


class VocabularyError(ValueError):
    """A vocabulary that cannot be used, with the reason and, for a file, the line.

    Attributes
    ----------
    line : int or None
        The line of the file, counted from 1; None where no single line is to blame.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, line)
        self.line = line

    def __str__(self) -> str:
        message: str = self.args[0]
        return message if self.line is None else f"line {self.line}: {message}"


class DataError(ValueError):
    """Training data, or the text that it is made from, that cannot be used.

    The message names the file, where in it, what is wrong, and what to do where that is not
    obvious.
    """


class TokenIdError(ValueError, KeyError):
    """An id that stands for no token.

    Attributes
    ----------
    id : int
        The offending id.
    position : int or None
        Where it stands in the sequence of ids, counted from 0; None for a single id.
    document : int or None
        For a batch: which document, counted from 0; `position` counts within it.
    """

    def __init__(
        self, token_id: int, position: int | None = None, document: int | None = None
    ) -> None:
        super().__init__(token_id, position, document)
        self.id = token_id
        self.position = position
        self.document = document

    def __str__(self) -> str:
        # KeyError would show the repr of its argument.
        where = "" if self.position is None else f" at position {self.position}"
        if self.document is not None:
            where += f" of document {self.document}"
        why = "has no token" if 0 <= self.id <= 65535 else "is outside 0 ... 65535"
        return f"id {self.id}{where} {why}"
