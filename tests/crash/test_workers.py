"""Workers that are struck before they have begun."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from crash.processes import Process, take_interrupts, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

_WORKERS_DIE = """
import subprocess, sys
from rwkv_tok.cli import main

class Dead(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.kill()
        self.wait()

subprocess.Popen = Dead
sys.argv[0] = "rwkv-tok"
main()
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Enough to be busy with for a moment."""
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'{"text": "The quick brown fox"}\n' * 500_000)
    return path


def test_a_worker_that_dies_at_once_is_told(corpus: Path, tmp_path: Path) -> None:
    command = ["prepare", str(corpus), "-o", str(tmp_path / "train"), "-j", "2"]
    done = subprocess.run([sys.executable, "-c", _WORKERS_DIE, *command], capture_output=True)
    assert done.returncode == 2
    assert b"a worker process was killed by SIGKILL" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("told", [b"", b"\x80\x05\x95\x10\0\0\0\0\0\0\0\x8c"])
def test_a_worker_ends_quietly_if_its_command_is_killed_before_it_told_anything(
    told: bytes,
) -> None:
    worker = [sys.executable, "-c", "from rwkv_tok.data.preparing.worker import main; main()"]
    done = subprocess.run(worker, input=told, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_ctrl_c_does_not_reach_workers_that_are_being_started(corpus: Path, tmp_path: Path) -> None:
    take_interrupts()
    with Process(["prepare", corpus, "-o", tmp_path / "train", "-j", "5"]) as process:
        assert wait_until(lambda: len(process.workers()) > 1, 60)
        process.send(signal.SIGINT)
        assert process.wait() == 130
        assert wait_until(lambda: not process.living(), 10)
        assert process.errors() == "Stopped; the same command goes on from here.\n"
