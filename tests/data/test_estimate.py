"""estimate: about right, and refused where there is clearly no room."""

import bz2
import gzip
import lzma
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.corpora import jsonl, names

import rwkv_tok
from rwkv_tok.data import prepare
from rwkv_tok.data.preparing.estimate import Estimate, check_free_space, estimate
from rwkv_tok.data.preparing.preparation import make_plan
from rwkv_tok.data.reading.compression import zstd
from rwkv_tok.errors import DataError

TEXTS = [f"document {number} of several thousand {number**7}" * 3 for number in range(6000)]
Usage = namedtuple("Usage", "total used free")


def write_jsonl(path: Path) -> None:
    path.write_bytes(jsonl(TEXTS))


def write_packed(compress: Any) -> Any:
    return lambda path: path.write_bytes(compress(jsonl(TEXTS)))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS}), path, row_group_size=2500)


def write_arrow(path: Path) -> None:
    table = pa.table({"text": TEXTS})
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=100)


def estimate_of(*inputs: Path, **options: Any) -> Estimate:
    tok = rwkv_tok.load()
    plan, _ = make_plan(inputs, tok, "out", **options)
    return estimate(plan, tok, inputs[0].parent)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jsonl", write_jsonl),
        ("a.jsonl.gz", write_packed(gzip.compress)),
        ("a.jsonl.zst", write_packed(zstd.compress)),
        ("a.jsonl.bz2", write_packed(bz2.compress)),
        ("a.jsonl.xz", write_packed(lambda data: lzma.compress(data, preset=1))),
        ("a.parquet", write_parquet),
        ("a.arrow", write_arrow),
    ],
)
def test_an_estimate_is_about_right(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    guess = estimate_of(tmp_path / name)
    prepared = prepare(tmp_path / name, tmp_path / "out", check=False)
    assert guess.input_bytes == (tmp_path / name).stat().st_size
    assert prepared.tokens / 2 < guess.tokens < 2 * prepared.tokens
    assert len(TEXTS) / 2 < guess.documents < 2 * len(TEXTS)
    made = sum((tmp_path / f"out.{kind}").stat().st_size for kind in ("bin", "idx"))
    assert made / 2 < guess.output_bytes < 2 * made


def test_many_small_files_are_exact(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jsonl").write_bytes(jsonl(TEXTS[:50]))
    guess = estimate_of(tmp_path)
    assert guess.documents == 500


@pytest.mark.parametrize(
    ("options", "documents", "copies"),
    [({}, 50, 1), ({"limit": 10}, 10, 1), ({"limit": 1000}, 50, 1), ({"epochs": 3}, 50, 3)],
)
def test_what_is_written_depends_on_the_plan(
    tmp_path: Path, options: dict[str, Any], documents: int, copies: int
) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(["the same"] * 50))
    guess = estimate_of(tmp_path / "a.jsonl", **options)
    tokens = documents * (len(rwkv_tok.load().encode("the same")) + 1)
    assert (guess.documents, guess.tokens) == (documents, tokens)
    assert guess.output_bytes == copies * (2 * tokens + 20 * documents)
    assert guess.working_bytes > guess.output_bytes
    if copies > 1:
        assert guess.working_bytes > guess.output_bytes + 2 * tokens


@pytest.mark.parametrize("content", [b"", b"\n\n", b"bad\n"])
def test_where_there_are_no_documents_there_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    guess = estimate_of(tmp_path / "a.jsonl")
    assert (guess.documents, guess.tokens, guess.output_bytes) == (0, 0, 0)


def test_too_little_room_is_noticed_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / "a.jsonl")
    needed = estimate_of(tmp_path / "a.jsonl").working_bytes
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed, needed, needed // 2))
    with pytest.raises(DataError, match=r"about [0-9.]+ MB are needed where the output goes"):
        prepare(tmp_path / "a.jsonl", tmp_path / "out")
    assert names(tmp_path) == ["a.jsonl"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed, 0, needed))
    prepare(tmp_path / "a.jsonl", tmp_path / "out", check=False)


def test_what_is_written_already_needs_no_room() -> None:
    needed = Estimate(0, 0, 0, 800, 1000, 500)
    check_free_space(needed, 400)
    with pytest.raises(DataError, match="MB are free"):
        check_free_space(needed, 100)
