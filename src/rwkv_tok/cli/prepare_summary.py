"""What `prepare` tells at its end, and with --dry-run instead of beginning."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rwkv_tok.data import Prepared
    from rwkv_tok.data.preparing.estimate import Estimate
    from rwkv_tok.data.preparing.plan import Plan

__all__ = ["Summary", "dry_run_text"]

# Bad records that are shown; all of them are in a file.
_SHOWN = 5


@dataclass(frozen=True)
class Summary:
    """What a run has made, and how long it took."""

    prepared: Prepared
    seconds: float
    ctx_lens: tuple[int, ...]

    def as_json(self) -> str:
        """One JSON object: the manifest, and what concerns this run only."""
        prepared = self.prepared
        figures = prepared.manifest | {
            "prefix": str(prepared.prefix),
            "valid": None if prepared.valid is None else prepared.valid.manifest,
            "trainer": self._for_trainer(),
            "was_complete": prepared.was_complete,
            "documents_found": prepared.documents_found,
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(figures) + "\n"

    def as_text(self) -> str:
        """A table, and lines on what deserves attention."""
        prepared = self.prepared
        corpus, arrangement = prepared.manifest["corpus"], prepared.manifest["plan"]["arrangement"]
        rows = [
            ("documents", f"{corpus['documents']:,}"),
            ("text", f"{corpus['text_bytes']:,} bytes{_per_token(corpus)}"),
            ("tokens", f"{prepared.tokens:,}, a 0 after each document included"),
        ]
        if arrangement["epochs"] > 1:
            rows[-1] = ("tokens", f"{prepared.tokens:,} in {arrangement['epochs']} epochs")
        if prepared.items != corpus["documents"]:
            rows.append(("items", f"{prepared.items:,}"))
        if prepared.valid is not None:
            valid = prepared.valid
            rows.append(
                ("validation", f"{valid.items:,} items, {valid.tokens:,} tokens: {valid.prefix}")
            )
        rows += [
            (name, f"{corpus[key]:,}")
            for name, key in (
                ("without text", "empty"),
                ("blank lines", "blank"),
                ("too short", "too_short"),
                ("too long", "too_long"),
                ("skipped", "bad"),
            )
            if corpus[key]
        ]
        if not prepared.was_complete:
            rows.append(("time", self._time(corpus)))
        heading = f"{prepared.prefix}.bin, .idx and .json"
        if prepared.was_complete:
            heading += " had been complete before"
        elif prepared.documents_found:
            heading += f" (an earlier run had encoded {prepared.documents_found:,} documents)"
        return "".join(f"{line}\n" for line in [heading, *_table(rows), *self._remarks()])

    def _time(self, corpus: dict[str, Any]) -> str:
        if self.prepared.documents_found:
            return f"{self.seconds:.1f} s"
        rate = corpus["text_bytes"] / 1e6 / self.seconds
        return f"{self.seconds:.1f} s, {rate:.1f} MB of text a second"

    def _remarks(self) -> Iterable[str]:
        skipped = self.prepared.skipped
        if skipped is not None:
            yield f"skipped records are listed in {skipped}:"
            with contextlib.suppress(FileNotFoundError), skipped.open("rb") as file:
                for line, _ in zip(file, range(_SHOWN), strict=False):
                    yield f"  {_bad_record(json.loads(line))}"
        for each in self._for_trainer():
            yield each.get("arguments") or each["advice"]

    def _for_trainer(self) -> list[dict[str, Any]]:
        from rwkv_tok.data.binidx.magic_primes import for_trainer

        epochs = self.prepared.manifest["plan"]["arrangement"]["epochs"]
        return [for_trainer(self.prepared.tokens, each, epochs) for each in self.ctx_lens]


def dry_run_text(
    plan: Plan, ignored: tuple[str, ...], estimated: Estimate, *, as_json: bool
) -> str:
    """What would be read and what would come out, as a table or as a JSON object."""
    if as_json:
        inputs = [asdict(source) for source in plan.sources]
        figures = {"inputs": inputs, "ignored": ignored} | asdict(estimated)
        return json.dumps(figures) + "\n"
    kinds = Counter(
        source.format + (f", {source.compression}" if source.compression else "")
        for source in plan.sources
    )
    rows = [
        ("inputs", f"{len(plan.sources):,} ({estimated.input_bytes:,} bytes)"),
        *((f"  {kind}", f"{count:,}") for kind, count in kinds.most_common()),
        ("documents", f"about {estimated.documents:,}"),
        ("tokens", f"about {estimated.tokens:,}"),
        ("output", f"about {estimated.output_bytes / 1e6:,.1f} MB"),
        ("room needed", f"about {estimated.working_bytes / 1e6:,.1f} MB"),
        ("room free", f"{estimated.free_bytes / 1e6:,.1f} MB"),
    ]
    lines = _table(rows)
    if ignored:
        lines.append(f"{len(ignored)} file(s) of no known format are left out, as {ignored[0]}")
    return "".join(f"{line}\n" for line in lines)


def _table(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"  {name.ljust(width)}  {value}" for name, value in rows]


def _per_token(corpus: dict[str, Any]) -> str:
    tokens = corpus["tokens"] - corpus["documents"]
    return f", {corpus['text_bytes'] / tokens:.2f} a token" if tokens else ""


def _bad_record(record: dict[str, Any]) -> str:
    file, reason = record.pop("file"), record.pop("reason")
    (kind, number), *_ = record.items()
    return f"{file}, {kind} {number}: {reason}"
