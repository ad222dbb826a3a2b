"""Rounds in turn, and what came out of them."""

from __future__ import annotations

import gc
import math
import statistics
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    T = TypeVar("T")
    C = TypeVar("C")

#: What a table shows: work per second, or seconds or bytes per piece of work.
Unit: TypeAlias = Literal["MB/s", "ns", "ms", "MB"]


@dataclass(frozen=True)
class Result:
    """What one contestant did with one text, round by round: a cell of a table.

    `samples` are seconds (bytes, if the unit is MB); `amount` is what each of them was for: bytes
    of UTF-8, calls, or 1.
    """

    table: str
    size: str
    corpus: str
    contestant: str
    unit: Unit
    amount: float
    samples: tuple[float, ...]

    @property
    def cost(self) -> float:
        """The best round's seconds or bytes per piece of work: less is better, always."""
        return min(self.samples) / self.amount

    @property
    def value(self) -> float:
        """The best round in the unit of the table."""
        if self.unit == "MB/s":
            return 1e-6 / self.cost
        return self.cost * {"ns": 1e9, "ms": 1e3, "MB": 1e-6}[self.unit]

    @property
    def spread(self) -> float:
        """How much worse than the best round the median one was, as a fraction of the best."""
        best = min(self.samples)
        return statistics.median(self.samples) / best - 1 if best > 0 else 0.0

    def ratio(self, baseline: Result) -> float:
        """How many times as good as another one it is."""
        return baseline.cost / self.cost if self.cost > 0 else float("inf")

    def to_json(self) -> dict[str, Any]:
        """All there is, and what follows from it, for those who read the file."""
        return {**asdict(self), "value": self.value, "spread": self.spread}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """The result that `to_json` was called on."""
        fields = {name: data[name] for name in cls.__dataclass_fields__}
        return cls(**{**fields, "samples": tuple(data["samples"])})


def schedule(texts: int, contestants: int) -> Iterator[tuple[int, int]]:
    """Every text with every contestant, once; no two turns in a row have the same text.

    Nobody so finds a text in the caches of the processor, or in caches of its own, because it was
    the last one seen. (With a single text there is no other.) The next round may follow at once.
    """
    for turn in range(texts * contestants):
        # The texts go round. So do the contestants, one further whenever both would begin again
        # together, after the least common multiple of turns.
        text = turn % texts
        lap = turn // math.lcm(texts, contestants)
        yield text, (turn + lap) % contestants


def interleave(
    texts: Sequence[T],
    contestants: Sequence[C],
    rounds: int,
    measure: Callable[[T, C], float],
    progress: Callable[[], None] = lambda: None,
) -> dict[tuple[int, int], tuple[float, ...]]:
    """Let all contestants meet all texts, round by round: samples by the two indices."""
    samples: dict[tuple[int, int], list[float]] = {}
    with no_collection():
        for _ in range(rounds):
            for text, contestant in schedule(len(texts), len(contestants)):
                seconds = measure(texts[text], contestants[contestant])
                samples.setdefault((text, contestant), []).append(seconds)
                progress()
    return {pair: tuple(samples[pair]) for pair in sorted(samples)}


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes; to free what it returns is not part of it."""
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    del result
    return seconds


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of what is measured, as timeit does."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
