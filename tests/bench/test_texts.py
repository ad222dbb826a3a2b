"""What is encoded: files of each kind, cut into each size without losing a character."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import texts

DOCUMENTS = ["one", "zwei\nZeilen", "三つ目", "🙂" * 5]


def write_jsonl(path: Path, documents: list[object], field: str = "text") -> Path:
    lines = "".join(json.dumps({field: text}) + "\n" for text in documents)
    data = lines.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_jsonl_has_a_document_a_line(tmp_path: Path, name: str) -> None:
    path = write_jsonl(tmp_path / name, DOCUMENTS)
    assert texts.load([path], "text", 1) == {"a": DOCUMENTS}


def test_blank_lines_of_jsonl_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"text": "one"}\n \n{"text": "two"}\n')
    assert texts.load([path], "text", 1) == {"a": ["one", "two"]}


def test_parquet_has_a_document_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3, 4], "content": DOCUMENTS}), path)
    assert texts.load([path], "content", 1) == {"a": DOCUMENTS}


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a"])
def test_any_other_file_is_one_document(tmp_path: Path, name: str) -> None:
    data = "\n".join(DOCUMENTS).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert texts.load([tmp_path / name], "text", 1) == {"a": ["\n".join(DOCUMENTS)]}


def test_no_more_than_was_asked_for_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("語" * 1000, "utf-8")
    assert texts.load([path], "text", 0.001) == {"a": ["語" * 333]}


@pytest.mark.parametrize("document", [None, 1, ["one"]])
def test_what_is_no_text_is_named_with_its_line(tmp_path: Path, document: object) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", ["one", document])
    with pytest.raises(ValueError, match=r"a\.jsonl, line 2: there is no text in the field 'text'"):
        texts.load([path], "text", 1)


def test_a_missing_column_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"content": DOCUMENTS}), path)
    with pytest.raises(ValueError, match="no text in the field 'text'"):
        texts.load([path], "text", 1)


def test_two_corpora_of_one_name_are_an_error(tmp_path: Path) -> None:
    paths = [write_jsonl(tmp_path / name, ["text"]) for name in ("a.jsonl", "a.jsonl.gz")]
    with pytest.raises(ValueError, match="two corpora have the name a"):
        texts.load(paths, "text", 1)


def test_an_empty_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no text"):
        texts.load([write_jsonl(tmp_path / "a.jsonl", [""])], "text", 1)


def test_the_sample_is_there_and_as_large_as_asked_for() -> None:
    sample = texts.load([], "text", 0.1)
    assert {"code", "languages"} <= set(sample)
    for documents in sample.values():
        assert 99_000 < sum(len(text.encode()) for text in documents) <= 100_000


@given(text=st.text(max_size=50), characters=st.integers(1, 9))
def test_cutting_loses_nothing(text: str, characters: int) -> None:
    pieces = texts.cut(text, characters)
    assert "".join(pieces) == text
    assert all(len(piece) == characters for piece in pieces[:-1])


@given(
    documents=st.lists(st.text(st.characters(exclude_categories=["Cs"]))), nbytes=st.integers(1, 99)
)
def test_a_limit_cuts_between_characters(documents: list[str], nbytes: int) -> None:
    limited = "".join(texts.limit(documents, nbytes))
    whole = "".join(documents)
    assert whole.startswith(limited)
    if limited != whole:
        assert nbytes - 4 < len(limited.encode()) <= nbytes


@pytest.mark.parametrize(
    ("size", "nbytes"), [("page", texts.PAGE_BYTES), ("book", texts.BOOK_BYTES)]
)
@pytest.mark.parametrize("character", ["a", "é", "語", "🙂"])
def test_pages_and_books_have_their_size_in_every_script(
    size: str, nbytes: int, character: str
) -> None:
    documents = [character * 10_000] * 40
    resized = texts.resize(documents, size)
    assert "".join(resized) == "\n".join(documents)
    for document in resized[:-1]:
        assert abs(len(document.encode()) - nbytes) < nbytes / 100


def test_tweets_have_140_characters() -> None:
    lengths = [len(text) for text in texts.resize(["語" * 300, "b" * 100], "tweet")]
    assert lengths == [140, 140, 121]


def test_neighbours_are_of_different_corpora() -> None:
    in_sizes = texts.in_sizes({"a": ["text"], "b": ["more"]}, ["as is", "page"])
    assert [(t.corpus, t.size) for t in in_sizes] == [
        ("a", "as is"), ("b", "as is"), ("a", "page"), ("b", "page")
    ]  # fmt: skip


def test_a_slice_is_the_beginning() -> None:
    whole = texts.Texts("a", "as is", ["語" * 10, "b" * 10])
    assert whole.nbytes == 40
    assert list(whole.slice(32).texts) == ["語" * 10, "bb"]
