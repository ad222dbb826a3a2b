"""merge: several datasets become one."""

import json
from itertools import chain
from pathlib import Path

import pytest
from data.binidx_files import (
    DOCUMENTS,
    index_bytes,
    token_bytes,
    write_dataset,
    write_files,
)

from rwkv_tok import Tokenizer
from rwkv_tok.data import merge, verify
from rwkv_tok.errors import DataError

PARTS = [DOCUMENTS, [], [[7, 8, 9]] * 5, [[5, 0]]]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    (tmp_path / "parts").mkdir()
    return [
        write_dataset(tmp_path / "parts" / str(number), part) for number, part in enumerate(PARTS)
    ]


def write_manifest(prefix: Path, fingerprint: str) -> None:
    content = {"bin": {}, "idx": {}, "vocabulary": {"fingerprint": fingerprint, "name": "any"}}
    Path(f"{prefix}.json").write_text(json.dumps(content))


@pytest.mark.usefixtures("small_blocks")
def test_the_items_follow_each_other(parts: list[Path], tmp_path: Path) -> None:
    told: list[int] = []
    merged = merge(parts, tmp_path / "all", progress=told.append)
    stored = [*chain(*PARTS)]
    assert (merged.prefix, merged.items) == (tmp_path / "all", len(stored))
    assert merged.tokens == sum(map(len, stored))
    assert (tmp_path / "all.bin").read_bytes() == token_bytes(stored)
    assert (tmp_path / "all.idx").read_bytes() == index_bytes([*map(len, stored)])
    assert sum(told) == 2 * merged.tokens
    assert names(tmp_path) == ["all.bin", "all.idx", "all.json", "parts"]


def test_the_manifest_says_what_was_merged(dataset: Path, tmp_path: Path, tok: Tokenizer) -> None:
    merge([dataset, dataset], tmp_path / "all")
    manifest = json.loads((tmp_path / "all.json").read_bytes())
    assert manifest["made_by"].startswith("rwkv-tok ")
    assert manifest["merged_from"] == [{"prefix": str(dataset), "items": 4, "tokens": 9}] * 2
    assert (manifest["items"], manifest["tokens"]) == (8, 18)
    assert "vocabulary" not in manifest
    assert verify(tmp_path / "all", tokenizer=tok).ok


def test_nothing_but_nothing_can_be_merged(tmp_path: Path, tok: Tokenizer) -> None:
    merge([write_dataset(tmp_path / "empty", [])], tmp_path / "all")
    assert verify(tmp_path / "all", tokenizer=tok).ok
    with pytest.raises(ValueError, match="nothing to merge"):
        merge([], tmp_path / "none")


def test_a_common_vocabulary_is_named(dataset: Path, parts: list[Path], tok: Tokenizer) -> None:
    for prefix in (dataset, parts[3]):
        write_manifest(prefix, tok.fingerprint)
    all_ = dataset.with_name("all")
    merge([dataset, parts[3]], all_)
    manifest = json.loads(Path(f"{all_}.json").read_bytes())
    assert manifest["vocabulary"] == {"fingerprint": tok.fingerprint, "name": "any"}
    # What is known of one says nothing of the other.
    merge([dataset, parts[2]], all_, overwrite=True)
    assert "vocabulary" not in json.loads(Path(f"{all_}.json").read_bytes())


def test_different_vocabularies_are_refused(dataset: Path, parts: list[Path]) -> None:
    write_manifest(dataset, "1" * 64)
    write_manifest(parts[3], "2" * 64)
    with pytest.raises(DataError, match=r"corpus\.json and .*3\.json name different vocabularies"):
        merge([dataset, parts[0], parts[3]], dataset.with_name("all"))


@pytest.mark.parametrize(
    ("sizes", "pointers", "message"),
    [
        ([3, 1, 3, 2], [0, 6, 6, 14], "item 2 is empty or does not begin"),
        ([3, 1, 3, 2], [6, 0, 8, 14], "item 0 is empty or does not begin"),
        ([3, 1, 5, 0], [0, 6, 8, 18], "item 3 is empty or does not begin"),
        ([3, 1, 3], [0, 6, 8], "has 4 bytes after the last item"),
        ([], [], "has 18 bytes after the last item"),
        ([3, 1, 3, 3], [0, 6, 8, 14], "item 3 .* not within"),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 100])
def test_a_damaged_dataset_is_refused(
    tmp_path: Path,
    sizes: list[int],
    pointers: list[int],
    message: str,
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rwkv_tok.data.binidx.index_file._BLOCK", block)
    prefix = write_files(tmp_path / "bad", token_bytes(DOCUMENTS), index_bytes(sizes, pointers))
    with pytest.raises(DataError, match=message):
        merge([prefix], tmp_path / "all")
    assert names(tmp_path) == ["bad.bin", "bad.idx"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_not_the_output(dataset: Path, overwrite: bool) -> None:
    same = dataset.parent / ".." / dataset.parent.name / dataset.name
    with pytest.raises(ValueError, match="is an input"):
        merge([dataset], same, overwrite=overwrite)


def test_a_link_to_an_input_is_not_the_output(dataset: Path) -> None:
    link = dataset.with_name("link")
    for suffix in (".bin", ".idx"):
        try:
            Path(f"{link}{suffix}").symlink_to(f"{dataset}{suffix}")
        except OSError:
            pytest.skip("has no links")
    with pytest.raises(ValueError, match="is an input"):
        merge([dataset], link, overwrite=True)


def test_an_existing_dataset_is_refused(dataset: Path, parts: list[Path]) -> None:
    before = Path(f"{parts[0]}.bin").read_bytes()
    with pytest.raises(FileExistsError):
        merge([dataset], parts[0])
    assert Path(f"{parts[0]}.bin").read_bytes() == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_json_of_another_kind_is_never_replaced(dataset: Path, overwrite: bool) -> None:
    source = dataset.with_name("all.json")
    source.write_text('{"text": "precious"}')
    with pytest.raises(FileExistsError) as caught:
        merge([dataset], dataset.with_name("all"), overwrite=overwrite)
    assert caught.value.filename == str(source)
    assert source.read_text() == '{"text": "precious"}'


def test_an_error_half_way_leaves_nothing(dataset: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge([dataset], dataset.with_name("all"), progress=stop)
    assert names(dataset.parent) == ["corpus.bin", "corpus.idx"]
