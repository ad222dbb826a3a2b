"""Instruction counts beside their record: more than 5 % above it is an error, no record is not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench import callgrind, instructions, machine
from bench.fixed_sample import fingerprint
from bench.records import Comparison, Records

GCC = "gcc 12", "x86_64"


@pytest.mark.parametrize(
    ("measured", "recorded", "too_many"),
    [
        (10.5, 10.0, False),
        (10.501, 10.0, True),
        (1.155, 1.1, False),  # in floating point 1.1 * 1.05 is a little more than 1.155
        (1.156, 1.1, True),
        (0.105, 0.1, False),
        (9.0, 10.0, False),
        (99.0, None, False),
    ],
)
def test_the_border_itself_is_allowed(
    measured: float, recorded: float | None, too_many: bool
) -> None:
    assert Comparison("walk", "encode", measured, recorded).too_many is too_many


def test_what_was_recorded_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    Records(path, "sample").record(*GCC, {"walk": {"encode": 30.0}, "avx2": {"encode": 9.0}})
    Records(path, "sample").record(*GCC, {"walk": {"encode": 29.0, "count": 25.0}})
    Records(path, "sample").record("clang 19", "aarch64", {"walk": {"encode": 28.0}})
    records = Records(path, "sample")
    assert records.of(*GCC) == {"walk": {"encode": 29.0, "count": 25.0}, "avx2": {"encode": 9.0}}
    assert records.of("clang 19", "aarch64") == {"walk": {"encode": 28.0}}
    assert records.of("clang 19", "x86_64") == {}


def test_a_record_of_another_sample_is_none(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    Records(path, "sample").record(*GCC, {"walk": {"encode": 30.0}})
    assert Records(path, "another").of(*GCC) == {}


def test_each_figure_is_compared_with_its_own_record(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    Records(path, "sample").record(*GCC, {"walk": {"encode": 20.0, "count": 10.0}})
    measured = {"walk": {"encode": 21.0, "count": 8.0}, "avx2": {"encode": 9.0}}
    comparisons = Records(path, "sample").compare(*GCC, measured)
    assert [(c.kernel, c.operation, c.change) for c in comparisons] == [
        ("walk", "encode", pytest.approx(0.05)),
        ("walk", "count", pytest.approx(-0.2)),
        ("avx2", "encode", None),
    ]


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the subcommand on figures that are not counted but given."""

    def run(figure: float, *arguments: str) -> Result:
        monkeypatch.setattr(instructions.shutil, "which", lambda _: "valgrind")
        monkeypatch.setattr(machine, "compiler", lambda: GCC[0])
        monkeypatch.setattr(callgrind, "count", lambda _: {"encode": figure})
        file = str(tmp_path / "records.json")
        command = ["--kernel", "walk", "--records", file, *arguments]
        return CliRunner().invoke(instructions.instructions, command)

    return run


def test_without_a_record_there_is_nothing_to_fail(count) -> None:
    outcome = count(30.0)
    assert outcome.exit_code == 0
    assert "No record of gcc 12" in outcome.output


def test_the_exit_code_tells_whether_there_are_too_many(count, tmp_path: Path) -> None:
    assert count(20.0, "--record").exit_code == 0
    assert fingerprint() in (tmp_path / "records.json").read_text()
    at_the_border, above, below = count(21.0), count(21.001), count(15.0)
    assert at_the_border.exit_code == 0
    assert "21.000 +5.0%" in at_the_border.output
    assert above.exit_code == 1
    assert "more than 5 % above the record: walk encode +5.0%" in above.output
    assert below.exit_code == 0
    assert "Fewer instructions than recorded" in below.output
    assert "20.0" in (tmp_path / "records.json").read_text()  # nothing is recorded unasked


def test_without_valgrind_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions.shutil, "which", lambda _: None)
    outcome = CliRunner().invoke(instructions.instructions)
    assert outcome.exit_code == 2
    assert "apt-get install valgrind" in outcome.output


def test_the_record_is_about_the_sample_as_it_is() -> None:
    data = json.loads(instructions.RECORDS.read_bytes())
    assert data["sample"] == fingerprint(), "the sample has changed: record the figures anew"
