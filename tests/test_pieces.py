"""Long documents of a batch, which several threads encode in pieces."""

import random

import numpy as np
import pytest

from rwkv_tok import Tokenizer

UNIT = 1 << 18  # bytes in a piece, about

PROSE = "A word, another one; 一个词。もう一つの言葉、слово и ещё одно.\n"
LONG_TEXTS = {
    "ASCII": "The quick brown fox jumps over the lazy dog. " * 40_000,
    "Latin-1": "Übermut und größere Straßen, naïve cafés. " * 30_000,
    "two bytes": PROSE * 20_000,
    "four bytes": ("🙂 " + PROSE) * 10_000,
    "no spaces": "很久以前有一个国王他说你好" * 60_000,
    "no cut": "a" * (5 * UNIT),
    "a cut at the very end": "a" * (5 * UNIT) + "\n",
}


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("name", LONG_TEXTS)
def test_a_long_document_has_the_same_ids(tok: Tokenizer, name: str, num_threads: int) -> None:
    text = LONG_TEXTS[name]
    for document in (text, text.encode(), bytearray(text.encode())):
        batch = tok.encode_ragged([document], num_threads=num_threads)
        assert np.array_equal(batch[0], tok.encode(document))
        assert tok.count_batch([document], num_threads=num_threads).tolist() == [len(batch[0])]


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_long_documents_among_short_ones_keep_their_order(tok: Tokenizer, num_threads: int) -> None:
    numbers = random.Random(5)
    documents = [PROSE * 20_000, "", "short", LONG_TEXTS["ASCII"], LONG_TEXTS["no cut"], "", "end"]
    documents += [PROSE[:n] for n in range(40)]
    numbers.shuffle(documents)
    expected = [tok.encode(document) for document in documents]
    batch = tok.encode_ragged(documents, num_threads=num_threads, append_eot=True)
    assert len(batch) == len(documents)
    for row, ids in zip(batch, expected, strict=True):
        assert np.array_equal(row[:-1], ids)
        assert row[-1] == 0
    assert tok.count_batch(documents, num_threads=num_threads).tolist() == [
        len(ids) for ids in expected
    ]
    listed = tok.encode_batch(documents, num_threads=num_threads)
    assert all(map(np.array_equal, listed, expected))


@pytest.mark.parametrize("num_threads", [1, 3])
def test_random_bytes_may_be_cut_too(tok: Tokenizer, num_threads: int) -> None:
    data = random.Random(11).randbytes(6 * UNIT)
    batch = tok.encode_ragged([b"first", data, b"last"], num_threads=num_threads)
    assert np.array_equal(batch[1], tok.encode(data))


@pytest.mark.parametrize("num_threads", [1, 3])
def test_a_surrogate_in_a_piece_is_told_by_its_place(tok: Tokenizer, num_threads: int) -> None:
    text = PROSE * 20_000
    place = len(text) - 100
    broken = text[:place] + "\udc80" + text[place:]
    with pytest.raises(UnicodeEncodeError) as caught:
        tok.encode_ragged(["fine", broken, "\ud800"], num_threads=num_threads)
    assert caught.value.start == place
    assert "document 1" in caught.value.__notes__[0]
