"""`verify`: whether a dataset is what RWKV's trainer needs."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from rwkv_tok.data.binidx.index_file import bin_path, idx_path
from rwkv_tok.data.binidx.manifest import json_path, new_hash, read_manifest

from .findings import Findings, VerifyReport
from .index_checks import check_index
from .token_checks import TokenChecks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rwkv_tok.data.binidx.index_file import PathLike
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["verify"]

# What is in a manifest may be long, or drive a terminal.
_SHORT = reprlib.Repr()
_SHORT.maxstring = 80

# Bytes that are looked at together: all that is done to them finds them in the cache.
_STEP = 1 << 19


def verify(
    prefix: PathLike,
    *,
    tokenizer: Tokenizer,
    progress: Callable[[int], None] | None = None,
) -> VerifyReport:
    """Check a dataset, whoever wrote it, from the first byte to the last.

    The header and the size of the index; that the items follow each other without a gap, fill the
    .bin and end with 0; that the vocabulary has every id; and that all is as PREFIX.json says, if
    that is there: this needs xxhash. What a file is wrong in, and how that comes about where it is
    known, is in the report; of many problems of one kind it has the first few and a count.

    Parameters
    ----------
    prefix
        The path of the two files without `.bin` and `.idx`.
    tokenizer
        That of the vocabulary that the ids are of.
    progress
        Told how many bytes of the .bin were read since it was told last.

    Raises
    ------
    OSError
        A file is missing or cannot be read.
    ImportError
        xxhash is not installed: `pip install 'rwkv-tok[data]'`.

    Examples
    --------
    >>> import tempfile, rwkv_tok
    >>> from rwkv_tok.data import BinIdxWriter
    >>> prefix = Path(tempfile.mkdtemp()) / "corpus"
    >>> with BinIdxWriter(prefix) as writer:
    ...     writer.add([33155, 65531])
    >>> report = verify(prefix, tokenizer=rwkv_tok.load())
    >>> report.ok, report.items, report.tokens
    (False, 1, 3)
    >>> report.problems[0].what
    'id 65531 has no token in rwkv_vocab_v20230424: once'
    """
    prefix = Path(prefix)
    findings = Findings()
    manifest = read_manifest(prefix)
    bin_hash: Any = None if manifest is None else new_hash()
    with bin_path(prefix).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        index = check_index(prefix, size, findings)
        checks = None
        if index is not None:
            checks = TokenChecks(bin_path(prefix), index, tokenizer, findings)
        done = 0
        for block in _blocks_of(file):
            if bin_hash is not None:
                bin_hash.update(block)
            if index is not None and checks is not None:
                whole = len(block) - len(block) % index.dtype.itemsize
                if whole:
                    ids = np.frombuffer(block[:whole], index.dtype)
                    checks.check(done // index.dtype.itemsize, ids)
            done += len(block)
            if progress is not None:
                progress(len(block))
    if checks is not None:
        checks.finish()
    items = 0 if index is None else len(index.sizes)
    tokens = 0 if index is None else done // index.dtype.itemsize
    if manifest is not None:
        actual: dict[str, Any] = {} if index is None else {"items": items, "tokens": tokens}
        actual |= {
            "bin": {"size": done, "xxh128": bin_hash.hexdigest()},
            "idx": _record(idx_path(prefix)),
            "vocabulary": {"fingerprint": _fingerprint(tokenizer, manifest)},
        }
        _compare(manifest, actual, str(json_path(prefix)), findings)
    elif json_path(prefix).exists():
        findings.notes.append(f"{json_path(prefix)} is no manifest of a dataset: not looked at")
    return VerifyReport(prefix, items, tokens, findings.problems(), tuple(findings.notes))


def _fingerprint(tokenizer: Tokenizer, manifest: dict[str, Any]) -> str:
    """The tokenizer's; without its special tokens, if the files were made without them."""
    plain = tokenizer.with_special_tokens({}).fingerprint
    vocabulary = manifest.get("vocabulary")
    made_without = isinstance(vocabulary, dict) and vocabulary.get("fingerprint") == plain
    return plain if made_without else tokenizer.fingerprint


def _blocks_of(file: IO[bytes]) -> Iterator[memoryview]:
    """The content of a file in pieces; each is gone when the next one is asked for.

    They are read, not mapped: if the disk fails, that is an OSError.
    """
    buffer = memoryview(bytearray(_STEP))
    while size := file.readinto(buffer):  # type: ignore[attr-defined]
        yield buffer[:size]


def _record(path: Path) -> dict[str, Any]:
    """The size and the hash of a file."""
    digest = new_hash()
    size = 0
    with path.open("rb") as file:
        for block in _blocks_of(file):
            digest.update(block)
            size += len(block)
    return {"size": size, "xxh128": digest.hexdigest()}


def _compare(manifest: object, actual: object, where: str, findings: Findings) -> None:
    """Report every entry of a manifest that says something else than what is there."""
    if isinstance(manifest, dict) and isinstance(actual, dict):
        for name in actual:
            if name in manifest:
                _compare(manifest[name], actual[name], f"{where}, {name}", findings)
    elif manifest != actual:
        findings.add(
            "differences", where, f"says {_SHORT.repr(manifest)}, but it is {_SHORT.repr(actual)}"
        )
