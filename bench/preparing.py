"""What the contestants of the mode `prepare` do, each in a process of its own.

Run as `python -c "from bench.preparing import bare_loop; bare_loop('FILE')"`; the answer is JSON.
Seconds are those of the work, from after the imports.
"""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path


def bare_loop(source: str) -> None:
    """Parse lines and encode them; keep, check and write nothing."""
    import msgspec

    import rwkv_tok

    class Record(msgspec.Struct, gc=False):
        text: str

    tokenizer = rwkv_tok.load()
    decode = msgspec.json.Decoder(Record).decode
    started = time.perf_counter()
    tokens = 0
    rest = b""
    with Path(source).open("rb") as file:
        while block := file.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            documents = [decode(line).text for line in lines]
            batch = tokenizer.encode_ragged(documents, num_threads=1, append_eot=True)
            tokens += len(batch.ids)
    _answer(time.perf_counter() - started, tokens)


def pure_python(source: str, output: str) -> None:
    """Parse, encode, check and write as a plain script does."""
    from . import packages

    tokenizer = packages.load_tokenizer(packages.REFERENCE)
    started = time.perf_counter()
    sizes = []
    with Path(f"{output}.bin").open("wb") as out, Path(source).open("rb") as file:
        for line in file:
            text = json.loads(line)["text"]
            ids = tokenizer.encode(text)
            if tokenizer.decode(ids) != text:
                raise ValueError("a document does not decode to its text")
            ids.append(0)
            out.write(struct.pack(f"<{len(ids)}H", *ids))
            sizes.append(len(ids))
    with Path(f"{output}.idx").open("wb") as index:
        count, position = len(sizes), 0
        index.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, count, count + 1))
        index.write(struct.pack(f"<{count}i", *sizes))
        for size in sizes:
            index.write(struct.pack("<q", position))
            position += 2 * size
        index.write(struct.pack(f"<{count + 1}q", *range(count + 1)))
    _answer(time.perf_counter() - started, sum(sizes))


def prepare(source: str, output: str, workers: int, shuffle: bool) -> None:
    """Prepare training data with this package, by default with all its checks."""
    from rwkv_tok.data import prepare as run

    for path in Path(output).parent.glob(f"{Path(output).name}.*"):
        path.unlink()
    epochs = 3 if shuffle else 1
    started = time.perf_counter()
    prepared = run(source, output, workers=workers, shuffle=shuffle, epochs=epochs)
    _answer(time.perf_counter() - started, prepared.tokens)


def verify(output: str) -> None:
    """Verify what was prepared last."""
    import rwkv_tok
    from rwkv_tok.data import verify as run

    tokenizer = rwkv_tok.load()
    started = time.perf_counter()
    report = run(output, tokenizer=tokenizer)
    if not report.ok:
        raise ValueError(str(report.problems[0]))
    _answer(time.perf_counter() - started, report.tokens)


def _answer(seconds: float, tokens: int) -> None:
    print(json.dumps({"seconds": seconds, "tokens": tokens}))
