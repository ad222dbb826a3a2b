"""Comparing a dataset with the documents that it was made from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rwkv_tok
from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdxWriter, Problem, prepare
from rwkv_tok.data.checking.against import compare, recipe_of
from rwkv_tok.errors import DataError

TEXTS = [f"document {i} " + "word " * (i % 7) for i in range(40)] + ["", "你好"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.jsonl"
    write(file, TEXTS)
    return file


def write(file: Path, texts: list[str]) -> None:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def problems(prefix: Path, tok: Tokenizer, *inputs: Path, **options: Any) -> tuple[Problem, ...]:
    recipe = recipe_of(prefix, tok, map(str, inputs), **options)
    return compare(prefix, recipe, tok)


ARRANGEMENTS: list[dict[str, Any]] = [
    {},
    {"epochs": 3},
    {"epochs": 2, "shuffle": True, "seed": 5},
    {"valid_fraction": 0.25, "shuffle": True},
    {"single_item": True},
    {"single_item": True, "shuffle": True, "epochs": 2},
    {"limit": 7},
    {"min_tokens": 4, "max_tokens": 8},
]


@pytest.mark.parametrize("options", ARRANGEMENTS, ids=str)
def test_what_was_prepared_is_found_again(
    options: dict[str, Any], corpus: Path, tmp_path: Path, tok: Tokenizer
) -> None:
    prepare(corpus, tmp_path / "train", **options)
    assert problems(tmp_path / "train", tok) == ()
    if "valid_fraction" in options:
        assert problems(tmp_path / "train-valid", tok) == ()


@pytest.mark.parametrize("options", ARRANGEMENTS[:-1], ids=str)
def test_another_text_is_found_with_its_line(
    options: dict[str, Any], corpus: Path, tmp_path: Path, tok: Tokenizer
) -> None:
    prepare(corpus, tmp_path / "train", **options)
    other = tmp_path / "other.jsonl"
    write(other, [*TEXTS[:3], "something else", *TEXTS[4:]])
    found = problems(tmp_path / "train", tok, other)
    if "valid_fraction" in options:
        found += problems(tmp_path / "train-valid", tok, other)
    assert len(found) == options.get("epochs", 1)
    for problem in found:
        assert f"in {other}, line 4" in problem.what
        assert "token 0, byte" in problem.where


def test_the_place_of_a_difference_is_exact(tmp_path: Path, tok: Tokenizer) -> None:
    first, second = tok.encode("one two"), tok.encode("three four five")
    with BinIdxWriter(tmp_path / "made") as writer:
        writer.add(first)
        writer.add(np.append(second[:-1], tok.encode(" six")))
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('\n{"text": "one two"}\n\n{"text": "three four five"}\n')
    (problem,) = problems(tmp_path / "made", tok, corpus)
    position = len(second) - 1
    byte = 2 * (len(first) + 1 + position)
    assert problem.where == f"{tmp_path / 'made.bin'}, document 1, token {position}, byte {byte}"
    assert problem.what == (
        f"is id {tok.token_id(' six')}, and id {second[-1]} in {corpus}, line 4"
    )


def test_a_document_that_is_cut_off_is_found(tmp_path: Path, tok: Tokenizer) -> None:
    with BinIdxWriter(tmp_path / "made") as writer:
        writer.add(tok.encode("one two"))
    corpus = tmp_path / "corpus.jsonl"
    write(corpus, ["one two three"])
    (problem,) = problems(tmp_path / "made", tok, corpus)
    assert "is id 0, and id" in problem.what


@pytest.mark.parametrize("options", [{}, {"shuffle": True}])
@pytest.mark.parametrize("texts", [TEXTS[:-1], [*TEXTS, "one more"]], ids=["fewer", "more"])
def test_another_number_of_documents_is_found(
    texts: list[str], options: dict[str, Any], corpus: Path, tmp_path: Path, tok: Tokenizer
) -> None:
    prepare(corpus, tmp_path / "train", **options)
    other = tmp_path / "other.jsonl"
    write(other, texts)
    assert any(
        str(len(texts)) in problem.what and str(len(TEXTS)) in problem.what
        for problem in problems(tmp_path / "train", tok, other)
    )


def test_documents_in_another_order_differ(corpus: Path, tmp_path: Path, tok: Tokenizer) -> None:
    prepare(corpus, tmp_path / "train", shuffle=True, seed=1)
    manifest = tmp_path / "train.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    assert problems(tmp_path / "train", tok)


def test_skipped_and_blank_lines_are_counted(tmp_path: Path, tok: Tokenizer) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"text": "a"}\n\nbroken\n{"text": "b"}\n')
    prepare(corpus, tmp_path / "train", on_error="skip")
    assert problems(tmp_path / "train", tok) == ()
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "a"}\n\nbroken\n{"text": "c"}\n')
    (problem,) = problems(tmp_path / "train", tok, other)
    assert problem.what.endswith("line 4")


def test_options_are_taken_from_the_manifest(tmp_path: Path, tok: Tokenizer) -> None:
    text = tmp_path / "text"
    text.write_bytes("one\xff\x00two\xff\x00".encode("latin-1"))
    prepare(text, tmp_path / "train", input_format="text", separator=b"\xff\x00")
    assert problems(tmp_path / "train", tok) == ()
    assert problems(tmp_path / "train", tok, text, separator="two")


def test_the_format_of_the_inputs_can_be_said(corpus: Path, tmp_path: Path, tok: Tokenizer) -> None:
    prepare(corpus, tmp_path / "train")
    renamed = corpus.rename(tmp_path / "corpus.txt")
    assert problems(tmp_path / "train", tok, renamed, input_format="jsonl") == ()
    assert problems(tmp_path / "train", tok, renamed, input_format="text")


def test_what_standard_input_was_must_be_named(
    corpus: Path, tmp_path: Path, tok: Tokenizer
) -> None:
    script = "from rwkv_tok.data import prepare; prepare('-', 'train')"
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=tmp_path, input=corpus.read_bytes(), check=True)
    with pytest.raises(DataError, match="train was made from standard input: name what to compare"):
        problems(tmp_path / "train", tok)
    assert problems(tmp_path / "train", tok, corpus) == ()


def test_inputs_of_several_parts_are_compared(tmp_path: Path, tok: Tokenizer) -> None:
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"text": TEXTS}), corpus, row_group_size=9)
    prepare(corpus, tmp_path / "train")
    assert problems(tmp_path / "train", tok) == ()
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"text": [*TEXTS[:-1], "?"]}), other, row_group_size=9)
    (problem,) = problems(tmp_path / "train", tok, other)
    assert problem.what.endswith(f"row {len(TEXTS)}")


def test_a_dataset_of_others_is_compared_in_order(tmp_path: Path, tok: Tokenizer) -> None:
    with BinIdxWriter(tmp_path / "made") as writer:
        writer.add_batch(tok.encode_ragged(TEXTS))
    columns = tmp_path / "corpus.jsonl"
    columns.write_text("".join(json.dumps({"a": {"b": text}}) + "\n" for text in TEXTS))
    assert problems(tmp_path / "made", tok, columns, text_field="a.b") == ()
    with pytest.raises(DataError, match="does not tell what the inputs were"):
        problems(tmp_path / "made", tok)


def test_many_differences_are_counted(corpus: Path, tmp_path: Path, tok: Tokenizer) -> None:
    prepare(corpus, tmp_path / "train")
    other = tmp_path / "other.jsonl"
    write(other, [text + "!" for text in TEXTS])
    *_, last = problems(tmp_path / "train", tok, other)
    assert last.what == f"{len(TEXTS) - 5} more documents that differ"


def test_all_input_is_reported_as_progress(corpus: Path, tmp_path: Path) -> None:
    tok = rwkv_tok.load()
    prepare(corpus, tmp_path / "train")
    done: list[int] = []
    compare(tmp_path / "train", recipe_of(tmp_path / "train", tok), tok, done.append)
    assert sum(done) == corpus.stat().st_size
