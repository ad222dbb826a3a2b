"""The calls of `rwkv_tok.data`: datasets written, read, merged, verified and prepared."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING

import numpy as np
from memory.setting import Call, Setting, breaking_off, new_text, small_batch

from rwkv_tok import TokenIdError
from rwkv_tok.data import (
    BinIdx,
    BinIdxWriter,
    Merged,
    Prepared,
    Problem,
    Status,
    VerifyReport,
    magic_prime,
    merge,
    prepare,
    verify,
)
from rwkv_tok.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DATASET_CALLS"]


def _files(prefix: Path) -> list[bytes]:
    """What there is of a dataset; afterwards it is gone."""
    paths = sorted(prefix.parent.glob(f"{prefix.name}.*"))
    contents = [path.read_bytes() for path in paths if path.suffix in (".bin", ".idx")]
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return contents


def _write(s: Setting, *documents: object) -> object:
    prefix = s.folder / "written"
    with BinIdxWriter(prefix, overwrite=True) as writer:
        for document in documents:
            writer.add(document)
        writer.add_batch(small_batch())
        counts = writer.documents, writer.tokens
    return counts, _files(prefix)


def _write_wrong(s: Setting, write: Callable[[BinIdxWriter], None]) -> None:
    with BinIdxWriter(s.folder / "never") as writer:
        writer.add([1, 2])
        write(writer)


def _exists(s: Setting) -> object:
    with BinIdxWriter(s.dataset) as writer:
        return writer


def _broken_off(s: Setting) -> None:
    with BinIdxWriter(s.folder / "never") as writer:
        writer.add([1, 2])
        raise ZeroDivisionError("broken off")


def _merge(s: Setting) -> object:
    prefix = s.folder / "joined"
    merged = merge([s.dataset, s.windowed], prefix, overwrite=True)
    return merged.items, merged.tokens, _files(prefix)


def _prepare(s: Setting, *inputs: Path, **options: object) -> object:
    prefix = s.folder / "prepared"
    done = prepare(  # in this process
        inputs,
        prefix,
        tokenizer=s.bytes_only,  # that there are few tokens makes some tables short
        on_error="skip",
        workers=1,
        overwrite=True,
        **options,
    )
    counts = done.items, done.tokens, done.skipped
    return counts, _files(prefix), _files(s.folder / "prepared-valid")


def _prepare_wrong(s: Setting, *inputs: object, **options: object) -> object:
    prefix = s.folder / "unprepared"
    try:
        return prepare(inputs, prefix, tokenizer=s.bytes_only, workers=1, overwrite=True, **options)
    finally:
        _files(prefix)


def _unpickled(data: BinIdx) -> object:
    return list(pickle.loads(pickle.dumps(data)))


DATASET_CALLS: dict[str, Call] = {
    "data.magic_prime/": Call(lambda _: [magic_prime(1_498_226_207, 4096), magic_prime(9, 4096)]),
    "data.magic_prime/negative": Call(lambda _: magic_prime(-1, 4096), ValueError),
    "data.BinIdx/": Call(lambda s: list(BinIdx(s.dataset))),
    "data.BinIdx/missing": Call(lambda s: BinIdx(s.folder / "missing"), FileNotFoundError),
    "data.BinIdx/no path": Call(lambda _: BinIdx(5), TypeError),
    **{
        f"data.BinIdx/{what}": Call(lambda s, what=what: BinIdx(s.damaged[what]), DataError)
        for what in (
            "short header",
            "truncated index",
            "other magic",
            "other version",
            "int32",
            "odd bin",
            "truncated bin",
            "pointers beyond",
        )
    },
    "data.BinIdx.windows/": Call(lambda s: list(BinIdx(s.windowed).windows(4))),
    "data.BinIdx.windows/too few tokens": Call(lambda s: s.data.windows(4096), DataError),
    "data.BinIdx.windows/other prime": Call(lambda s: BinIdx(s.windowed).windows(4, 7), ValueError),
    "data.BinIdx.__len__/": Call(lambda s: len(s.data)),
    "data.BinIdx.__getitem__/": Call(lambda s: [s.data[0], s.data[-1], s.data[1:]]),
    "data.BinIdx.__getitem__/outside": Call(lambda s: s.data[9], IndexError),
    "data.BinIdx.__getitem__/no index": Call(lambda s: s.data["x"], TypeError),
    "data.BinIdx.__contains__/": Call(lambda s: [[0] in s.data, 5 in s.data]),
    "data.BinIdx.index/": Call(lambda s: s.data.index([0])),
    "data.BinIdx.index/none": Call(lambda s: s.data.index([5]), ValueError),
    "data.BinIdx.count/": Call(lambda s: s.data.count([0])),
    "data.BinIdx.__repr__/": Call(lambda s: repr(s.data)),
    "data.BinIdx.__reduce__/": Call(lambda s: _unpickled(s.data)),
    "data.Windows/": Call(lambda s: len(s.data.windows(4)), DataError),
    "data.Windows.start/": Call(lambda s: [s.windows.start(i) for i in range(11)]),
    "data.Windows.start/no index": Call(lambda s: s.windows.start("x"), TypeError),
    "data.Windows.__len__/": Call(lambda s: len(s.windows)),
    "data.Windows.__getitem__/": Call(lambda s: s.windows[:2]),
    "data.Windows.__getitem__/outside": Call(lambda s: s.windows[11], IndexError),
    "data.Windows.__contains__/": Call(lambda s: [5] in s.windows),
    "data.Windows.index/": Call(lambda s: s.windows.index(s.windows[3])),
    "data.Windows.index/none": Call(lambda s: s.windows.index([5]), ValueError),
    "data.Windows.count/": Call(lambda s: s.windows.count([5])),
    "data.Windows.__repr__/": Call(lambda s: repr(s.windows)),
    "data.BinIdxWriter/": Call(lambda s: _write(s)),
    "data.BinIdxWriter.__enter__/exists": Call(_exists, FileExistsError),
    "data.BinIdxWriter.__exit__/broken off": Call(_broken_off, ZeroDivisionError),
    "data.BinIdxWriter.add/": Call(
        lambda s: _write(s, [1, 2, 0], [], np.array([1, 65535], np.uint16), iter([7]))
    ),
    "data.BinIdxWriter.add/no ids": Call(
        lambda s: _write_wrong(s, lambda writer: writer.add("text")), TypeError
    ),
    "data.BinIdxWriter.add/id out of range": Call(
        lambda s: _write_wrong(s, lambda writer: writer.add([1, 65536])), TokenIdError
    ),
    "data.BinIdxWriter.add/broken off": Call(
        lambda s: _write_wrong(s, lambda writer: writer.add(breaking_off([1]))), ZeroDivisionError
    ),
    "data.BinIdxWriter.add/not in use": Call(
        lambda s: BinIdxWriter(s.folder / "never").add([1]), ValueError
    ),
    "data.BinIdxWriter.add_batch/": Call(lambda s: _write(s)),
    "data.BinIdxWriter.add_batch/no batch": Call(
        lambda s: _write_wrong(s, lambda writer: writer.add_batch([[1]])), TypeError
    ),
    "data.merge/": Call(_merge),
    "data.merge/nothing": Call(lambda s: merge([], s.folder / "never"), ValueError),
    "data.merge/into itself": Call(lambda s: merge([s.dataset], s.dataset), ValueError),
    "data.merge/damaged": Call(
        lambda s: merge([s.damaged["longer bin"]], s.folder / "never"), DataError
    ),
    "data.merge/exists": Call(lambda s: merge([s.dataset], s.windowed), FileExistsError),
    "data.Merged/": Call(lambda s: Merged(s.folder, 1, 2)),
    "data.verify/": Call(lambda s: verify(s.dataset, tokenizer=s.tok)),
    "data.verify/progress": Call(lambda s: verify(s.dataset, tokenizer=s.tok, progress=[].append)),
    "data.verify/manifest": Call(lambda s: verify(s.merged, tokenizer=s.special)),
    "data.verify/wrong ids": Call(lambda s: verify(s.wrong_ids, tokenizer=s.tok)),
    "data.verify/damaged": Call(
        lambda s: [verify(prefix, tokenizer=s.tok) for prefix in s.damaged.values()]
    ),
    "data.verify/missing": Call(
        lambda s: verify(s.folder / "missing", tokenizer=s.tok), FileNotFoundError
    ),
    "data.VerifyReport/": Call(lambda s: VerifyReport(s.folder, 1, 2, (), ())),
    "data.VerifyReport.ok/": Call(lambda s: VerifyReport(s.folder, 1, 2, (), ()).ok),
    "data.Problem/": Call(lambda _: Problem(new_text(), "x")),
    "data.Problem.__str__/": Call(lambda _: str(Problem(new_text(), "x"))),
    "data.prepare/JSON Lines": Call(lambda s: _prepare(s, s.jsonl)),
    "data.Prepared/": Call(lambda s: Prepared(s.folder, {})),
    "data.Prepared.items/": Call(lambda s: Prepared(s.folder, {"items": 1}).items),
    "data.Prepared.tokens/": Call(lambda s: Prepared(s.folder, {"tokens": 1}).tokens),
    "data.Prepared.skipped/": Call(lambda s: Prepared(s.folder, {"corpus": {"bad": 1}}).skipped),
    "data.Status/": Call(lambda _: Status("encode", 1, 2, 3, 4).done),
    "data.prepare/text": Call(lambda s: _prepare(s, s.text, separator="\n\n")),
    "data.prepare/Parquet and Arrow": Call(
        lambda s: _prepare(s, s.parquet, s.arrow, epochs=2, shuffle=True)
    ),
    "data.prepare/other options": Call(
        lambda s: _prepare(
            s,
            s.text,
            separator="\n\n",
            min_tokens=1,
            max_tokens=99,
            limit=2,
            single_item=True,
            ctx_lens=[1],
            report=[].append,
        )
    ),
    "data.prepare/validation set": Call(
        lambda s: _prepare(s, s.text, separator="\n\n", valid_fraction=0.5)
    ),
    "data.prepare/bad record": Call(lambda s: _prepare_wrong(s, s.jsonl), DataError),
    "data.prepare/missing": Call(lambda s: _prepare_wrong(s, s.folder / "missing"), DataError),
    "data.prepare/option": Call(lambda s: _prepare_wrong(s, s.jsonl, on_error="x"), ValueError),
}
