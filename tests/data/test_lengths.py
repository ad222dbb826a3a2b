"""Statistics of lengths, compared with the module statistics."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.binidx.lengths import measure_lengths

SIZES = st.one_of(
    st.integers(0, 40),
    st.integers(0, 2**31 - 1),
    st.sampled_from([2**k + d for k in (15, 16, 17, 30) for d in (-1, 0, 1)]),
)


@pytest.mark.usefixtures("small_blocks")
@given(st.lists(SIZES, min_size=1))
def test_they_are_what_the_definitions_say(sizes: list[int]) -> None:
    lengths = measure_lengths(np.array(sizes, np.int32))
    assert lengths is not None
    assert lengths.shortest == min(sizes)
    assert lengths.longest == max(sizes)
    assert lengths.mean == pytest.approx(statistics.fmean(sizes))
    assert lengths.median == statistics.median(sizes)
    bits = [size.bit_length() for size in sizes]
    assert lengths.histogram == tuple(bits.count(bit) for bit in range(max(bits) + 1))


def test_nothing_has_no_lengths() -> None:
    assert measure_lengths(np.empty(0, np.int32)) is None
