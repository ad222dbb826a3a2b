"""Decoding long documents in shares: cut anywhere, by any number of threads, to the same result."""

from typing import Any

import numpy as np
import pytest

from rwkv_tok import TokenIdError, Tokenizer

# Ids in a unit of work, as _decode_batch.pyx has it: longer documents are cut.
UNIT = 1 << 17
LONG = 3 * UNIT + 12_345

THREADS = [1, 2, 8]


def byte_ids(text: str | bytes) -> list[int]:
    data = text.encode() if isinstance(text, str) else text
    return [byte + 1 for byte in data]


# What a long document repeats.
TURNS: dict[str, list[int]] = {
    "ASCII": [33155, 40213, 98],
    "Latin-1": [*byte_ids("é"), 98, 33155],
    "Han": [10381, 11639, 13091],
    "Han in bytes": byte_ids("好"),
    "emoji in bytes": byte_ids("🙂"),
    "characters of all kinds in bytes": byte_ids("aéж好🙂"),
    "zeros": [0],
    "zeros within a character": [byte_ids("好")[0], *[0] * 100, *byte_ids("好")[1:]],
    "bytes that begin no character": byte_ids(b"\xbd"),
    "bytes that end none": byte_ids(b"\xe5"),
    "surrogates": byte_ids(b"\xed\xa0\x80"),
}


def sequence(turn: list[int], size: int = LONG) -> np.ndarray:
    return np.resize(np.array(turn, np.uint16), size)


def text_of(tok: Tokenizer, ids: np.ndarray) -> bytes:
    """Joined by Python."""
    tokens = {i: tok.token_bytes(i) for i in np.unique(ids).tolist()}
    return b"".join([tokens[i] for i in ids.tolist()])


@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("turn", TURNS)
def test_a_long_document_is_decoded_as_one(tok: Tokenizer, turn: str, dtype: Any) -> None:
    ids = sequence(TURNS[turn]).astype(dtype)
    data = text_of(tok, ids)
    text = data.decode(errors="replace")
    for num_threads in THREADS:
        assert tok.decode_bytes_batch([ids], num_threads=num_threads) == [data]
        assert tok.decode_batch([ids], num_threads=num_threads) == [text]


@pytest.mark.parametrize("num_threads", THREADS)
def test_long_and_short_documents_side_by_side(tok: Tokenizer, num_threads: int) -> None:
    documents = []
    for number, turn in enumerate(TURNS.values()):
        sizes = [0, 1, 5, UNIT - 1, UNIT, UNIT + 1, 2 * UNIT, 0][number % 5 :]
        documents += [sequence(turn, size) for size in sizes]
    expected = [text_of(tok, ids) for ids in documents]
    assert tok.decode_bytes_batch(documents, num_threads=num_threads) == expected
    texts = [data.decode(errors="replace") for data in expected]
    assert tok.decode_batch(documents, num_threads=num_threads) == texts


@pytest.mark.parametrize("shift", [*range(-4, 5), 60, 70])
@pytest.mark.parametrize("part", [b"\xbd", b"\xe5", b"\xe5\xa5", b"\xff", "好".encode()])
def test_what_lies_at_a_cut_is_decoded_as_elsewhere(
    tok: Tokenizer, part: bytes, shift: int
) -> None:
    # Units are of equal cost, so the places of the cuts are known but for a few ids.
    ids = sequence([98], 2 * UNIT)
    for cut in (len(ids) // 3, 2 * len(ids) // 3):
        ids[cut + shift : cut + shift + len(part)] = byte_ids(part)
    text = text_of(tok, ids).decode(errors="replace")
    assert tok.decode_batch([ids], num_threads=2) == [text]


def test_one_wide_character_makes_all_of_a_long_document_wide(tok: Tokenizer) -> None:
    for wide in ("é", "好", "🙂"):
        for place in (0, UNIT, LONG - 4):
            ids = sequence([98])
            ids[place : place + len(wide.encode())] = byte_ids(wide)
            text = text_of(tok, ids).decode()
            assert tok.decode_batch([[98], ids], num_threads=2, errors="strict") == ["a", text]
            assert tok.decode(ids, errors="strict") == text


@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("places", [[0], [UNIT + 5], [LONG - 1], [3 * UNIT, UNIT + 7, LONG - 2]])
def test_the_first_unknown_id_of_a_long_document_is_named(
    tok: Tokenizer, places: list[int], dtype: Any
) -> None:
    ids = sequence([98]).astype(dtype)
    ids[places] = 65531
    for num_threads in THREADS:
        for decode in (tok.decode_batch, tok.decode_bytes_batch):
            with pytest.raises(TokenIdError) as caught:
                decode([[98, 99], [], ids, ids], num_threads=num_threads)
            error = caught.value
            assert (error.id, error.document, error.position) == (65531, 2, min(places))
    for unknown, data in (("skip", b""), ("replace", "\ufffd".encode())):
        (document,) = tok.decode_bytes_batch([ids], unknown=unknown, num_threads=2)  # type: ignore[arg-type]
        assert document.replace(b"a", b"") == data * len(places)
        (text,) = tok.decode_batch([ids], unknown=unknown, num_threads=2)  # type: ignore[arg-type]
        assert text == document.decode()


def test_strict_names_a_long_document_of_invalid_utf8(tok: Tokenizer) -> None:
    ids = sequence([98])
    ids[UNIT + 3] = byte_ids(b"\xff")[0]
    with pytest.raises(UnicodeDecodeError) as caught:
        tok.decode_batch([[98], ids], errors="strict", num_threads=2)
    assert caught.value.start == UNIT + 3
    assert caught.value.__notes__ == ["in document 1 of the batch"]
