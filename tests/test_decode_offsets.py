"""decode_with_offsets: where what each id decodes to lies in the text."""

import array
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import characters_of_bytes
from strategies import small_vocabularies, texts

from rwkv_tok import TokenIdError, Tokenizer

Errors = Literal["replace", "ignore"]

REPLACEMENT = "\ufffd".encode()
SPECIAL = {"<|im_end|>": 65531, "é": 65533, "🙂\n": 65534}

# More than the 2**18 ids that are done between two looks at the signals.
LONG = 3 * 2**18

ERRORS: list[Errors] = ["replace", "ignore"]
NO_TOKENS = [-1, 65530, 65535, 65536 + 97, 2**63, -(2**70)]

policies = pytest.mark.parametrize("errors", ERRORS)
skips_special = pytest.mark.parametrize("skip", [False, True], ids=["with special", "without"])


@pytest.fixture(scope="module")
def special(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


def characters_in_bytes() -> st.SearchStrategy[list[int]]:
    """The ids of a character's bytes, or of some of them, with something between them or not."""
    between = st.sampled_from([[], [], [], [0], [0, 0], [65531], [65530], [257]])
    gaps = st.lists(between, min_size=4, max_size=4)
    characters = st.sampled_from(["a", "é", "中", "🙂", "\ufffd", "\U0010ffff"]).map(str.encode)
    return st.tuples(characters, gaps, st.integers(0, 3)).map(
        lambda drawn: [
            token_id
            for byte, gap in list(zip(drawn[0], drawn[1], strict=False))[: 4 - drawn[2]]
            for token_id in (byte + 1, *gap)
        ]
    )


def id_lists(*others: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    """Ids, those of single bytes more often than chance would have it, id 0, and others."""
    one = st.one_of(st.integers(0, 256), st.integers(0, 65529), *others)
    parts = st.one_of(one.map(lambda token_id: [token_id]), characters_in_bytes())
    return st.lists(parts, max_size=12).map(lambda lists: [i for ids in lists for i in ids])


def expected_offsets(parts: Iterable[bytes], errors: Errors) -> list[tuple[int, int]]:
    """The characters that the bytes of each part are in, found byte by byte."""
    pieces = list(parts)
    character_of_byte = characters_of_bytes(b"".join(pieces), errors)
    ranges = []
    begin = 0
    for piece in pieces:
        end = begin + len(piece)
        covered = [index for index in character_of_byte[begin:end] if index is not None]
        if covered:
            ranges.append((covered[0], covered[-1] + 1))
        else:
            # An empty place: after the characters that begin before it.
            place = len({index for index in character_of_byte[:begin] if index is not None})
            ranges.append((place, place))
        begin = end
    return ranges


def assert_decoded(
    decoded: tuple[str, np.ndarray], parts: Iterable[bytes], errors: Errors = "replace"
) -> None:
    """The text and the offsets are those of ids that stand for these bytes."""
    text, offsets = decoded
    pieces = list(parts)
    assert text == b"".join(pieces).decode(errors=errors)
    assert (offsets.dtype, offsets.shape) == (np.int64, (len(pieces), 2))
    assert [tuple(row) for row in offsets.tolist()] == expected_offsets(pieces, errors)


@policies
@given(ids=id_lists())
def test_offsets_are_those_of_the_bytes_one_by_one(
    tok: Tokenizer, tokens: dict[int, bytes], ids: list[int], errors: Errors
) -> None:
    known = [token_id for token_id in ids if token_id == 0 or token_id in tokens]
    parts = [tokens.get(token_id, b"") for token_id in known]
    assert_decoded(tok.decode_with_offsets(known, errors=errors), parts, errors)


@pytest.mark.parametrize(("unknown", "stands"), [("skip", b""), ("replace", REPLACEMENT)])
@given(ids=id_lists(st.sampled_from(NO_TOKENS)), errors=st.sampled_from(ERRORS))
def test_ids_without_a_token_stand_for_what_the_policy_says(
    tok: Tokenizer,
    tokens: dict[int, bytes],
    ids: list[int],
    errors: Errors,
    unknown: Any,
    stands: bytes,
) -> None:
    parts = [b"" if i == 0 else tokens.get(i, stands) for i in ids]
    decoded = tok.decode_with_offsets(ids, errors=errors, unknown=unknown)
    assert_decoded(decoded, parts, errors)


@skips_special
@given(ids=id_lists(st.sampled_from(sorted(SPECIAL.values()))), errors=st.sampled_from(ERRORS))
def test_special_tokens_have_their_place_or_none(
    special: Tokenizer, tokens: dict[int, bytes], ids: list[int], errors: Errors, skip: bool
) -> None:
    shown = {} if skip else {token_id: text.encode() for text, token_id in SPECIAL.items()}
    parts = [shown.get(i, tokens.get(i, b"")) for i in ids]
    decoded = special.decode_with_offsets(
        ids, errors=errors, unknown="skip", skip_special_tokens=skip
    )
    assert_decoded(decoded, parts, errors)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except UnicodeDecodeError as error:
        return error.args


@given(
    id_lists(st.sampled_from([*SPECIAL.values(), 65530, -1])),
    st.fixed_dictionaries(
        {
            "errors": st.sampled_from(["strict", "replace", "ignore"]),
            "unknown": st.sampled_from(["skip", "replace"]),
            "skip_special_tokens": st.booleans(),
        }
    ),
)
def test_the_text_is_what_decode_returns_or_raises(
    special: Tokenizer, ids: list[int], options: Any
) -> None:
    expected = outcome(lambda: special.decode(ids, **options))
    assert outcome(lambda: special.decode_with_offsets(ids, **options)[0]) == expected


def test_strict_refuses_what_is_not_valid(tok: Tokenizer) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        tok.decode_with_offsets([98, 0, 3319, 98], errors="strict")
    assert (caught.value.start, caught.value.end) == (1, 3)


@policies
@given(ids=id_lists())
def test_the_offsets_ascend_and_leave_no_gap(
    tok: Tokenizer, ids: list[int], errors: Errors
) -> None:
    text, offsets = tok.decode_with_offsets(ids, errors=errors, unknown="skip")
    assert (np.diff(offsets[:, 1]) >= 0).all()
    shown = offsets[offsets[:, 0] < offsets[:, 1]]
    assert (np.diff(shown[:, 0]) >= 0).all()
    covered = {i for begin, end in shown.tolist() for i in range(begin, end)}
    assert covered == set(range(len(text)))


@given(texts())
def test_a_text_that_was_encoded_has_the_same_offsets_again(tok: Tokenizer, text: str) -> None:
    ids, offsets = tok.encode_with_offsets(text)
    decoded, again = tok.decode_with_offsets(ids, errors="strict")
    assert decoded == text
    assert again.tolist() == offsets.tolist()


@settings(max_examples=40)  # to make a vocabulary takes long
@given(small_vocabularies(), texts())
def test_so_it_has_with_tokens_that_cut_characters(vocabulary: dict[int, bytes], text: str) -> None:
    tok = Tokenizer.from_tokens(vocabulary)
    ids, offsets = tok.encode_with_offsets(text)
    decoded, again = tok.decode_with_offsets(ids)
    assert decoded == text
    assert again.tolist() == offsets.tolist()


# Known answers


@pytest.mark.parametrize(
    ("data", "replaced", "ignored"),
    [
        (b"a\xffb", [[0, 1], [1, 2], [2, 3]], [[0, 1], [1, 1], [1, 2]]),
        # As much of a character as there is, is one U+FFFD.
        (b"\xe3\x81a", [[0, 1], [0, 1], [1, 2]], [[0, 0], [0, 0], [0, 1]]),
        (b"\xf0\x9f\x99", [[0, 1]] * 3, [[0, 0]] * 3),
        # A surrogate, a form that is too long and what is beyond U+10FFFF are not even begun.
        (b"\xed\xa0\x80", [[0, 1], [1, 2], [2, 3]], [[0, 0]] * 3),
        (b"\xe0\x80a", [[0, 1], [1, 2], [2, 3]], [[0, 0], [0, 0], [0, 1]]),
        (b"\xf4\x90", [[0, 1], [1, 2]], [[0, 0]] * 2),
        (b"\xc0\x80", [[0, 1], [1, 2]], [[0, 0]] * 2),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else "",
)
def test_what_is_not_valid_is_cut_as_python_cuts_it(
    tok: Tokenizer, data: bytes, replaced: list[list[int]], ignored: list[list[int]]
) -> None:
    ids = [byte + 1 for byte in data]
    assert tok.decode_with_offsets(ids)[1].tolist() == replaced
    assert tok.decode_with_offsets(ids, errors="ignore")[1].tolist() == ignored


def test_an_id_without_text_in_a_character_has_an_empty_place_after_it(tok: Tokenizer) -> None:
    text, offsets = tok.decode_with_offsets([98, 3319, 0, 2417, 0])
    assert text == "a🙂"
    assert offsets.tolist() == [[0, 1], [1, 2], [2, 2], [1, 2], [2, 2]]


# Large inputs


@policies
@pytest.mark.parametrize("dtype", [np.uint16, np.int64])
@pytest.mark.parametrize("shift", range(5))
def test_a_character_may_lie_across_what_is_done_at_a_time(
    tok: Tokenizer, shift: int, dtype: Any, errors: Errors
) -> None:
    # Four ids a character, and a fifth that is no part of one.
    turn_ids = [byte + 1 for byte in b"\xf0\x9f\x99\x82\xff"]
    ids = np.concatenate([[98] * shift, np.tile(turn_ids, 160_000)]).astype(dtype)
    assert len(ids) > LONG
    text, offsets = tok.decode_with_offsets(ids, errors=errors)
    turn = "🙂" if errors == "ignore" else "🙂\ufffd"
    assert text == "a" * shift + turn * 160_000
    assert offsets[:shift].tolist() == [[i, i + 1] for i in range(shift)]
    within = np.array([[0, 1]] * 4 + [[1, len(turn)]])
    starts = shift + len(turn) * np.arange(160_000)
    assert np.array_equal(offsets[shift:].reshape(-1, 5, 2), starts[:, None, None] + within)


# Ids, and what is refused

FORMS: dict[str, Callable[[list[int]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "array": lambda ids: array.array("H", ids),
    "strided": lambda ids: np.repeat(np.array(ids, np.uint16), 3)[::3],
    "backwards": lambda ids: np.array(ids[::-1], np.int64)[::-1],
    "read-only": lambda ids: np.frombuffer(np.array(ids, np.uint16).tobytes(), np.uint16),
    "unaligned": lambda ids: np.frombuffer(
        b"." + np.array(ids, np.uint16).tobytes(), np.uint16, offset=1
    ),
    "objects": lambda ids: np.array(ids, object),
}


@skips_special
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_ids_is_read(special: Tokenizer, form: str, skip: bool) -> None:
    text, offsets = special.decode_with_offsets(
        FORMS[form]([98, 3319, 2417]), skip_special_tokens=skip
    )
    assert (text, offsets.tolist()) == ("a🙂", [[0, 1], [1, 2], [1, 2]])


@skips_special
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_integer_dtype_is_read(special: Tokenizer, code: str, order: str, skip: bool) -> None:
    ids = np.array([98, 0, 99, 100], order + code)
    text, offsets = special.decode_with_offsets(ids, skip_special_tokens=skip)
    assert (text, offsets.tolist()) == ("abc", [[0, 1], [1, 1], [1, 2], [2, 3]])
    assert ids.tolist() == [98, 0, 99, 100]


def test_the_callers_ids_stay_as_they_were(special: Tokenizer) -> None:
    ids = np.array([98, 65531, 99], np.uint16)
    assert special.decode_with_offsets(ids, skip_special_tokens=True)[0] == "ab"
    assert ids.tolist() == [98, 65531, 99]


@pytest.mark.parametrize("empty", [[], np.empty(0, np.uint16), np.array([]), range(0)], ids=repr)
def test_no_ids_have_no_offsets(tok: Tokenizer, empty: Any) -> None:
    text, offsets = tok.decode_with_offsets(empty)
    assert (text, offsets.shape, offsets.dtype) == ("", (0, 2), np.int64)


@skips_special
@pytest.mark.parametrize("wrong", [-1, 65530, 65536 + 97, 2**63, 2**64 + 98])
def test_an_id_without_a_token_is_named_with_its_position(
    special: Tokenizer, wrong: int, skip: bool
) -> None:
    with pytest.raises(TokenIdError) as caught:
        special.decode_with_offsets([98, 65531, wrong, 65535], skip_special_tokens=skip)
    assert (caught.value.id, caught.value.position) == (wrong, 2)


@pytest.mark.parametrize("wrong", [98, "ab", b"ab", [98.0], [True], [[98]], None], ids=repr)
def test_what_is_no_sequence_of_integers_is_a_type_error(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(TypeError):
        tok.decode_with_offsets(wrong)


@pytest.mark.parametrize("options", [{"errors": "surrogateescape"}, {"unknown": "ignore"}], ids=str)
def test_another_policy_is_refused(tok: Tokenizer, options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        tok.decode_with_offsets([], **options)
