"""Compressed sources: all of what they hold, or an error that names the file."""

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from data.corpora import TEXTS, dataset_at, dataset_of, jsonl, names

from rwkv_tok.data import prepare
from rwkv_tok.data.reading.compression import DAMAGE, compression_of, decompressed, zstd
from rwkv_tok.data.reading.source import ByteStream, Source
from rwkv_tok.errors import DataError


def zstd_with_checksum(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd_with_checksum,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}

every_compression = pytest.mark.parametrize("name", [*COMPRESS])


def unpacked(packed: bytes, name: str, size: int = 1 << 16) -> bytes:
    stream = decompressed(io.BytesIO(packed), name)
    return b"".join(iter(lambda: stream.read(size), b""))


def some_bytes(size: int, seed: int) -> bytes:
    return bytes(random.Random(seed).choices(b"abcdefgh \n", k=size))


def stream_of(tmp_path: Path, name: str, packed: bytes) -> ByteStream:
    path = tmp_path / "corpus"
    path.write_bytes(packed)
    found = path.stat()
    return ByteStream(Source(str(path), "text", name, found.st_size, found.st_mtime_ns))


@every_compression
def test_it_is_recognised(name: str) -> None:
    assert compression_of(COMPRESS[name](b"")) == name
    assert compression_of(COMPRESS[name](b"text")[:6]) == name


@pytest.mark.parametrize(
    "head", [b"", b"\x1f", b"BZ", b"BZhx", b"\xfd7zXZ", b"{}", b"\x28\xb5\x2f"]
)
def test_what_is_not_compressed_is_not_taken_for_it(head: bytes) -> None:
    assert compression_of(head) is None


@every_compression
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_several_members_are_one_text(name: str, size: int) -> None:
    pieces = [b"a" * 300, b"", some_bytes(200, 1), b"b"]
    packed = b"".join(map(COMPRESS[name], pieces))
    assert unpacked(packed, name, size) == b"".join(pieces)


@every_compression
def test_a_large_text_goes_through_in_pieces(name: str) -> None:
    text = some_bytes(1 << 17, 2)
    stream = decompressed(io.BytesIO(COMPRESS[name](text) * 2), name)
    pieces = list(iter(lambda: stream.read(1000), b""))
    assert max(map(len, pieces)) <= 1000
    assert b"".join(pieces) == text * 2


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
@pytest.mark.parametrize("gap", [b"\0" * 8, b"\0" * 300_000])
def test_zeros_may_follow_a_member(name: str, gap: bytes) -> None:
    packed = COMPRESS[name](b"some") + gap
    assert unpacked(packed, name) == b"some"
    assert unpacked(packed + COMPRESS[name](b" more") + gap, name) == b"some more"


def test_frames_may_be_skipped() -> None:
    skipped = b"\x53\x2a\x4d\x18\x04\0\0\0\x28\xb5\x2f\xfd"
    packed = skipped + zstd.compress(b"some") + skipped + zstd.compress(b" more") + skipped
    assert compression_of(packed) == "zstd"
    assert unpacked(packed, "zstd") == b"some more"


def test_long_distances_are_known() -> None:
    options = {zstd.CompressionParameter.window_log: 28}
    packed = zstd.ZstdCompressor(options=options).compress(b"some", zstd.ZstdCompressor.FLUSH_FRAME)
    assert unpacked(packed, "zstd") == b"some"


# Damage


@every_compression
def test_a_text_that_is_cut_off_anywhere_is_refused(name: str) -> None:
    packed = COMPRESS[name](some_bytes(300, 3)) + COMPRESS[name](b"the end")
    last = len(packed) - len(COMPRESS[name](b"the end"))
    for size in range(1, len(packed)):
        if size != last:
            with pytest.raises(DAMAGE):
                unpacked(packed[:size], name)


@every_compression
def test_a_flipped_bit_is_never_another_text(name: str) -> None:
    pieces = [some_bytes(150, 4), b"", some_bytes(150, 5)]
    packed = b"".join(map(COMPRESS[name], pieces))
    for position in range(len(packed)):
        for bit in (0, 5):
            damaged = bytearray(packed)
            damaged[position] ^= 1 << bit
            try:
                text = unpacked(bytes(damaged), name)
            except DAMAGE:
                continue
            assert text == b"".join(pieces)


@every_compression
@pytest.mark.parametrize("garbage", [b"x", b"garbage that is no member", b"\xff" * 1000])
def test_what_follows_the_last_member_must_be_one(name: str, garbage: bytes) -> None:
    with pytest.raises(DAMAGE):
        unpacked(COMPRESS[name](b"some") + garbage, name)


@every_compression
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: packed[:-5], "ends in the middle of its {} data: it was cut off"),
        (lambda packed: packed[:7], "ends in the middle of its {} data: it was cut off"),
        (lambda packed: packed + b"garbage", "its {} data is damaged: "),
        (lambda packed: packed[:30] + b"\0\xff" * 40 + packed[110:], "its {} data is damaged: "),
    ],
)
def test_the_file_is_named(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    packed = damage(COMPRESS[name](some_bytes(1000, 6)))
    with stream_of(tmp_path, name, packed) as stream, pytest.raises(DataError) as caught:
        list(iter(lambda: stream.read(1 << 16), b""))
    assert str(tmp_path / "corpus") in str(caught.value)
    assert message.format(name) in str(caught.value)


@every_compression
@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_nothing_comes_of_a_file_that_is_cut_off(tmp_path: Path, name: str, part: float) -> None:
    packed = COMPRESS[name](jsonl([some_bytes(50, seed).decode() for seed in range(300)]))
    (tmp_path / "b.jsonl").write_bytes(packed[: int(len(packed) * part)])
    (tmp_path / "a.jsonl").write_bytes(jsonl(TEXTS))
    with pytest.raises(DataError, match=r"b\.jsonl ends in the middle of its .* it was cut off"):
        prepare([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], tmp_path / "out")
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}


@every_compression
def test_corpora_are_read_whole(tmp_path: Path, name: str) -> None:
    lines = jsonl(TEXTS)
    (tmp_path / "a.jsonl").write_bytes(COMPRESS[name](lines[:40]) + COMPRESS[name](lines[40:]))
    prepare(tmp_path / "a.jsonl", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


@every_compression
def test_a_bomb_is_read_in_pieces(name: str) -> None:
    stream = decompressed(io.BytesIO(COMPRESS[name](bytes(5_000_000))), name)
    for _ in range(20):
        assert 0 < len(stream.read(1 << 12)) <= 1 << 12
