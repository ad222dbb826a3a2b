"""Special tokens in ids that are decoded, in threads, and in training data."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import ReferenceTokenizer

from rwkv_tok import TokenBatch, TokenIdError, Tokenizer, special

SPECIAL = {"<|im_start|>": 65530, "<|im_end|>": 65531, "é": 65535}


@pytest.fixture(scope="module")
def chat(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


@pytest.fixture(scope="module")
def oracle(reference: ReferenceTokenizer) -> ReferenceTokenizer:
    return reference.with_special_tokens(SPECIAL)


def streamed(tok: Tokenizer, ids: list[int], **options: Any) -> str:
    decoder = tok.stream_decoder(**options)
    return "".join(map(decoder.feed, ids)) + decoder.flush()


def streamed_whole(tok: Tokenizer, ids: list[int], **options: Any) -> str:
    decoder = tok.stream_decoder(**options)
    return decoder.feed(ids) + decoder.flush()


FORMS: dict[str, Callable[..., str]] = {
    "decode": lambda tok, ids, **options: tok.decode(ids, **options),
    "decode uint16": lambda tok, ids, **options: tok.decode(np.array(ids, np.uint16), **options),
    "decode_bytes": lambda tok, ids, **options: tok.decode_bytes(ids, **options).decode(
        errors="replace"
    ),
    "decode_with_offsets": lambda tok, ids, **options: tok.decode_with_offsets(ids, **options)[0],
    "decode_batch": lambda tok, ids, **options: tok.decode_batch([[98], ids], **options)[1],
    "decode_batch of a TokenBatch": lambda tok, ids, **options: tok.decode_batch(
        TokenBatch(np.array([98, *ids], np.uint16), np.array([0, 1, 1 + len(ids)])), **options
    )[1],
    "decode_bytes_batch": lambda tok, ids, **options: tok.decode_bytes_batch([ids], **options)[
        0
    ].decode(errors="replace"),
    "stream_decoder": streamed,
    "stream_decoder of all at once": streamed_whole,
}

forms = pytest.mark.parametrize("form", FORMS)
ids_of_all_kinds = st.lists(
    st.one_of(st.sampled_from(list(SPECIAL.values())), st.integers(0, 256), st.integers(0, 65529))
)


@forms
@given(ids=ids_of_all_kinds)
def test_special_tokens_decode_to_their_texts_or_to_nothing(
    chat: Tokenizer, oracle: ReferenceTokenizer, form: str, ids: list[int]
) -> None:
    known = [i for i in ids if i in chat]
    ordinary = [i for i in known if i not in SPECIAL.values()]
    decode = FORMS[form]
    # An id without a token in the bundled vocabulary is none of those that are drawn but 0.
    assert decode(chat, ids) == oracle.decode_bytes(known).decode(errors="replace")
    skipped = decode(chat, ids, skip_special_tokens=True)
    assert skipped == oracle.decode_bytes(ordinary).decode(errors="replace")


@given(st.text())
def test_an_encoded_text_decodes_to_itself(chat: Tokenizer, text: str) -> None:
    whole = f"<|im_start|>{text}é<|im_end|>"
    assert chat.decode(chat.encode(whole, allowed_special="all"), errors="strict") == whole


@forms
@pytest.mark.parametrize("skip", [False, True])
def test_errors_name_the_position_among_all_ids(chat: Tokenizer, form: str, skip: bool) -> None:
    with pytest.raises(TokenIdError) as caught:
        FORMS[form](chat, [65530, 98, 65531, 65533, 65534], skip_special_tokens=skip)
    assert caught.value.id == 65533
    if form != "stream_decoder":
        assert caught.value.position == 3


@pytest.mark.parametrize("form", ["decode_batch", "decode_bytes_batch"])
def test_errors_in_a_batch_name_the_document(chat: Tokenizer, form: str) -> None:
    with pytest.raises(TokenIdError, match="id 65533 at position 1 of document 2"):
        getattr(chat, form)([[65530], [], [65531, 65533]], skip_special_tokens=True)


@forms
def test_ids_that_are_skipped_are_not_unknown(chat: Tokenizer, form: str) -> None:
    decode = FORMS[form]
    options: Any = {"unknown": "replace", "skip_special_tokens": True}
    assert decode(chat, [65530, 98, 65533, 65531, 99], **options) == "a\ufffdb"


@forms
def test_a_tokenizer_without_special_tokens_skips_none(tok: Tokenizer, form: str) -> None:
    assert FORMS[form](tok, [33155, 0, 98], skip_special_tokens=True) == "Helloa"


def test_what_is_decoded_stays_as_it_is(chat: Tokenizer) -> None:
    ids = np.array([65530, 98, 65531], np.uint16)
    for form in (chat.decode, chat.decode_bytes, chat.decode_with_offsets):
        form(ids, skip_special_tokens=True)
    assert ids.tolist() == [65530, 98, 65531]


class Array(np.ndarray):
    """What a subclass of an array may make of its methods."""

    def copy(self, order: Any = "C") -> np.ndarray:
        del order
        return np.full(self.size, 99, np.uint16)

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("form", ["decode", "decode_bytes", "decode_with_offsets"])
def test_no_method_of_an_array_decides_what_its_ids_are(
    chat: Tokenizer, form: str, skip: bool
) -> None:
    ids = np.array([98, 98, 98], np.uint16)
    decode = getattr(chat, form)
    expected = decode(ids, skip_special_tokens=skip)
    assert repr(decode(ids.view(Array), skip_special_tokens=skip)) == repr(expected)


def test_a_skipped_token_has_an_empty_place(chat: Tokenizer) -> None:
    text, offsets = chat.decode_with_offsets([65530, 98, 65531, 99], skip_special_tokens=True)
    assert (text, offsets.tolist()) == ("ab", [[0, 0], [0, 1], [1, 1], [1, 2]])
    text, offsets = chat.decode_with_offsets([98, 65531])
    assert (text, offsets.tolist()) == ("a<|im_end|>", [[0, 1], [1, 11]])


def test_a_skipped_token_parts_no_character(chat: Tokenizer) -> None:
    first, second = "é".encode()
    assert chat.decode([first + 1, 65530, second + 1], skip_special_tokens=True) == "é"


# Threads


def test_threads_may_allow_different_special_tokens_at_once(
    chat: Tokenizer, reference: ReferenceTokenizer
) -> None:
    text = "a<|im_start|>é<|im_end|>" * 40
    sets = [set(), {"é"}, {"<|im_start|>"}, {"<|im_start|>", "<|im_end|>"}, set(SPECIAL)]
    expected = [
        reference.with_special_tokens({text: SPECIAL[text] for text in allowed}).encode(text)
        for allowed in sets
    ]
    together = threading.Barrier(len(sets))

    def work(number: int) -> bool:
        together.wait()
        return all(
            chat.encode(text, allowed_special=sets[number]).tolist() == expected[number]
            and chat.encode_ragged([text] * 9, allowed_special=sets[number], num_threads=2)[
                8
            ].tolist()
            == expected[number]
            for _ in range(30)
        )

    with ThreadPoolExecutor(len(sets)) as pool:
        assert list(pool.map(work, range(len(sets)))) == [True] * len(sets)


def test_what_is_kept_for_sets_of_special_tokens_is_bounded(byte_tokens: dict[int, bytes]) -> None:
    names = {chr(0x4E00 + number): 300 + number for number in range(8)}
    tok = Tokenizer.from_tokens(byte_tokens).with_special_tokens(names)
    plain = tok.encode("".join(names)).reshape(-1, 3).tolist()
    for chosen in range(1 << len(names)):
        allowed = {text for number, text in enumerate(names) if chosen >> number & 1}
        expected = [
            token_id
            for text, parts in zip(names, plain, strict=True)
            for token_id in ([names[text]] if text in allowed else parts)
        ]
        assert tok.encode("".join(names), allowed_special=allowed).tolist() == expected
        assert len(tok._special._matchers) <= special._MAX_MATCHERS


def test_all_are_found_while_what_is_kept_for_sets_is_thrown_away(
    byte_tokens: dict[int, bytes],
) -> None:
    names = {chr(0x4E00 + number): 300 + number for number in range(8)}
    tok = Tokenizer.from_tokens(byte_tokens).with_special_tokens(names)
    text = "".join(names)
    sets = [{name for i, name in enumerate(names) if n >> i & 1} for n in range(1 << len(names))]
    done = threading.Event()

    def allow_all() -> bool:
        right = True
        while not done.is_set():
            right &= tok.encode(text, allowed_special="all").tolist() == list(names.values())
        return right

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            found = [pool.submit(allow_all) for _ in range(3)]
            try:
                for _ in range(3):
                    for allowed in sets:
                        tok.count(text, allowed_special=allowed)
            finally:
                done.set()
            assert all(each.result() for each in found)
    finally:
        sys.setswitchinterval(interval)
