"""verify: every damage is found, and named so that somebody can mend it."""

import json
import os
import struct
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from data.binidx_files import (
    DOCUMENTS,
    index_bytes,
    token_bytes,
    write_dataset,
    write_files,
)
from hypothesis import given
from hypothesis import strategies as st

import rwkv_tok
from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdxWriter, VerifyReport, merge, verify

SIZES = [*map(len, DOCUMENTS)]

LARGE = (1 << 20) + 1  # bytes of a file that is read as a whole only if it begins as a manifest


def found(report: VerifyReport) -> list[str]:
    """The problems, with the file's name alone."""
    folder = f"{report.prefix.parent}{os.sep}"
    return [str(problem).replace(folder, "") for problem in report.problems]


@pytest.fixture(params=[False, True], ids=["one block", "small blocks"])
def blocks(request: pytest.FixtureRequest) -> None:
    """Once with everything in one block, and once with many."""
    if request.param:
        request.getfixturevalue("small_blocks")


def verify_files(
    folder: Path, tokens: bytes, index: bytes, tokenizer: Tokenizer | None = None
) -> VerifyReport:
    prefix = write_files(folder / "corpus", tokens, index)
    return verify(prefix, tokenizer=tokenizer or rwkv_tok.load())


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("documents", [DOCUMENTS, [], [[0]], [[5, 6, 0]] * 100, [[7] * 99 + [0]]])
def test_a_good_dataset_has_no_problems(
    tmp_path: Path, tok: Tokenizer, documents: list[list[int]]
) -> None:
    told: list[int] = []
    prefix = write_dataset(tmp_path / "corpus", documents)
    report = verify(prefix, tokenizer=tok, progress=told.append)
    tokens = sum(map(len, documents))
    assert report == VerifyReport(prefix, len(documents), tokens, (), ())
    assert report.ok
    assert sum(told) == 2 * tokens


@pytest.mark.parametrize("suffix", [".bin", ".idx"])
def test_a_missing_file_is_an_error(dataset: Path, tok: Tokenizer, suffix: str) -> None:
    Path(f"{dataset}{suffix}").unlink()
    with pytest.raises(FileNotFoundError):
        verify(dataset, tokenizer=tok)


# The index


@pytest.mark.usefixtures("blocks")
def test_every_change_of_a_byte_of_the_index_is_found(dataset: Path, tok: Tokenizer) -> None:
    path = Path(f"{dataset}.idx")
    index = path.read_bytes()
    for position in range(len(index)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(index)
            changed[position] ^= flip
            path.write_bytes(changed)
            assert not verify(dataset, tokenizer=tok).ok, (position, flip)


def test_every_other_length_of_the_index_is_found(dataset: Path, tok: Tokenizer) -> None:
    path = Path(f"{dataset}.idx")
    index = path.read_bytes()
    for changed in [*(index[:size] for size in range(len(index))), index + b"\0", index + index]:
        path.write_bytes(changed)
        assert not verify(dataset, tokenizer=tok).ok, len(changed)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {"magic": b"TNTIDX\0\0\0"},
            [r"corpus.idx, byte 0: begins with b'TNTIDX\x00\x00\x00' instead of"],
        ),
        ({"version": 3}, ["corpus.idx, byte 9: has version 3; there is only 1"]),
        ({"dtype": 77}, ["corpus.idx, byte 17: has the unknown dtype code 77, but the trainer"]),
        ({"dtype": 7}, ["corpus.idx, byte 17: has tokens of float64 (dtype code 7), but"]),
        (
            {"items": 2**63},
            ["corpus.idx: has 122 bytes, but 9223372036854775808 items and a doc_idx of 5 take"],
        ),
        (
            {"doc_idx_length": 2**63},
            ["corpus.idx: has 122 bytes, but 4 items and a doc_idx of 9223372036854775808 take"],
        ),
        (
            {"pointers": [0, 6, 8, 14, 18]},
            ["corpus.idx: has 8 bytes too many for 4 items and a doc_idx of 5: as many as if"],
        ),
        (
            {"doc_idx": [0, 1, 2, 3, 5]},
            ["corpus.idx, byte 82: doc_idx goes from 0 to 4, not 0 ... 5"],
        ),
        ({"doc_idx": []}, ["corpus.idx, byte 82: doc_idx goes from 0 to 4, not nothing"]),
        (
            {"doc_idx": [0, 1, 2, 2, 4]},
            ["corpus.idx, byte 82: entry 3 of doc_idx, 2, is not larger than the one before, 2"],
        ),
        (
            {"doc_idx": [0, 5, 2, 3, 4]},
            ["corpus.idx, byte 82: entry 2 of doc_idx, 2, is not larger than the one before, 5"],
        ),
    ],
)
def test_a_wrong_field_is_named(
    tmp_path: Path, fields: dict[str, Any], problems: list[str]
) -> None:
    report = verify_files(tmp_path, token_bytes(DOCUMENTS), index_bytes(SIZES, **fields))
    assert len(found(report)) == len(problems)
    for told, expected in zip(found(report), problems, strict=True):
        assert told.startswith(expected)


@pytest.mark.usefixtures("blocks")
def test_documents_of_several_items_are_noted(tmp_path: Path) -> None:
    index = index_bytes(SIZES, doc_idx=[0, 3, 4])
    report = verify_files(tmp_path, token_bytes(DOCUMENTS), index)
    assert report.ok
    (note,) = report.notes
    assert note.startswith("2 documents (doc_idx) of 4 items")


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize(
    ("sizes", "pointers", "problems"),
    [
        (
            [3, 1, 2, 2],
            [0, 6, 8, 14],
            [
                "corpus.idx, byte 74 (pointer of item 3): item 3 begins at byte 14 of the .bin, "
                "item 2 ends at byte 12: the 2 bytes between are left out",
                "corpus.bin, byte 10 (last token of item 2): item 2 does not end with 0",
            ],
        ),
        (
            [3, 1, 3, 5],
            [0, 6, 8, 8],
            [
                "corpus.idx, byte 74 (pointer of item 3): item 3 begins at byte 8 of the .bin, "
                "item 2 ends at byte 14: they overlap by 6 bytes, or are out of order",
            ],
        ),
        (
            [1, 3, 2],
            [6, 8, 14],
            [
                "corpus.idx, byte 46 (pointer of item 0): item 0 begins at byte 6 of the .bin, "
                "not at 0",
            ],
        ),
        (
            [3, 0, 1, 3, 2],
            [0, 6, 6, 8, 14],
            ["corpus.idx, byte 38 (size of item 1): size 0 is not positive"],
        ),
        (
            [3, 1, 3],
            [0, 6, 8],
            ["corpus.bin, byte 14: 4 bytes after the last item belong to no item"],
        ),
        ([], [], ["corpus.bin, byte 0: 18 bytes after the last item belong to no item"]),
        (
            [3, 1, 3, 3],
            [0, 6, 8, 14],
            [
                "corpus.idx, byte 74 (pointer of item 3): item 3 of 3 tokens at byte 14 is not "
                "within the 18 bytes of the .bin",
                "corpus.bin, byte 18: 2 bytes are missing: the last item ends at byte 20",
            ],
        ),
    ],
)
def test_where_the_items_lie_is_checked(
    tmp_path: Path, sizes: list[int], pointers: list[int], problems: list[str]
) -> None:
    report = verify_files(tmp_path, token_bytes(DOCUMENTS), index_bytes(sizes, pointers))
    assert found(report) == problems


@pytest.mark.parametrize("number", [-1, 1, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("pointer", [2**63 - 1, 2**63 - 2, -(2**63), -2, 7])
@pytest.mark.parametrize("item", [0, 2, 3])
def test_hostile_numbers_are_just_wrong(
    tmp_path: Path, tok: Tokenizer, item: int, pointer: int, number: int
) -> None:
    sizes, pointers = [*SIZES], [0, 6, 8, 14]
    sizes[item], pointers[item] = number, pointer
    report = verify_files(tmp_path, token_bytes(DOCUMENTS), index_bytes(sizes, pointers), tok)
    assert any(f"pointer of item {item}" in problem for problem in found(report))


def test_of_many_problems_the_first_are_told(tmp_path: Path) -> None:
    documents = [[7, 8]] * 1000
    report = verify_files(tmp_path, token_bytes(documents), index_bytes([2] * 1000))
    assert found(report) == [
        *(
            f"corpus.bin, byte {4 * item + 2} (last token of item {item}): item {item} does not "
            "end with 0"
            for item in range(5)
        ),
        "corpus.bin: 995 more items that do not end with 0",
        "corpus.bin: no item ends with 0: what wrote it did not mark the end of documents",
    ]


# The tokens


@pytest.mark.parametrize("size", range(0, 18, 2))
def test_a_bin_that_ends_too_soon_is_found(tmp_path: Path, size: int) -> None:
    report = verify_files(tmp_path, token_bytes(DOCUMENTS)[:size], index_bytes(SIZES))
    missing = f"corpus.bin, byte {size}: {18 - size} bytes are missing: the last item ends at byte"
    assert any(problem.startswith(missing) for problem in found(report))


@pytest.mark.usefixtures("blocks")
def test_half_a_token_alone_is_found(tmp_path: Path) -> None:
    report = verify_files(tmp_path, b"\7", index_bytes([]))
    assert "corpus.bin, byte 1: 1 bytes are no whole number of tokens of 2 bytes" in found(report)


@pytest.mark.usefixtures("blocks")
def test_half_a_token_is_found(tmp_path: Path) -> None:
    report = verify_files(tmp_path, token_bytes(DOCUMENTS) + b"\0", index_bytes(SIZES))
    assert found(report) == [
        "corpus.bin, byte 19: 19 bytes are no whole number of tokens of 2 bytes",
        "corpus.bin, byte 18: 1 bytes after the last item belong to no item",
    ]


@pytest.mark.usefixtures("blocks")
def test_an_id_without_a_token_is_named(tmp_path: Path) -> None:
    documents = [[5, 6, 0], [7, 65531, 0], [65535, 65531, 65531, 0]]
    report = verify_files(tmp_path, token_bytes(documents), index_bytes([3, 3, 4]))
    assert found(report) == [
        "corpus.bin, byte 8 (token 1 of item 1): id 65531 has no token in rwkv_vocab_v20230424: "
        "3 times, first here",
        "corpus.bin, byte 12 (token 0 of item 2): id 65535 has no token in rwkv_vocab_v20230424: "
        "once",
    ]


@pytest.mark.parametrize("token", [257, 300, 65529])
def test_a_gap_in_the_vocabulary_counts(
    tmp_path: Path, byte_tokens: dict[int, bytes], token: int
) -> None:
    tokenizer = Tokenizer.from_tokens(byte_tokens | {65530: b"ab"})
    report = verify_files(tmp_path, token_bytes([[token, 0]]), index_bytes([2]), tokenizer)
    (problem,) = found(report)
    assert f"id {token} has no token" in problem


def test_an_id_after_the_last_item_is_in_no_item(tmp_path: Path) -> None:
    for documents, sizes, where in (
        ([[5, 0], [65531, 0]], [2], "byte 4 (after the last item)"),
        ([[65531, 0]], [], "byte 0"),
    ):
        report = verify_files(tmp_path, token_bytes(documents), index_bytes(sizes))
        _, problem = found(report)
        assert problem.startswith(f"corpus.bin, {where}: id 65531 has no token")


def test_the_id_that_was_meant_for_blank_lines_is_explained(tmp_path: Path) -> None:
    report = verify_files(tmp_path, token_bytes([[5, 65530, 0]]), index_bytes([3]))
    (problem,) = found(report)
    assert r'some tokenizers write 65530 where "\n\n" was meant, which is 261' in problem


@pytest.mark.usefixtures("blocks")
def test_the_ids_are_those_of_the_vocabulary(tmp_path: Path, byte_tokens: dict[int, bytes]) -> None:
    documents = [[5, 6, 0], [65530, 300, 0], [257, 256, 0]]
    tokenizer = Tokenizer.from_tokens(byte_tokens | {65530: b"ab"})
    report = verify_files(tmp_path, token_bytes(documents), index_bytes([3, 3, 3]), tokenizer)
    told = [problem.partition(": ")[2].partition(" has")[0] for problem in found(report)]
    assert told == ["id 257", "id 300"]


@pytest.mark.usefixtures("blocks")
@given(st.lists(st.lists(st.sampled_from([0, 1, 261, 65529]), min_size=1, max_size=9)))
def test_zeros_are_where_they_must_be(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[int]]
) -> None:
    report = verify_files(
        tmp_path_factory.getbasetemp(), token_bytes(documents), index_bytes([*map(len, documents)])
    )
    # The index is right, so that only ends and inner zeros are left to complain about.
    is_open = [number for number, ids in enumerate(documents) if ids[-1] != 0]
    told = [problem for problem in found(report) if "does not end with 0" in problem]
    assert len(told) == min(len(is_open), 5)
    for number, problem in zip(is_open, told, strict=False):
        assert f"item {number} does not end with 0" in problem
    more = [problem for problem in found(report) if " more items" in problem]
    assert (
        more
        == [f"corpus.bin: {len(is_open) - 5} more items that do not end with 0"][: len(is_open) > 5]
    )
    inner = [
        (number, place)
        for number, ids in enumerate(documents)
        for place, token in enumerate(ids[:-1])
        if token == 0
    ]
    if not inner:
        assert report.notes == ()
        return
    (note,) = report.notes
    item, place = inner[0]
    assert note.startswith(f"{len(inner)} times id 0 inside of an item, first at ")
    assert f"(token {place} of item {item}): " in note


# What other tools write


def foreign_report(tmp_path: Path, documents: Sequence[Sequence[int]], code: str) -> list[str]:
    dtypes = {"B": 1, "b": 2, "h": 3, "i": 4, "q": 5}
    index = index_bytes(
        [*map(len, documents)], dtype=dtypes[code], width=struct.calcsize(f"<{code}")
    )
    return found(verify_files(tmp_path, token_bytes(documents, code), index))


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("code", "Bbhiq")
def test_other_dtypes_are_read(tmp_path: Path, code: str) -> None:
    documents = [[5, 6, 0], [7, 0], [8, 9, 10, 0]] * 3
    (problem,) = foreign_report(tmp_path, documents, code)
    assert problem.startswith("corpus.idx, byte 17: has tokens of ")
    assert "but the trainer needs uint16 (code 8)" in problem
    assert ("json2binidx_tool" in problem) == (code == "i")


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("code", "iq")
def test_wide_ids_are_checked_as_they_are(tmp_path: Path, code: str) -> None:
    documents = [[5, -1, 0], [7, 65536 + 7, 0], [65530, 2**31 - 1, 8, 9]]
    _, *problems = foreign_report(tmp_path, documents, code)
    assert len(problems) == 3
    assert problems[0].endswith("(last token of item 2): item 2 does not end with 0")
    assert problems[1].endswith("(token 1 of item 0): ids outside 0 ... 65535: 3 times, first here")
    assert "(token 0 of item 2): id 65530 has no token" in problems[2]


def test_a_second_copy_of_a_part_is_found(tmp_path: Path, tok: Tokenizer) -> None:
    # As a tool leaves it whose threads count their parts wrongly.
    sizes, pointers = [3, 1, 3, 1, 3, 2], [0, 6, 8, 6, 8, 14]
    report = verify_files(tmp_path, token_bytes(DOCUMENTS), index_bytes(sizes, pointers), tok)
    assert found(report) == [
        "corpus.idx, byte 82 (pointer of item 3): item 3 begins at byte 6 of the .bin, item 2 "
        "ends at byte 14: they overlap by 8 bytes, or are out of order"
    ]


# The manifest


@pytest.fixture
def merged(dataset: Path) -> Path:
    prefix = dataset.with_name("merged")
    merge([dataset], prefix)
    return prefix


def test_every_change_of_a_byte_is_found_with_a_manifest(merged: Path, tok: Tokenizer) -> None:
    for suffix in (".bin", ".idx"):
        path = Path(f"{merged}{suffix}")
        content = path.read_bytes()
        for position in range(len(content)):
            changed = bytearray(content)
            changed[position] ^= 1
            path.write_bytes(changed)
            problems = found(verify(merged, tokenizer=tok))
            what = f"merged.json, {suffix[1:]}, xxh128: says '"
            assert any(problem.startswith(what) for problem in problems)
        path.write_bytes(content)
    assert verify(merged, tokenizer=tok).ok


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"items": 5}, "merged.json, items: says 5, but it is 4"),
        ({"tokens": "9"}, "merged.json, tokens: says '9', but it is 9"),
        ({"vocabulary": {"fingerprint": "00"}}, "merged.json, vocabulary, fingerprint: says '00'"),
        ({"vocabulary": None}, "merged.json, vocabulary: says None, but it is {'fingerprint'"),
        ({"bin": {"size": 17}}, "merged.json, bin, size: says 17, but it is 18"),
        ({"idx": []}, "merged.json, idx: says [], but it is {"),
        ({"bin": "\x1b[31m" * 1000}, r"merged.json, bin: says '\x1b[31m"),
    ],
)
def test_what_the_manifest_says_is_compared(
    merged: Path, tok: Tokenizer, entry: dict[str, Any], problem: str
) -> None:
    path = Path(f"{merged}.json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | entry))
    (told,) = found(verify(merged, tokenizer=tok))
    assert told.startswith(problem)
    assert len(told) < 300


def test_the_fingerprint_is_that_of_the_tokenizer(
    merged: Path, tok: Tokenizer, byte_tokens: dict[int, bytes]
) -> None:
    path = Path(f"{merged}.json")
    entry = {"vocabulary": {"fingerprint": tok.fingerprint}}
    path.write_text(json.dumps(json.loads(path.read_bytes()) | entry))
    assert verify(merged, tokenizer=tok).ok
    longer = {token: b"%x" % token for token in chain(*DOCUMENTS) if token > 256}
    other = Tokenizer.from_tokens(byte_tokens | longer)
    (told,) = found(verify(merged, tokenizer=other))
    assert "fingerprint" in told


@pytest.mark.parametrize(
    "content",
    ['{"text": "bin"}', "[1, 2]", "no JSON", "", '{"bin": 1, "idx": 2}'.ljust(LARGE)],
    ids=["object", "array", "text", "nothing", "large"],
)
def test_a_json_of_another_kind_is_noted(dataset: Path, tok: Tokenizer, content: str) -> None:
    Path(f"{dataset}.json").write_text(content)
    report = verify(dataset, tokenizer=tok)
    assert report.ok
    assert report.notes == (f"{dataset}.json is no manifest of a dataset: not looked at",)


def test_a_large_manifest_is_read(merged: Path, tok: Tokenizer) -> None:
    path = Path(f"{merged}.json")
    manifest = json.loads(path.read_bytes()) | {"items": 5}
    path.write_text(json.dumps(manifest).ljust(LARGE))
    (told,) = found(verify(merged, tokenizer=tok))
    assert told == "merged.json, items: says 5, but it is 4"


def test_hashes_alone_need_xxhash(
    dataset: Path, merged: Path, tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xxhash", None)
    assert verify(dataset, tokenizer=tok).ok
    with pytest.raises(ImportError, match=r"xxhash is not installed: pip install 'rwkv-tok\[data"):
        verify(merged, tokenizer=tok)


def test_what_the_writer_writes_is_right(tmp_path: Path, tok: Tokenizer) -> None:
    texts = [f"{number} \n\n 你好 🙂" * (number % 7) for number in range(500)]
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add_batch(tok.encode_ragged(texts))
    report = verify(tmp_path / "corpus", tokenizer=tok)
    assert (report.ok, report.notes) == (True, ())
