"""What several subcommands have in common on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    F = TypeVar("F", bound=Callable[..., Any])

_corpora = click.argument(
    "corpora", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
_field = click.option(
    "--field", default="text", show_default=True, help="Field or column that has the text."
)
_megabytes = click.option(
    "--megabytes", type=click.FloatRange(min=0, min_open=True), default=2.0, show_default=True,
    help="At most so much of each corpus.",
)  # fmt: skip
_rounds = click.option(
    "--rounds", type=click.IntRange(min=1), default=7, show_default=True,
    help="How often each contestant meets each text.",
)  # fmt: skip
_json = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write all raw figures and what machine they are from.",
)  # fmt: skip
plot_option = click.option(
    "--plots", "plots_folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Draw SVG plots into this folder.",
)  # fmt: skip


def corpus_options(command: F) -> F:
    """Which texts, and how much of them."""
    return _corpora(_field(_megabytes(command)))


def run_options(command: F) -> F:
    """How often, and where the figures go."""
    return _rounds(_json(command))


def load_corpora(paths: Sequence[Path], field: str, megabytes: float) -> dict[str, list[str]]:
    """The corpora that were named, or a usage error that says what is wrong with them."""
    try:
        return texts.load(paths, field, megabytes)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
