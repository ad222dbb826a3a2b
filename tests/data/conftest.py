"""Fixtures for datasets."""

import functools
import os
from pathlib import Path

import pytest
from data.binidx_files import write_dataset

from rwkv_tok.data.preparing import encoding

_token_lengths = functools.cache(encoding.token_lengths)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare what takes most of the time of a small corpus: waiting for the disk, and a table."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(encoding, "token_lengths", _token_lengths)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The prefix of a small dataset that is right."""
    return write_dataset(tmp_path / "corpus")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that is done in blocks take many, of a few items or tokens each."""
    monkeypatch.setattr("rwkv_tok.data.binidx.index_file._BLOCK", 3)
    monkeypatch.setattr("rwkv_tok.data.checking.checks._STEP", 16)
    monkeypatch.setattr("rwkv_tok.data.binidx.merging._STEP", 5)
