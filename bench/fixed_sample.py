"""A text that is the same on every machine, with every Python, in every year.

Instructions are counted for it; whoever changes it has to record them anew.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from .texts import cut, sample_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

GENERATED_CHARACTERS = 40_000
# Long, so that the cost of a call, which is Python's and NumPy's as much as ours, hardly counts.
DOCUMENT_CHARACTERS = 8_000
# As many words as 2 to the power of this, each doubling of the rank as likely as the next.
DOUBLINGS = 12

LATIN = "a e i o u an en in on er ar ti re st th qu é ü sch ing tion".split()  # noqa: SIM905 - legible
CYRILLIC = "а е и о у на не по то го ра ст пр ов ть ший ние щ ы й".split()  # noqa: SIM905
KANA = list("あいうえおかきくけこさしすせそたちつてとなにのはまもらりるをんアイカトルンー")
HAN = [chr(0x4E00 + 37 * i) for i in range(500)]
CODE = "self . ( ) [ ] = == : , return if for in range None 0 1 _x value \n \t ' \"".split(" ")  # noqa: SIM905

#: Syllables, the most of them in a word, what stands between words.
SCRIPTS = ((LATIN, 5, " "), (CYRILLIC, 5, " "), (KANA, 4, ""), (HAN, 3, ""), (CODE, 3, " "))


def documents() -> list[str]:
    """The sample in many languages, and generated text in five scripts."""
    # Of the module only random() is promised to give the same numbers for ever.
    numbers = random.Random(20230424)  # noqa: S311 - no secret
    texts = ["\n".join(sample_lines())]
    for syllables, most, space in SCRIPTS:
        texts += cut(_generate(numbers, syllables, most, space), DOCUMENT_CHARACTERS)
    return texts


def _generate(numbers: random.Random, syllables: Sequence[str], most: int, space: str) -> str:
    """Words made at random and used as words are: the n-th one about an n-th as often."""

    def below(limit: int) -> int:
        return int(numbers.random() * limit)

    words = [
        "".join(syllables[below(len(syllables))] for _ in range(1 + below(most)))
        for _ in range(1 << DOUBLINGS)
    ]
    parts: list[str] = []
    length = 0
    while length < GENERATED_CHARACTERS:
        first = 1 << below(DOUBLINGS)  # integers only: powers may differ in their last bit
        mark = ",.\n!"[below(4)] if below(12) == 0 else ""
        parts.append(words[first + below(first)] + mark + space)
        length += len(parts[-1])
    return "".join(parts)[:GENERATED_CHARACTERS]


def fingerprint() -> str:
    """What tells whether two records are about the same text."""
    return hashlib.sha256("\0".join(documents()).encode()).hexdigest()[:16]
