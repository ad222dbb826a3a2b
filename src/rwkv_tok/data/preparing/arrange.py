"""Putting the documents of a corpus into the order of a training set: shuffled, repeated, split.

The corpus has been encoded once; its tokens are copied from the file that holds them in their own
order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rwkv_tok.errors import DataError

from .checkpoints import CheckpointedFiles
from .order import shuffled, validation_mask
from .scattered import ScatteredReader
from .token_files import TokenFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .plan import Arrangement

__all__ = ["TRAIN", "VALID", "arrange", "passes"]

#: The two sets that a corpus may be split into.
TRAIN, VALID = "train", "valid"

# Tokens that are copied at a time, unless a document has more, and documents looked at for that.
_CHUNK = 1 << 22
_CHUNK_DOCUMENTS = 1 << 14


def passes(arrangement: Arrangement, documents: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The sets that documents are written to, one after the other, each with their numbers.

    The training set comes once for each epoch.

    Raises
    ------
    DataError
        There are too few documents to set some aside.
    """
    training = None  # all, without an array that says so
    if arrangement.valid_fraction:
        if documents < 2:
            raise DataError(f"cannot set aside a validation set of {documents} document(s)")
        mask = validation_mask(documents, arrangement.seed, arrangement.valid_fraction)
        yield VALID, np.flatnonzero(mask)
        training = np.flatnonzero(~mask)
        documents = len(training)
    for epoch in range(arrangement.epochs):
        if arrangement.shuffle:
            order = shuffled(documents, arrangement.seed, epoch)
        else:
            order = np.arange(documents)
        yield TRAIN, order if training is None else training[order]


def arrange(
    folder: Path,
    corpus: TokenFiles,
    arrangement: Arrangement,
    report: Callable[[int], None],
) -> dict[str, TokenFiles]:
    """Write the tokens and sizes of each set; go on with what was written before.

    Parameters
    ----------
    folder
        Where the files are made.
    corpus
        All documents, in their own order.
    arrangement
        What to do with them.
    report
        Told how many tokens have been written.

    Returns
    -------
    sets
        Their files, by name.
    """
    names = [VALID, TRAIN] if arrangement.valid_fraction else [TRAIN]
    files = CheckpointedFiles(
        folder, [f"{name}.{kind}" for name in names for kind in ("tokens", "sizes")], "arranged"
    )
    state = files.state or {"pass": 0, "documents": 0}
    try:
        with ScatteredReader(corpus) as reader:
            for number, (name, order) in enumerate(passes(arrangement, len(reader.sizes))):
                if number < state["pass"]:
                    continue
                done = state["documents"] if number == state["pass"] else 0
                tokens, sizes = files.files[f"{name}.tokens"], files.files[f"{name}.sizes"]
                for chunk in _chunks(order[done:], reader):
                    tokens.write(reader.read(chunk).data)
                    sizes.write(reader.sizes[chunk].data)
                    done += len(chunk)
                    files.checkpoint({"pass": number, "documents": done}, now=False)
                    report(tokens.size // 2)
                files.checkpoint({"pass": number + 1, "documents": 0})
        return {name: _token_files(files, name) for name in names}
    finally:
        files.close()


def _token_files(files: CheckpointedFiles, name: str) -> TokenFiles:
    tokens, sizes = f"{name}.tokens", f"{name}.sizes"
    return TokenFiles(files.paths[tokens], files.paths[sizes], files.files[tokens].sync())


def _chunks(order: NDArray[np.int64], reader: ScatteredReader) -> Iterator[NDArray[np.int64]]:
    """Documents that are copied together; each time the next ones are announced before."""
    chunk = _chunk(order, reader.sizes)
    reader.announce(chunk)
    while len(chunk):
        order = order[len(chunk) :]
        following = _chunk(order, reader.sizes)
        reader.announce(following)
        yield chunk
        chunk = following


def _chunk(order: NDArray[np.int64], sizes: NDArray[np.int32]) -> NDArray[np.int64]:
    """As many of the documents, at least one if there are any, as make up a chunk."""
    documents = order[:_CHUNK_DOCUMENTS]
    ends = np.cumsum(sizes[documents], dtype=np.int64)
    return documents[: max(1, int(np.searchsorted(ends, _CHUNK, "right")))]
