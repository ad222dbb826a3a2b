"""Encoding one text: the right ids, in an array of its own, whatever the length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import byte_strings, small_byte_strings, small_vocabularies, texts

from rwkv_tok import Tokenizer

KNOWN = {
    "": [],
    "Today is a beautiful day. 今天是美好的一天。": [
        *(33520, 4600, 332, 59219, 21509, 47),
        *(33, 10381, 11639, 13091, 15597, 11685, 14734, 10250, 11639, 10080),
    ],
    "\n\n": [261],
    "<s>": [61, 116, 63],
    "🙂": [3319, 2417],
    "\x00": [1],
    b"\x00\x00": [1, 1],
    b"\xff\xff": [256, 256],
}  # fmt: skip

# The kernel has a stack buffer or a window of each of these sizes, in bytes or in characters.
INTERNAL_SIZES = [256, 1024, 2048, 16384]
NEAR = [-4, -3, -2, -1, 0, 1, 2, 3, 4]

# Text whose characters have 1, 2, 3 or 4 bytes, in tokens of several lengths.
SCRIPTS = {
    1: "def f(self):\n        return None  # ======== that is all\n",
    2: "Привет, как дела? Съешь ещё этих мягких французских булок. ",
    3: "今天是美好的一天。日本語のテキストも、한국어 텍스트도 있다.",
    4: "🙂🚀👩‍👩‍👧‍👦🎉 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠮷野家",
}


def assert_encodes(tok: Tokenizer, reference: ReferenceTokenizer, text: str | bytes) -> None:
    """Encode in each of the ways that take one text, and compare with the oracle."""
    expected = reference.encode(text)
    assert tok.encode(text).tolist() == expected
    assert tok.count(text) == len(expected)
    out = np.zeros(len(expected) + 1, np.uint16)
    assert tok.encode_into(text, out) == len(expected)
    assert out.tolist() == [*expected, 0]


@pytest.mark.parametrize(("text", "ids"), KNOWN.items(), ids=str)
def test_known_texts_have_known_ids(tok: Tokenizer, text: str | bytes, ids: list[int]) -> None:
    assert tok.encode(text).tolist() == ids


@given(text=texts())
def test_text_encodes_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, text: str
) -> None:
    assert_encodes(tok, reference, text)


@given(data=byte_strings())
def test_bytes_encode_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, data: bytes
) -> None:
    assert_encodes(tok, reference, data)


@given(data=st.one_of(byte_strings(), texts().map(str.encode)))
def test_the_tokens_of_the_ids_are_the_bytes_again(tok: Tokenizer, data: bytes) -> None:
    ids = tok.encode(data)
    assert 0 not in ids
    assert b"".join(map(tok.token_bytes, ids)) == data


@given(tokens=small_vocabularies(), data=small_byte_strings())
def test_any_vocabulary_encodes_bytes_as_the_oracle_says(
    tokens: dict[int, bytes], data: bytes
) -> None:
    assert_encodes(Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens), data)


@given(tokens=small_vocabularies(), text=st.text("\x00abé\xff", max_size=40))
def test_any_vocabulary_encodes_text_as_the_oracle_says(
    tokens: dict[int, bytes], text: str
) -> None:
    assert_encodes(Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens), text)


@given(data=st.data())
def test_any_vocabulary_encodes_pieces_of_its_tokens_as_the_oracle_says(
    data: st.DataObject,
) -> None:
    tokens = data.draw(small_vocabularies())
    longer = [token for token in tokens.values() if len(token) > 1]
    text = data.draw(byte_strings(longer or tokens.values()))
    assert_encodes(Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens), text)


# The array


@pytest.mark.parametrize("length", [0, 1, 100, 2048, 2049, 100_000])
@pytest.mark.parametrize("char", ["a", "é", "今", "🙂"])
def test_the_result_is_a_writable_array_of_its_own(tok: Tokenizer, char: str, length: int) -> None:
    text = char * length
    for ids in (tok.encode(text), *tok.encode_batch([text])):
        assert type(ids) is np.ndarray
        assert (ids.dtype, ids.ndim) == (np.dtype(np.uint16), 1)
        assert ids.flags.c_contiguous
        assert ids.flags.writeable
        assert ids.flags.owndata
        assert ids.base is None


def test_changing_a_result_changes_no_other(tok: Tokenizer) -> None:
    text = "Hello world " * 300
    expected = tok.encode(text).tolist()
    for changed in (tok.encode(text), *tok.encode_batch([text, text])):
        changed[:] = 0
    assert tok.encode(text).tolist() == expected


# Long texts


@pytest.mark.parametrize("width", SCRIPTS)
@pytest.mark.parametrize("size", INTERNAL_SIZES)
def test_lengths_around_the_internal_sizes_encode_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, width: int, size: int
) -> None:
    long_text = SCRIPTS[width] * (2 + size // len(SCRIPTS[width]))
    by_characters = [long_text[: size + near] for near in NEAR]
    by_bytes = [exactly(size + near, long_text) for near in NEAR]
    for batch in (by_characters, by_bytes, [text.encode() for text in by_bytes]):
        expected = [reference.encode(text) for text in batch]
        assert [tok.encode(text).tolist() for text in batch] == expected
        assert [tok.count(text) for text in batch] == [len(ids) for ids in expected]


def exactly(size: int, text: str) -> str:
    """The longest beginning of the text that has at most so many bytes, filled up with dots."""
    beginning = text.encode()[:size].decode(errors="ignore")
    return beginning + "." * (size - len(beginning.encode()))


@settings(max_examples=25)
@given(start=texts(3), repeated=texts(6).filter(bool))
def test_long_text_encodes_as_the_oracle_says(
    tok: Tokenizer, reference: ReferenceTokenizer, start: str, repeated: str
) -> None:
    text = start + repeated * (20_000 // len(repeated.encode()) + 1)
    assert_encodes(tok, reference, text)


@settings(max_examples=25)
@given(tokens=small_vocabularies(), start=small_byte_strings(5), repeated=small_byte_strings())
def test_long_text_encodes_as_the_oracle_says_with_any_vocabulary(
    tokens: dict[int, bytes], start: bytes, repeated: bytes
) -> None:
    text = (start + repeated * (20_000 // (len(repeated) + 1))).decode("latin-1")
    assert_encodes(Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens), text)


@pytest.mark.parametrize("rest", range(0, 1025, 64))
def test_the_longest_tokens_are_found_wherever_they_lie(
    byte_tokens: dict[int, bytes], rest: int
) -> None:
    # The gaps between the lengths make a match go far beyond the token that it ends with.
    tokens = byte_tokens | {1000 + n: "é".encode() * n for n in (2, 31, 511, 512)}
    tok, reference = Tokenizer.from_tokens(tokens), ReferenceTokenizer(tokens)
    for text in ("é" * (16384 + rest), "x" * rest + "é" * 20_000, "é" * rest + "€" + "é" * 20_000):
        assert tok.encode(text).tolist() == reference.encode(text)


@pytest.mark.parametrize("first", ["é", "今", "🙂"])
@pytest.mark.parametrize("place", [16384, 2 * 16384])
def test_the_longest_token_is_found_at_every_place_around_the_end_of_a_window(
    byte_tokens: dict[int, bytes], first: str, place: int
) -> None:
    tok = Tokenizer.from_tokens(byte_tokens | {1000: b"<longest token>"})
    # The first character decides what the str is made of and so which code reads it.
    for start in range(place - 100, place + 20):
        before = first + "." * (start - len(first.encode()))
        ids_before = np.frombuffer(before.encode(), np.uint8).astype(np.uint16) + 1
        ids = tok.encode(before + "<longest token>" * 2)
        assert np.array_equal(ids, [*ids_before, 1000, 1000])


@pytest.mark.parametrize("width", SCRIPTS)
def test_a_text_of_several_megabytes_encodes_as_its_parts_do(
    tok: Tokenizer, reference: ReferenceTokenizer, width: int
) -> None:
    # NUL has no token but its own, so each part is encoded as if it stood alone.
    part = "\x00" + SCRIPTS[width] * 70 + "\x00"
    repeats = 3_500_000 // len(part.encode())
    expected = np.tile(np.array(reference.encode(part), np.uint16), repeats)
    text = part * repeats
    assert np.array_equal(tok.encode(text), expected)
    assert np.array_equal(tok.encode(text.encode()), expected)
    assert tok.count(text) == len(expected)
