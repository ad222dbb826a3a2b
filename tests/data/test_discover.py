"""discover: which files are read, in which order, and as what."""

import bz2
import gzip
import io
import lzma
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwkv_tok.data.reading.compression import zstd
from rwkv_tok.data.reading.discover import discover
from rwkv_tok.errors import DataError

LINE = b'{"text": "a"}\n'


def make(folder: Path, *names: str, content: bytes = LINE) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def paths_of(folder: Path, *inputs: str, **options: Any) -> list[str]:
    """What is read, relative to the folder that the inputs are relative to."""
    corpus = discover([str(folder / each) for each in inputs], **options)
    return [Path(os.path.relpath(source.path, folder)).as_posix() for source in corpus.sources]


def formats_of(*inputs: Path) -> list[tuple[str, str | None]]:
    return [(source.format, source.compression) for source in discover(map(str, inputs)).sources]


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("has no links")


# Which, and in which order


def test_inputs_stay_in_their_order(tmp_path: Path) -> None:
    make(tmp_path, "b.jsonl", "a.txt", "c/d.jsonl")
    assert paths_of(tmp_path, "b.jsonl", "c", "a.txt") == ["b.jsonl", "c/d.jsonl", "a.txt"]


def test_a_file_may_be_read_twice_if_it_is_named_twice(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl")
    assert paths_of(tmp_path, "a.jsonl", "a.jsonl") == ["a.jsonl", "a.jsonl"]


def test_a_folder_is_read_in_the_bytewise_order_of_its_paths(tmp_path: Path) -> None:
    found = ["C.jsonl", "D/z.jsonl", "a-b.jsonl", "a.jsonl", "a/b.jsonl", "a/b/c.jsonl", "é.jsonl"]
    make(tmp_path / "in", *reversed(found))
    assert paths_of(tmp_path, "in") == [f"in/{name}" for name in found]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes elsewhere only in part")
def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    for name in (b"\xff.jsonl", "é.jsonl".encode(), b"z.jsonl"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(LINE)
    assert [os.fsencode(name) for name in paths_of(tmp_path.parent, tmp_path.name)] == [
        os.fsencode(tmp_path.name) + b"/" + name
        for name in (b"z.jsonl", "é.jsonl".encode(), b"\xff.jsonl")
    ]


def test_hidden_files_of_a_folder_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "in/.a.jsonl", "in/.git/b.jsonl", "in/c.jsonl")
    assert paths_of(tmp_path, "in") == ["in/c.jsonl"]
    assert paths_of(tmp_path, "in/.a.jsonl", "in/.git") == ["in/.a.jsonl", "in/.git/b.jsonl"]


def test_files_of_a_folder_that_tell_no_format_are_reported(tmp_path: Path) -> None:
    make(tmp_path, "in/README", "in/a.jsonl")
    make(tmp_path, "in/b.csv.gz", "in/c.jsonl.gz", content=gzip.compress(LINE))
    corpus = discover([str(tmp_path / "in")])
    assert [Path(source.path).name for source in corpus.sources] == ["a.jsonl", "c.jsonl.gz"]
    assert [Path(path).name for path in corpus.ignored] == ["README", "b.csv.gz"]
    assert len(paths_of(tmp_path, "in", given_format="text")) == 4


def test_globs(tmp_path: Path) -> None:
    make(tmp_path, "b.jsonl", "a.jsonl", "c.txt", "d/e.jsonl", "d/.f.jsonl")
    assert paths_of(tmp_path, "*.jsonl") == ["a.jsonl", "b.jsonl"]
    assert paths_of(tmp_path, "[bc].*") == ["b.jsonl", "c.txt"]
    assert [Path(each.path).name for each in discover([f"{tmp_path}/*/"]).sources] == ["e.jsonl"]
    assert paths_of(tmp_path, "*/*.jsonl", "?.txt") == ["d/e.jsonl", "c.txt"]


@pytest.mark.parametrize("pattern", ["in/**", "in/**/*", "in/**/*.jsonl", "**/*.jsonl", "**"])
def test_nothing_is_read_twice_for_a_recursive_glob(tmp_path: Path, pattern: str) -> None:
    found = ["in/a.jsonl", "in/b/c.jsonl", "in/b/d/e.jsonl", "in/f.jsonl"]
    make(tmp_path, *found)
    assert paths_of(tmp_path, pattern) == found


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path: Path) -> None:
    make(tmp_path, "[a].jsonl", "a.jsonl")
    assert paths_of(tmp_path, "[a].jsonl") == ["[a].jsonl"]


def test_sizes_and_times_are_those_of_the_files(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl")
    os.utime(tmp_path / "a.jsonl", ns=(5, 1_234_567_890))
    source = discover([str(tmp_path / "a.jsonl")]).sources[0]
    assert (source.size, source.mtime_ns) == (len(LINE), 1_234_567_890)


# What cannot be read


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nix.jsonl", "no such file or folder: .*nix.jsonl"),
        ("empty/**", r"no file matches .*empty[/\\]\*\*"),
        ("nix*.jsonl", r"no file matches .*nix\*.jsonl"),
        ("nix/**", r"no file matches .*nix[/\\]\*\*"),
        ("empty", "no file to read in the folder .*empty$"),
        ("other", r"no file to read in the folder .*other; of no known format: .*other[/\\]a.csv"),
        ("other/a.csv", "a.csv does not tell whether it is JSONL or text: say --format"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, named: str, message: str) -> None:
    make(tmp_path, "other/a.csv", content=b"a,b\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        paths_of(tmp_path, named)


def test_standard_input_is_read_once() -> None:
    with pytest.raises(DataError, match="standard input can be read only once"):
        discover(["-", "-"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read everything")
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_what_may_not_be_read_is_named(tmp_path: Path, mode: int) -> None:
    make(tmp_path, "in/a.jsonl")
    path = tmp_path / ("in/a.jsonl" if mode == 0 else "in")
    path.chmod(mode)
    try:
        with pytest.raises(DataError, match=r"cannot read .*: Permission denied"):
            paths_of(tmp_path, "in")
    finally:
        path.chmod(0o700)


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.jsonl")

    def refuse(self: Path, *_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"cannot read .*a\.jsonl: Permission denied"):
        paths_of(tmp_path, "a.jsonl")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
@pytest.mark.parametrize("named", ["in", "in/pipe.jsonl"])
def test_a_pipe_is_refused(tmp_path: Path, named: str) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.jsonl")
    with pytest.raises(DataError, match=r"pipe\.jsonl is no regular file: pipe it in"):
        paths_of(tmp_path, named)


# Links


def test_links_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "blobs/1", "more/b.jsonl")
    (tmp_path / "in").mkdir()
    link(tmp_path / "in" / "a.jsonl", tmp_path / "blobs" / "1")
    link(tmp_path / "in" / "more", tmp_path / "more")
    assert paths_of(tmp_path, "in") == ["in/a.jsonl", "in/more/b.jsonl"]
    assert discover([str(tmp_path / "in" / "a.jsonl")]).sources[0].size == len(LINE)


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    link(tmp_path / "a.jsonl", tmp_path / "a.jsonl")
    for named in ("a.jsonl", "."):
        with pytest.raises(DataError, match=r"cannot read .*a\.jsonl"):
            paths_of(tmp_path, named)


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    link(tmp_path / "a.jsonl", tmp_path / "nix")
    with pytest.raises(DataError, match=r"cannot read .*a\.jsonl: No such file"):
        paths_of(tmp_path, "a.jsonl")


@pytest.mark.parametrize("pattern", ["in", "in/**", "in/**/*.jsonl", "**/*.jsonl"])
def test_a_link_to_a_folder_above_is_refused(tmp_path: Path, pattern: str) -> None:
    make(tmp_path, "in/a.jsonl", "in/b/c.jsonl")
    link(tmp_path / "in" / "b" / "back", tmp_path / "in")
    with pytest.raises(DataError, match="back is a symbolic link to a folder that it lies in"):
        paths_of(tmp_path, pattern)


def test_two_links_to_a_folder_are_no_loop(tmp_path: Path) -> None:
    make(tmp_path, "more/a.jsonl")
    (tmp_path / "in").mkdir()
    for name in ("x", "y"):
        link(tmp_path / "in" / name, tmp_path / "more")
    assert paths_of(tmp_path, "in") == ["in/x/a.jsonl", "in/y/a.jsonl"]


# Formats


def test_names_tell_formats(tmp_path: Path) -> None:
    expected = {
        "a.jsonl": "jsonl",
        "a.ndjson": "jsonl",
        "a.json": "jsonl",
        "A.JSONL": "jsonl",
        "a.txt": "text",
        "a.text": "text",
    }
    make(tmp_path, *expected)
    assert formats_of(*(tmp_path / name for name in expected)) == [
        (each, None) for each in expected.values()
    ]


def test_names_tell_formats_of_compressed_files(tmp_path: Path) -> None:
    make(tmp_path, "a.txt.gz", content=gzip.compress(LINE))
    make(tmp_path, "a.b.jsonl.zst", content=zstd.compress(LINE))
    make(tmp_path, "a.jsonl.BZ2", content=bz2.compress(LINE))
    names = ("a.txt.gz", "a.b.jsonl.zst", "a.jsonl.BZ2")
    assert formats_of(*(tmp_path / name for name in names)) == [
        ("text", "gzip"),
        ("jsonl", "zstd"),
        ("jsonl", "bzip2"),
    ]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
@pytest.mark.parametrize("content", [b"", b"\x1f", LINE])
def test_what_should_be_compressed_and_is_not_is_refused(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    make(tmp_path, f"a.jsonl{suffix}", content=content)
    with pytest.raises(DataError, match="is not compressed as its name says"):
        discover([str(tmp_path)])


@pytest.mark.parametrize("content", [LINE, b"\xef\xbb\xbf" + LINE, b"\n \r\n" + LINE])
def test_jsonl_is_recognised(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, "shard-0001", content=content)
    make(tmp_path, "shard.gz", content=gzip.compress(content, mtime=0))
    assert formats_of(tmp_path / "shard-0001", tmp_path / "shard.gz") == [
        ("jsonl", None),
        ("jsonl", "gzip"),
    ]


def test_text_in_braces_is_text_if_it_is_called_so(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    assert formats_of(tmp_path / "a.txt") == [("text", None)]


def test_columnar_files_are_recognised(tmp_path: Path) -> None:
    table = pa.table({"text": ["a"]})
    pq.write_table(table, tmp_path / "1")
    with pa.ipc.new_file(tmp_path / "2", table.schema) as file:
        file.write(table)
    with pa.ipc.new_stream(tmp_path / "3", table.schema) as stream:
        stream.write(table)
    (tmp_path / "1").rename(tmp_path / "1.txt")
    assert formats_of(tmp_path / "1.txt", tmp_path / "2", tmp_path / "3") == [
        ("parquet", None),
        ("arrow", None),
        ("arrow", None),
    ]


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (gzip.compress(LINE, mtime=0), "gzip"),
        (zstd.compress(LINE), "zstd"),
        (b"\x50\x2a\x4d\x18\0\0\0\0" + zstd.compress(LINE), "zstd"),
        (bz2.compress(LINE), "bzip2"),
        (lzma.compress(LINE), "xz"),
    ],
)
def test_compression_is_recognised_by_content(tmp_path: Path, packed: bytes, expected: str) -> None:
    make(tmp_path, "a.jsonl", "a.txt", "a", content=packed)
    assert formats_of(tmp_path / "a.jsonl", tmp_path / "a.txt", tmp_path / "a") == [
        ("jsonl", expected),
        ("text", expected),
        ("jsonl", expected),
    ]


def test_parquet_in_gzip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"]}), buffer)
    make(tmp_path, "a.parquet.gz", "a.bin.gz", content=gzip.compress(buffer.getvalue()))
    for packed in ("a.parquet.gz", "a.bin.gz"):
        with pytest.raises(DataError, match=f"{packed} is parquet inside gzip.*unpack it"):
            paths_of(tmp_path, packed)


@pytest.mark.parametrize("content", [b"", b"\xff", b"plain text", b"[1, 2]"])
def test_what_tells_no_format_asks_for_one(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, "a", content=content)
    with pytest.raises(DataError, match="does not tell whether it is JSONL or text: say --format"):
        paths_of(tmp_path, "a")
    assert paths_of(tmp_path, "a", given_format="text") == ["a"]


def test_damage_is_noticed_while_looking_for_the_format(tmp_path: Path) -> None:
    make(tmp_path, "a.gz", content=gzip.compress(b"plain text", mtime=0)[:12])
    with pytest.raises(DataError, match=r"a\.gz ends in the middle of its gzip data"):
        paths_of(tmp_path, "a.gz")
