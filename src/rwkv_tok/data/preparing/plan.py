"""What decides the bytes of a training set, and whether two runs would make the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rwkv_tok.errors import DataError

from .encoding import LONGEST_ITEM, EncodeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rwkv_tok.data.reading.documents import ReadOptions
    from rwkv_tok.data.reading.source import Format, Source

__all__ = ["Arrangement", "Plan"]

# Raised when the same plan would give other bytes than an earlier version of this package.
_REVISION = 1


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which documents go into a training set, in which order, and as how many items.

    See `prepare` for what the attributes mean.
    """

    limit: int | None = None
    valid_fraction: float = 0.0
    epochs: int = 1
    shuffle: bool = False
    seed: int = 0
    single_item: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether documents stay as they are read: once, and in their order."""
        return self.epochs == 1 and not self.shuffle and not self.valid_fraction


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides the bytes of a training set."""

    fingerprint: str
    sources: tuple[Source, ...]
    reading: ReadOptions
    min_tokens: int
    max_tokens: int
    arrangement: Arrangement
    check: bool = True
    input_format: Format | None = None

    def __post_init__(self) -> None:
        """Raise DataError if something is out of its range."""
        arrangement = self.arrangement
        if not self.sources:
            raise DataError("no input")
        if not 0 <= self.min_tokens <= self.max_tokens <= LONGEST_ITEM - 1:
            raise DataError(
                f"documents of {self.min_tokens} to {self.max_tokens} tokens: there are none "
                f"(a document has at most {LONGEST_ITEM - 1})"
            )
        if arrangement.limit is not None and arrangement.limit < 1:
            raise DataError(f"limit must be at least 1, not {arrangement.limit}")
        if arrangement.epochs < 1:
            raise DataError(f"epochs must be at least 1, not {arrangement.epochs}")
        if not 0 <= arrangement.valid_fraction < 1:
            raise DataError(f"valid_fraction must be in 0 ... 1, not {arrangement.valid_fraction}")
        if not 0 <= arrangement.seed < 2**64:
            raise DataError(f"seed must be in 0 ... 2**64 - 1, not {arrangement.seed}")
        if self.reading.separator == b"":
            raise DataError("a separator must not be empty")
        field = self.reading.text_field
        if not all(field.split(".")) or not field.isprintable():
            raise DataError(f"no field can be called {self.reading.text_field!r}")

    @property
    def is_restartable(self) -> bool:
        """Whether its inputs can be read once more."""
        return not any(source.is_stdin for source in self.sources)

    @property
    def encoding(self) -> EncodeOptions:
        """How documents are encoded, in the form that encoding them takes."""
        return EncodeOptions(self.min_tokens, self.max_tokens, self.check)

    def to_json(self) -> dict[str, Any]:
        """The plan as what JSON can hold."""
        separator = self.reading.separator
        reading = asdict(self.reading) | {
            "separator": None if separator is None else separator.decode("latin-1")
        }
        return asdict(self) | {
            "revision": _REVISION,
            "sources": [asdict(source) for source in self.sources],
            "reading": reading,
        }

    def difference(self, earlier: Mapping[str, Any]) -> str | None:
        """What an earlier plan, as `to_json` gave it, has otherwise; None if nothing.

        Further things that it tells about its sources are not looked at.
        """
        own = self.to_json()
        try:
            return _difference(own, earlier)
        except (KeyError, TypeError, AttributeError):
            return "it was made by another version"


def _difference(own: Mapping[str, Any], earlier: Mapping[str, Any]) -> str | None:
    if own["revision"] != earlier["revision"]:
        return "it was made by another version"
    if len(own["sources"]) != len(earlier["sources"]):
        return f"it has {len(earlier['sources'])} input files, not {len(own['sources'])}"
    for source, before in zip(own["sources"], earlier["sources"], strict=True):
        if source["path"] != before["path"]:
            return f"it reads {before['path']} where this one reads {source['path']}"
        if any(before[name] != value for name, value in source.items()):
            return f"{source['path']} has changed since (its size, its time or how it is read)"
    for name, value in _flat(own).items():
        before = _flat(earlier)[name]
        if value != before:
            return f"{name} was {before!r} there and is {value!r} here"
    return None


def _flat(plan: Mapping[str, Any]) -> dict[str, Any]:
    """All that a plan says but its sources, by name."""
    grouped = ("sources", "reading", "arrangement")
    options = {name: value for name, value in plan.items() if name not in grouped}
    return {**options, **plan["reading"], **plan["arrangement"]}
