"""How a command fails."""

from __future__ import annotations

import click

__all__ = ["Failure"]


class Failure(click.ClickException):
    """An input or output that cannot be used: one line on stderr, exit code 2."""

    exit_code = 2

    @classmethod
    def from_os_error(cls, action: str, error: OSError) -> Failure:
        """The failure of `action`, as in "cannot read FILE"."""
        return cls(f"{action}: {error.strerror or type(error).__name__}")
