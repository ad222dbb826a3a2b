"""Special tokens on the command line."""

import json
from pathlib import Path

import pytest
from cli.commands import error_of, invoke, output_of

from rwkv_tok.data import BinIdxWriter

TEXT = b"Hello<|im_end|>"
PLAIN = [33155, 61, 125, 1949, 96, 7463, 125, 63]
PROFILE = ["--special-tokens", "v20260603"]


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    path = tmp_path / "special.json"
    path.write_text('{"Hello": 65535, "é": 65534}', encoding="utf-8")
    return path


def test_encode_takes_them_for_text_unless_told_otherwise(tokens_file: Path) -> None:
    assert output_of("encode", *PROFILE, stdin=TEXT).split() == [b"%d" % i for i in PLAIN]
    allowed = output_of("encode", *PROFILE, "--allow-special", stdin=TEXT)
    assert allowed.split() == [b"33155", b"65531"]
    own = ["--special-tokens", tokens_file, "--allow-special"]
    assert output_of("encode", *own, stdin="Helloé!".encode()).split() == [
        b"65535", b"65534", b"34",
    ]  # fmt: skip


def test_count_counts_them_likewise() -> None:
    def tokens(*arguments: str) -> int:
        return int(
            json.loads(output_of("count", "--json", *arguments, stdin=TEXT))["total"]["tokens"]
        )

    assert tokens(*PROFILE) == tokens() == len(PLAIN)
    assert tokens(*PROFILE, "--allow-special") == 2
    assert tokens(*PROFILE, "--allow-special", "--lines") == 2


def test_decode_writes_them_or_leaves_them_out() -> None:
    ids = b"33155 65531 33155"
    assert output_of("decode", *PROFILE, stdin=ids) == b"Hello<|im_end|>Hello"
    assert output_of("decode", *PROFILE, "--skip-special", stdin=ids) == b"HelloHello"
    assert "65531" in error_of("decode", stdin=ids)


def test_verify_and_cat_know_them(tmp_path: Path) -> None:
    with BinIdxWriter(tmp_path / "chat") as writer:
        writer.add([65530, 33155, 65531])
    assert invoke("verify", tmp_path / "chat").exit_code == 1
    assert b"no problems" in output_of("verify", tmp_path / "chat", *PROFILE)
    assert output_of("cat", tmp_path / "chat", "--doc", "0", *PROFILE) == (
        b"<|im_start|>Hello<|im_end|>"
    )


def test_verify_knows_files_that_were_made_without_them(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"text": "Hello<|im_end|>"}\n')
    output_of("prepare", tmp_path / "corpus.jsonl", "-o", tmp_path / "out")
    for options in ([], PROFILE, [*PROFILE, "--against"]):
        assert b"no problems" in output_of("verify", tmp_path / "out", *options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot read special tokens"),
        ('{"a": 65530, "a": 65531}', "a text is there twice"),
        ("[1]", "must be a JSON object"),
        pytest.param("[" * 100_000, "cannot read special tokens", id="deep"),
        ('{"a": "b"}', "the id of 'a' must be an int, not str"),
        ('{"a": 65531.0}', "the id of 'a' must be an int, not float"),
        ('{"a": 300}', "is that of the ordinary token"),
        ('{"": 65530}', "must not be empty"),
    ],
)
def test_a_file_of_something_else_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "special.json").write_text(content)
    assert message in error_of("encode", "--special-tokens", tmp_path / "special.json")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    message = error_of("encode", "--special-tokens", tmp_path / "none.json")
    assert "no file" in message
    assert "v20260603" in message
    assert "needs a name or a file" in error_of("encode", "--special-tokens", "")
    assert "is a directory" in error_of("encode", "--special-tokens", tmp_path).lower()


@pytest.mark.parametrize(
    "arguments", [("encode", "--allow-special"), ("show", "--allow-special"),
                  ("count", "--allow-special"), ("decode", "--skip-special")],
)  # fmt: skip
def test_to_allow_or_skip_none_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    assert "add --special-tokens" in error_of(*arguments, stdin=b"1")
