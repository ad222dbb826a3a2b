"""Writing datasets: an .idx from the sizes of its items, and both files document by document."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from rwkv_tok._decode import read_ids
from rwkv_tok.batch import TokenBatch
from rwkv_tok.errors import TokenIdError
from rwkv_tok.vocabulary import ID_SPACE

from .index_file import DOC_IDX, POINTERS, SIZES, TOKENS, Header, bin_path, blocks, map_array
from .publishing import new_dataset

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from rwkv_tok.arguments import Ids

    from .index_file import PathLike
    from .publishing import NewDataset

__all__ = ["BinIdxWriter", "SizesFile", "write_index"]

_LARGEST_SIZE = np.iinfo(SIZES).max


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes | memoryview, /) -> Any:
        """Write all of it."""


def write_index(file: Sink, sizes: NDArray[np.int32], *, item_count: int) -> None:
    r"""Write a complete .idx, in bounded memory.

    Parameters
    ----------
    file
        A binary file, which gets the bytes from the first to the last.
    sizes
        int32, 1-D: the tokens of each item. Read three times from the beginning, in pieces: it
        may well be mapped from a file.
    item_count
        How many of the sizes are meant: the first so many.

    Raises
    ------
    ValueError
        There are fewer sizes, or a size is not positive.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_index(file, np.array([3, 3], np.int32), item_count=2)
    >>> file.getvalue()[34:42]
    b'\x03\x00\x00\x00\x03\x00\x00\x00'
    """
    if len(sizes) < item_count:
        raise ValueError(f"{item_count} items need as many sizes, not {len(sizes)}")
    file.write(Header(item_count, item_count + 1).to_bytes())
    for block in blocks(item_count):
        piece = sizes[block].astype(SIZES)
        if piece.min() < 1:
            item = block.start + int(np.argmax(piece < 1))
            raise ValueError(f"item {item} has size {sizes[item]}: an item has one token at least")
        file.write(piece.data)
    position = 0
    for block in blocks(item_count):
        ends = TOKENS.itemsize * np.cumsum(sizes[block], dtype=np.int64)
        pointers = np.concatenate([[0], ends[:-1]]) + position
        file.write(pointers.astype(POINTERS).data)
        position += int(ends[-1])
    for block in blocks(item_count + 1):
        file.write(np.arange(block.start, block.stop, dtype=DOC_IDX).data)


class SizesFile:
    """The sizes of items, kept in an unnamed file until all are known and an .idx can be written.

    Parameters
    ----------
    folder
        Where there is room for them.
    """

    def __init__(self, folder: PathLike) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see __exit__
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, sizes: NDArray[np.integer[Any]]) -> None:
        """Keep some more."""
        self._file.write(sizes.astype(SIZES).data)
        self.count += len(sizes)

    def write_index(self, file: Sink) -> None:
        """Write the .idx of all of them."""
        self._file.flush()
        sizes = map_array(self._file, SIZES, 0, self.count)
        write_index(file, sizes, item_count=self.count)


class BinIdxWriter:
    """Writes a dataset document by document, in bounded memory: use it in a `with` statement.

    The files appear, complete and on disk, when the block ends; if it raises, nothing remains of
    them. An existing dataset stays as it is until it is replaced.

    Parameters
    ----------
    prefix
        The path of the two files without `.bin` and `.idx`; their folder must exist.
    overwrite
        Replace an existing dataset.

    Attributes
    ----------
    documents, tokens : int
        What was added so far, closing 0s included.

    Raises
    ------
    FileExistsError
        When the block begins: there is such a dataset, and `overwrite` is False.
    OSError
        The files cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> prefix = Path(tempfile.mkdtemp()) / "corpus"
    >>> with BinIdxWriter(prefix) as writer:
    ...     writer.add([33155, 40213])
    ...     writer.documents, writer.tokens
    (1, 3)
    >>> sorted(path.name for path in prefix.parent.iterdir())
    ['corpus.bin', 'corpus.idx']
    """

    def __init__(self, prefix: PathLike, *, overwrite: bool = False) -> None:
        self._prefix = prefix
        self._overwrite = overwrite
        self._dataset: NewDataset | None = None
        self.documents = 0
        self.tokens = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            dataset = stack.enter_context(new_dataset(self._prefix, overwrite=self._overwrite))
            self._sizes = stack.enter_context(SizesFile(bin_path(self._prefix).parent))
            self._dataset = dataset
            self.documents = self.tokens = 0
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def add(self, ids: Ids) -> None:
        """Add a document; a 0 is put behind it unless its last id is 0.

        Parameters
        ----------
        ids
            Integers of any kind in an array or a sequence, as everywhere in this package.

        Raises
        ------
        TypeError
            They are no integers.
        TokenIdError
            One is outside 0 ... 65535; whether a token is assigned to it is not asked.
        ValueError
            They are more than 2**31 - 1 with the closing 0; or the writer is not in use.
        """
        array = read_ids(ids, "raise")
        outside = (array < 0) | (array >= ID_SPACE)
        if outside.any():
            position = int(np.argmax(outside))
            raise TokenIdError(int(array[position]), position)
        narrow = array.astype(np.uint16, copy=False)
        self._add(narrow, np.array([0, len(narrow)]))

    def add_batch(self, batch: TokenBatch) -> None:
        """Add the documents of a batch, each as `add` does.

        It is fastest if all of them end with 0 already: `encode_ragged(texts, append_eot=True)`.
        """
        if not isinstance(batch, TokenBatch):
            raise TypeError(f"a batch must be a TokenBatch, not {type(batch).__name__}")
        self._add(batch.ids, batch.offsets)

    def _add(self, ids: NDArray[np.uint16], offsets: NDArray[np.int64]) -> None:
        if self._dataset is None:
            raise ValueError("the writer is not in use: write `with BinIdxWriter(...) as writer:`")
        ends = offsets[1:]
        sizes = np.diff(offsets)
        is_open = sizes == 0
        is_open[~is_open] = ids[ends[~is_open] - 1] != 0
        sizes += is_open
        if sizes.max(initial=0) > _LARGEST_SIZE:
            raise ValueError(
                f"document {self.documents + int(np.argmax(sizes))} has {sizes.max()} tokens: an "
                f"index has room for {_LARGEST_SIZE}"
            )
        if is_open.any():
            ids = np.insert(ids, ends[is_open], 0)
        self._dataset.bin.write(ids.astype(TOKENS, copy=False).data)
        self._sizes.append(sizes)
        self.documents += len(sizes)
        self.tokens += len(ids)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        dataset, self._dataset = self._dataset, None
        if kind is not None or dataset is None:
            return
        if dataset.bin.tell() != TOKENS.itemsize * self.tokens:
            # Somebody caught the error of a write, and went on.
            raise OSError(f"{os.fspath(self._prefix)}.bin could not be written as a whole")
        self._sizes.write_index(dataset.idx)
