"""The process whose instructions are counted; callgrind dumps its counters at each `getppid`.

Prints a line for each operation, in their order: its name, and the bytes of UTF-8 it is about.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import rwkv_tok

from . import kernels
from .fixed_sample import documents

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Do everything once unobserved, to have warm caches, and once between two marks."""
    wanted = os.environ.get(kernels.VARIABLE, kernels.chosen())
    if wanted != kernels.chosen():
        sys.exit(f"{kernels.VARIABLE}={wanted} was ignored: the path is {kernels.chosen()}")
    tokenizer = rwkv_tok.load()
    texts = documents()
    nbytes = sum(len(text.encode()) for text in texts)
    ids = [tokenizer.encode(text) for text in texts]
    operations: dict[str, Callable[[], object]] = {
        "encode_ragged": lambda: tokenizer.encode_ragged(texts, num_threads=1),
        "encode": lambda: [tokenizer.encode(text) for text in texts],
        "count": lambda: [tokenizer.count(text) for text in texts],
        "decode_bytes": lambda: [tokenizer.decode_bytes(array) for array in ids],
    }
    for name, operation in operations.items():
        operation()
        os.getppid()
        operation()
        os.getppid()
        print(name, nbytes, sep="\t")


if __name__ == "__main__":
    main()
