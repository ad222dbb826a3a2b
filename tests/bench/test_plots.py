"""Plots: the same bytes for the same figures, small, and nothing for no figures."""

from pathlib import Path
from xml.etree import ElementTree as ET

from bench import contestants, plots
from bench.timing import Result

CORPORA = ["en", "zh", "ja", "ru", "eu", "code"]


def speed_results() -> list[Result]:
    return [
        Result(contestants.ENCODE.title, size, corpus, c.name, "MB/s", 1e6, (0.1 / (number + 1),))
        for size in ("as is", "page")
        for corpus in CORPORA
        for number, c in enumerate(contestants.ENCODE.contestants)
    ]


def ablation_results() -> list[Result]:
    return [
        Result("encode_ragged by path", "page", corpus, path, "MB/s", 1e6, (seconds,))
        for corpus in CORPORA
        for path, seconds in [("avx2", 0.002), ("portable", 0.004), ("walk", 0.008)]
    ]


def labels(path: Path) -> list[str]:
    texts = ET.parse(path).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()) for text in texts]


def test_the_same_figures_give_the_same_file(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        plots.draw({"mode": "speed"}, speed_results(), tmp_path / folder)
        plots.draw({"mode": "ablation"}, ablation_results(), tmp_path / folder)
    for name in ("speed.svg", "ablation.svg"):
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two
        assert len(one) < 60_000


def test_bars_have_the_ratio_to_the_peer(tmp_path: Path) -> None:
    (path,) = plots.draw({"mode": "speed"}, speed_results(), tmp_path)
    found = labels(path)
    assert set(CORPORA) <= set(found)
    # encode and encode_ragged are the fifth and the seventh contestant of the table.
    assert found.count("5.0×") == found.count("7.0×") == len(CORPORA)
    assert "1.0×" not in found


def test_paths_have_the_ratio_to_the_walk(tmp_path: Path) -> None:
    (path,) = plots.draw({"mode": "ablation"}, ablation_results(), tmp_path)
    found = labels(path)
    assert found.count("2.0×") == found.count("4.0×") == len(CORPORA)
    assert {"avx2", "portable", "walk"} <= set(found)


def test_without_figures_nothing_is_drawn(tmp_path: Path) -> None:
    assert plots.draw({"mode": "speed"}, ablation_results(), tmp_path) == []
    assert plots.draw({"mode": "ablation"}, [], tmp_path) == []
    assert plots.draw({"mode": "adversarial"}, ablation_results(), tmp_path) == []
