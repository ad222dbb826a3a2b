"""Figures as SVG plots: readable on light and dark pages, always the same for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import contestants, kernels, report
from .packages import OTHER_VOCABULARY, OURS, PEER, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .timing import Result

FOLDER = Path("docs") / "img"
GREY = "#808080"
OUR_COLOURS = ("#0072b2", "#56b4e9", "#009e73")
OTHER_COLOURS = {PEER: "#d55e00", REFERENCE: "#cc79a7", OTHER_VOCABULARY: "#a0a0a0"}
PATH_COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7")

#: Who is drawn: table, package, how, and the name in the legend.
DRAWN = (
    (contestants.ENCODE, REFERENCE, "encode", "rwkv (Python)"),
    (contestants.ENCODE, PEER, "encode", "pyrwkv-tokenizer (Rust)"),
    (contestants.ENCODE, OTHER_VOCABULARY, "encode_batch", "quicktok (C++), vocabulary o200k"),
    (contestants.ENCODE, OURS, "encode", "rwkv_tok, encode"),
    (contestants.ENCODE, OURS, "encode_ragged", "rwkv_tok, encode_ragged"),
)


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--plots", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    default=FOLDER, show_default=True, help="Draw into this folder.",
)  # fmt: skip
def plot(results: Sequence[Path], folder: Path) -> None:
    """Draw SVG plots of RESULTS, the JSON files of `speed` and `ablation`."""
    for path in results:
        drawn = draw(*report.read(path), folder)
        click.echo("\n".join(map(str, drawn)) or f"nothing to draw in {path}")


def draw(data: dict[str, Any], results: Sequence[Result], folder: Path) -> list[Path]:
    """Draw what there is to draw of a run: the files written."""
    figures = {}
    if data["mode"] == "speed":
        figures["speed"] = speed_figure(results)
    elif data["mode"] == "ablation":
        figures["ablation"] = ablation_figure(results)
    paths = []
    for name, figure in figures.items():
        if figure:
            folder.mkdir(parents=True, exist_ok=True)
            paths.append(folder / f"{name}.svg")
            save(figure, paths[-1])
    return paths


def speed_figure(results: Sequence[Result]) -> Figure | None:
    """MB/s of each contestant in one thread, the ratio to the peer on ours; None without figures.

    The first size of documents that was measured is drawn.
    """
    encoded = [result for result in results if result.table == contestants.ENCODE.title]
    encoded = [result for result in encoded if result.size == encoded[0].size]
    bars = []
    ours = iter(OUR_COLOURS)
    for table, package, how, label in DRAWN:
        name = next(c.name for c in table.contestants if (c.package, c.how) == (package, how))
        colour = next(ours) if package == OURS else OTHER_COLOURS[package]
        if any(result.contestant == name for result in encoded):
            bars.append((name, label, colour))
    title = "Encoding in one thread, MB/s of UTF-8 (× pyrwkv-tokenizer)"
    labelled = {name for name, _, colour in bars if colour in OUR_COLOURS}
    return _bars(encoded, bars, contestants.ENCODE.baseline, labelled, title)


def ablation_figure(results: Sequence[Result]) -> Figure | None:
    """MB/s of each path, the ratio to the plain walk on it; None without figures.

    The first operation and the first size of documents that were measured are drawn.
    """
    first = results[0] if results else None
    drawn = [r for r in results if first and (r.table, r.size) == (first.table, first.size)]
    paths = list(dict.fromkeys(result.contestant for result in drawn))
    colours = dict(zip(reversed(paths), PATH_COLOURS[::-1][: len(paths)], strict=False))
    bars = [(path, path, colours[path]) for path in reversed(paths)]
    title = "Paths through the encoder, one thread, MB/s of UTF-8 (× plain walk)"
    return _bars(drawn, bars, kernels.WALK, set(paths) - {kernels.WALK}, title)


def _bars(
    results: Sequence[Result],
    bars: Sequence[tuple[str, str, str]],
    baseline: str,
    labelled: set[str],
    title: str,
) -> Figure | None:
    """A group of bars for each corpus; `bars` are names, labels and colours."""
    if not results or not bars:
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    corpora = list(dict.fromkeys(result.corpus for result in results))
    cells = {(result.contestant, result.corpus): result for result in results}
    with mpl.rc_context(_style()):
        figure = Figure(figsize=(8.5, 3.6), layout="constrained")
        axes = figure.add_subplot()
        width = 0.86 / len(bars)
        # Labels side by side must fit above their bars.
        label_size = min(7.0, 170 / (len(bars) * len(corpora)))
        for number, (name, label, colour) in enumerate(bars):
            places = [i + (number - (len(bars) - 1) / 2) * width for i in range(len(corpora))]
            row = [cells.get((name, corpus)) for corpus in corpora]
            values = [result.value if result else 0.0 for result in row]
            axes.bar(places, values, width * 0.92, color=colour, label=label)
            for place, result in zip(places, row, strict=True):
                times = report.ratio(result, results, baseline) if result else None
                if result and times and name in labelled:
                    axes.annotate(
                        f"{times:.1f}×", (place, result.value), (0, 1.5),
                        textcoords="offset points", ha="center", va="bottom", fontsize=label_size,
                    )  # fmt: skip
        axes.set_xticks(range(len(corpora)), corpora)
        axes.set_title(title)
        _clean(axes)
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _style() -> Any:  # what matplotlib calls the type depends on its version
    # Text stays text: small, and in a font of the reader's. Grey is legible on white and on black.
    return {
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.titlesize": 10,
        "svg.fonttype": "none",
        "svg.hashsalt": "rwkv_tok",
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY
        ),
    }


def _clean(axes: Axes) -> None:
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write an SVG without anything that differs from run to run."""
    import matplotlib as mpl

    with mpl.rc_context(_style()):
        figure.savefig(
            path, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
