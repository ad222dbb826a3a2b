"""What callgrind writes is read right; callgrind itself is not run."""

import pytest

from bench import callgrind, fixed_sample

DUMP = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 5779
cmd:  python -m bench.callgrind_target
part: 3

desc: I1 cache:
desc: Timerange: Basic block 69273017 - 69800412
desc: Trigger: --dump-before=getppid

positions: line
events: {events}
summary: {totals}


fn=(1) 0x00000000000201b0
0 4
totals: {totals}
"""


@pytest.mark.parametrize(
    ("events", "totals"), [("Ir", "2712383"), ("Ir Dr Dw", "2712383 7 8"), ("Dr Ir", "7 2712383")]
)
def test_the_total_of_instructions_is_found(events: str, totals: str) -> None:
    assert callgrind.instructions(DUMP.format(events=events, totals=totals)) == 2712383


@pytest.mark.parametrize("dump", ["", "events: Ir\n", DUMP.format(events="Dr", totals="7")])
def test_a_file_without_a_total_is_an_error(dump: str) -> None:
    with pytest.raises(ValueError, match="no total of instructions"):
        callgrind.instructions(dump)


def test_paths_that_valgrind_cannot_take_are_left_out() -> None:
    assert callgrind.known(["avx512vbmi", "avx2", "portable", "walk"]) == [
        "avx2", "portable", "walk"
    ]  # fmt: skip


def test_the_sample_has_many_scripts_and_words() -> None:
    documents = fixed_sample.documents()
    assert documents == fixed_sample.documents()
    text = "".join(documents)
    assert 300_000 < len(text.encode()) < 600_000
    assert len(set(text)) > 500
    assert len(set(text.split())) > 4_000
