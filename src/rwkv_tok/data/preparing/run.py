"""One run of `prepare`: its steps, and how it goes on after an interruption."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from rwkv_tok._version import __version__
from rwkv_tok.data.binidx.magic_primes import for_trainer
from rwkv_tok.errors import DataError
from rwkv_tok.threads import available_cpus, check_num_threads

from .arrange import TRAIN, VALID, arrange
from .corpus_files import CorpusFiles
from .estimate import check_free_space, estimate
from .existing import Prepared, find_complete, read_prepared, refuse_skipped, refuse_to_replace
from .names import skipped_path, valid_prefix, work_folder
from .publish import NewSet, check_single_item, finish_publishing, publish
from .tokenize import tokenize
from .workspace import MARKER, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rwkv_tok.tokenizer import Tokenizer

    from .corpus_files import Progress
    from .plan import Plan
    from .token_files import TokenFiles

__all__ = ["Run", "Status"]

# A worker process takes longer to start than it takes to encode a part of this.
_BYTES_WORTH_A_WORKER = 1 << 25


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run has come.

    Attributes
    ----------
    step
        "encode", or "arrange" while documents are shuffled, repeated or set aside.
    done, total
        For "encode", bytes of input, those from standard input not counted; for "arrange", tokens.
    documents, tokens
        What has been encoded, also by a run before that was interrupted.
    """

    step: Literal["encode", "arrange"]
    done: int
    total: int
    documents: int
    tokens: int


class Run:
    """What is to be done, and where; see `prepare` for what the parameters mean."""

    def __init__(
        self,
        plan: Plan,
        tokenizer: Tokenizer,
        prefix: Path,
        *,
        skip_bad: bool,
        ctx_lens: tuple[int, ...] = (),
    ) -> None:
        self._plan = plan
        self._tokenizer = tokenizer
        self._prefix = prefix
        self._valid_prefix = valid_prefix(prefix)
        self._skip_bad = skip_bad
        self._ctx_lens = ctx_lens

    def run(
        self, *, workers: int | None, overwrite: bool, report: Callable[[Status], None]
    ) -> Prepared:
        """Do what is not done yet. Raises DataError or OSError."""
        workers = check_num_threads(workers) or self._useful_workers()
        refuse_to_replace(self._plan, self._prefix)
        # With the marker, what is there is half of what a run was about to publish.
        if not overwrite and not (work_folder(self._prefix) / MARKER).exists():
            complete = find_complete(self._plan, self._prefix, skip_bad=self._skip_bad)
            if complete is not None:
                self._remove_leftovers()
                return replace(complete, was_complete=True)
        workspace = Workspace(self._prefix, self._plan, overwrite=overwrite)
        try:
            with self._explained():
                return self._run_in(workspace, workers, overwrite, report)
        finally:
            workspace.close()

    def _run_in(
        self,
        workspace: Workspace,
        workers: int,
        overwrite: bool,
        report: Callable[[Status], None],
    ) -> Prepared:
        folder = workspace.folder
        found = 0
        if not finish_publishing(folder):
            files = CorpusFiles(folder, self._plan.sources)
            if files.progress.bad and not self._skip_bad and overwrite:
                files.close()
                workspace.restart(self._plan)
                files = CorpusFiles(folder, self._plan.sources)
            found = files.progress.documents
            try:
                self._make(files, folder, workers, report)
            except BaseException:
                files.close()
                if not files.has_checkpoint or not self._plan.is_restartable:
                    workspace.remove()  # nothing in it could be gone on with
                raise
            files.close()
        prepared = read_prepared(self._plan, self._prefix)
        workspace.remove()
        refuse_skipped(prepared, skip_bad=self._skip_bad)
        return replace(prepared, documents_found=found)

    def _make(
        self, files: CorpusFiles, folder: Path, workers: int, report: Callable[[Status], None]
    ) -> None:
        """Encode, arrange and publish, each as far as it is not done."""
        plan = self._plan
        if files.progress.bad and not self._skip_bad:
            raise DataError(
                f"an earlier run has skipped {files.progress.bad} bad record(s): say "
                "--on-error skip to go on with it, or --force to start anew"
            )
        written = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        check_free_space(estimate(plan, self._tokenizer, folder), written)
        total = sum(source.size for source in plan.sources)

        def report_encoding(progress: Progress) -> None:
            done = progress.input_bytes + progress.position
            report(Status("encode", done, total, progress.documents, progress.tokens))

        tokenize(
            plan,
            self._tokenizer,
            files,
            folder,
            workers=workers,
            skip_bad=self._skip_bad,
            report=report_encoding,
        )
        if plan.arrangement.single_item and not plan.arrangement.valid_fraction:
            check_single_item(files.progress.tokens * plan.arrangement.epochs)
        sets = {TRAIN: files.token_files()}
        if not plan.arrangement.is_plain:
            progress = files.progress

            def report_arranging(done: int) -> None:
                all_tokens = progress.tokens * plan.arrangement.epochs
                report(Status("arrange", done, all_tokens, progress.documents, progress.tokens))

            sets = arrange(folder, sets[TRAIN], plan.arrangement, report_arranging)
        publish(
            folder,
            [self._new_set(name, each, files) for name, each in sets.items()],
            (files.bad, skipped_path(self._prefix)),
            plan.arrangement.single_item,
        )

    def _new_set(self, name: str, token_files: TokenFiles, files: CorpusFiles) -> NewSet:
        plan, progress = self._plan.to_json(), asdict(files.progress)
        digests = [*files.digests, *([None] * len(self._plan.sources))]  # None: not read to its end
        for source, digest in zip(plan["sources"], digests, strict=False):
            source["xxh128"] = digest
        for name_of_state in ("source", "part", "position", "records", "input_bytes"):
            del progress[name_of_state]
        epochs = 1 if name == VALID else self._plan.arrangement.epochs
        manifest = {
            "made_by": f"rwkv-tok {__version__}, prepare",
            "vocabulary": {
                "name": self._tokenizer.name,
                "fingerprint": self._tokenizer.fingerprint,
            },
            "plan": plan,
            "corpus": progress,
            "on_error": "skip" if self._skip_bad else "fail",
            "set": name,
            "trainer": [
                for_trainer(token_files.mark[0] // 2, each, epochs) for each in self._ctx_lens
            ],
        }
        return NewSet(self._valid_prefix if name == VALID else self._prefix, token_files, manifest)

    def _remove_leftovers(self) -> None:
        """Remove the folder of a run that was killed when all was done."""
        if work_folder(self._prefix).is_dir():
            with contextlib.suppress(DataError):  # it is not of this run
                Workspace(self._prefix, self._plan, overwrite=False).remove()

    def _useful_workers(self) -> int:
        if not self._plan.is_restartable:
            return available_cpus()  # nobody knows how much there is; threads start at once
        size = sum(source.size for source in self._plan.sources)
        return max(1, min(available_cpus(), size // _BYTES_WORTH_A_WORKER))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell what to do about a full disk."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            message = f"no room left on the device of {self._prefix}: make room"
            if self._plan.is_restartable:
                message += ", and the same command goes on from here"
            raise DataError(message) from error
