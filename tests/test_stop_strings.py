"""StopStrings: a text that comes in pieces ends before the first stop string."""

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok import StopStrings, Tokenizer

# Few letters, so that stop strings nest, overlap and repeat themselves.
LETTERS = "ab🙂"
STOPS = st.lists(st.text(LETTERS, min_size=1, max_size=5), max_size=5)
TEXTS = st.text(LETTERS, max_size=30)
PIECES = st.lists(st.text(LETTERS, max_size=6), max_size=12)


def expected(strings: list[str], text: str) -> tuple[str, str | None]:
    """What comes before the first stop string to be complete, the longest of those, and it."""
    for end in range(1, len(text) + 1):
        complete = [string for string in strings if text[:end].endswith(string)]
        if complete:
            found = max(complete, key=len)
            return text[: end - len(found)], found
    return text, None


def may_become(strings: list[str], text: str) -> int:
    """How many characters at the end of a text may belong to a stop string to come."""
    return max(
        (
            length
            for string in strings
            for length in range(1, len(string))
            if text.endswith(string[:length])
        ),
        default=0,
    )


def cut(text: str, places: list[int]) -> list[str]:
    bounds = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@given(strings=STOPS, pieces=PIECES)
def test_the_text_ends_before_the_first_that_is_complete(
    strings: list[str], pieces: list[str]
) -> None:
    stop = StopStrings(strings)
    text = "".join([*map(stop.feed, pieces), stop.flush()])
    assert (text, stop.found) == expected(strings, "".join(pieces))


@given(strings=STOPS, text=TEXTS, cuttings=st.lists(st.lists(st.integers(0, 30)), max_size=4))
def test_how_the_text_is_cut_changes_nothing(
    strings: list[str], text: str, cuttings: list[list[int]]
) -> None:
    stop = StopStrings(strings)
    whole = stop.feed(text) + stop.flush(), stop.found
    for parts in [list(text), *(cut(text, places) for places in cuttings)]:
        stop.reset()
        assert ("".join(map(stop.feed, parts)) + stop.flush(), stop.found) == whole


@given(strings=STOPS, text=TEXTS)
def test_no_more_is_held_back_than_may_become_a_stop_string(strings: list[str], text: str) -> None:
    stop = StopStrings(strings)
    shown = ""
    for end in range(1, len(text) + 1):
        shown += stop.feed(text[end - 1 : end])
        if stop.found is not None:
            break
        held = may_become(strings, text[:end])
        assert shown == text[: end - held]


@given(strings=STOPS, pieces=PIECES, more=PIECES)
def test_after_a_stop_string_nothing_comes_any_more(
    strings: list[str], pieces: list[str], more: list[str]
) -> None:
    stop = StopStrings(strings)
    stop.feed("".join(pieces) + "".join(strings[:1]))
    found = stop.found
    assert (found is None) == (not strings)
    if strings:
        assert [stop.feed(piece) for piece in more] == [""] * len(more)
        assert (stop.flush(), stop.found) == ("", found)


@pytest.mark.parametrize(
    ("strings", "pieces", "shown", "found"),
    [
        (["b", "ab"], ["xab"], ["x"], "ab"),  # the longest that ends there
        (["abcd", "bc"], ["abcd"], ["a"], "bc"),  # complete first, though it begins later
        (["abcd", "bc"], ["a", "b", "c", "d"], ["", "", "a", ""], "bc"),
        (["aab"], ["aa", "aa", "b"], ["", "aa", ""], "aab"),
        (["ab", "ac"], ["a", "b"], ["", ""], "ab"),
        (["ab"], ["a", "c"], ["", "ac"], None),
        ([], ["a", "", "b"], ["a", "", "b"], None),
        (["\x00", "\ud800"], ["a\udfff", "\ud800"], ["a\udfff", ""], "\ud800"),
        (["e\u0301"], ["\u00e9e", "\u0301"], ["\u00e9", ""], "e\u0301"),  # no normalization
    ],
)
def test_what_comes_out_of_each_piece(
    strings: list[str], pieces: list[str], shown: list[str], found: str | None
) -> None:
    stop = StopStrings(strings)
    assert [stop.feed(piece) for piece in pieces] == shown
    assert stop.found == found


def test_the_strings_are_given_once_and_the_longest_first() -> None:
    assert StopStrings(["b", "abc", "ab", "b"]).strings == ("abc", "ab", "b")
    assert StopStrings(iter(["a", "bb"])).strings == ("bb", "a")
    assert StopStrings({}).strings == ()


def test_flush_gives_what_was_held_back_once() -> None:
    stop = StopStrings(["abc"])
    assert (stop.feed("xab"), stop.flush(), stop.flush()) == ("x", "ab", "")
    assert (stop.feed("c"), stop.found) == ("c", None)


def test_reset_begins_a_new_text() -> None:
    stop = StopStrings(["abc"])
    stop.feed("ab")
    stop.reset()
    assert (stop.feed("c"), stop.found) == ("c", None)
    stop.feed("abc")
    stop.reset()
    assert (stop.found, stop.feed("x"), stop.feed("abc"), stop.found) == (None, "x", "", "abc")


@pytest.mark.parametrize("again", [StopStrings.copy, copy.copy, copy.deepcopy])
def test_a_copy_goes_on_by_itself(again: Callable[[StopStrings], StopStrings]) -> None:
    stop = StopStrings(["abc"])
    stop.feed("xab")
    twin = again(stop)
    assert (twin.feed("c"), twin.found, twin.strings) == ("", "abc", ("abc",))
    assert (stop.found, stop.feed("d")) == (None, "abd")
    assert again(twin).found == "abc"


@pytest.mark.parametrize("wrong", ["abc", "", None, 5, [b"a"], [None], ["a", 1], b"abc"])
def test_what_are_no_strings_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        StopStrings(wrong)


def test_an_empty_stop_string_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        StopStrings(["a", ""])


@pytest.mark.parametrize("wrong", [None, 5, b"c", ["c"]])
def test_a_piece_that_is_no_str_is_a_type_error_and_changes_nothing(wrong: Any) -> None:
    stop = StopStrings(["abc"])
    stop.feed("ab")
    with pytest.raises(TypeError):
        stop.feed(wrong)
    assert (stop.feed("c"), stop.found) == ("", "abc")


@pytest.mark.parametrize("wrong", [None, 5, b"c", ["c"]])
def test_a_piece_that_is_no_str_is_a_type_error_after_the_end_too(wrong: Any) -> None:
    stop = StopStrings(["abc"])
    stop.feed("abc")
    with pytest.raises(TypeError):
        stop.feed(wrong)


class Deceiver(str):
    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def find(self, *_: object) -> int:  # type: ignore[override]
        return 0

    def __getitem__(self, _: object) -> str:  # type: ignore[override]
        return "?"

    def __radd__(self, other: str) -> str:
        return "?"


def test_a_subclass_of_str_counts_for_its_characters() -> None:
    stop = StopStrings([Deceiver("abc"), "c"])
    assert [stop.feed("ab"), stop.feed("c"), stop.found] == ["", "", "abc"]
    stop = StopStrings(["abc"])
    assert [stop.feed(Deceiver("xab")), stop.feed("c"), stop.found] == ["x", "", "abc"]


def pieces_of(tok: Tokenizer, text: str) -> Iterator[str]:
    """What a stream decoder gives for each id of a text, as a model would yield them."""
    decoder = tok.stream_decoder()
    yield from map(decoder.feed, tok.encode(text))
    yield decoder.flush()


@given(strings=st.lists(st.text("\n é好🙂<|a", min_size=1, max_size=4), max_size=4), data=st.data())
def test_together_with_a_stream_decoder(
    tok: Tokenizer, strings: list[str], data: st.DataObject
) -> None:
    parts = st.one_of(st.text("\n é好🙂<|a", max_size=5), st.sampled_from(strings or [""]))
    text = "".join(data.draw(st.lists(parts, max_size=6)))
    stop = StopStrings(strings)
    shown = "".join([*map(stop.feed, pieces_of(tok, text)), stop.flush()])
    assert (shown, stop.found) == expected(strings, text)


def test_a_stop_string_may_end_within_a_token(tok: Tokenizer) -> None:
    stop = StopStrings(["\n\nUs"])
    text = "Hello world.\n\nUser: and so on"
    assert "".join(map(stop.feed, pieces_of(tok, text))) == "Hello world."
    assert stop.found == "\n\nUs"


def test_a_special_token_may_be_a_stop_string(tok: Tokenizer) -> None:
    special = tok.with_special_tokens({"<|end|>": 65530})
    decoder = special.stream_decoder()
    stop = StopStrings(["<|end|>"])
    ids = [*special.encode("Hello<|end|>world", allowed_special="all"), 98]
    assert [stop.feed(decoder.feed(token_id)) for token_id in ids][:2] == ["Hello", ""]
    assert (stop.found, stop.flush()) == ("<|end|>", "")
