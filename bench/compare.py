"""Compare rwkv_tok with pyrwkv-tokenizer, side by side in one process.

Both encode the same documents in turn, corpus after corpus, for several rounds; the best round of
each counts, after a check that both give the same ids. Machines differ and drift: the ratios are
the result. Measure the installed wheel, not a development build:

    pip install rwkv-tok pyrwkv-tokenizer==0.9.1
    python bench/compare.py corpus.jsonl.gz another.jsonl
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import multiprocessing
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyrwkv_tokenizer

import rwkv_tok

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

ROUNDS = 5


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="+", type=Path, help="JSONL with a field `text`, or .gz")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    corpora = {path.name.split(".")[0]: read_texts(path) for path in options.corpus}
    ours, peer = rwkv_tok.load(), pyrwkv_tokenizer.RWKVTokenizer()
    for texts in corpora.values():
        for text in texts:
            if ours.encode(text).tolist() != peer.encode(text):
                parser.error("the ids differ: there is nothing to compare")
    print(f"rwkv_tok {rwkv_tok.__version__}, pyrwkv-tokenizer {pyrwkv_tokenizer.__version__}")
    compare_corpora(ours, peer, corpora, options.rounds)
    compare_short_calls(ours, peer, options.rounds)
    compare_threads([text for texts in corpora.values() for text in texts], options.rounds)


def read_texts(path: Path) -> list[str]:
    """The texts of a JSONL file."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return [json.loads(line)["text"] for line in data.splitlines()]


def compare_corpora(
    ours: rwkv_tok.Tokenizer,
    peer: pyrwkv_tokenizer.RWKVTokenizer,
    corpora: dict[str, list[str]],
    rounds: int,
) -> None:
    """Print MB/s of UTF-8 in one thread, and the ratio to the peer."""
    contestants: dict[str, Callable[[list[str]], object]] = {
        "peer": lambda texts: [peer.encode(text) for text in texts],
        "encode": lambda texts: [ours.encode(text) for text in texts],
        "encode_ragged": lambda texts: ours.encode_ragged(texts, num_threads=1),
    }
    best = {(corpus, name): math.inf for corpus in corpora for name in contestants}
    for _ in range(rounds):
        for corpus, texts in corpora.items():
            for name, function in contestants.items():
                seconds = timed(lambda f=function, t=texts: f(t))
                best[corpus, name] = min(best[corpus, name], seconds)
    print(f"{'MB/s, one thread':18}" + "".join(f"{name:>22}" for name in contestants))
    for corpus, texts in corpora.items():
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        cells = (
            f"{megabytes / best[corpus, name]:14.0f} "
            f"({best[corpus, 'peer'] / best[corpus, name]:4.2f}x)"
            for name in contestants
        )
        print(f"{corpus:18}" + "".join(cells))


def compare_short_calls(
    ours: rwkv_tok.Tokenizer, peer: pyrwkv_tokenizer.RWKVTokenizer, rounds: int
) -> None:
    """Print nanoseconds for encode("Hello world")."""
    repeat = 20_000
    best = [math.inf, math.inf]
    for _ in range(rounds):
        for i, encode in enumerate((ours.encode, peer.encode)):
            seconds = timed(lambda f=encode: [f("Hello world") for _ in range(repeat)])
            best[i] = min(best[i], seconds / repeat * 1e9)
    print(f'encode("Hello world"): {best[0]:.0f} ns, peer {best[1]:.0f} ns')


def compare_threads(texts: list[str], rounds: int) -> None:
    """Print what two threads of one process reach, against two processes of one thread."""
    ours = rwkv_tok.load()
    batch = texts * 4
    megabytes = sum(len(text.encode()) for text in batch) / 1e6
    in_threads, in_processes = math.inf, math.inf
    for _ in range(rounds):
        in_threads = min(
            in_threads, timed(lambda: ours.encode_ragged(batch, num_threads=2)) / megabytes
        )
        in_processes = min(in_processes, two_processes(batch) / (2 * megabytes))
    print(
        f"two threads: {1 / in_threads:.0f} MB/s, {in_processes / in_threads:.1%} of the "
        f"{1 / in_processes:.0f} MB/s of two processes"
    )


def two_processes(batch: list[str]) -> float:
    """Seconds until both of two processes, started together, have encoded a batch each."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    processes = [context.Process(target=encode_once, args=(batch, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    return seconds


def encode_once(batch: list[str], barrier: Barrier) -> None:
    """Encode a batch between two barriers."""
    tokenizer = rwkv_tok.load()
    barrier.wait()
    tokenizer.encode_ragged(batch, num_threads=1)
    barrier.wait()


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
