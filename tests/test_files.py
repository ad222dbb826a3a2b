"""atomic_output: a file that appears whole or not at all."""

from pathlib import Path

import pytest

from rwkv_tok.files import atomic_output


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", [str, Path])
def test_the_file_holds_what_was_written(tmp_path: Path, kind: type) -> None:
    with atomic_output(kind(tmp_path / "out.bin")) as file:
        file.write(b"one ")
        file.write(b"two")
    assert (tmp_path / "out.bin").read_bytes() == b"one two"
    assert names(tmp_path) == ["out.bin"]


def test_it_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out") as file:
        file.write(b"data")
        file.flush()
        assert not (tmp_path / "out").exists()
        # On the same file system, or it could not be renamed.
        assert len(names(tmp_path)) == 1
    assert file.closed


def test_an_existing_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old and longer")
    with atomic_output(tmp_path / "out") as file:
        file.write(b"new")
        assert (tmp_path / "out").read_bytes() == b"old and longer"
    assert (tmp_path / "out").read_bytes() == b"new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("existing", [[], ["out"]])
def test_after_an_error_everything_is_as_before(
    tmp_path: Path, existing: list[str], error: type[BaseException]
) -> None:
    for name in existing:
        (tmp_path / name).write_bytes(b"old")

    def write_half() -> None:
        with atomic_output(tmp_path / "out") as file:
            file.write(b"half of the da")
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == existing
    assert [(tmp_path / name).read_bytes() for name in existing] == [b"old"] * len(existing)


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError), atomic_output(tmp_path / "out") as file:  # noqa: PT011
        file.write(b"data")
    assert names(tmp_path) == ["out"]


def test_a_missing_folder_is_an_error_at_once(tmp_path: Path) -> None:
    entered = False
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "missing" / "out"):
        entered = True
    assert not entered


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out") as first, atomic_output(tmp_path / "out") as second:
        first.write(b"first")
        second.write(b"second")
    # The outer block ends last.
    assert (tmp_path / "out").read_bytes() == b"first"
    assert names(tmp_path) == ["out"]
