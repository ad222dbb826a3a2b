"""Short versions of the programs in this folder, and what ends a run in other ways."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from cli.commands import error_of, output_of
from crash.corpus import Corpus, documents, make_corpus, zstd
from crash.processes import Process, take_interrupts, wait_until
from crash.scenarios import SCENARIOS, Place, Scenario, expected_of

_HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and fork")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Enough to be busy with for some tenths of a second."""
    return make_corpus(tmp_path_factory.mktemp("crash") / "corpus", seed=1, megabytes=12)


@pytest.fixture
def small_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A few documents of each kind; each part that is done is written down."""
    monkeypatch.setattr("rwkv_tok.data.preparing.checkpoints._SECONDS_BETWEEN", -1.0)
    return make_corpus(tmp_path / "corpus", seed=1, megabytes=0.1)


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("kill.py", ["--kills", "7", "--megabytes", "3", "--scenario", "replacing-1"]),
        ("kill.py", ["--kills", "3", "--megabytes", "3", "--scenario", "plain-2"]),
        ("steps.py", ["--sample", "2"]),
        ("full_disk.py", ["--disks", "1", "--documents", "20000", "--scenario", "shuffled"]),
    ],
)
def test_a_run_that_is_disturbed_and_repeated_ends_with_the_same_bytes(
    program: str, options: list[str]
) -> None:
    command = [sys.executable, str(_HERE / program), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stdout.startswith("NOT RUN"):
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "identical" in done.stdout


@pytest.mark.parametrize("program", ["kill.py", "steps.py", "full_disk.py"])
def test_the_programs_tell_how_to_use_them(program: str) -> None:
    command = [sys.executable, str(_HERE / program), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"python tests/crash/{program}" in done.stdout


def begun(place: Place) -> bool:
    """Whether there is something to go on with."""
    journal = place.work / "journal"
    return journal.exists() and journal.stat().st_size > 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["plain-1", "plain-2"])
def test_a_run_that_is_told_to_stop_goes_on(
    name: str, ending: signal.Signals, corpus: Corpus, tmp_path: Path
) -> None:
    take_interrupts()
    scenario = next(each for each in SCENARIOS if each.name == name)
    expected = expected_of(scenario, corpus, corpus.folder.parent / "expected")  # made only once
    place = Place(tmp_path / "place", scenario, corpus, expected)
    with Process(place.command) as process:
        assert wait_until(lambda: begun(place) or process.has_ended(), 60)
        # Ctrl-C reaches all processes of a terminal, `kill` only one.
        process.send(ending, None if ending == signal.SIGINT else process.pid)
        code = process.wait(10)
        assert wait_until(lambda: not process.living(), 10)
        if ending == signal.SIGINT:
            assert code == 130
            assert process.errors() == "Stopped; the same command goes on from here.\n"
        else:
            assert (code, process.errors()) == (-ending, "")
    place.check()
    with Process(place.command) as process:
        assert process.wait() == 0, process.errors()
        assert "an earlier run had encoded" in process.output()
    place.check_end()


def place_of(tmp_path: Path, scenario: Scenario, corpus: Corpus) -> Place:
    """Where to make a dataset, after an undisturbed one was made."""
    expected = expected_of(scenario, corpus, tmp_path / "expected")
    return Place(tmp_path / "place", scenario, corpus, expected)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("which", "format_of"), [("gzipped", gzip), ("zstandard", zstd)])
def test_a_compressed_input_that_was_cut_off(
    which: str, format_of: ModuleType, workers: int, small_corpus: Corpus, tmp_path: Path
) -> None:
    scenario = Scenario("cut off", ("plain", which), workers)
    path: Path = getattr(small_corpus, which)
    texts = documents(random.Random(1), 2_500_000)  # of the first megabyte a sample is taken
    whole = format_of.compress(
        "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    )
    path.write_bytes(whole)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    place = place_of(tmp_path, scenario, small_corpus)
    path.write_bytes(whole[: len(whole) * 4 // 5])
    message = error_of(*place.command)
    assert message.startswith(f"{path} ends in the middle of its ")
    assert not place.prefix.with_suffix(".idx").exists()
    path.write_bytes(whole)
    os.utime(path, ns=times)
    message = error_of(*place.command)
    assert f"{path} has changed since" in message
    assert "--force" in message
    output_of(*place.command, "--force")
    place.check_end()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_input_that_changes_between_two_tries(
    workers: int, small_corpus: Corpus, tmp_path: Path
) -> None:
    scenario = Scenario("changed", ("plain", "gzipped"), workers)
    path = small_corpus.plain
    whole = small_corpus.gzipped.read_bytes()
    place = Place(tmp_path / "place", scenario, small_corpus, {})
    small_corpus.gzipped.write_bytes(gzip.compress(b"no JSON\n"))
    assert "line 1: no valid JSON" in error_of(*place.command)
    small_corpus.gzipped.write_bytes(whole)
    path.write_bytes(path.read_bytes() + b'{"text": "more"}\n')
    message = error_of(*place.command)
    assert f"{path} has changed since" in message
    assert "--force" in message
    assert not place.prefix.with_suffix(".idx").exists()
    output_of(*place.command, "--force")
    expected = expected_of(scenario, small_corpus, tmp_path / "expected")
    for name, file in expected.items():
        assert (place.folder / name).read_bytes() == file.read_bytes()
    assert not place.work.exists()
