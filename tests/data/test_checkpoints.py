"""Appender, Journal and CheckpointedFiles: what survives a crash."""

import random
from pathlib import Path
from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.preparing.appender import Appender, count_intact
from rwkv_tok.data.preparing.checkpoints import CheckpointedFiles
from rwkv_tok.data.preparing.journal import Journal


def digest(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


# A file that grows


def test_the_mark_is_that_of_what_was_written(tmp_path: Path) -> None:
    file = Appender(tmp_path / "file")
    assert file.mark() == (0, digest(b""))
    file.write(b"abc")
    file.write(memoryview(b"defg"))
    assert file.mark() == file.sync() == (7, digest(b"abcdefg"))
    assert (tmp_path / "file").read_bytes() == b"abcdefg"
    file.close()


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_what_stands_behind_the_size_is_lost(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rwkv_tok.data.preparing.appender._BLOCK", block)
    (tmp_path / "file").write_bytes(b"abcdef")
    file = Appender(tmp_path / "file", 4)
    file.write(b"X")
    assert file.mark() == (5, digest(b"abcdX"))
    file.close()
    assert (tmp_path / "file").read_bytes() == b"abcdX"


def test_a_file_that_is_too_short_cannot_be_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    with pytest.raises(EOFError, match="has only 3 of 4 bytes"):
        Appender(tmp_path / "file", 4)


def test_bytes_are_copied_from_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rwkv_tok.data.preparing.appender._BLOCK", 4)
    (tmp_path / "source").write_bytes(b"0123456789")
    file = Appender(tmp_path / "file")
    with (tmp_path / "source").open("rb") as source:
        file.copy(source, 7)
        assert source.read(1) == b"7"
        with pytest.raises(EOFError, match="1 bytes are missing"):
            file.copy(source, 3)
    file.close()


@given(st.binary(max_size=30), st.lists(st.integers(0, 30)), st.binary(max_size=30))
def test_marks_are_true_up_to_the_first_change(
    tmp_path_factory: pytest.TempPathFactory, written: bytes, sizes: list[int], found: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "marks"
    path.write_bytes(found)
    marks = [(size, digest(written[:size])) for size in sorted(sizes) if size <= len(written)]
    expected = 0
    for size, _ in marks:
        if found[:size] != written[:size]:
            break
        expected += 1
    assert count_intact(path, marks) == expected


def test_of_a_missing_file_no_mark_is_true(tmp_path: Path) -> None:
    assert count_intact(tmp_path / "nix", [(0, digest(b""))]) == 0


# A journal

ENTRIES: list[dict[str, Any]] = [{"a": 1}, {"b": "é\n\u2028"}, {"c": [None, 1.5]}]


def write_journal(path: Path, entries: list[dict[str, Any]]) -> None:
    journal = Journal(path)
    for entry in entries:
        journal.append(entry)
    journal.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    journal = Journal(path)
    journal.close()
    return journal.entries


def test_a_journal_has_what_was_written(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "j") == []
    write_journal(tmp_path / "j", ENTRIES[:1])
    write_journal(tmp_path / "j", ENTRIES[1:])
    assert read_journal(tmp_path / "j") == ENTRIES


def test_an_entry_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append(ENTRIES[0])
    assert read_journal(tmp_path / "j") == ENTRIES[:1]
    journal.close()


def test_a_line_that_is_not_whole_is_dropped(tmp_path: Path) -> None:
    write_journal(tmp_path / "j", ENTRIES)
    content = (tmp_path / "j").read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    for size in range(len(content) + 1):
        (tmp_path / "j").write_bytes(content[:size])
        whole = sum(end <= size for end in ends)
        assert read_journal(tmp_path / "j") == ENTRIES[:whole]
        write_journal(tmp_path / "j", [{"new": 1}])
        assert read_journal(tmp_path / "j") == [*ENTRIES[:whole], {"new": 1}]


@pytest.mark.parametrize("garbage", [b"\0" * 50, b"\xff\n{}\n", b"[1]\n{}\n", b"3\n", b'{"a":}\n'])
def test_what_follows_garbage_is_dropped(tmp_path: Path, garbage: bytes) -> None:
    write_journal(tmp_path / "j", ENTRIES)
    with (tmp_path / "j").open("ab") as file:
        file.write(garbage)
    assert read_journal(tmp_path / "j") == ENTRIES


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_last_entries_can_be_dropped(tmp_path: Path, count: int) -> None:
    write_journal(tmp_path / "j", ENTRIES)
    journal = Journal(tmp_path / "j")
    journal.keep(count)
    journal.append({"new": 1})
    journal.close()
    assert read_journal(tmp_path / "j") == journal.entries == [*ENTRIES[:count], {"new": 1}]


# Files that grow together

NAMES = ("x", "y")


def open_files(folder: Path) -> CheckpointedFiles:
    return CheckpointedFiles(folder, NAMES, "journal")


def grow(files: CheckpointedFiles, number: int) -> None:
    for name in NAMES:
        files.files[name].write(name.encode() * number)
    files.checkpoint({"number": number})


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in NAMES]


def grown_to(last: int) -> list[bytes]:
    return [name.encode() * sum(range(1, last + 1)) for name in NAMES]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With files that have five checkpoints, and notes between them."""
    files = open_files(tmp_path)
    for number in range(1, 6):
        files.note({"before": number})
        grow(files, number)
    files.close()
    return tmp_path


def test_files_begin_empty(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    assert (files.state, files.notes) == (None, [])
    assert contents(tmp_path) == [b"", b""]
    files.close()


def test_files_are_as_at_the_last_checkpoint(folder: Path) -> None:
    for name in NAMES:
        with (folder / name).open("ab") as file:
            file.write(b"more")
    files = open_files(folder)
    assert files.state == {"number": 5}
    assert files.notes == [{"before": number} for number in range(1, 6)]
    files.close()
    assert contents(folder) == grown_to(5)


def test_a_note_without_a_checkpoint_does_not_hold(folder: Path) -> None:
    files = open_files(folder)
    files.note({"before": 6})
    files.close()
    files = open_files(folder)
    assert len(files.notes) == 5
    files.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", range(16))
def test_a_file_that_is_cut_off_leads_back(folder: Path, name: str, size: int) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:size])
    last = max(n for n in range(6) if sum(range(n + 1)) <= size)
    check_and_go_on(folder, last)


@pytest.mark.parametrize("position", range(15))
def test_a_changed_byte_leads_back(folder: Path, position: int) -> None:
    content = bytearray((folder / "y").read_bytes())
    content[position] ^= 1
    (folder / "y").write_bytes(content)
    last = max(n for n in range(6) if sum(range(n + 1)) <= position)
    check_and_go_on(folder, last)


def check_and_go_on(folder: Path, last: int) -> None:
    files = open_files(folder)
    assert files.state == ({"number": last} if last else None)
    assert len(files.notes) == last
    for number in range(last + 1, 6):
        files.note({"before": number})
        grow(files, number)
    files.close()
    assert contents(folder) == grown_to(5)
    files = open_files(folder)
    assert (files.state, len(files.notes)) == ({"number": 5}, 5)
    files.close()


def test_a_missing_file_leads_to_the_beginning(folder: Path) -> None:
    (folder / "x").unlink()
    check_and_go_on(folder, 0)


def test_a_missing_journal_leads_to_the_beginning(folder: Path) -> None:
    (folder / "journal").unlink()
    check_and_go_on(folder, 0)


@pytest.mark.parametrize("seed", range(30))
def test_after_a_power_failure_all_is_as_it_once_was(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    for name in (*NAMES, "journal"):
        content = bytearray((folder / name).read_bytes())
        size = rng.randrange(len(content) + 1)
        kind = rng.choice(["cut", "zeros", "whole"])
        if kind == "cut":
            del content[size:]
        elif kind == "zeros":
            content[size:] = bytes(len(content) - size)
        (folder / name).write_bytes(content)
    files = open_files(folder)
    last = files.state["number"] if files.state else 0
    files.close()
    assert contents(folder) == grown_to(last)
    check_and_go_on(folder, last)


def test_checkpoints_in_passing_are_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    files = open_files(tmp_path)
    for number in range(100):
        now[0] += 0.03
        files.checkpoint({"number": number}, now=False)
    files.close()
    assert 20 <= len((tmp_path / "journal").read_bytes().splitlines()) <= 30


def test_a_file_can_be_made_smaller(folder: Path) -> None:
    files = open_files(folder)
    files.cut("x", 4)
    files.checkpoint({"number": 6})
    files.files["x"].write(b"new")
    files.checkpoint({"number": 7})
    files.close()
    assert contents(folder)[0] == b"xxxxnew"
    files = open_files(folder)
    assert files.state == {"number": 7}
    files.close()


def test_killed_while_a_file_is_made_smaller_leads_back(folder: Path) -> None:
    files = open_files(folder)
    files.cut("x", 4)
    files.close()
    check_and_go_on(folder, 2)
