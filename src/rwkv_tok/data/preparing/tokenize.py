"""Encoding a whole corpus, part by part, in one process or in several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rwkv_tok.data.reading.readers import part_count
from rwkv_tok.errors import DataError

from .encoding import PartEncoder, token_lengths
from .pool import WorkerPool
from .schedule import Schedule
from .worker import Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from rwkv_tok.tokenizer import Tokenizer

    from .corpus_files import CorpusFiles, Progress
    from .encoding import PartResult
    from .plan import Plan

__all__ = ["tokenize"]


def tokenize(
    plan: Plan,
    tokenizer: Tokenizer,
    files: CorpusFiles,
    folder: Path,
    *,
    workers: int,
    skip_bad: bool,
    report: Callable[[Progress], None],
) -> None:
    """Encode what is not encoded yet.

    Raises DataError if an input cannot be read, or, without `skip_bad`, at the first bad record.
    """
    limit = plan.arrangement.limit
    results = _results(plan, tokenizer, files, folder, workers)
    try:
        while not _is_done(plan, files.progress):
            result = next(results)
            if result.bad and _is_enough(limit, files.progress, result):
                result.bad.clear()  # behind the limit
            elif result.bad and not skip_bad:
                raise _complaint(plan, files.progress, result)
            files.commit(result)
            report(files.progress)
    finally:
        results.close()
    if limit is not None and files.progress.documents > limit:
        _cut(tokenizer, files, limit)


def _is_enough(limit: int | None, progress: Progress, result: PartResult) -> bool:
    """Whether the limit is reached before the first bad record of a part."""
    return limit is not None and progress.documents + result.documents_before_bad >= limit


def _is_done(plan: Plan, progress: Progress) -> bool:
    limit = plan.arrangement.limit
    return progress.source == len(plan.sources) or (
        limit is not None and progress.documents >= limit
    )


def _results(
    plan: Plan,
    tokenizer: Tokenizer,
    files: CorpusFiles,
    folder: Path,
    workers: int,
) -> Generator[PartResult]:
    """The results of all parts that are still to be done, in order; their tokens are written."""
    start = (files.progress.source, files.progress.part)
    schedule = Schedule(
        plan.sources,
        lambda source: part_count(source, plan.reading),
        plan.reading.part_size,
        start,
    )
    # Standard input cannot be shared: this process reads it, and encodes with several threads.
    if workers == 1 or not plan.is_restartable:
        encoder = PartEncoder(tokenizer, plan.sources, plan.reading, plan.encoding, workers)
        try:
            while parts := schedule.take(0):
                for source, part in parts:
                    result = encoder.encode(source, part, files.tokens)
                    if result.ended:
                        schedule.end_stream(source)
                    yield result
        finally:
            encoder.close()
        return
    setup = Setup(tokenizer, plan.sources, plan.reading, plan.encoding)
    with WorkerPool(setup, schedule, workers, folder) as pool:
        for result, tokens in pool.results(start, len(plan.sources)):
            files.tokens.copy(tokens, 2 * result.tokens)
            yield result


def _complaint(plan: Plan, progress: Progress, result: PartResult) -> DataError:
    source, record = plan.sources[result.source], result.bad[0]
    number = progress.records + record.number + 1
    return DataError(
        f"{source.name}, {source.record_name} {number}: {record.reason} "
        "(--on-error skip leaves such records out and reports them)"
    )


def _cut(tokenizer: Tokenizer, files: CorpusFiles, limit: int) -> None:
    """Drop the documents beyond the limit: a part is encoded as a whole."""
    beyond = token_lengths(tokenizer)[files.tokens_beyond(limit)]
    files.cut(limit, files.progress.text_bytes - int(beyond.sum(dtype=np.int64)))
