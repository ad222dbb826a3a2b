"""Measurements that need processes of their own: start, memory, threads beside processes."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from . import machine, packages, texts
from .kernels import Server, servers
from .timing import Result, interleave

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .report import Report

IN_PROCESSES = "two processes of one thread"
IN_THREADS = "two threads of one process"
PARTS_OF_START = ("import", "load", "first call", "together")
NUMBERS_OF_THREADS = (1, 2, 4)


def fresh(call: str) -> dict[str, Any]:
    """The answer of a function of `bench.fresh` in a new process."""
    function = call.partition("(")[0]
    command = [sys.executable, "-c", f"from bench.fresh import {function}; {call}"]
    output = subprocess.run(command, cwd=texts.ROOT, stdout=subprocess.PIPE, check=True).stdout
    answer: dict[str, Any] = json.loads(output)
    return answer


def compare_start(report: Report, names: Sequence[str], rounds: int) -> None:
    """Print how long it takes from nothing to the first ids, and the memory that holds then."""
    everyone = [*names, packages.NUMPY]
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in everyone}
    with report.progress("start", (rounds + 1) * len(everyone)) as advance:
        for turn in range(rounds + 1):
            for name in everyone:
                answer = fresh(f"start({name!r})")
                if turn:  # the first time files may come from the disk
                    answers[name].append(answer)
                advance()
    results = [
        Result("start of a fresh process", "", part, name, "ms", 1,
               tuple(answer[part] for answer in answers[name]))
        for name in everyone
        for part in (PARTS_OF_START if name != packages.NUMPY else PARTS_OF_START[-1:])
    ]  # fmt: skip
    report.add(
        results, baseline=packages.PEER, note="NumPy's import is part of that of who needs it"
    )
    memory = {name: [answer["memory"] for answer in answers[name]] for name in everyone}
    if None in itertools.chain.from_iterable(memory.values()):
        report.warn("this system does not tell how much memory a process has: left out")
        return
    numpy = min(memory[packages.NUMPY])
    results = [
        Result("memory after a first call, above NumPy's", "", "anonymous resident", name, "MB", 1,
               tuple(max(0.0, nbytes - numpy) for nbytes in memory[name]))
        for name in names
    ]  # fmt: skip
    report.add(results, baseline=packages.PEER)


def measure_memory_at_work(report: Report) -> None:
    """Print the most that `encode_ragged` holds besides its result, by the number of threads."""
    if fresh("start('numpy')")["memory"] is None:
        return
    results = [
        Result("memory at work besides texts and ids", "", f"{n} threads" if n > 1 else "1 thread",
               f"{packages.OURS} encode_ragged", "MB", 1, (fresh(f"work({n})")["memory"],))
        for n in NUMBERS_OF_THREADS
    ]  # fmt: skip
    report.add(results, baseline=None)


def compare_threads(report: Report, everything: Sequence[str], large: float, rounds: int) -> None:
    """Print what two threads of one process reach, against two processes of one thread."""
    if machine.cores() < 2:
        report.warn("there is one core only: two threads cannot show anything")
    nbytes = int(large * 1e6)
    batches = {
        "pages": enlarged(everything, "page", nbytes),
        "one document": ["\n".join(enlarged(everything, texts.AS_IS, nbytes))],
    }
    sizes = [sum(len(text.encode()) for text in batch) for batch in batches.values()]
    with servers([None, None], list(batches.values())) as two:
        samples = interleave(
            range(len(batches)),
            [IN_PROCESSES, IN_THREADS],
            rounds,
            lambda batch, how: (
                in_processes(two, batch) if how == IN_PROCESSES else in_threads(two[0], batch)
            ),
        )
    results = (
        # Two processes do twice the work.
        Result("encode_ragged on two cores", "", list(batches)[i], (IN_PROCESSES, IN_THREADS)[j],
               "MB/s", sizes[i] * (2 if j == 0 else 1), seconds)
        for (i, j), seconds in samples.items()
    )  # fmt: skip
    report.add(results, baseline=IN_PROCESSES, note=f"{large:g} MB of UTF-8")


def in_processes(two: Sequence[Server], batch: int) -> float:
    """Seconds until both processes, started together, have encoded the batch."""
    start = time.perf_counter()
    for server in two:
        server.send(operation="encode_ragged", batch=batch, threads=1)
    for server in two:
        server.receive()
    return time.perf_counter() - start


def in_threads(server: Server, batch: int) -> float:
    """Seconds until one process has encoded the batch with two threads."""
    start = time.perf_counter()
    server.ask(operation="encode_ragged", batch=batch, threads=2)
    return time.perf_counter() - start


def enlarged(everything: Sequence[str], size: str, nbytes: int) -> list[str]:
    """So many bytes in documents of a size: the texts again and again."""
    return list(texts.limit(itertools.cycle(texts.resize(everything, size)), nbytes))
