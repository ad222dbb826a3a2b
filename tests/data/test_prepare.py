"""prepare: what comes out, whatever the number of workers."""

import bz2
import gzip
import json
import lzma
import os
import random
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from data.corpora import (
    TEXTS,
    dataset_at,
    dataset_of,
    dataset_of_ids,
    jsonl,
    manifest_at,
    names,
    prepare_in_parts,
    skipped_at,
    stored,
)

import rwkv_tok
from rwkv_tok import Tokenizer
from rwkv_tok.data import Status, prepare, verify
from rwkv_tok.data.preparing.order import shuffled, validation_mask
from rwkv_tok.data.reading.compression import zstd
from rwkv_tok.errors import DataError

MANY = [f"document {number} " + "word " * (number % 9) for number in range(300)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(jsonl(TEXTS))
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with sources of every kind, 1,500 documents together."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = jsonl(MANY)
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines[:5000]) + gzip.compress(lines[5000:]))
    (folder / "c.jsonl.zst").write_bytes(zstd.compress(lines))
    (folder / "d.jsonl.bz2").write_bytes(bz2.compress(b""))
    for number in range(30):
        (folder / f"e{number:02}.txt").write_bytes(MANY[number].encode())
    pq.write_table(pa.table({"text": MANY}), folder / "f.parquet", row_group_size=70)
    (folder / "g.jsonl.xz").write_bytes(lzma.compress(lines))
    return folder


MIXED = [*MANY * 3, *MANY[:30], *MANY * 2]


def test_the_files_are_those_of_the_format(source: Path, tmp_path: Path, tok: Tokenizer) -> None:
    prepared = prepare(source, tmp_path / "out")
    assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)
    assert names(tmp_path) == ["corpus.jsonl", "out.bin", "out.idx", "out.json"]
    assert (prepared.prefix, prepared.items) == (tmp_path / "out", len(TEXTS))
    assert prepared.tokens == sum(map(len, stored(TEXTS)))
    assert (prepared.was_complete, prepared.valid, prepared.skipped) == (False, None, None)
    assert verify(tmp_path / "out", tokenizer=tok).ok


def test_the_manifest_tells_how_to_make_it_again(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out", seed=5, min_tokens=1, on_error="skip")
    manifest = manifest_at(tmp_path / "out")
    kept = [text for text in TEXTS if text]
    assert manifest["vocabulary"]["fingerprint"] == rwkv_tok.load().fingerprint
    assert manifest["corpus"] == {
        "documents": len(kept),
        "tokens": sum(map(len, stored(kept))),
        "text_bytes": sum(len(text.encode()) for text in kept),
        "empty": 0,
        "blank": 0,
        "bad": 0,
        "too_short": 1,
        "too_long": 0,
    }
    assert manifest["plan"]["arrangement"]["seed"] == 5
    [told] = manifest["plan"]["sources"]
    assert told["path"] == str(source)
    assert told["size"] == source.stat().st_size
    assert told["mtime_ns"] == source.stat().st_mtime_ns
    assert told["xxh128"] == xxhash.xxh3_128_hexdigest(source.read_bytes())
    for kind in ("bin", "idx"):
        content = Path(f"{tmp_path}/out.{kind}").read_bytes()
        assert manifest[kind] == {
            "size": len(content),
            "xxh128": xxhash.xxh3_128_hexdigest(content),
        }


def test_another_vocabulary(source: Path, tmp_path: Path, byte_tokens: dict[int, bytes]) -> None:
    prepare(source, tmp_path / "out", tokenizer=Tokenizer.from_tokens(byte_tokens), workers=2)
    expected = [[*(byte + 1 for byte in text.encode()), 0] for text in TEXTS]
    assert dataset_at(tmp_path / "out") == dataset_of_ids(expected)


def test_arguments_are_checked_before_anything_is_made(source: Path, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"on_error": "ignore"}, ValueError),
        ({"workers": 0}, ValueError),
        ({"epochs": 0}, DataError),
        ({"separator": ""}, DataError),
        ({"text_field": "a..b"}, DataError),
    ]
    for options, error in wrong:
        with pytest.raises(error):
            prepare(source, tmp_path / "out", **options)
    with pytest.raises(DataError, match=r"no folder .*nix to put out into"):
        prepare(source, tmp_path / "nix" / "out")
    assert names(tmp_path) == ["corpus.jsonl"]


# The same bytes with any number of workers


OPTIONS: list[dict[str, Any]] = [
    {},
    {
        "shuffle": True,
        "epochs": 2,
        "seed": 3,
        "valid_fraction": 0.1,
        "limit": 777,
        "min_tokens": 3,
        "max_tokens": 9,
    },
]


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "arranged"])
def test_the_number_of_workers_does_not_matter(
    options: dict[str, Any], mixed: Path, tmp_path: Path
) -> None:
    tokenized = stored(MIXED)
    lowest, highest = options.get("min_tokens", 0), options.get("max_tokens", 10**9)
    kept = [ids for ids in tokenized if lowest <= len(ids) - 1 <= highest][: options.get("limit")]
    expected = {"out": kept}
    if "valid_fraction" in options:
        mask = validation_mask(len(kept), 3, 0.1)
        train = [ids for ids, aside in zip(kept, mask, strict=True) if not aside]
        expected = {
            "out-valid": [ids for ids, aside in zip(kept, mask, strict=True) if aside],
            "out": [train[i] for epoch in (0, 1) for i in shuffled(len(train), 3, epoch)],
        }
    manifests = []
    for workers in (1, 2, 5):
        prepare_in_parts(mixed, tmp_path / "out", 3000, workers=workers, overwrite=True, **options)
        for name, ids in expected.items():
            assert dataset_at(tmp_path / name) == dataset_of_ids(ids)
        manifests.append([manifest_at(tmp_path / name) for name in expected])
        assert not list(tmp_path.glob("*.work"))
    assert manifests[0] == manifests[1] == manifests[2]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_bad_record_is_named(mixed: Path, tmp_path: Path, workers: int) -> None:
    bad = jsonl(MANY[:200]) + b"bad\n" + jsonl(MANY) + b"bad\n"
    (mixed / "b.jsonl.gz").write_bytes(gzip.compress(bad))
    (mixed / "c.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd is not all")
    with pytest.raises(DataError, match=r"b\.jsonl\.gz, line 201: no valid JSON"):
        prepare_in_parts(mixed, tmp_path / "out", 3000, workers=workers)
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_record_comes_before_a_damaged_file_behind_it(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"bad\n")
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "b.parquet")
    inputs = [tmp_path / "a.jsonl", tmp_path / "b.parquet"]

    def damage(*_: object) -> None:
        stat = inputs[1].stat()
        inputs[1].write_bytes(b"x" * stat.st_size)
        os.utime(inputs[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))

    monkeypatch.setattr("rwkv_tok.data.preparing.run.check_free_space", damage)
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: no valid JSON"):
        prepare(inputs, tmp_path / "out", workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_records_are_listed_in_their_order(mixed: Path, tmp_path: Path, workers: int) -> None:
    bad = jsonl(MANY[:100]) + b"bad\n\n" + jsonl(MANY[100:]) + b'{"text": 3}'
    (mixed / "a.jsonl").write_bytes(bad)
    (mixed / "c.jsonl.zst").write_bytes(zstd.compress(bad))
    pq.write_table(pa.table({"text": [*MANY, None]}), mixed / "f.parquet", row_group_size=70)
    prepared = prepare_in_parts(mixed, tmp_path / "out", 3000, workers=workers, skip_bad=True)
    assert dataset_at(tmp_path / "out") == dataset_of(MIXED)
    assert prepared.skipped == tmp_path / "out.skipped.jsonl"
    found = [
        (Path(each["file"]).name, each.get("line", each.get("row")))
        for each in skipped_at(tmp_path / "out")
    ]
    assert found == [
        ("a.jsonl", 101),
        ("a.jsonl", 303),
        ("c.jsonl.zst", 101),
        ("c.jsonl.zst", 303),
        ("f.parquet", 301),
    ]
    corpus = manifest_at(tmp_path / "out")["corpus"]
    assert (corpus["bad"], corpus["blank"], corpus["documents"]) == (5, 2, len(MIXED))


# Which documents


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
@pytest.mark.parametrize("part_size", [1, 50, 4 << 20])
def test_only_the_first_documents(source: Path, tmp_path: Path, limit: int, part_size: int) -> None:
    prepare_in_parts([source, source], tmp_path / "out", part_size, limit=limit)
    kept = (TEXTS * 2)[:limit]
    assert dataset_at(tmp_path / "out") == dataset_of(kept)
    corpus = manifest_at(tmp_path / "out")["corpus"]
    assert corpus["documents"] == len(kept)
    assert corpus["tokens"] == sum(map(len, stored(kept)))
    assert corpus["text_bytes"] == sum(len(text.encode()) for text in kept)
    assert corpus["empty"] == kept.count("")


def test_documents_of_some_lengths(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "out", min_tokens=2, max_tokens=4)
    kept = [ids for ids in stored(TEXTS) if 2 <= len(ids) - 1 <= 4]
    assert 0 < len(kept) < len(TEXTS)
    assert dataset_at(tmp_path / "out") == dataset_of_ids(kept)
    corpus = manifest_at(tmp_path / "out")["corpus"]
    lengths = [len(ids) - 1 for ids in stored(TEXTS)]
    assert corpus["too_short"] == sum(length < 2 for length in lengths)
    assert corpus["too_long"] == sum(length > 4 for length in lengths)


def test_every_document_comes_once_an_epoch(source: Path, tmp_path: Path) -> None:
    prepared = prepare(source, tmp_path / "out", epochs=3, shuffle=True, seed=1)
    ids = stored(TEXTS)
    order = [i for epoch in range(3) for i in shuffled(len(ids), 1, epoch)]
    assert dataset_at(tmp_path / "out") == dataset_of_ids([ids[i] for i in order])
    assert (prepared.items, prepared.tokens) == (3 * len(ids), 3 * sum(map(len, ids)))
    assert manifest_at(tmp_path / "out")["corpus"]["documents"] == len(ids)


def test_a_validation_set_is_set_aside(source: Path, tmp_path: Path) -> None:
    prepared = prepare(source, tmp_path / "out", valid_fraction=0.3, epochs=2, seed=4)
    mask = validation_mask(len(TEXTS), 4, 0.3)
    train = [text for text, aside in zip(TEXTS, mask, strict=True) if not aside]
    valid = [text for text, aside in zip(TEXTS, mask, strict=True) if aside]
    assert dataset_at(tmp_path / "out") == dataset_of(train * 2)
    assert dataset_at(tmp_path / "out-valid") == dataset_of(valid)
    assert prepared.valid
    assert (prepared.valid.prefix, prepared.valid.items) == (tmp_path / "out-valid", len(valid))
    assert [manifest_at(tmp_path / name)["set"] for name in ("out", "out-valid")] == [
        "train",
        "valid",
    ]


def test_too_few_documents_have_no_validation_set(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(["a"]))
    with pytest.raises(DataError, match="cannot set aside a validation set of 1 document"):
        prepare(tmp_path / "a.jsonl", tmp_path / "out", valid_fraction=0.5)


def test_nothing_can_be_shuffled(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n")
    prepare(tmp_path / "a.jsonl", tmp_path / "out", shuffle=True, epochs=3)
    assert dataset_at(tmp_path / "out") == dataset_of([])


@pytest.mark.parametrize("options", [{}, {"epochs": 2}])
def test_a_single_item(source: Path, tmp_path: Path, options: dict[str, int]) -> None:
    prepare(source, tmp_path / "out", single_item=True, **options)
    ids = [*chain(*stored(TEXTS))] * options.get("epochs", 1)
    assert dataset_at(tmp_path / "out") == dataset_of_ids([ids])


def test_a_single_item_of_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    prepare(tmp_path / "a.jsonl", tmp_path / "out", single_item=True)
    assert dataset_at(tmp_path / "out") == dataset_of([])


def test_a_single_item_has_a_largest_size(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = sum(map(len, stored(TEXTS)))
    monkeypatch.setattr("rwkv_tok.data.preparing.publish.LONGEST_ITEM", tokens - 1)
    with pytest.raises(DataError, match=f"{tokens} tokens do not fit into a single item"):
        prepare(source, tmp_path / "out", single_item=True)
    assert not {"out.bin", "out.idx", "out.json"} & {*names(tmp_path)}
    monkeypatch.setattr("rwkv_tok.data.preparing.publish.LONGEST_ITEM", tokens)
    assert prepare(source, tmp_path / "out", single_item=True).items == 1


# Around it


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_ends_at_the_total(mixed: Path, tmp_path: Path, workers: int) -> None:
    told: list[Status] = []
    options: dict[str, Any] = {"epochs": 2, "workers": workers, "report": told.append}
    prepare_in_parts(mixed, tmp_path / "out", 3000, **options)
    size = sum(path.stat().st_size for path in mixed.iterdir())
    encoding = [each for each in told if each.step == "encode"]
    assert [each.done for each in encoding] == sorted(each.done for each in encoding)
    assert {each.total for each in encoding} == {size}
    assert encoding[-1].done == size
    assert encoding[-1].documents == len(MIXED)
    arranging = [each for each in told if each.step == "arrange"]
    assert told == encoding + arranging
    assert arranging[-1].done == arranging[-1].total == 2 * encoding[-1].tokens


@pytest.mark.parametrize("check", [True, False])
def test_a_text_that_is_not_found_again_is_an_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    decode: Any = Tokenizer.decode_batch

    def decode_wrongly(self: Tokenizer, *args: Any, **options: Any) -> list[str]:
        return [text.replace("a", "b") for text in decode(self, *args, **options)]

    monkeypatch.setattr(Tokenizer, "decode_batch", decode_wrongly)
    if check:
        with pytest.raises(DataError, match=r"corpus\.jsonl: .* does not decode to its text"):
            prepare(source, tmp_path / "out")
    else:
        prepare(source, tmp_path / "out", check=False)
        assert dataset_at(tmp_path / "out") == dataset_of(TEXTS)


def test_a_script_without_a_guard_can_have_workers(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(MANY))
    (tmp_path / "json.py").write_text("raise ImportError('not this one')")
    script = tmp_path / "scripts" / "make.py"
    script.parent.mkdir()
    script.write_text(
        "print('once')\nfrom rwkv_tok.data import prepare\nprepare('a.jsonl', 'out', workers=2)\n"
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [b"once"], b"")
    assert dataset_at(tmp_path / "out") == dataset_of(MANY)


def test_random_corpora_are_encoded_as_the_oracle_would(tmp_path: Path, reference: Any) -> None:
    rng = random.Random(5)
    texts = ["".join(rng.choices("ab é今🙂\n\0 the", k=rng.randrange(40))) for _ in range(200)]
    lines = [json.dumps({"text": text}, ensure_ascii=rng.random() < 0.5) for text in texts]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    prepare(tmp_path / "a.jsonl", tmp_path / "out", workers=2)
    expected = [[*reference.encode(text.encode()), 0] for text in texts]
    assert dataset_at(tmp_path / "out") == dataset_of_ids(expected)


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_bad_record_behind_the_limit_is_none_of_its_business(
    limit: int, on_error: str, tmp_path: Path
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n\n{"text": ""}\n{"text": "b"}\n{"text": "c"}\nbad\n')
    options: dict[str, Any] = {"on_error": on_error, "limit": limit, "min_tokens": 1}
    prepared = prepare(source, tmp_path / "out", **options)
    assert (prepared.items, prepared.manifest["corpus"]["bad"]) == (limit, 0)
    assert not (tmp_path / "out.skipped.jsonl").exists()


def test_a_bad_record_before_the_limit_is_found(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "a"}\n\n{"text": "b"}\nbad\n{"text": "c"}\n')
    with pytest.raises(DataError, match="line 4"):
        prepare(source, tmp_path / "out", limit=3)


@pytest.mark.parametrize("named", ["{}", "{}/*.json*", "{}/**"])
def test_what_was_made_in_the_folder_of_the_inputs_is_no_input(named: str, tmp_path: Path) -> None:
    for name in ("a.jsonl", "z.jsonl"):
        (tmp_path / name).write_text('{"text": "a"}\n')
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\nbad\n')
    inputs, prefix = named.format(tmp_path), tmp_path / "out"
    options: dict[str, Any] = {"on_error": "skip", "valid_fraction": 0.5}
    first = prepare(inputs, prefix, **options)
    assert (tmp_path / "out.skipped.jsonl").exists()
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work" / "a.jsonl").write_text('{"text": "no input"}\n')
    again = prepare(inputs, prefix, **options)
    assert again.was_complete
    assert first.items == again.items == 1
