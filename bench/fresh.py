"""What a fresh process measures of itself: the start of a package, and memory at work.

Run as `python -c "from bench.fresh import start; start('PACKAGE')"`; the answer is JSON.
"""

from __future__ import annotations

import time

from . import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WORK_BYTES = 16_000_000


def start(package: str) -> None:
    """Import a package, load its vocabulary and encode a first text, each of it timed."""
    began = time.perf_counter()
    if package == packages.NUMPY:
        import numpy  # noqa: F401

        imported = loaded = encoded = time.perf_counter()
    else:
        module = packages.import_package(package)
        imported = time.perf_counter()
        tokenizer = packages.PACKAGES[package].load(module)
        loaded = time.perf_counter()
        packages.PACKAGES[package].encode(tokenizer, "Hello world")
        encoded = time.perf_counter()
    memory = anonymous_memory()
    _answer(
        {
            "import": imported - began,
            "load": loaded - imported,
            "first call": encoded - loaded,
            "together": encoded - began,
            "memory": memory,
        }
    )


def work(num_threads: int) -> None:
    """Encode a batch with so many threads: the most memory held meanwhile, less the result's."""
    import threading

    from . import texts

    tokenizer = packages.load_tokenizer(packages.OURS)
    documents = texts.resize(list(texts.sample(WORK_BYTES)["languages"]), "page")
    documents = [*texts.limit(documents, WORK_BYTES)]
    most = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            most[0] = max(most[0], anonymous_memory() or 0)

    tokenizer.encode_ragged(documents[:1])
    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.05)  # until the watcher itself has all it needs
    before = anonymous_memory() or 0
    batch = tokenizer.encode_ragged(documents, num_threads=num_threads)
    done.set()
    watcher.join()
    _answer({"memory": max(0, most[0] - before - batch.ids.nbytes - batch.offsets.nbytes)})


def anonymous_memory() -> int | None:
    """Bytes of memory that this process really has and that are no file's; None if unknown."""
    try:
        with open("/proc/self/smaps_rollup", "rb") as file:  # noqa: PTH123 - pathlib takes memory
            for line in file:
                if line.startswith(b"Anonymous:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _answer(answer: dict[str, Any]) -> None:
    import json

    print(json.dumps(answer))
