"""Turns in the right order, and figures computed from known samples: no clock is looked at."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.timing import Result, interleave, schedule


def result(contestant: str = "a", unit: str = "MB/s", **changes: object) -> Result:
    fields = {"table": "t", "size": "page", "corpus": "en", "amount": 4e6, "samples": (0.5, 1, 2)}
    return Result(**{**fields, "contestant": contestant, "unit": unit, **changes})


@given(texts=st.integers(1, 12), contestants=st.integers(1, 12))
def test_everyone_meets_every_text_once_a_round(texts: int, contestants: int) -> None:
    turns = list(schedule(texts, contestants))
    assert sorted(turns) == sorted(itertools.product(range(texts), range(contestants)))


@given(texts=st.integers(2, 12), contestants=st.integers(1, 12))
def test_no_text_comes_twice_in_a_row(texts: int, contestants: int) -> None:
    turns = [text for text, _ in schedule(texts, contestants)] * 2  # two rounds
    assert all(a != b for a, b in itertools.pairwise(turns))


def test_samples_are_collected_round_by_round() -> None:
    clock = itertools.count()
    turns = []

    def measure(text: str, contestant: str) -> float:
        turns.append((text, contestant))
        return float(next(clock))

    samples = interleave("xy", "ab", 2, measure)
    assert turns == [("x", "a"), ("y", "b"), ("x", "b"), ("y", "a")] * 2
    assert samples == {(0, 0): (0, 4), (0, 1): (2, 6), (1, 0): (3, 7), (1, 1): (1, 5)}


def test_the_best_round_counts() -> None:
    assert result().value == 8  # 4 MB in half a second
    assert result().spread == 1  # the median took twice as long


@pytest.mark.parametrize(("unit", "value"), [("ns", 125.0), ("ms", 125e-6), ("MB", 125e-15)])
def test_other_units_are_costs(unit: str, value: float) -> None:
    assert result(unit=unit).value == pytest.approx(value)


def test_a_ratio_is_about_equal_amounts_of_work() -> None:
    slow = result(amount=1e6, samples=(1.0, 1.5))
    assert result().ratio(slow) == 8
    assert slow.ratio(result()) == 0.125


def test_a_result_that_cost_nothing_has_a_ratio() -> None:
    nothing = result(unit="MB", amount=1, samples=(0,))
    assert nothing.spread == 0
    assert nothing.ratio(result(unit="MB", amount=1, samples=(5,))) == float("inf")


def test_json_gives_the_result_again() -> None:
    data = json.loads(json.dumps(result().to_json()))
    assert Result.from_json(data) == result()
    assert (data["value"], data["spread"]) == (8, 1)
