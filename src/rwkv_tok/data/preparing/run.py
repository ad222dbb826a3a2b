"""One run of `prepare`: its steps, and how it goes on after an interruption."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rwkv_tok._version import __version__
from rwkv_tok.data.binidx.index_file import idx_path
from rwkv_tok.data.binidx.magic_primes import explain_missing_prime, magic_prime, trainer_arguments
from rwkv_tok.data.binidx.manifest import json_path, read_manifest
from rwkv_tok.errors import DataError
from rwkv_tok.threads import available_cpus, check_num_threads

from .arrange import TRAIN, VALID, arrange
from .corpus_files import CorpusFiles
from .estimate import check_free_space, estimate
from .names import dataset_paths, skipped_path, valid_prefix, work_folder
from .publish import NewSet, finish_publishing, publish
from .tokenize import tokenize
from .workspace import MARKER, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rwkv_tok.tokenizer import Tokenizer

    from .corpus_files import Progress
    from .plan import Plan
    from .token_files import TokenFiles

__all__ = ["Prepared", "Run", "Status", "for_trainer"]

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
        For "encode", bytes of input (`total` is 0 for standard input); for "arrange", tokens.
    documents, tokens
        What has been encoded, also by a run before that was interrupted.
    """

    step: Literal["encode", "arrange"]
    done: int
    total: int
    documents: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run has made.

    Attributes
    ----------
    prefix
        The path of the files without their suffixes.
    manifest
        What PREFIX.json says: the plan, counts, sizes and digests.
    valid
        The same for the validation set, if there is one.
    was_complete
        Whether all of it had been there before.
    documents_found
        How many documents a run that was interrupted had left.
    """

    prefix: Path
    manifest: dict[str, Any]
    valid: Prepared | None = None
    was_complete: bool = False
    documents_found: int = 0

    @property
    def tokens(self) -> int:
        """The number of tokens, closing zeros included."""
        tokens: int = self.manifest["tokens"]
        return tokens

    @property
    def items(self) -> int:
        """The number of items: one for each document, as often as it is there."""
        items: int = self.manifest["items"]
        return items

    @property
    def skipped(self) -> Path | None:
        """The list of the records without a usable text, if there are any."""
        return skipped_path(self.prefix) if self.manifest["corpus"]["bad"] else None


class Run:
    """What is to be done, and where; see `prepare` for what the parameters mean."""

    def __init__(
        self,
        plan: Plan,
        tokenizer: Tokenizer,
        prefix: Path,
        *,
        check: bool,
        skip_bad: bool,
        ctx_lens: tuple[int, ...] = (),
    ) -> None:
        self._plan = plan
        self._tokenizer = tokenizer
        self._prefix = prefix
        self._valid_prefix = valid_prefix(prefix)
        self._check = check
        self._skip_bad = skip_bad
        self._ctx_lens = ctx_lens

    def run(
        self, *, workers: int | None, overwrite: bool, report: Callable[[Status], None]
    ) -> Prepared:
        """Do what is not done yet. Raises DataError or OSError."""
        workers = check_num_threads(workers) or self._useful_workers()
        self._refuse_to_replace()
        if not overwrite:
            complete = self._find_complete()
            if complete is not None:
                self._remove_leftovers()
                return complete
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
        prepared = self._prepared()
        workspace.remove()
        self._refuse_skipped(prepared.manifest)
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
            check=self._check,
            skip_bad=self._skip_bad,
            report=report_encoding,
        )
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
        manifest = {
            "made_by": f"rwkv-tok {__version__}, prepare",
            "vocabulary": {
                "name": self._tokenizer.name,
                "fingerprint": self._tokenizer.fingerprint,
            },
            "plan": plan,
            "corpus": progress,
            "set": name,
            "trainer": [for_trainer(token_files.mark[0] // 2, each) for each in self._ctx_lens],
        }
        return NewSet(self._valid_prefix if name == VALID else self._prefix, token_files, manifest)

    def _find_complete(self) -> Prepared | None:
        """What a run of the same plan has made; None if there is nothing, or if it is unfinished.

        Raises DataError if there is something else.
        """
        work = work_folder(self._prefix)
        prefixes = [self._prefix]
        if self._plan.arrangement.valid_fraction:
            prefixes.append(self._valid_prefix)
        taken = [path for prefix in prefixes for path in dataset_paths(prefix) if path.exists()]
        if not taken or (work / MARKER).exists():
            return None
        manifest = read_manifest(self._prefix)
        if manifest is not None and idx_path(self._prefix).exists():
            plan = manifest.get("plan")
            difference = "something else made it" if plan is None else self._plan.difference(plan)
            if difference is None and self._plan.is_restartable:
                self._refuse_skipped(manifest)
                return replace(self._prepared(), was_complete=True)
            if difference is not None:
                raise DataError(f"{taken[0]} exists, and {difference}: say --force to replace it")
        raise DataError(f"{taken[0]} exists: say --force to replace it")

    def _refuse_to_replace(self) -> None:
        """Raise DataError if an output would take the place of something that is none."""
        names = [
            path for prefix in (self._prefix, self._valid_prefix) for path in dataset_paths(prefix)
        ]
        taken = {}
        for path in (*names, skipped_path(self._prefix)):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                taken[found.st_dev, found.st_ino] = path
        for source in self._plan.sources if taken else ():
            if source.is_stdin:
                continue
            with contextlib.suppress(FileNotFoundError):
                found = Path(source.path).stat()
                if output := taken.get((found.st_dev, found.st_ino)):
                    raise DataError(f"{output} is an input: choose another name for the output")
        for prefix in (self._prefix, self._valid_prefix):
            if json_path(prefix).exists() and read_manifest(prefix) is None:
                raise DataError(
                    f"{json_path(prefix)} exists and is about something else: choose another "
                    "name for the output"
                )

    def _remove_leftovers(self) -> None:
        """Remove the folder of a run that was killed when all was done."""
        if work_folder(self._prefix).is_dir():
            with contextlib.suppress(DataError):  # it is not of this run
                Workspace(self._prefix, self._plan, overwrite=False).remove()

    def _refuse_skipped(self, manifest: dict[str, Any]) -> None:
        """Raise DataError if bad records were skipped, and should not be."""
        bad = manifest["corpus"]["bad"]
        if bad and not self._skip_bad:
            raise DataError(
                f"{idx_path(self._prefix)} exists, and {bad} bad record(s) were skipped for it: "
                "say --on-error skip if that is right, or --force to make it anew"
            )

    def _prepared(self) -> Prepared:
        """What has been published."""
        valid = None
        if self._plan.arrangement.valid_fraction:
            valid = Prepared(self._valid_prefix, _manifest_of(self._valid_prefix))
        return Prepared(self._prefix, _manifest_of(self._prefix), valid)

    def _useful_workers(self) -> int:
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
            raise DataError(
                f"no room left on the device of {self._prefix}: make room, and the same command "
                "goes on from here"
            ) from error


def for_trainer(tokens: int, ctx_len: int) -> dict[str, Any]:
    """What the trainer has to be told about so many tokens; without a magic prime, what to do.

    Examples
    --------
    >>> for_trainer(1_498_226_207, 4096)["arguments"]
    '--my_exit_tokens 1498226207 --magic_prime 365759 --ctx_len 4096'
    """
    prime = magic_prime(tokens, ctx_len)
    known = {"ctx_len": ctx_len, "magic_prime": prime}
    if prime is None:
        return known | {"advice": explain_missing_prime(tokens, ctx_len)}
    return known | {"arguments": trainer_arguments(tokens, ctx_len, prime)}


def _manifest_of(prefix: Path) -> dict[str, Any]:
    manifest = read_manifest(prefix)
    if manifest is None:
        raise DataError(f"{json_path(prefix)} has gone, or is no longer what was written")
    return manifest
