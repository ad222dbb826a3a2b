"""Tables and JSON, from known figures."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import report
from bench.timing import Result

RESULTS = [
    Result("encode", "page", corpus, contestant, "MB/s", 1e6, samples)
    for corpus, contestant, samples in [
        ("en", "peer", (0.1, 0.11, 0.2)),
        ("en", "ours", (0.004, 0.005, 0.02)),
        ("zh [1]", "ours", (2.0,)),
    ]
]


def render(results: list[Result], baseline: str | None) -> list[str]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(report.table(results, baseline))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_a_row_for_each_contestant_a_column_for_each_corpus() -> None:
    assert render(RESULTS, "peer") == [
        "en zh [1]",
        "peer 10.0 1.00× ±10%",
        "ours 250 25.00× ±25% 0.50",
    ]


def test_without_a_baseline_there_are_no_ratios() -> None:
    assert render(RESULTS[:1], None) == ["en", "peer 10.0 ±10%"]


def test_a_ratio_is_to_the_same_corpus_only() -> None:
    assert report.ratio(RESULTS[1], RESULTS, "peer") == pytest.approx(25)
    assert report.ratio(RESULTS[2], RESULTS, "peer") is None


def test_the_file_has_all_samples_and_what_they_are_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = report.Report("speed", {"rounds": 3})
    written.add(RESULTS, baseline="peer", note="of UTF-8")
    written.write(tmp_path / "results.json")
    output = capsys.readouterr().out
    assert "encode: page, MB/s" in output
    assert "best of 3; ± how much worse the median was; × peer; of UTF-8" in output
    data, results = report.read(tmp_path / "results.json")
    assert results == RESULTS
    assert data["mode"] == "speed"
    assert data["settings"] == {"rounds": 3}
    assert data["baselines"] == {"encode": "peer"}
    assert [result["ratio"] for result in data["results"]] == [1, pytest.approx(25), None]
    wanted = {"date", "cpu", "cores", "python", "packages", "wheel", "compiler", "kernel"}
    assert wanted <= data["machine"].keys()
    assert json.loads((tmp_path / "results.json").read_bytes())["machine"]["packages"]["numpy"]
