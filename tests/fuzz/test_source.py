"""Inputs of the fuzz targets are read from both ends, whatever is in them."""

from hypothesis import given
from hypothesis import strategies as st

from fuzz import vocabularies
from fuzz.source import Source, pack


@given(st.binary(max_size=20), st.lists(st.integers(0, 255), max_size=10))
def test_choices_come_from_the_back_and_the_text_from_the_front(
    text: bytes, choices: list[int]
) -> None:
    source = Source(pack(text, *choices))
    assert [source.choice(256) for _ in choices] == choices
    assert source.take(3) == text[:3]
    assert source.rest() == text[3:]


@given(st.binary(max_size=6), st.integers(1, 256))
def test_where_nothing_is_left_choices_are_0_and_texts_empty(data: bytes, count: int) -> None:
    source = Source(data)
    assert all(source.choice(count) < count for _ in data)
    assert (source.choice(count), source.wide_choice(60_000), source.flag()) == (0, 0, False)
    assert source.take(1) == source.rest() == b""


@given(st.binary(max_size=40), st.binary(max_size=300))
def test_pieces_are_the_whole(data: bytes, text: bytes) -> None:
    pieces = Source(data).cuts(text)
    assert b"".join(pieces) == text
    assert 1 <= len(pieces) <= 9


def test_inputs_can_make_every_id() -> None:
    subject = vocabularies.bundled()
    numbers = bytes(byte for i in range(1 << 16) for byte in (255, *i.to_bytes(2)))
    assert {*subject.ids_of(numbers)} == {*subject.ids}
    numbers = bytes(byte for i in range(1 << 16) for byte in (159, *i.to_bytes(2)))
    assert subject.ids_of(numbers) == [*range(1 << 16)]
