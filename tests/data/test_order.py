"""The order of documents, against the generator restated."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.preparing.arrange import TRAIN, VALID, passes
from rwkv_tok.data.preparing.order import shuffled, validation_mask
from rwkv_tok.data.preparing.plan import Arrangement
from rwkv_tok.errors import DataError

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15

seeds = st.integers(0, MASK)


def split_mix(state: int) -> Iterator[int]:
    """SplitMix64, as its authors' C has it."""
    while True:
        state = (state + GAMMA) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def keys_of(documents: int, seed: int, epoch: int) -> list[int]:
    state = next(itertools.islice(split_mix(seed), epoch, None))
    return list(itertools.islice(split_mix(state), documents))


def test_the_generator_is_the_known_one() -> None:
    # From the test vectors of its authors' C, for the seed 1234567.
    assert list(itertools.islice(split_mix(1234567), 3)) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(st.integers(0, 200), seeds, st.integers(0, 5))
def test_documents_are_sorted_by_their_keys(documents: int, seed: int, epoch: int) -> None:
    keys = keys_of(documents, seed, epoch)
    expected = sorted(range(documents), key=keys.__getitem__)
    assert shuffled(documents, seed, epoch).tolist() == expected


@given(st.integers(2, 200), seeds, st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_the_smallest_keys_are_set_aside(documents: int, seed: int, fraction: float) -> None:
    mask = validation_mask(documents, seed, fraction)
    count = int(mask.sum())
    assert 1 <= count < documents
    assert abs(count - documents * fraction) <= 0.5 or count in (1, documents - 1)
    # "Epoch -1": the generator is started one step before its state.
    state = next(split_mix((seed - GAMMA) & MASK))
    keys = list(itertools.islice(split_mix(state), documents))
    assert sorted(mask.nonzero()[0].tolist()) == sorted(
        sorted(range(documents), key=keys.__getitem__)[:count]
    )


@pytest.mark.parametrize(
    ("documents", "fraction", "expected"),
    [(2, 0.001, 1), (2, 0.999, 1), (10, 0.25, 3), (1000, 0.1, 100), (1000, 0.0004, 1), (3, 0.5, 2)],
)
def test_the_validation_set_has_its_size(documents: int, fraction: float, expected: int) -> None:
    assert int(validation_mask(documents, 7, fraction).sum()) == expected


def test_each_epoch_and_each_seed_has_another_order() -> None:
    orders = {tuple(shuffled(50, seed, epoch)) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_every_document_gets_to_every_place() -> None:
    documents, epochs = 10, 2000
    places = np.zeros((documents, documents))
    for epoch in range(epochs):
        places[np.arange(documents), shuffled(documents, 1, epoch)] += 1
    expected = epochs / documents
    chi_squared = ((places - expected) ** 2 / expected).sum()
    # 81 degrees of freedom: beyond this lies less than one in a hundred thousand.
    assert chi_squared < 145
    assert chi_squared > 35


def test_sets_have_all_documents_as_often_as_there_are_epochs() -> None:
    sets = [*passes(Arrangement(valid_fraction=0.2, epochs=3, shuffle=True, seed=9), 50)]
    assert [name for name, _ in sets] == [VALID, TRAIN, TRAIN, TRAIN]
    aside = set(sets[0][1].tolist())
    assert len(aside) == 10
    assert sets[0][1].tolist() == sorted(aside)
    for _, order in sets[1:]:
        assert sorted(order.tolist()) == sorted(set(range(50)) - aside)
    assert len({tuple(order) for _, order in sets[1:]}) == 3


def test_without_shuffle_documents_stay_in_their_order() -> None:
    sets = [*passes(Arrangement(valid_fraction=0.2, epochs=2, seed=9), 50)]
    assert sets[1][1].tolist() == sets[2][1].tolist() == sorted(sets[1][1].tolist())


@pytest.mark.parametrize("documents", [0, 1])
def test_too_few_documents_cannot_be_split(documents: int) -> None:
    with pytest.raises(DataError, match=rf"validation set of {documents} document"):
        list(passes(Arrangement(valid_fraction=0.5), documents))
