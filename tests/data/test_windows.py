"""The windows of a dataset, compared with the trainer's formula."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from data.binidx_files import index_bytes, token_bytes, write_dataset, write_files

from rwkv_tok.data import BinIdx, magic_prime
from rwkv_tok.errors import DataError


def start_of_sample(ii: int, magic_prime: int, ctx_len: int) -> int:
    """Where the trainer reads its sample `ii`, as `dataset.py` has it."""
    factor = (math.sqrt(5) - 1) / 2
    factor = int(magic_prime * factor)
    return ((factor * ii * ii * ii) % magic_prime) * ctx_len


@pytest.fixture
def data(tmp_path: Path) -> BinIdx:
    """1000 tokens that are all different, in items that end where they like."""
    tokens = list(range(1, 1_001))
    return BinIdx(write_dataset(tmp_path / "corpus", [tokens[:7], tokens[7:800], tokens[800:]]))


@pytest.mark.parametrize("ctx_len", [1, 3, 8, 41])
def test_they_are_what_the_trainer_reads(data: BinIdx, ctx_len: int) -> None:
    windows = data.windows(ctx_len)
    assert windows.ctx_len == ctx_len
    assert windows.magic_prime == len(windows) == magic_prime(1_000, ctx_len)
    for index, window in enumerate(windows):
        start = start_of_sample(index + 1, windows.magic_prime, ctx_len)
        assert windows.start(index) == start
        assert window.tolist() == [*range(start + 1, start + ctx_len + 2)]


@pytest.mark.parametrize("ctx_len", [1, 8])
def test_each_part_is_there_once(data: BinIdx, ctx_len: int) -> None:
    windows = data.windows(ctx_len)
    starts = sorted(int(window[0]) - 1 for window in windows)
    assert starts == [ctx_len * slot for slot in range(len(windows))]


def test_it_is_a_sequence_of_views(data: BinIdx) -> None:
    windows = data.windows(8)
    assert windows[-1].tolist() == windows[len(windows) - 1].tolist()
    assert [window.tolist() for window in windows[3:5]] == [
        windows[3].tolist(),
        windows[4].tolist(),
    ]
    assert windows[3] in windows
    assert np.shares_memory(windows[0], data.tokens)
    assert not windows[0].flags.writeable
    with pytest.raises(IndexError):
        windows[len(windows)]
    again = pickle.loads(pickle.dumps(windows))
    assert [window.tolist() for window in again] == [window.tolist() for window in windows]


def test_it_says_what_it_is(data: BinIdx) -> None:
    assert repr(data) == f"<BinIdx {data.prefix}: {len(data)} items, {len(data.tokens)} tokens>"
    assert repr(data.windows(8)) == f"<113 windows of 9 tokens of {data.prefix}>"


def test_large_numbers_are_exact(data: BinIdx) -> None:
    # A prime for which the order of the operations in floating point matters, if any does, and
    # samples whose cube is beyond 64 bits.
    prime = magic_prime(2**61, 1)
    assert prime is not None
    windows = data.windows(8)
    windows.magic_prime = prime
    windows._factor = int(prime * ((math.sqrt(5) - 1) / 2))
    for index in (0, 10**9, prime - 1):
        assert windows.start(index) == start_of_sample(index + 1, prime, 8)


def test_a_magic_prime_can_be_chosen(data: BinIdx) -> None:
    windows = data.windows(1, magic_prime=977)
    assert len(windows) == windows.magic_prime == 977
    assert windows.magic_prime < data.windows(1).magic_prime
    starts = [start_of_sample(ii, 977, 1) for ii in range(1, 978)]
    assert [int(window[0]) - 1 for window in windows] == starts


@pytest.mark.parametrize("prime", [-1, 0, 1, 71, 97, 98, 101, 10**30])
def test_a_number_that_the_trainer_refuses_is_an_error(data: BinIdx, prime: int) -> None:
    with pytest.raises(ValueError, match=f"{prime} is no magic prime for 1000 tokens"):
        data.windows(10, magic_prime=prime)


def test_too_few_tokens_are_an_error_with_advice(data: BinIdx) -> None:
    with pytest.raises(DataError, match=r"corpus: no magic prime.*epochs.*ctx_len 83$"):
        data.windows(500)


@pytest.mark.parametrize("ctx_len", [0, -1])
def test_a_ctx_len_must_be_positive(data: BinIdx, ctx_len: int) -> None:
    with pytest.raises(ValueError, match="ctx_len must be positive"):
        data.windows(ctx_len)


def test_no_items_have_no_windows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it needs more data"):
        BinIdx(write_dataset(tmp_path / "empty", [])).windows(4)


@pytest.mark.parametrize(("sizes", "pointers"), [([98], [4]), ([], [])])
def test_items_must_begin_where_the_tokens_do(
    tmp_path: Path, sizes: list[int], pointers: list[int]
) -> None:
    tokens = token_bytes([[*range(100)]])
    data = BinIdx(write_files(tmp_path / "late", tokens, index_bytes(sizes, pointers)))
    with pytest.raises(DataError, match="where item 0 begins"):
        data.windows(8)
