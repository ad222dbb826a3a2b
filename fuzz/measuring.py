"""What the corpora cover: of the Python layer by branches, of the kernels by lines and branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .build import COVERAGE
from .paths import BUILD, ROOT, corpus_of, run
from .seeds import write_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["measure"]


def measure(targets: Sequence[str]) -> None:
    """Replay the seeds and the corpora of these targets, and print tables of what they cover."""
    COVERAGE.update()
    python = COVERAGE.python
    data = BUILD / "coverage" / "python.coverage"
    data.unlink(missing_ok=True)
    for counts in COVERAGE.sources.rglob("*.gcda"):
        counts.unlink()
    coverage: list[str | Path] = [python, "-m", "coverage"]
    for target in targets:
        folders: list[Path] = [write_seeds(target)]
        if corpus_of(target).is_dir():
            folders.append(corpus_of(target))
        print(f"Replaying {target}: {sum(len([*f.iterdir()]) for f in folders)} inputs", flush=True)
        own = ["run", "--branch", "--append", "--source=rwkv_tok", f"--data-file={data}"]
        run([*coverage, *own, "-m", "fuzz.replay", target, *folders])
    # A branch of the command line, for one, is no target's business: that is left out.
    left_out = "*/cli/*,*/preparing/*,*/__main__.py"
    run([*coverage, "report", f"--data-file={data}", f"--omit={left_out}", "--skip-covered"])
    kernels = COVERAGE.sources / "src" / "rwkv_tok" / "kernels"
    gcovr: list[str | Path] = [python, "-m", "gcovr", "--root", COVERAGE.sources]
    gcovr += ["--filter", f"{kernels}/", "--object-directory", COVERAGE.sources / "build"]
    gcovr += ["--gcov-ignore-parse-errors=all"]
    run(gcovr)
    run([*gcovr, "--txt-metric", "branch"])
    print(f"The package was built from {COVERAGE.sources.relative_to(ROOT)}")
