"""Write the file of tables, texts and ids that check.c compares the kernels with.

The tables are those of the installed package, the ids those of the oracle. Everything is
little-endian, whatever machine writes or reads it: of each vocabulary

    uint32  the number of texts, not 0
    uint32  the length of the longest token
    array   of uint32: the nodes of the trie (kernels/trie.h)
    array   of uint16: the token ids by slot
    array   of uint8: the bytes of `Cuts` (kernels/cuts.h)
    and each text as
        array   of uint32: its characters, none if it is bytes
        uint32  how many characters come before the first surrogate, if there is one
        array   of uint8: those in UTF-8, or the bytes
        array   of uint16: the ids of the last

An array is a uint32, the number of its items, and the items.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import ArrayLike
from reference import ReferenceTokenizer
from strategies import bundled_tokens

from rwkv_tok._cuts import Cuts
from rwkv_tok.typical_text import TYPICAL_TEXT
from rwkv_tok.vocabulary import Vocabulary

LIKE_TEXT = [
    "Plain English prose, with a comma; and_identifiers = [1, 2.5]\n\n\t",
    "naïve café Ærøskøbing größer ½ §§ àéîõü ",
    "Съешь же ещё этих мягких французских булок. Mixed, in part. ",
    "很久以前，有一个国王。他说：“你好！”龘靐齉爩 and ASCII 是",
    "これはペンです。コンピューターをつかっています。ヴァイオリン、ㇰㇱ、ｱｲｳ　",
    "오늘은 날씨가 좋아서 공원에 산책하러 갑니다. ",
    "🙂👩‍👩‍👧‍👦🇪🇺𝕏𠀀𠮷野家 ✨ plain",
    " " * 40 + "-" * 100 + "=" * 17 + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abcdefghijklmno abcdefghijklmnop abcdefghijklmnopq internationalization\n",
]

# Around a vector, the longest segment that a memo knows (15), two of each, and a block (64).
SIZES = [*range(36), *range(61, 70), *range(126, 132), 200, 333]
WINDOW = 1 << 13  # bytes that the package encodes together
WINDOW_SIZES = [WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 77]

Text = str | bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    numbers = random.Random(20230424)
    tokens = bundled_tokens()
    with parser.parse_args().file.open("wb") as file:
        write_vocabulary(file, tokens, list(bundled_texts(numbers, list(tokens.values()))))
        # Vocabularies in which some kana are joined, with and without closed characters.
        characters = [c.encode() for c in ["あ", "い", "ア", "、", "一", "丁", "é", "a", " ", "\0"]]
        fragments = [*characters, b"\xe3", b"\x81", b"\x82", b"\xe4", b"\xb8\x80", b"\xff"]
        for pieces in (characters, fragments):
            write_vocabulary(file, small_vocabulary(numbers, pieces), small_texts(numbers, pieces))


def bundled_texts(numbers: random.Random, tokens: list[bytes]) -> Iterator[Text]:
    """Texts for the bundled vocabulary."""
    for piece in LIKE_TEXT:
        long_text = piece * (2 * WINDOW // len(piece) + 200)
        for size in SIZES:
            start = numbers.randrange(len(piece))
            yield long_text[start : start + size]
            yield long_text.encode()[start : start + size]
        for size in WINDOW_SIZES:
            yield long_text[:size]
            yield long_text.encode()[numbers.randrange(len(piece)) :][:size]
    yield TYPICAL_TEXT
    for size in (*SIZES, *WINDOW_SIZES):
        yield numbers.randbytes(size)
        yield b"".join(numbers.choices(tokens, k=size))[:size]
        yield b"".join(token[:-1] for token in numbers.choices(tokens, k=size))
        yield "".join(numbers.choices("".join(LIKE_TEXT), k=size))
    for letter in ("a", " ", "\0", "я", "龘", "ア"):
        yield letter * (WINDOW + 100)
    yield "".join(numbers.choices("abcdefghijklmnopqrstuvwxyz", k=2 * WINDOW))
    yield "".join(numbers.choices([chr(c) for c in range(0x3000, 0x3100)], k=2 * WINDOW))

    for end, step in ((0x100, 1), (0x10000, 1), (0x110000, 37)):
        characters = [chr(c) for c in [*range(0, end, step), end - 1] if not 0xD800 <= c < 0xE000]
        yield "".join(characters)
        if end < 0x10000 or step > 1:
            yield "a".join(characters)
            yield "é".join(characters)
    # The first and last characters of each length in UTF-8, alone of their kind in a vector.
    for border in (0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF):
        yield chr(border) * 40
        for other in ("a", "é", "龘", "🙂"):
            for place in range(17):
                yield other * place + chr(border) + other * 20
    for surrogate in (0xD800, 0xDBFF, 0xDC00, 0xDFFF):
        for other in ("é", "я", "龘", "🙂"):
            for place in range(36):
                yield "a" * (place // 2) + other * (place - place // 2) + chr(surrogate) + other * 9
    # What merely resembles surrogates.
    yield "\ud7ff\ue000\uf8ff\ud7ff" * 20 + "\U0001d800\U000fd800" * 20


def small_vocabulary(numbers: random.Random, pieces: list[bytes]) -> dict[int, bytes]:
    """All single bytes, and some longer tokens made of these pieces."""
    tokens = {b"".join(numbers.choices(pieces, k=numbers.randint(2, 4))) for _ in range(60)}
    return dict(enumerate([*(bytes([b]) for b in range(256)), *sorted(tokens)], start=1))


def small_texts(numbers: random.Random, pieces: list[bytes]) -> list[Text]:
    """Texts made of these pieces."""
    return [b"".join(numbers.choices(pieces, k=k)) for k in (*SIZES, *SIZES, WINDOW)]


def write_vocabulary(file: BinaryIO, tokens: Mapping[int, bytes], texts: list[Text]) -> None:
    vocabulary = Vocabulary.from_tokens(tokens)
    nodes, token_ids = vocabulary.trie.dump()
    cuts = Cuts(vocabulary.tokens).dump()
    oracle = ReferenceTokenizer(tokens)
    write_number(file, len(texts))
    write_number(file, oracle.longest)
    write_array(file, nodes, "<u4")
    write_array(file, token_ids, "<u2")
    # All that is not bytes in it are the words of joined_kana, at the end.
    words = np.frombuffer(cuts[-256 * 8 * 4 :], np.uint32)
    write_array(file, list(cuts[: -words.nbytes] + words.astype("<u4").tobytes()), "u1")
    for text in texts:
        characters = [ord(c) for c in text] if isinstance(text, str) else []
        good = next((i for i, c in enumerate(characters) if 0xD800 <= c < 0xE000), len(characters))
        data = text[:good].encode() if isinstance(text, str) else text
        write_array(file, characters, "<u4")
        write_number(file, good)
        write_array(file, list(data), "u1")
        write_array(file, oracle.encode(data), "<u2")


def write_number(file: BinaryIO, number: int) -> None:
    file.write(number.to_bytes(4, "little"))


def write_array(file: BinaryIO, items: ArrayLike, dtype: str) -> None:
    array = np.asarray(items, dtype)
    write_number(file, array.size)
    file.write(array.tobytes())


if __name__ == "__main__":
    main()
