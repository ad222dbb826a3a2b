"""A process that encodes parts of a corpus.

`pool` tells it what to do in pickles on its standard input; it answers in pickles on its standard
output. A process of `multiprocessing` would run the caller's main module once more, which a script
without a guard does not expect.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rwkv_tok.errors import DataError

from .encoding import PartEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from rwkv_tok.data.reading.documents import ReadOptions
    from rwkv_tok.data.reading.source import Source
    from rwkv_tok.tokenizer import Tokenizer

    from .encoding import EncodeOptions, PartResult
    from .schedule import PartId

__all__ = ["Outcome", "Setup", "Task", "main"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is told first."""

    tokenizer: Tokenizer
    sources: tuple[Source, ...]
    reading: ReadOptions
    encoding: EncodeOptions


@dataclass(frozen=True, slots=True)
class Task:
    """Consecutive parts to encode, and a file to put their tokens into."""

    parts: list[PartId]
    spool: Path


@dataclass(slots=True)
class Outcome:
    """What came of the parts of a task, up to the first, if any, that failed.

    Attributes
    ----------
    first
        The first of the parts.
    spool
        The file with the tokens of all results, one after the other.
    failure
        Why the part after the last result could not be encoded.
    """

    first: PartId
    spool: Path
    results: list[PartResult] = field(default_factory=list)
    failure: Exception | None = None


def main() -> None:
    """Do what standard input says, until it ends."""
    # Ctrl-C reaches all processes of a terminal; the one that was called ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not disturb
    requests = sys.stdin.buffer
    try:
        setup: Setup = pickle.load(requests)  # noqa: S301 # from this package's own process
        encoder = PartEncoder(setup.tokenizer, setup.sources, setup.reading, setup.encoding)
        while True:
            task: Task = pickle.load(requests)  # noqa: S301
            outcome = _encode(encoder, task)
            pickle.dump(outcome, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):  # whoever asked has gone
        os._exit(0)  # without the attempt to flush what nobody reads


def _encode(encoder: PartEncoder, task: Task) -> Outcome:
    outcome = Outcome(task.parts[0], task.spool)
    try:
        # Buffered: a write without a buffer may write less than it was given.
        with task.spool.open("xb") as spool:
            for source, part in task.parts:
                result = encoder.encode(source, part, spool)
                spool.flush()  # a full disk is to be noticed before the part counts as done
                outcome.results.append(result)
    except (DataError, OSError, MemoryError) as error:
        outcome.failure = error
    return outcome
