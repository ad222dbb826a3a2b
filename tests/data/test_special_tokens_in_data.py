"""Training data and special tokens: texts bring none in, and `verify` knows which there are."""

from pathlib import Path

import numpy as np
import pytest
from data.corpora import dataset_at, dataset_of, jsonl

import rwkv_tok
from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdxWriter, merge, prepare, verify

SPECIAL = {"<|im_start|>": 65530, "<|im_end|>": 65531, "é": 65535}
DOCUMENTS = ["Hello<|im_end|>", "<|im_start|>é", "plain", "<|im_start|><|im_end|>" * 50]


@pytest.fixture(scope="module")
def chat(tok: Tokenizer) -> Tokenizer:
    return tok.with_special_tokens(SPECIAL)


@pytest.mark.parametrize("workers", [1, 2])
def test_training_data_have_no_special_tokens(
    chat: Tokenizer, tmp_path: Path, workers: int
) -> None:
    source = tmp_path / "corpus.jsonl"
    source.write_bytes(jsonl(DOCUMENTS))
    prepare(source, tmp_path / "out", tokenizer=chat, workers=workers)
    assert dataset_at(tmp_path / "out") == dataset_of(DOCUMENTS)
    assert verify(tmp_path / "out", tokenizer=chat).ok
    assert verify(tmp_path / "out", tokenizer=rwkv_tok.load()).ok


def test_those_made_with_special_tokens_loaded_go_together_with_others(
    chat: Tokenizer, tok: Tokenizer, tmp_path: Path
) -> None:
    source = tmp_path / "corpus.jsonl"
    source.write_bytes(jsonl(DOCUMENTS))
    for name, tokenizer in (("a", chat), ("b", tok)):
        prepare(source, tmp_path / name, tokenizer=tokenizer)
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "both")
    assert dataset_at(tmp_path / "both") == dataset_of(DOCUMENTS * 2)


def test_verify_knows_which_special_tokens_there_are(
    tok: Tokenizer, chat: Tokenizer, tmp_path: Path
) -> None:
    with BinIdxWriter(tmp_path / "out") as writer:
        writer.add(np.array([65530, 98, 65531, 0], np.uint16))
    assert verify(tmp_path / "out", tokenizer=chat).ok
    assert not verify(tmp_path / "out", tokenizer=tok).ok
