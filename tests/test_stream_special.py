"""Special tokens in a text that comes in pieces."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import ReferenceTokenizer
from strategies import byte_strings, texts

from rwkv_tok import Tokenizer
from rwkv_tok._stream_encode import StreamEncoder

SINGLE_BYTES = {byte + 1: bytes([byte]) for byte in range(256)}
# One begins with another, one ends as others begin, one has characters of several bytes.
SPECIAL = {"<|a|>": 65530, "<|a|><|": 65531, "|><|b|>": 65532, "<|é🙂|>": 65533, "\n\n": 65534}


@pytest.fixture(scope="module")
def special_tok(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


def encode_special(
    oracle: ReferenceTokenizer, data: bytes, special: Mapping[bytes, int]
) -> list[int]:
    """The ids of a text: each special token where it begins first, the longest of them there."""
    ids: list[int] = []
    plain = here = 0
    while here < len(data):
        found = max((text for text in special if data.startswith(text, here)), key=len, default=b"")
        if not found:
            here += 1
            continue
        ids += [*oracle.encode(data[plain:here]), special[found]]
        plain = here = here + len(found)
    return ids + oracle.encode(data[plain:])


def texts_with_special() -> st.SearchStrategy[bytes]:
    whole = st.sampled_from([text.encode() for text in SPECIAL])
    part = st.tuples(whole, st.integers(0, 9), st.integers(1, 9)).map(lambda t: t[0][t[1] : t[2]])
    piece = st.one_of(whole, part, texts(3).map(str.encode), byte_strings(max_pieces=2))
    return st.lists(piece, max_size=8).map(b"".join)


def feed_checked(
    encoder: StreamEncoder, tokens: dict[int, bytes], parts: list[bytes], most: int
) -> list[int]:
    """The joined ids of all pieces; at every moment at most so many bytes are held back."""
    ids: list[int] = []
    held = 0
    for part in parts:
        fed = encoder.feed(part).tolist()
        held += len(part) - sum(len(tokens[token_id]) for token_id in fed)
        assert 0 <= held <= most
        ids += fed
    return ids + encoder.flush().tolist()


@given(
    data=texts_with_special(),
    places=st.lists(st.integers(0, 80)),
    names=st.one_of(st.just(sorted(SPECIAL)), st.lists(st.sampled_from(sorted(SPECIAL)))),
)
def test_a_special_token_is_found_wherever_the_text_is_cut(
    special_tok: Tokenizer,
    reference: ReferenceTokenizer,
    tokens: dict[int, bytes],
    data: bytes,
    places: list[int],
    names: list[str],
) -> None:
    special = {name.encode(): SPECIAL[name] for name in names}
    known = tokens | {token_id: text for text, token_id in special.items()}
    most = reference.longest - 1 + max(map(len, special), default=1) - 1
    expected = encode_special(reference, data, special)
    assert special_tok.encode(data, allowed_special=names).tolist() == expected
    bounds = [0, *sorted(places), max([len(data), *places])]
    for parts in (
        [data[start:end] for start, end in itertools.pairwise(bounds)],
        [bytes([byte]) for byte in data],
    ):
        encoder = special_tok.stream_encoder(allowed_special=names)
        assert feed_checked(encoder, known, parts, most) == expected


def test_without_leave_the_text_of_a_special_token_is_plain(
    special_tok: Tokenizer, tok: Tokenizer
) -> None:
    encoder = special_tok.stream_encoder()
    fed = [encoder.feed(character) for character in "<|a|><|"] + [encoder.flush()]
    assert [i for ids in fed for i in ids] == tok.encode("<|a|><|").tolist()


def test_what_is_no_special_token_is_refused_at_once(special_tok: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"no special token '<\|c\|>'"):
        special_tok.stream_encoder(allowed_special={"<|c|>"})


def test_a_special_token_comes_out_when_no_longer_one_can_come_of_it(
    special_tok: Tokenizer,
) -> None:
    encoder = special_tok.stream_encoder(allowed_special="all")
    assert [encoder.feed(c).tolist() for c in "<|a|>"] == [[], [], [], [], []]
    assert encoder.feed("x")[0] == 65530
    encoder.reset()
    assert [encoder.feed(c).tolist() for c in "<|a|><|"] == [[]] * 6 + [[65531]]


def test_the_ordinary_text_before_a_special_token_does_not_wait_for_its_end(
    special_tok: Tokenizer,
) -> None:
    encoder = special_tok.stream_encoder(allowed_special="all")
    assert encoder.feed("Hello world.<|a|>").tolist() == special_tok.encode("Hello world.").tolist()


def test_a_copy_holds_back_the_beginning_of_a_special_token(special_tok: Tokenizer) -> None:
    encoder = special_tok.stream_encoder(allowed_special={"<|a|>"})
    assert encoder.feed("<|a").tolist() == []
    twin = encoder.copy()
    assert twin.feed("|>").tolist() == [65530]
    assert encoder.flush().tolist() == special_tok.encode("<|a").tolist()


@pytest.mark.parametrize("size", [11, 1000, 8192, 30_000])
@pytest.mark.parametrize("begin", ["", "x" * 1020, "\n" * 5])
def test_the_longest_tokens_of_both_kinds(size: int, begin: str) -> None:
    tokens = SINGLE_BYTES | {300: b"x" * 1024, 301: b"x" * 1023 + b"y"}
    special = {"y" * 1024: 400, "y" * 1023 + "z": 401, "yx": 402}
    by_bytes = {text.encode(): token_id for text, token_id in special.items()}
    made = Tokenizer.from_tokens(tokens).with_special_tokens(special)
    data = (begin + ("x" * 1023 + "y" * 1023) * 3 + "z" + "y" * 1024 + "x" * 2047).encode()
    oracle = ReferenceTokenizer(tokens)
    expected = encode_special(oracle, data, by_bytes)
    known = tokens | {token_id: text for text, token_id in by_bytes.items()}
    encoder = made.stream_encoder(allowed_special="all")
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    assert feed_checked(encoder, known, parts, 1023 + 1023) == expected


# All continuations are tried: few letters, and tokens of few bytes.
LETTERS = b"ab"
LONGEST = 3
FOLLOWING = [
    bytes(letters)
    for length in range(2 * LONGEST)
    for letters in itertools.product(LETTERS, repeat=length)
]


def letter_strings(min_size: int, max_size: int) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(LETTERS), min_size=min_size, max_size=max_size).map(bytes)


@settings(max_examples=50)
@given(
    longer=st.sets(letter_strings(2, LONGEST), max_size=5),
    names=st.sets(letter_strings(1, LONGEST), min_size=1, max_size=3),
    text=letter_strings(1, 8),
)
def test_no_id_comes_out_that_something_could_change(
    longer: set[bytes], names: set[bytes], text: bytes
) -> None:
    for ids, certain in fed_and_certain(longer, names, text):
        assert ids == certain[: len(ids)]


@settings(max_examples=50)
@given(
    longer=st.sets(letter_strings(2, LONGEST), max_size=5),
    names=st.sets(letter_strings(1, LONGEST), min_size=1, max_size=3),
    text=letter_strings(1, 8),
)
@example(longer={b"bb"}, names={b"a", b"ab"}, text=b"ba")
def test_an_id_comes_out_as_soon_as_nothing_can_change_it(
    longer: set[bytes], names: set[bytes], text: bytes
) -> None:
    # A token that contains a special one is waited for although it cannot come.
    others = {token for token in longer if not any(name in token for name in names)}
    for ids, certain in fed_and_certain(others, names, text):
        assert ids == certain


def fed_and_certain(
    longer: set[bytes], names: set[bytes], text: bytes
) -> list[tuple[list[int], list[int]]]:
    """For each beginning of a text: the ids that came out, and those that nothing can change."""
    tokens = SINGLE_BYTES | dict(enumerate(sorted(longer), 300))
    special = {name: number for number, name in enumerate(sorted(names), 400)}
    oracle = ReferenceTokenizer(tokens)
    made = Tokenizer.from_tokens(tokens).with_special_tokens(
        {name.decode(): token_id for name, token_id in special.items()}
    )
    encoder = made.stream_encoder(allowed_special="all")
    found: list[tuple[list[int], list[int]]] = []
    ids: list[int] = []
    for end in range(1, len(text) + 1):
        ids = ids + encoder.feed(text[end - 1 : end]).tolist()
        futures = [encode_special(oracle, text[:end] + rest, special) for rest in FOLLOWING]
        columns = itertools.takewhile(lambda c: len(set(c)) == 1, zip(*futures, strict=False))
        found.append((ids, [column[0] for column in columns]))
    return found
