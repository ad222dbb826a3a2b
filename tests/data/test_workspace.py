"""PREFIX.work, and outputs that are there already: who may go on with what."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from data.corpora import dataset_at, dataset_of, jsonl, manifest_at, names, prepare_in_parts

from rwkv_tok.data import Status, prepare
from rwkv_tok.errors import DataError

TEXTS = ["a", "b", "", "c"]
Snapshot = dict[str, tuple[int, bytes]]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rwkv_tok.data.preparing.checkpoints._SECONDS_BETWEEN", 0)
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(TEXTS))
    return path


def interrupt(source: Path, **options: Any) -> None:
    """Leave an unfinished run."""

    def stop(_: Status) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(source, source.parent / "out", report=stop, **options)


def snapshot(folder: Path) -> Snapshot:
    """All files at any depth with their times and contents."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Another run


def test_two_runs_at_once_are_refused(source: Path, tmp_path: Path) -> None:
    refused: list[str] = []

    def report(_: Status) -> None:
        with pytest.raises(DataError) as caught:
            prepare(source, tmp_path / "out", overwrite=bool(refused))
        refused.append(str(caught.value))

    prepare(source, tmp_path / "out", report=report)
    assert refused == [f"another process is making {tmp_path / 'out'}"]
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


def test_a_run_in_another_process_is_noticed(source: Path, tmp_path: Path) -> None:
    script = (
        "from rwkv_tok.data import prepare\n"
        "prepare('in.jsonl', 'out', report=lambda _: (print(flush=True), input()))\n"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(DataError, match="another process is making"):
            prepare(source, tmp_path / "out")
        other.communicate(b"\n")
    assert other.returncode == 0
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "seed was 0 there and is 1 here"),
        ({"shuffle": True}, "shuffle was False there and is True here"),
        ({"text_field": "body"}, "text_field was 'text' there and is 'body' here"),
        ({"min_tokens": 1}, "min_tokens was 0 there and is 1 here"),
    ],
)
def test_an_unfinished_run_of_another_kind_is_kept(
    source: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    interrupt(source)
    before = snapshot(tmp_path)
    with pytest.raises(DataError) as caught:
        prepare(source, tmp_path / "out", **options)
    assert f"out.work holds an unfinished run of another kind: {message}." in str(caught.value)
    assert "start anew with --force" in str(caught.value)
    assert snapshot(tmp_path) == before
    assert prepare(source, tmp_path / "out").documents_found == len(TEXTS)


def test_an_unfinished_run_of_another_kind_can_be_thrown_away(source: Path, tmp_path: Path) -> None:
    interrupt(source)
    prepared = prepare(source, tmp_path / "out", min_tokens=1, overwrite=True)
    assert prepared.documents_found == 0
    assert dataset_at(tmp_path / "out") == dataset_of(["a", "b", "c"])
    assert names(tmp_path) == ["in.jsonl", "out.bin", "out.idx", "out.json"]


def test_the_same_run_goes_on_with_or_without_overwriting(source: Path, tmp_path: Path) -> None:
    interrupt(source)
    assert prepare(source, tmp_path / "out", overwrite=True).documents_found == len(TEXTS)


def test_the_number_of_workers_makes_no_difference(source: Path, tmp_path: Path) -> None:
    interrupt(source)
    prepared = prepare(source, tmp_path / "out", workers=2, on_error="skip")
    assert prepared.documents_found == len(TEXTS)


def test_what_was_not_checked_does_not_become_what_was(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out", check=False)
    with pytest.raises(DataError, match="check was False there and is True here"):
        prepare(source, tmp_path / "out")
    prepare(source, tmp_path / "out", overwrite=True)
    assert manifest_at(tmp_path / "out")["plan"]["check"]


# Something else


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["precious.txt", "plan.json", "tokens", "journal"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"text"])
def test_a_folder_of_others_is_left_alone(
    source: Path, tmp_path: Path, name: str, content: bytes, overwrite: bool
) -> None:
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / name).write_bytes(content)
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match=f"something else is in it: {name}"):
        prepare(source, tmp_path / "out", overwrite=overwrite)
    assert snapshot(tmp_path) == before


def test_an_empty_folder_is_good(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / "lock").touch()
    (tmp_path / "out.work" / ".rwkv-tok-12345678.tmp").write_bytes(b"{")
    prepare(source, tmp_path / "out")
    assert names(tmp_path) == ["in.jsonl", "out.bin", "out.idx", "out.json"]


@pytest.mark.parametrize("name", ["out.bin", "out.idx", "out.json"])
def test_files_of_others_are_refused(source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match=f"{name} exists"):
        prepare(source, tmp_path / "out")
    assert snapshot(tmp_path) == before
    assert names(tmp_path) == sorted(["in.jsonl", name])


@pytest.mark.parametrize("name", ["out-valid.bin", "out-valid.idx", "out-valid.json"])
def test_so_are_those_in_the_place_of_the_validation_set(
    source: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(DataError, match=f"{name} exists"):
        prepare(source, tmp_path / "out", valid_fraction=0.5)


def test_a_json_that_is_no_manifest_is_never_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out.json").write_bytes(b'{"text": "precious"}')
    with pytest.raises(DataError, match=r"out\.json exists and is about something else"):
        prepare(source, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out.json").read_bytes() == b'{"text": "precious"}'


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "name", ["out.json", "out.skipped.jsonl", "out-valid.json", "out.bin", "out-valid.idx"]
)
def test_an_input_is_never_an_output(tmp_path: Path, name: str, overwrite: bool) -> None:
    (tmp_path / name).write_bytes(jsonl(TEXTS))
    with pytest.raises(DataError, match=f"{name} is an input: choose another name"):
        prepare(
            tmp_path / name,
            tmp_path / "out",
            input_format="jsonl",
            overwrite=overwrite,
            valid_fraction=0.5,
        )
    assert (tmp_path / name).read_bytes() == jsonl(TEXTS)
    assert names(tmp_path) == [name]


# The same once more


@pytest.mark.parametrize("options", [{}, {"valid_fraction": 0.5, "epochs": 2}])
def test_what_is_complete_is_not_touched(
    source: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    first = prepare(source, tmp_path / "out", **options)
    before = snapshot(tmp_path)
    again = prepare(source, tmp_path / "out", workers=2, **options)
    assert (first.was_complete, again.was_complete) == (False, True)
    assert (again.manifest, again.tokens) == (first.manifest, first.tokens)
    assert (again.valid is None) == (first.valid is None)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("left", [["lock"], ["lock", "plan.json"], ["lock", "plan.json", "sizes"]])
def test_what_a_killed_run_did_not_clear_up_is_cleared_up(
    source: Path, tmp_path: Path, left: list[str]
) -> None:
    interrupt(source)
    shutil.copytree(tmp_path / "out.work", tmp_path / "copy")
    prepare(source, tmp_path / "out")
    (tmp_path / "out.work").mkdir()
    for name in left:
        shutil.copy2(tmp_path / "copy" / name, tmp_path / "out.work" / name)
    shutil.rmtree(tmp_path / "copy")
    assert prepare(source, tmp_path / "out").was_complete
    assert names(tmp_path) == ["in.jsonl", "out.bin", "out.idx", "out.json"]


def test_what_was_made_otherwise_is_refused(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match=r"exists, and epochs was 1 there and is 2 here: say"):
        prepare(source, tmp_path / "out", epochs=2)
    assert snapshot(tmp_path) == before
    prepare(source, tmp_path / "out", epochs=2, overwrite=True)
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS * 2)


def test_a_bin_without_an_index_is_refused(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    (tmp_path / "out.idx").unlink()
    with pytest.raises(DataError, match=r"out\.idx is missing: say --force to replace it"):
        prepare(source, tmp_path / "out")


@pytest.mark.parametrize("name", ["out.bin", "out-valid.bin", "out-valid.idx", "out-valid.json"])
@pytest.mark.parametrize("damage", ["removed", "shortened"])
def test_what_is_not_all_there_is_not_complete(
    source: Path, tmp_path: Path, name: str, damage: str
) -> None:
    options: dict[str, Any] = {"valid_fraction": 0.5}
    prepare(source, tmp_path / "out", **options)
    before = dataset_at(tmp_path / "out")
    if damage == "removed":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-2])
    with pytest.raises(DataError, match="exists"):
        prepare(source, tmp_path / "out", **options)
    if name != "out-valid.json" or damage == "removed":
        prepare(source, tmp_path / "out", overwrite=True, **options)
        assert dataset_at(tmp_path / "out") == before


def test_a_list_of_somebody_is_not_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out.skipped.jsonl").write_text("mine")
    with pytest.raises(DataError, match=r"out\.skipped\.jsonl exists"):
        prepare(source, tmp_path / "out")
    assert (tmp_path / "out.skipped.jsonl").read_text() == "mine"


def test_a_folder_is_no_output(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out.bin").mkdir()
    with pytest.raises(DataError, match=r"out\.bin is a folder"):
        prepare(source, tmp_path / "out", overwrite=True)
    with pytest.raises(DataError, match="is a folder: add what the names"):
        prepare(source, "/")


def test_a_list_of_an_earlier_run_does_not_stay(source: Path, tmp_path: Path) -> None:
    source.write_bytes(jsonl(TEXTS) + b"bad\n")
    prepare(source, tmp_path / "out", on_error="skip")
    assert (tmp_path / "out.skipped.jsonl").exists()
    source.write_bytes(jsonl(TEXTS))
    prepare(source, tmp_path / "out", overwrite=True)
    assert names(tmp_path) == ["in.jsonl", "out.bin", "out.idx", "out.json"]


# What was skipped


def test_what_was_skipped_is_not_right_by_itself(source: Path, tmp_path: Path) -> None:
    source.write_bytes(jsonl(TEXTS) + b"bad\n")
    prepare(source, tmp_path / "out", on_error="skip")
    assert prepare(source, tmp_path / "out", on_error="skip").was_complete
    before = snapshot(tmp_path)
    with pytest.raises(DataError, match=r"1 bad record\(s\) were skipped for it: say --on-error"):
        prepare(source, tmp_path / "out")
    assert snapshot(tmp_path) == before


def test_an_unfinished_run_that_skipped_is_not_gone_on_with(source: Path, tmp_path: Path) -> None:
    source.write_bytes(jsonl(TEXTS) + b"bad\n")
    interrupt(source, on_error="skip")
    with pytest.raises(DataError, match=r"has skipped 1 bad record\(s\): say --on-error skip to"):
        prepare(source, tmp_path / "out")
    assert (tmp_path / "out.work").exists()
    with pytest.raises(DataError, match=r"in\.jsonl, line 5: no valid JSON"):
        prepare(source, tmp_path / "out", overwrite=True)
    prepare(source, tmp_path / "out", on_error="skip")
    assert manifest_at(tmp_path / "out")["corpus"]["bad"] == 1


# Inputs that change


def rewrite(source: Path, content: bytes, *, later: int = 1) -> None:
    mtime_ns = source.stat().st_mtime_ns
    source.write_bytes(content)
    os.utime(source, ns=(mtime_ns + later, mtime_ns + later))


@pytest.mark.parametrize("content", [jsonl(TEXTS), jsonl([*TEXTS, "d"]), b""])
def test_an_input_that_changed_between_two_tries_is_refused(
    source: Path, tmp_path: Path, content: bytes
) -> None:
    interrupt(source)
    rewrite(source, content)
    with pytest.raises(DataError, match=r"in\.jsonl has changed since \(its size, its time"):
        prepare(source, tmp_path / "out")
    assert names(tmp_path) == ["in.jsonl", "out.work"]
    prepare(source, tmp_path / "out", overwrite=True)
    assert dataset_at(tmp_path / "out") == dataset_of(
        ["a", "b", "", "c", "d"][: content.count(b"\n")]
    )


def test_a_size_that_changed_is_enough(source: Path, tmp_path: Path) -> None:
    interrupt(source)
    rewrite(source, jsonl([*TEXTS, "d"]), later=0)
    with pytest.raises(DataError, match=r"in\.jsonl has changed since"):
        prepare(source, tmp_path / "out")


def test_an_input_that_changed_after_the_end_is_refused(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out")
    rewrite(source, jsonl(TEXTS))
    with pytest.raises(DataError, match=r"in\.jsonl has changed since .*: say --force"):
        prepare(source, tmp_path / "out")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("change", ["later", "shorter", "gone"])
def test_an_input_that_changes_meanwhile_is_refused(
    source: Path, tmp_path: Path, change: str, workers: int
) -> None:
    second = tmp_path / "later.jsonl"
    second.write_bytes(jsonl(TEXTS))

    def report(_: Status) -> None:
        if change == "gone":
            source.unlink(missing_ok=True)
            second.unlink(missing_ok=True)
        else:
            rewrite(source, jsonl(TEXTS if change == "later" else ["a"]))
            rewrite(second, jsonl(TEXTS if change == "later" else ["a"]))

    with pytest.raises(DataError, match=r"(in|later)\.jsonl( has changed since it was|: No such)"):
        prepare_in_parts([source, second], tmp_path / "out", 20, workers=workers, report=report)
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}


def test_an_input_that_has_gone_is_named(source: Path, tmp_path: Path) -> None:
    interrupt(source)
    source.unlink()
    with pytest.raises(DataError, match=r"no such file or folder: .*in\.jsonl"):
        prepare(source, tmp_path / "out")
    assert (tmp_path / "out.work").exists()
