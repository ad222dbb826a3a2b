"""`rwkv-tok cat`: the very bytes of documents."""

from pathlib import Path

import pytest
from cli.commands import error_of, output_of

from rwkv_tok import Tokenizer
from rwkv_tok.data import BinIdxWriter

TEXTS = [b"Hello world\n", b"", b"\xff\x00\x1b\r\n", "今天 🙂".encode()]


@pytest.fixture
def corpus(tok: Tokenizer, tmp_path: Path) -> Path:
    with BinIdxWriter(tmp_path / "corpus") as writer:
        writer.add_batch(tok.encode_ragged(TEXTS))
        writer.add([98, 65531])
    return tmp_path / "corpus"


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_document_comes_out_byte_by_byte(corpus: Path, number: int) -> None:
    assert output_of("cat", corpus, "--doc", str(number)) == TEXTS[number]
    assert output_of("cat", f"{corpus}.bin", "--doc", str(number - 5)) == TEXTS[number]


def test_documents_follow_each_other_as_asked_for(corpus: Path) -> None:
    several = ["--doc", "3", "--doc", "0", "--doc", "0"]
    assert output_of("cat", corpus, *several) == TEXTS[3] + 2 * TEXTS[0]


def test_ids_are_those_that_are_stored(corpus: Path) -> None:
    assert output_of("cat", "--ids", corpus, "--doc", "0", "--doc", "1", "--doc", "-1") == (
        b"33155 40213 11 0\n0\n98 65531 0\n"
    )


def test_the_text_can_go_to_a_file(corpus: Path, tmp_path: Path) -> None:
    arguments = ["cat", corpus, "--doc", "2", "-o", tmp_path / "out"]
    assert output_of(*arguments) == b""
    assert (tmp_path / "out").read_bytes() == TEXTS[2]
    assert error_of(*arguments).endswith("exists: say --force to replace it")
    output_of(*arguments, "--force")


@pytest.mark.parametrize("number", ["5", "-6", str(2**70)])
def test_a_document_that_is_not_there_is_an_error(corpus: Path, number: str) -> None:
    assert error_of("cat", corpus, "--doc", number) == f"no document {number}: {corpus} has 5"


def test_an_id_without_a_token_is_an_error(corpus: Path, tmp_path: Path) -> None:
    message = error_of("cat", corpus, "--doc", "4", "-o", tmp_path / "out")
    assert message == "document 4: id 65531 at position 1 has no token: --ids shows the ids"
    assert not (tmp_path / "out").exists()


def test_which_document_must_be_said(corpus: Path) -> None:
    assert "--doc" in error_of("cat", corpus)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    message = error_of("cat", tmp_path / "nix", "--doc", "0")
    assert message == f"cannot read {tmp_path / 'nix.idx'}: No such file or directory"
