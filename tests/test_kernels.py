"""The kernels: all of them give the same ids, whatever a memo holds and wherever a window ends.

Short texts against the oracle; long ones, which it is too slow for, against the plain walk through
the trie, which is itself a kernel and compared with the oracle like the others.
"""

import functools
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference import ReferenceTokenizer
from strategies import (
    BUNDLED_FILE,
    WIDE_PIECES,
    byte_strings,
    small_byte_strings,
    small_vocabularies,
    texts,
    wide_byte_strings,
)

from rwkv_tok import Tokenizer, _encode, _kernels
from rwkv_tok._encode import Encoder
from rwkv_tok.vocabulary import Vocabulary

Encode = Callable[[str | bytes], NDArray[np.uint16]]

WINDOW = 1 << 13  # bytes that are encoded together
KEY = 15  # bytes of the longest segment that a memo knows as a whole
LONGEST_REST = 32  # windows
# So much text in all, and an encoder gets a memo.
ENOUGH = "The memo is made now. 记忆。メモを作る。 Память. " * 2000

LIKE_TEXT = [
    "Plain English prose, with a comma; and_identifiers = [1, 2.5]\n\n\t",
    "naïve café Ærøskøbing größer ½ §§ àéîõü ",  # Latin-1
    "Съешь же ещё этих мягких французских булок. ",
    "很久以前，有一个国王。他说：“你好！”龘靐齉爩",
    "これはペンです。コンピューターをつかっています。ヴァイオリン、ㇰㇱ、ｱｲｳ",
    "오늘은 날씨가 좋아서 공원에 산책하러 갑니다. ",
    "🙂👩‍👩‍👧‍👦🇪🇺𝕏𠀀𠮷野家 ✨ ",
    " " * 40 + "-" * 100 + "=" * 17 + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def encoder(kernel: str) -> Encode:
    """The bundled vocabulary with a kernel, and with a memo, awake, if it has one."""
    encode = _encoder(kernel)
    wake(encode)
    return encode


@functools.cache
def _encoder(kernel: str) -> Encode:
    return with_memo(Vocabulary.parse(BUNDLED_FILE.read_bytes(), "kernels"), kernel)


def with_memo(vocabulary: Vocabulary, kernel: str) -> Encode:
    made = Encoder(vocabulary.trie, vocabulary.tokens, kernel)
    _encode.encode(made, ENOUGH)
    assert len(ENOUGH) >= 1 << 16
    encode = functools.partial(_encode.encode, made)
    wake(encode)
    return encode


def wake(encode: Encode) -> None:
    """End the rest of a memo that did not help: it lasts for so many texts at the most."""
    for _ in range(LONGEST_REST):
        encode("x")


kernels = pytest.mark.parametrize("kernel", _kernels.available())


def test_there_is_one_for_every_machine_and_the_plain_walk() -> None:
    assert _kernels.available()[-2:] == ("portable", "walk")
    assert _kernels.chosen() in _kernels.available()


@kernels
@given(text=st.one_of(texts(), byte_strings()))
def test_a_kernel_agrees_with_the_oracle(
    reference: ReferenceTokenizer, kernel: str, text: str | bytes
) -> None:
    assert encoder(kernel)(text).tolist() == reference.encode(text)


@kernels
@given(tokens=small_vocabularies(), parts=st.lists(small_byte_strings(), max_size=8))
def test_a_kernel_agrees_with_the_oracle_whatever_the_vocabulary(
    kernel: str, tokens: dict[int, bytes], parts: list[bytes]
) -> None:
    compare(kernel, tokens, parts)


@kernels
@given(tokens=small_vocabularies(WIDE_PIECES), parts=st.lists(wide_byte_strings(), max_size=8))
def test_tokens_may_join_characters_of_three_bytes_and_parts_of_them(
    kernel: str, tokens: dict[int, bytes], parts: list[bytes]
) -> None:
    # Every token before and after every other one, too: one may begin in the middle of a character.
    longer = [token for token in tokens.values() if len(token) > 1][:6]
    compare(kernel, tokens, [*parts, *(a + b for a in longer for b in longer)])


ACROSS = [
    (token, text)
    for text in ("中a", "中中", "あい", "アー", "あ中", "中あ", "あa")
    for data in (text.encode(),)
    for begin in range(len(data))
    for end in range(begin + 2, len(data) + 1)
    for token in (data[begin:end],)
]


@kernels
@pytest.mark.parametrize(("token", "text"), ACROSS)
def test_a_token_may_begin_or_end_anywhere_in_two_characters(
    byte_tokens: dict[int, bytes], kernel: str, token: bytes, text: str
) -> None:
    tokens = byte_tokens | {300: token}
    for around in ("{}", " {} ", "ん{}ん", "龘{}龘"):
        compare(kernel, tokens, [around.format(text).encode()])


def compare(kernel: str, tokens: dict[int, bytes], parts: list[bytes]) -> None:
    encode = with_memo(Vocabulary.from_tokens(tokens), kernel)
    oracle = ReferenceTokenizer(tokens)
    for text in (*parts, b"".join(parts), *parts):  # at the end a memo knows them
        assert encode(text).tolist() == oracle.encode(text)


@kernels
@pytest.mark.parametrize("length", [*range(KEY - 2, KEY + 4), 2 * KEY, 2 * KEY + 1, 63, 64, 65])
def test_segments_as_long_as_a_memo_can_hold_and_longer(
    reference: ReferenceTokenizer, kernel: str, length: int
) -> None:
    for word in ("abcdefghijklmnopqrstuvwxyz" * 3, "q" * 80, " " * 80, "internationalization" * 4):
        for text in (
            word[:length],
            word[:length] + "\n",
            word[:length] + "\n" + word[: length - 1],
        ):
            for _ in range(2):
                assert encoder(kernel)(text).tolist() == reference.encode(text)


@kernels
@pytest.mark.parametrize("piece", LIKE_TEXT)
def test_windows_may_end_anywhere(kernel: str, piece: str) -> None:
    text = "x" + piece * (2 * WINDOW // len(piece.encode()) + 2)
    for start in range(min(2 * len(piece), 90)):
        part = text[start:]
        assert np.array_equal(encoder(kernel)(part), encoder("walk")(part))
        data = text.encode()[start:]
        assert np.array_equal(encoder(kernel)(data), encoder("walk")(data))


@kernels
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 62, 63, 64, 65, 127, 128, 129, 200])
def test_texts_may_end_anywhere(reference: ReferenceTokenizer, kernel: str, size: int) -> None:
    for piece in LIKE_TEXT:
        text = (piece * 30).encode()[:size]
        assert encoder(kernel)(text).tolist() == reference.encode(text)


@kernels
@pytest.mark.parametrize("size", [WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, 100_000])
def test_text_without_a_cut(kernel: str, size: int) -> None:
    letters = random.Random(size).choices("abcdefghijklmnopqrstuvwxyz", k=size)
    for text in ("".join(letters), "a" * size, " " * size, "\x00" * size, "я" * size, "龘" * size):
        assert np.array_equal(encoder(kernel)(text), encoder("walk")(text))


@kernels
def test_what_a_memo_cannot_help_with(tokens: dict[int, bytes], kernel: str) -> None:
    numbers = random.Random(7)
    whole = list(tokens.values())
    cut_off = b"".join(token[:-1] for token in numbers.choices(whole, k=30_000))
    noise = numbers.randbytes(100_000)
    text = LIKE_TEXT[0].encode() * 500
    # Each in turn: a memo that rests must wake up, and hold nothing that is wrong.
    for data in (noise, text, cut_off, text, b"".join(numbers.choices(whole, k=30_000)), text):
        for _ in range(2):
            assert np.array_equal(encoder(kernel)(data), encoder("walk")(data))


@kernels
@pytest.mark.parametrize("end", [0xFF, 0xFFFF, 0x10FFFF])
def test_every_character_is_transcoded(kernel: str, end: int) -> None:
    """In the three kinds of str that are not ASCII, alone and among others."""
    characters = [chr(c) for c in range(end + 1) if not 0xD800 <= c < 0xE000]
    if end > 0xFFFF:
        characters = characters[::17] + characters[-1:]
    for filler in ("", "a", "é"):
        text = filler.join(characters)
        assert np.array_equal(encoder(kernel)(text), encoder("walk")(text.encode()))


@kernels
@pytest.mark.parametrize("other", ["é", "я", "龘", "🙂"])
@pytest.mark.parametrize("surrogate", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_a_surrogate_is_found_wherever_it_stands(kernel: str, other: str, surrogate: int) -> None:
    for place in (*range(36), WINDOW // 3, WINDOW):
        text = "a" * (place // 2) + other * (place - place // 2) + chr(surrogate) + other * 20
        with pytest.raises(UnicodeEncodeError) as caught:
            encoder(kernel)(text)
        assert caught.value.start == place


@kernels
@pytest.mark.parametrize("around", ["a", "é", "龘"])
def test_a_surrogate_is_found_where_a_wide_str_has_narrow_characters(
    kernel: str, around: str
) -> None:
    for place in range(20):
        with pytest.raises(UnicodeEncodeError) as caught:
            encoder(kernel)(around * place + "\udc00" + around * 20 + "🙂")
        assert caught.value.start == place


def run_with(kernel: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in os.environ if name != "RWKV_TOK_KERNEL"}
    if kernel is not None:
        environment["RWKV_TOK_KERNEL"] = kernel
    code = "from rwkv_tok import _kernels; print(_kernels.chosen())"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@kernels
def test_the_environment_chooses(kernel: str) -> None:
    assert run_with(kernel).stdout.strip() == kernel


def test_the_fastest_is_chosen_by_itself() -> None:
    assert run_with(None).stdout.strip() == _kernels.available()[0]
    assert run_with("").stdout.strip() == _kernels.available()[0]


def test_a_kernel_that_is_not_there_is_an_error() -> None:
    result = run_with("abacus")
    assert result.returncode
    assert "no kernel 'abacus' on this machine" in result.stderr
    assert "RWKV_TOK_KERNEL" in result.stderr


def test_pickles_do_not_know_of_kernels(tok: Tokenizer) -> None:
    before = pickle.dumps(tok)
    tok.encode(ENOUGH)
    assert pickle.dumps(tok) == before
