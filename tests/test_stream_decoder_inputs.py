"""What a stream decoder takes: single ids and many of them, and what it refuses."""

import enum
from typing import Any

import numpy as np
import pytest

from rwkv_tok import TokenIdError, Tokenizer

UNASSIGNED = list(range(65530, 65536))
NO_IDS = [-1, -65438, 65536, 65536 + 98, 2**31, 2**32 + 98, 2**63 - 1, 2**63, 2**64 + 98, -(2**70)]


@pytest.mark.parametrize("form", ["single", "list"])
@pytest.mark.parametrize("wrong", [*NO_IDS, *UNASSIGNED])
def test_after_an_id_without_a_token_nothing_was_taken(
    tok: Tokenizer, wrong: int, form: str
) -> None:
    decoder = tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    with pytest.raises(TokenIdError) as caught:
        decoder.feed(wrong if form == "single" else [98, 3319, wrong])
    assert caught.value.id == wrong
    assert caught.value.position == (None if form == "single" else 2)
    assert decoder.feed(2417) == "🙂"


@pytest.mark.parametrize("wrong", [*NO_IDS, *UNASSIGNED])
def test_an_id_without_a_token_can_be_skipped_or_replaced(tok: Tokenizer, wrong: int) -> None:
    skipping = tok.stream_decoder(unknown="skip")
    assert [skipping.feed(i) for i in [3319, wrong, [wrong], 2417]] == ["", "", "", "🙂"]
    replacing = tok.stream_decoder(unknown="replace", errors="strict")
    assert (replacing.feed(wrong), replacing.feed([98, wrong])) == ("\ufffd", "a\ufffd")


class Id(int):
    pass


class Letter(enum.IntEnum):
    A = 98


class Index:
    def __index__(self) -> int:
        return 98


@pytest.mark.parametrize(
    "single",
    [98, Id(98), Letter.A, Index(), np.uint8(98), np.int16(98), np.uint64(98), np.array(98)],
    ids=lambda single: type(single).__name__,
)
def test_a_single_id_may_be_any_integer(tok: Tokenizer, single: Any) -> None:
    assert tok.stream_decoder().feed(single) == "a"


WRONG = [True, 98.0, "a", "ab", b"ab", bytearray(b"ab"), None, 98j, object(), [98, True], [98.0]]
WRONG += ["", [None], ["a"], [[98]], np.True_, np.float32(98), np.array(98.0), np.array(True)]
WRONG += [np.array([98.0]), np.array([True]), np.array(["a"]), np.str_("a"), int]


@pytest.mark.parametrize("index", range(len(WRONG)))
def test_what_is_no_integer_is_a_type_error_and_changes_nothing(tok: Tokenizer, index: int) -> None:
    decoder = tok.stream_decoder(unknown="skip")
    decoder.feed(3319)
    with pytest.raises(TypeError):
        decoder.feed(WRONG[index])
    assert decoder.feed(2417) == "🙂"


@pytest.mark.parametrize("wrong", [1.0, None, np.True_, np.float32(1), len], ids=repr)
def test_what_is_neither_an_id_nor_a_sequence_is_called_so(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected an id or a sequence of ids, not"):
        tok.stream_decoder().feed(wrong)


def test_a_matrix_is_a_value_error(tok: Tokenizer) -> None:
    with pytest.raises(ValueError, match="1-D"):
        tok.stream_decoder().feed(np.full((2, 2), 98))


def test_a_subclass_of_arrays_cannot_make_another_array_of_its_copy(tok: Tokenizer) -> None:
    class Forgetful(np.ndarray):
        def copy(self, *_: Any) -> np.ndarray:  # type: ignore[override]
            return np.zeros(1, np.uint16)

    ids = np.array([65530, 98], np.uint16).view(Forgetful)
    special = tok.with_special_tokens({"<|end|>": 65530})
    assert special.stream_decoder(skip_special_tokens=True).feed(ids) == "a"
    assert special.decode(ids, skip_special_tokens=True) == "a"


def test_an_id_is_asked_for_its_number_once(tok: Tokenizer) -> None:
    class Counting:
        def __index__(self) -> int:
            return next(numbers)

    numbers = iter([65530, 98])
    with pytest.raises(TokenIdError, match="id 65530 has no token"):
        tok.stream_decoder().feed(Counting())


@pytest.mark.parametrize("wrong", ["surrogateescape", "", "Strict", None, [], 1, True])
def test_another_policy_is_refused(tok: Tokenizer, wrong: Any) -> None:
    with pytest.raises(ValueError, match="errors"):
        tok.stream_decoder(errors=wrong)
    with pytest.raises(ValueError, match="unknown"):
        tok.stream_decoder(unknown=wrong)
