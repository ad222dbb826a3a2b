"""Fixtures for datasets."""

from pathlib import Path

import pytest
from data.binidx_files import write_dataset


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
