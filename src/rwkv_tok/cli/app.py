"""The command line as a whole: its commands, and how it ends."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from rwkv_tok import __version__

from .cat import cat
from .count import count
from .decode import decode
from .encode import encode
from .info import info
from .merge import merge
from .prepare import prepare
from .show import show
from .verify import verify

__all__ = ["app", "run"]

_EXAMPLES = """\b
Examples:
  rwkv-tok count corpus.txt
  rwkv-tok encode --lines corpus.txt -o corpus.ids
  rwkv-tok decode --lines corpus.ids
  rwkv-tok prepare corpus.jsonl -o train     # for RWKV's trainer
"""


class _Application(click.Group):
    """A group of commands that Ctrl-C ends without a word, with exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(130)


@click.group(
    cls=_Application,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def app() -> None:
    """The tokenizer of the RWKV language models."""


for _command in (encode, decode, count, show, prepare, verify, info, cat, merge):
    app.add_command(_command)


def run() -> None:
    """Run the command that `sys.argv` asks for, and exit."""
    if sys.platform != "win32":
        # A reader that has gone, as in `rwkv-tok encode FILE | head`, ends the process as it ends
        # any other Unix tool.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    app(prog_name="rwkv-tok")
