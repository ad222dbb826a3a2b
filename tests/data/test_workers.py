"""Worker processes: when one of them dies, and what they leave behind."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from data.corpora import dataset_at, dataset_of, jsonl, names, prepare_in_parts

from rwkv_tok.data.preparing import pool
from rwkv_tok.errors import DataError

TEXTS = [f"document {number} " + "word " * (number % 5) for number in range(400)]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="has no such signals")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rwkv_tok.data.preparing.checkpoints._SECONDS_BETWEEN", 0)
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(TEXTS))
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The worker processes, as they are started."""
    processes: list[subprocess.Popen[bytes]] = []
    popen: Any = subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(popen(*args, **options))
        return processes[-1]

    monkeypatch.setattr(pool.subprocess, "Popen", start)  # type: ignore[attr-defined]
    return processes


def let_workers_die(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, task: int) -> None:
    """Have each worker process send itself a signal instead of doing a task."""
    (folder / "worker.py").write_text(
        "import os, signal\nfrom itertools import count\n"
        "from rwkv_tok.data.preparing import worker\n"
        "encode, tasks = worker._encode, count()\n"
        "def die(encoder, task):\n"
        f"    if next(tasks) == {task}:\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "    return encode(encoder, task)\n"
        "worker._encode = die\nworker.main()\n"
    )
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, str(folder / "worker.py")])


@pytest.mark.parametrize(
    ("name", "task", "how"),
    [
        ("SIGKILL", 0, r"was killed by SIGKILL \(did memory run out\?\)"),
        ("SIGKILL", 9, r"was killed by SIGKILL \(did memory run out\?\)"),
        ("SIGTERM", 9, "was killed by SIGTERM"),
    ],
)
def test_a_worker_that_is_killed_is_named(
    source: Path,
    tmp_path: Path,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    task: int,
    how: str,
) -> None:
    command = pool._COMMAND
    (tmp_path / "code").mkdir()
    let_workers_die(monkeypatch, tmp_path / "code", name, task)
    with pytest.raises(
        DataError,
        match=rf"a worker process {how} while it read .*in\.jsonl: the same command goes on",
    ):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert all(process.poll() is not None for process in started)
    assert not list(tmp_path.rglob("parts-*"))
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}
    monkeypatch.setattr(pool, "_COMMAND", command)
    prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


def test_a_file_of_tokens_that_is_too_short_is_not_taken_in(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = pool._COMMAND
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "worker.py").write_text(
        "import os\nfrom itertools import count\nfrom rwkv_tok.data.preparing import worker\n"
        "encode, tasks = worker._encode, count()\n"
        "def cut(encoder, task):\n"
        "    outcome = encode(encoder, task)\n"
        "    if next(tasks) == 3:\n"
        "        os.truncate(task.spool, task.spool.stat().st_size - 2)\n"
        "    return outcome\n"
        "worker._encode = cut\nworker.main()\n"
    )
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, str(tmp_path / "code" / "worker.py")])
    with pytest.raises(DataError, match=r"bytes where a worker wrote \d+: something is wrong"):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    monkeypatch.setattr(pool, "_COMMAND", command)
    prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


def test_a_worker_that_cannot_begin_is_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, "-c", "raise SystemExit(7)"])
    with pytest.raises(DataError, match="a worker process ended with exit code 7"):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert names(tmp_path) == ["in.jsonl"]


def test_a_program_that_is_not_there_is_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_COMMAND", [str(tmp_path / "nix")])
    with pytest.raises(FileNotFoundError):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert names(tmp_path) == ["in.jsonl"]


def test_workers_end_at_the_end(
    source: Path, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    prepare_in_parts(source, tmp_path / "out", 100, workers=3)
    assert len(started) == 3
    assert all(process.poll() is not None for process in started)
    assert names(tmp_path) == ["in.jsonl", "out.bin", "out.idx", "out.json"]


def test_workers_end_when_the_process_that_asked_is_killed(tmp_path: Path, source: Path) -> None:
    script = (
        "import time\nfrom data.corpora import prepare_in_parts\n"
        "import rwkv_tok.data.preparing.checkpoints as c\nc._SECONDS_BETWEEN = 0\n"
        "from rwkv_tok.data.preparing import pool\nfrom pathlib import Path\n"
        "def report(_):\n"
        "    print(*Path('/proc/self/task').glob('*/children'), flush=True)\n"
        "    time.sleep(60)\n"
        f"prepare_in_parts('in.jsonl', Path({str(tmp_path)!r}) / 'out', 100, workers=2,"
        " report=report)\n"
    )
    if not Path("/proc/self/task").exists():
        pytest.skip("does not tell its children")
    tests = str(Path(__file__).parent.parent)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    }
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        children = {pid for task in tasks for pid in task.read_text().split()}
        process.kill()
    assert len(children) == 2
    for _ in range(1000):
        if not any(is_running(pid) for pid in children):
            break
        time.sleep(0.01)
    else:
        pytest.fail("a worker goes on")
    assert prepare_in_parts(source, tmp_path / "other", 100).documents_found == 0
    # The paths differ: it was the same file, but not named in the same way.
    with pytest.raises(DataError, match=r"it reads in\.jsonl where this one reads"):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)


def is_running(pid: str) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("when", "what"),
    [("before", "shutil.rmtree(task.spool.parent)"), ("after", "task.spool.unlink()")],
)
def test_tokens_that_vanish_are_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, what: str
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "worker.py").write_text(
        "import shutil\nfrom rwkv_tok.data.preparing import worker\n"
        "encode = worker._encode\n"
        "def disturbed(encoder, task):\n"
        f"    if {when!r} == 'before': {what}\n"
        "    outcome = encode(encoder, task)\n"
        f"    if {when!r} == 'after': {what}\n"
        "    return outcome\n"
        "worker._encode = disturbed\nworker.main()\n"
    )
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, str(tmp_path / "code" / "worker.py")])
    with pytest.raises(FileNotFoundError, match="parts-"):
        prepare_in_parts(source, tmp_path / "out", 1 << 20, workers=2)
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}


def test_an_answer_that_cannot_be_read_is_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\n"
        "sys.stdin.buffer.read(1)\n"
        "sys.stdout.buffer.write(b'cnix\\nNix\\n.')\n"  # a pickle of nix.Nix
        "sys.stdout.flush()\n"
        "sys.stdin.buffer.read()\n"
    )
    monkeypatch.setattr(pool, "_COMMAND", [sys.executable, "-c", code])
    with pytest.raises(ModuleNotFoundError, match="nix"):
        prepare_in_parts(source, tmp_path / "out", 100, workers=2)
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}
