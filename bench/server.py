"""A process that encodes what it is told to: `python -m bench.server BATCHES.json`.

Requests come as lines of JSON on standard input, and each is answered by one on standard output.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rwkv_tok

from . import kernels
from .timing import no_collection, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Operation = Callable[[rwkv_tok.Tokenizer, Sequence[Any], int], object]

#: What can be timed: of a tokenizer, documents, and a number of threads.
OPERATIONS: dict[str, Operation] = {
    "encode_ragged": lambda tok, documents, n: tok.encode_ragged(documents, num_threads=n),
    "encode": lambda tok, documents, _: [tok.encode(document) for document in documents],
    "count": lambda tok, documents, _: [tok.count(document) for document in documents],
}


def main() -> None:
    """Answer until the input ends."""
    tokenizer = rwkv_tok.load()
    batches = read_batches(Path(sys.argv[1]))
    with no_collection():
        for line in sys.stdin:
            print(json.dumps(answer(tokenizer, batches, json.loads(line))), flush=True)


def read_batches(path: Path) -> list[list[Any]]:
    """The documents, as str or as bytes."""
    return [
        [text.encode("latin-1") for text in batch["documents"]]
        if batch["bytes"]
        else batch["documents"]
        for batch in json.loads(path.read_bytes())
    ]


def answer(
    tokenizer: rwkv_tok.Tokenizer, batches: Sequence[Sequence[Any]], request: dict[str, Any]
) -> object:
    """The name of the path, a digest of all ids of a batch, or the seconds that a call takes."""
    if "kernel" in request:
        return kernels.chosen()
    if "digest" in request:
        batch = tokenizer.encode_ragged(batches[request["digest"]], num_threads=1)
        return hashlib.sha256(batch.ids.tobytes() + batch.offsets.tobytes()).hexdigest()
    operation = OPERATIONS[request["operation"]]
    documents = batches[request["batch"]]
    return timed(lambda: operation(tokenizer, documents, request.get("threads", 1)))


if __name__ == "__main__":
    main()
