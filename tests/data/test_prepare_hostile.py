"""prepare and inputs made to exhaust memory, time or patience."""

import gzip
import json
import lzma
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data.corpora import dataset_at, dataset_of, jsonl, prepare_in_parts, skipped_at

from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdx, prepare
from rwkv_tok.errors import DataError

MEGABYTE = 1 << 20

BOMB = """
import resource, sys
from rwkv_tok.data.reading import records
from rwkv_tok.data import prepare
records.LONGEST_DOCUMENT = 1 << 21
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare(sys.argv[1], sys.argv[2], on_error="skip")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_a_line_of_200_megabytes_is_a_document(tmp_path: Path, tok: Tokenizer) -> None:
    words = 200 * MEGABYTE // 4
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(jsonl(["before"]) + b'{"text": "')
        for _ in range(200):
            file.write(b" the" * (MEGABYTE // 4))
        file.write(b'"}\n' + jsonl(["after"]))
    prepare(tmp_path / "a.jsonl", tmp_path / "out")
    before, long, after = BinIdx(tmp_path / "out")
    assert [tok.decode(before), tok.decode(after)] == ["before", "after"]
    assert len(long) == words + 1
    assert long[-1] == 0
    assert np.all(long[:-1] == tok.token_id(" the"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in another unit")
@pytest.mark.parametrize(
    "compress",
    [gzip.compress, lambda data: lzma.compress(data, preset=0)],
    ids=["gzip", "xz"],
)
def test_a_bomb_takes_little_memory(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    source = tmp_path / "bomb.jsonl"
    bomb = compress(b'{"text": "' + bytes(64 * MEGABYTE) + b'"}\n' + jsonl(["after"]))
    assert len(bomb) < MEGABYTE
    source.write_bytes(bomb)
    command = [sys.executable, "-c", BOMB, str(source), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert int(done.stdout) < 40
    assert dataset_at(tmp_path / "out") == dataset_of(["after"])
    assert [entry["line"] for entry in skipped_at(tmp_path / "out")] == [1]


@pytest.mark.parametrize("depth", [10, 100, 500])
def test_nesting_that_json_can_read_is_read(tmp_path: Path, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    (tmp_path / "a.jsonl").write_text(f'{{"deep": {nested}, "text": "a"}}')
    prepare(tmp_path / "a.jsonl", tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(["a"])


def test_many_empty_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(700):
        (folder / f"{number:03}.jsonl").touch()
    (folder / "350.jsonl").write_bytes(jsonl(["a"]))
    prepare(folder, tmp_path / "out", workers=2)
    assert dataset_at(tmp_path / "out") == dataset_of(["a"])


def test_a_file_of_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n" * 100_000 + jsonl(["a"]) + b"\r\n" * 100_000)
    prepare_in_parts(tmp_path / "a.jsonl", tmp_path / "out", 30_000)
    assert dataset_at(tmp_path / "out") == dataset_of(["a"])


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_refused_or_read_as_json_reads_it(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray(jsonl(['a "quoted" text', "今天", "\n\t\0"] * 5))
    for _ in range(rng.randrange(1, 8)):
        content[rng.randrange(len(content))] = rng.choice(b'\n\r{}[]":,\\\0 \xff\xe4u0') % 256
    (tmp_path / "a.jsonl").write_bytes(content)
    prepare(tmp_path / "a.jsonl", tmp_path / "out", on_error="skip")
    expected, bad = [], []
    for number, line in enumerate(bytes(content).split(b"\n")[:-1], 1):
        try:
            if line.strip(b" \t\r"):
                text = json.loads(line)["text"]
                expected.append(text.encode())
        except (ValueError, TypeError, LookupError, AttributeError):
            bad.append(number)
    assert dataset_at(tmp_path / "out") == dataset_of(expected)
    found = skipped_at(tmp_path / "out") if bad else []
    assert [entry["line"] for entry in found] == bad


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_an_input_that_becomes_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    sources = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for source in sources:
        source.write_bytes(jsonl(["a"]))

    def report(_: object) -> None:
        if sources[1].is_file():
            sources[1].unlink()
            sources[1].mkdir()

    with pytest.raises(DataError, match=r"b\.jsonl"):
        prepare_in_parts(sources, tmp_path / "out", 10, report=report)
