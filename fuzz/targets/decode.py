"""Ids → text: any integers, under every policy, in every form, beside the oracle."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from reference import characters_of_bytes

from fuzz import vocabularies
from fuzz.checks import outcome, same
from fuzz.source import Source
from rwkv_tok import TokenBatch, TokenIdError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fuzz.vocabularies import Subject
    from rwkv_tok import Tokenizer

    Errors = Literal["strict", "replace", "ignore"]
    Unknown = Literal["raise", "skip", "replace"]

__all__ = ["one_input"]

_REPLACEMENT = "\ufffd".encode()
_LONG = 2000  # ids whose offsets the oracle finds byte by byte

_ERRORS: tuple[Errors, ...] = ("replace", "ignore", "strict")
_UNKNOWN: tuple[Unknown, ...] = ("raise", "skip", "replace")
_DTYPES = ("u2", ">u2", "i4", ">i4", "u4", "i8", ">i8", "u8", "object")

# Ids are repeated until they are about so many: one of several steps of the decoder.
_BORDERS = (64, 1 << 10, 1 << 14)

# And a batch of so many ids is three units of work, in documents of so many or more.
_UNITS = 270_000
_FEW = 200


def one_input(data: bytes) -> None:
    """Decode ids that the input makes, with a vocabulary that it chooses or makes."""
    source = Source(data)
    subject = vocabularies.chosen(source)
    form = source.choice(4)
    errors = _ERRORS[source.choice(3)]
    unknown = _UNKNOWN[source.choice(3)]
    skip = source.flag()
    options = Source(source.take(16))
    border, more = source.choice(16), source.choice(9) - 4
    ids = subject.ids_of(source.rest())
    if 0 < border <= len(_BORDERS) and ids:
        size = _BORDERS[border - 1] + more
        ids = (ids * (size // len(ids) + 1))[:size]
    bytes_of = subject.bytes_of_plain if skip else subject.bytes_of
    stands = {"raise": None, "skip": b"", "replace": _REPLACEMENT}[unknown]
    parts = [bytes_of.get(token_id, stands) for token_id in ids]
    case = _Case(subject, errors, unknown, skip)
    if form < 2:
        case.check_one(_in_some_form(options, ids), ids, parts)
    elif form == 2:
        case.check_offsets(ids[:_LONG], parts[:_LONG])
    elif border > 14 and ids:
        case.check_units(options, ids, parts)
    else:
        case.check_batch(options, ids, parts)


def _in_some_form(options: Source, ids: list[int]) -> Callable[[], Any]:
    """The ids as a list, a tuple, an iterator or an array of some kind, for each call anew."""
    form = options.choice(8)
    if form < 3:
        return lambda: (list, tuple, iter)[form](ids)
    dtype = np.dtype(_DTYPES[options.choice(len(_DTYPES))])
    if dtype != np.object_ and ids:
        bounds = np.iinfo(dtype)
        if min(ids) < bounds.min or max(ids) > bounds.max:
            return lambda: ids
    array = _laid_out(np.array(ids, dtype), form)
    return lambda: array


def _laid_out(array: Any, form: int) -> Any:
    """An array with its items in memory in some other way."""
    if form == 4:
        return array[::-1].copy()[::-1]
    if form == 5:
        return np.repeat(array, 3)[::3]
    if form == 6:
        array.flags.writeable = False
    if form == 7 and array.dtype == np.dtype("u2"):
        return memoryview(array)
    return array


class _Case:
    """How ids are to be decoded."""

    def __init__(self, subject: Subject, errors: Errors, unknown: Unknown, skip: bool) -> None:
        self._subject = subject
        self._tok: Tokenizer = subject.special_tokenizer("walk")
        self._errors: Errors = errors
        self._unknown: Unknown = unknown
        self._options: dict[str, Any] = {"unknown": unknown, "skip_special_tokens": skip}
        self._what = f"{errors}, {unknown}, skip={skip}, {subject.name}"

    def check_one(
        self, given: Callable[[], Any], ids: Sequence[int], parts: Sequence[bytes | None]
    ) -> None:
        """`decode` and `decode_bytes`, and what is known of each id."""
        expected = self._expected(ids, parts)
        found = self._outcome(self._tok.decode_bytes, given())
        same(found, expected, f"decode_bytes, {self._what}")
        found = self._outcome(self._tok.decode, given(), errors=self._errors)
        same(found, self._decoded(expected), f"decode, {self._what}")
        for token_id in ids[:20]:
            self._check_token(token_id)

    def _check_token(self, token_id: int) -> None:
        token = self._subject.bytes_of.get(token_id)
        same(token_id in self._tok, bool(token), f"{token_id} in {self._subject.name}")
        found = outcome(self._tok.token_bytes, token_id, raises=TokenIdError)
        expected = (TokenIdError, (token_id, None, None)) if token is None else token
        same(found, expected, f"token_bytes, {self._subject.name}")
        if token_id in self._subject.tokens and token_id not in self._subject.special.values():
            same(self._tok.token_id(found), token_id, f"token_id, {self._subject.name}")

    def check_offsets(self, ids: Sequence[int], parts: Sequence[bytes | None]) -> None:
        """`decode_with_offsets`."""
        expected = self._expected(ids, parts)
        found = self._outcome(self._tok.decode_with_offsets, ids, errors=self._errors)
        if isinstance(expected, tuple):
            same(found, expected, f"decode_with_offsets, {self._what}")
            return
        text = self._decoded(expected)
        if isinstance(text, tuple):
            same(found, text, f"decode_with_offsets, {self._what}")
            return
        same(found[0], text, f"decode_with_offsets, {self._what}")
        known = [part for part in parts if part is not None]
        # Where all is valid, there is nothing to be replaced.
        errors: Any = "replace" if self._errors == "strict" else self._errors
        ranges = [(begin, end) for begin, end in found[1].tolist()]
        same(ranges, _offsets(known, errors), f"the offsets, {self._what}")

    def check_batch(
        self, options: Source, ids: Sequence[int], parts: Sequence[bytes | None]
    ) -> None:
        """`decode_batch` and `decode_bytes_batch`, of lists and of a TokenBatch."""
        cuts = sorted(options.wide_choice(len(ids) + 1) for _ in range(options.choice(6)))
        bounds = [0, *cuts, len(ids)]
        slices = [slice(a, b) for a, b in itertools.pairwise(bounds)]
        batch: Any = [ids[each] for each in slices]
        if all(0 <= token_id < 65536 for token_id in ids) and options.flag():
            batch = TokenBatch(np.array(ids, np.uint16), np.array(bounds, np.int64))
        expected = [self._expected(ids[each], parts[each]) for each in slices]
        self._check_documents(batch, expected, 1 + options.choice(2))

    def check_units(
        self, options: Source, ids: Sequence[int], parts: Sequence[bytes | None]
    ) -> None:
        """A batch of several units of work: one long document, or the same one many times."""
        repeated = _FEW // len(ids) + 1
        ids, parts = [*ids] * repeated, [*parts] * repeated
        times = _UNITS // len(ids) + 1
        expected = self._expected(ids, parts)
        batch: Any = [ids] * times
        documents = [expected] * times
        if options.flag():
            batch = [ids * times, [97]]
            documents = [expected * times if isinstance(expected, bytes) else expected, b"`"]
        self._check_documents(batch, documents, 1 + options.choice(2))

    def _check_documents(self, batch: Any, expected: Any, threads: int) -> None:
        wrong = [i for i, each in enumerate(expected) if isinstance(each, tuple)]
        if wrong:
            _, (token_id, position, _) = expected[wrong[0]]
            expected = TokenIdError, (token_id, position, wrong[0])
        found = self._outcome(self._tok.decode_bytes_batch, batch, num_threads=threads)
        same(found, expected, f"decode_bytes_batch, {self._what}")
        if not wrong:
            expected = [self._decoded(each) for each in expected]
            errors = [each for each in expected if isinstance(each, tuple)]
            expected = errors[0] if errors else expected
        found = self._outcome(
            self._tok.decode_batch, batch, errors=self._errors, num_threads=threads
        )
        same(found, expected, f"decode_batch, {self._what}")

    def _expected(self, ids: Sequence[int], parts: Sequence[bytes | None]) -> Any:
        """The bytes, or the TokenIdError as `_outcome` has it."""
        if None not in parts:
            return b"".join(part for part in parts if part is not None)
        position = parts.index(None)
        return TokenIdError, (ids[position], position, None)

    def _decoded(self, data: Any) -> Any:
        """What Python makes of the bytes."""
        if isinstance(data, tuple):
            return data
        return outcome(data.decode, errors=self._errors, raises=UnicodeDecodeError)

    def _outcome(self, call: Callable[..., Any], given: object, **options: object) -> Any:
        raises = (TokenIdError, UnicodeDecodeError)
        return outcome(call, given, raises=raises, **self._options, **options)


def _offsets(parts: Sequence[bytes], errors: Any) -> list[tuple[int, int]]:
    """The characters that the bytes of each part are in."""
    character_of_byte = characters_of_bytes(b"".join(parts), errors)
    # How many characters begin before each byte.
    before = [0]
    for index in character_of_byte:
        before.append(before[-1] if index is None else index + 1)
    ranges = []
    begin = 0
    for part in parts:
        end = begin + len(part)
        covered = [index for index in character_of_byte[begin:end] if index is not None]
        if covered:
            ranges.append((covered[0], covered[-1] + 1))
        else:
            ranges.append((before[begin], before[begin]))
        begin = end
    return ranges
