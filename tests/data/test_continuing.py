"""A run that was interrupted anywhere, continued, ends with the bytes of an undisturbed one."""

import errno
import gzip
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from data.corpora import dataset_at, jsonl, manifest_at, names, prepare_in_parts

from rwkv_tok.data import Status
from rwkv_tok.data.preparing.appender import Appender
from rwkv_tok.errors import DataError

TEXTS = [f"document {number} " + "word " * (number % 5) for number in range(24)] + ["", "你好"]

PLANS: dict[str, dict[str, Any]] = {
    "plain": {},
    "limited": {"limit": 30},
    "arranged": {"epochs": 2, "shuffle": True, "seed": 7, "valid_fraction": 0.2},
}

every_plan = pytest.mark.parametrize("plan", [*PLANS])


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sources, some of whose lines are bad, of which every part is a checkpoint."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = jsonl(TEXTS)
    (folder / "a.jsonl").write_bytes(lines + b"bad\n\n")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "c.txt").write_bytes(b"a text")
    monkeypatch.setattr("rwkv_tok.data.preparing.checkpoints._SECONDS_BETWEEN", 0)
    monkeypatch.setattr("rwkv_tok.data.preparing.arrange._CHUNK_DOCUMENTS", 11)
    return folder


def make(corpus: Path, plan: str, name: str = "out", **options: Any) -> Any:
    out = corpus.parent / name
    return prepare_in_parts(corpus, out, 150, skip_bad=True, **PLANS[plan], **options)


def all_of(corpus: Path, name: str = "out") -> list[Any]:
    """All that comes of a run; what tells which files they are is the same for all."""
    folder = corpus.parent
    found: list[Any] = [dataset_at(folder / name), manifest_at(folder / name)]
    if (folder / f"{name}-valid.idx").exists():
        found += [dataset_at(folder / f"{name}-valid"), manifest_at(folder / f"{name}-valid")]
    skipped = folder / f"{name}.skipped.jsonl"
    return [*found, skipped.read_bytes() if skipped.exists() else None]


def leftovers(corpus: Path) -> list[str]:
    return [name for name in names(corpus.parent) if "work" in name or "tmp" in name]


class StopError(Exception):
    """What a caller may raise."""


def stop_at(count: int, error: type[BaseException]) -> Callable[[Status], None]:
    """A callback that raises when it is called for this time."""
    left = [count]

    def report(_: Status) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise error

    return report


@pytest.mark.parametrize(
    ("plan", "error"),
    [("plain", KeyboardInterrupt), *((plan, StopError) for plan in PLANS)],
)
def test_interrupted_at_any_report(corpus: Path, plan: str, error: type[BaseException]) -> None:
    told: list[Status] = []
    make(corpus, plan, "expected", report=told.append)
    assert len(told) >= 7
    for count in range(1, len(told) + 1):
        with pytest.raises(error):
            make(corpus, plan, report=stop_at(count, error))
        assert not (corpus.parent / "out.idx").exists()
        prepared = make(corpus, plan)
        assert prepared.documents_found == told[count - 1].documents or count > 1
        assert all_of(corpus) == all_of(corpus, "expected")
        assert leftovers(corpus) == []
        for path in corpus.parent.glob("out*"):
            path.unlink()


@every_plan
def test_interrupted_again_and_again(corpus: Path, plan: str) -> None:
    make(corpus, plan, "expected")
    for _ in range(200):
        try:
            make(corpus, plan, report=stop_at(3, StopError))
            break
        except StopError:
            assert names(corpus.parent / "out.work")
    assert all_of(corpus) == all_of(corpus, "expected")


@pytest.mark.parametrize("count", [1, 9])
def test_workers_end_with_the_run(corpus: Path, count: int) -> None:
    make(corpus, "plain", "expected")
    with pytest.raises(StopError):
        make(corpus, "plain", workers=2, report=stop_at(count, StopError))
    assert not list((corpus.parent / "out.work").glob("parts-*"))
    assert children() == []
    make(corpus, "plain", workers=2)
    assert all_of(corpus) == all_of(corpus, "expected")


def children() -> list[str]:
    """The processes that this one has started and that have not ended."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("does not tell")
    return [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


@every_plan
@pytest.mark.parametrize("operation", ["replace", "unlink"])
def test_interrupted_while_files_get_their_names(
    corpus: Path, plan: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(corpus, plan, "expected")
    done: Any = getattr(Path, operation)
    for count in range(1, 100):
        left = [count]

        def fail(*args: Any, left: list[int] = left, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise StopError
            return done(*args, **options)

        monkeypatch.setattr(Path, operation, fail)
        try:
            make(corpus, plan)
        except StopError:
            pass
        finally:
            monkeypatch.setattr(Path, operation, done)
        stopped = left[0] <= 0
        make(corpus, plan)
        assert all_of(corpus) == all_of(corpus, "expected")
        assert leftovers(corpus) == []
        for path in corpus.parent.glob("out*"):
            path.unlink()
        if not stopped:
            break
    assert count > 3


def test_an_index_appears_last(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def check(self: Path, target: Path) -> Path:
        if target.suffix == ".idx" and target.parent == corpus.parent:
            prefix = target.with_suffix("")
            assert {f"{prefix.name}.bin", f"{prefix.name}.json"} <= {*names(corpus.parent)}
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", check)
    make(corpus, "arranged")


def test_an_index_never_stands_beside_what_it_is_not_of(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(corpus, "plain")
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.name == "out.json":
            raise StopError
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StopError):
        make(corpus, "limited", overwrite=True)
    assert not (corpus.parent / "out.idx").exists()


@every_plan
@pytest.mark.parametrize("seed", range(5))
def test_after_a_power_failure(corpus: Path, plan: str, seed: int) -> None:
    rng = random.Random(seed)
    make(corpus, plan, "expected")
    with pytest.raises(StopError):
        make(corpus, plan, report=stop_at(rng.randrange(2, 8), StopError))
    for path in (corpus.parent / "out.work").iterdir():
        if path.name in ("lock", "plan.json"):
            continue
        content = path.read_bytes()
        size = rng.randrange(len(content) + 1)
        kept = rng.choice([content, content[:size], content[:size] + bytes(len(content) - size)])
        path.write_bytes(kept)
    make(corpus, plan)
    assert all_of(corpus) == all_of(corpus, "expected")


@pytest.mark.parametrize(
    ("plan", "workers"), [("plain", 1), ("plain", 2), ("limited", 1), ("arranged", 1)]
)
def test_a_full_disk(
    corpus: Path, plan: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(corpus, plan, "expected")
    write = Appender.write
    counts = (2, 5, 9) if workers == 1 else (5,)
    for count in counts:
        left = [count]

        def fail(self: Appender, data: Any, left: list[int] = left) -> int:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(self, data)

        monkeypatch.setattr(Appender, "write", fail)
        with pytest.raises(DataError, match=r"no room left on the device of .*out: make room, and"):
            make(corpus, plan, workers=workers)
        monkeypatch.setattr(Appender, "write", write)
        assert not (corpus.parent / "out.idx").exists()
        make(corpus, plan)
        assert all_of(corpus) == all_of(corpus, "expected")
        for path in corpus.parent.glob("out*"):
            path.unlink()
