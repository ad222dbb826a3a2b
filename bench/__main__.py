"""The program: a subcommand for each question."""

from __future__ import annotations

import click

from .ablation import ablation
from .adversarial import adversarial
from .instructions import instructions
from .plots import plot
from .preparation import prepare
from .serving import serving
from .speed import speed


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the installed rwkv_tok beside other tokenizers.

    Each mode is one run in which all contestants take turns, for several rounds; the best round of
    each counts, and the ratios are the result. Measure the installed wheel, not a development
    build.
    """


for command in (speed, serving, ablation, adversarial, prepare, instructions, plot):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m bench")
