"""What runs that were killed at an unlucky moment leave, and what becomes of it."""

import json
from pathlib import Path

import pytest

from rwkv_tok.data import prepare
from rwkv_tok.data.preparing.names import work_folder
from rwkv_tok.errors import DataError


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of two documents."""
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "Hello world"}\n{"text": ""}\n')
    return path


def stop(*_: object, **__: object) -> None:
    """Stand for a kill."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("left", [[], ["plan.json"], ["journal", "plan.json", "sizes"]])
def test_a_complete_dataset_gets_rid_of_what_was_left(
    corpus: Path, tmp_path: Path, left: list[str]
) -> None:
    prefix = tmp_path / "train"
    manifest = prepare(corpus, prefix).manifest
    work = tmp_path / "train.work"
    work.mkdir()
    for name in ["lock", *left]:
        (work / name).write_text(json.dumps(manifest["plan"]) if name == "plan.json" else "")
    assert prepare(corpus, prefix).was_complete
    assert not work.exists()


def test_what_another_run_has_begun_stays_beside_a_complete_dataset(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "train"
    prepare(corpus, prefix)
    with monkeypatch.context() as patch:
        patch.setattr("rwkv_tok.data.preparing.run.publish", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, prefix, epochs=2, overwrite=True)
    assert prepare(corpus, prefix).was_complete
    with pytest.raises(DataError, match=r"epochs was 1 there and is 2 here: say --force"):
        prepare(corpus, prefix, epochs=2)
    assert prepare(corpus, prefix, epochs=2, overwrite=True).documents_found == 2


@pytest.mark.parametrize("removed", [1, 2, 3, 4, 5])
def test_a_run_that_was_half_thrown_away_begins_anew(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    prefix = tmp_path / "train"
    with monkeypatch.context() as patch:
        patch.setattr("rwkv_tok.data.preparing.publish.finish_publishing", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, prefix)
    assert (work_folder(prefix) / "publish.json").exists()

    unlink, iterdir = Path.unlink, Path.iterdir
    count = 0

    def unlink_some(path: Path, missing_ok: bool = False) -> None:
        nonlocal count
        count += 1
        if count > removed:
            stop()
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_some)
        patch.setattr(Path, "iterdir", lambda folder: sorted(iterdir(folder)))  # 0.idx is first
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, prefix, epochs=2, overwrite=True)
    assert prepare(corpus, prefix).items == 2
    assert prefix.with_suffix(".idx").exists()
    assert prefix.with_suffix(".bin").stat().st_size == 2 * 4
