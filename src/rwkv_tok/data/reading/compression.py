"""Compressed files, recognised by how they begin and read as a stream."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DAMAGE", "SUFFIXES", "compression_of", "decompressed"]

#: How the names of compressed files end.
SUFFIXES = frozenset({".gz", ".zst", ".bz2", ".xz"})

#: What reading damaged data raises; EOFError if it ends too early.
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, OSError)

# What is read of a compressed file at a time.
_BLOCK = 1 << 17

# As `zstd --long=31` writes it, and with it some well-known corpora; the usual limit is 2**27.
_ZSTD_OPTIONS = {int(zstd.DecompressionParameter.window_log_max): 31}


def compression_of(head: bytes) -> str | None:
    """The format of a file that begins with these (at least 6) bytes; None if not compressed.

    Examples
    --------
    >>> compression_of(gzip.compress(b"text"))
    'gzip'
    >>> compression_of(b'{"text": "a"}')
    """
    # RFC 1952; RFC 8878: a frame, or one to be skipped; the documentation of bzip2 and xz.
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F
    ):
        return "zstd"
    if head.startswith(b"BZh") and head[3:4].isdigit():
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return None


def decompressed(stream: BinaryIO, compression: str) -> BinaryIO:
    """What a compressed stream holds, all its members or frames one after the other.

    Reading raises one of `DAMAGE` where the data is damaged or ends too early.
    """
    return cast("BinaryIO", _OPEN[compression](stream))


class _Streams:
    """Reads streams that follow each other, as parallel compressors write them.

    `bz2.open` and `lzma.open` take a stream with a damaged beginning for the end, and so lose all
    that follows.
    """

    def __init__(self, file: BinaryIO, new: Callable[[], Any]) -> None:
        self._file = file
        self._new = new
        self._decompressor = new()

    def read(self, size: int) -> bytes:
        """The next bytes, up to `size` of them; none at the end."""
        while True:
            if self._decompressor.eof:
                packed = self._between_streams()
                if not packed:
                    return b""
                self._decompressor = self._new()
            elif self._decompressor.needs_input:
                packed = self._file.read(_BLOCK)
                if not packed:
                    raise EOFError
            else:
                packed = b""
            data: bytes = self._decompressor.decompress(packed, size)
            if data:
                return data

    def _between_streams(self) -> bytes:
        """What follows a stream, without the zeros that may fill the room up to the next."""
        packed: bytes = self._decompressor.unused_data.lstrip(b"\0")
        while not packed and (block := self._file.read(_BLOCK)):
            packed = block.lstrip(b"\0")
        return packed


def _open_zstd(stream: BinaryIO) -> zstd.ZstdFile:
    return zstd.ZstdFile(stream, options=_ZSTD_OPTIONS)


def _open_bzip2(stream: BinaryIO) -> _Streams:
    return _Streams(stream, bz2.BZ2Decompressor)


def _open_xz(stream: BinaryIO) -> _Streams:
    return _Streams(stream, lzma.LZMADecompressor)


_OPEN: dict[str, Callable[..., Any]] = {
    "gzip": gzip.open,
    "zstd": _open_zstd,
    "bzip2": _open_bzip2,
    "xz": _open_xz,
}
