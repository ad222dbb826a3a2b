"""Text and ids that come in pieces: what comes out is that of the whole, and as early as it can."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import numpy as np

from fuzz import texts, vocabularies
from fuzz.checks import outcome, same, true
from fuzz.source import Source
from fuzz.vocabularies import KERNELS
from rwkv_tok import StopStrings, TokenIdError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fuzz.vocabularies import Subject

__all__ = ["one_input"]

_LONG = 20_000  # bytes: the oracle takes a microsecond for each

_REPLACEMENT = "\ufffd".encode()


def one_input(data: bytes) -> None:
    """Stream a text, ids, or a text with stop strings."""
    source = Source(data)
    form = source.choice(4)
    if form == 3:
        _check_stop_strings(source)
        return
    subject = vocabularies.chosen(source)
    options = Source(source.take(24))
    kernel = KERNELS[source.choice(len(KERNELS))]
    if form == 0:
        _check_encoder(subject, options, texts.chosen(source, subject)[:_LONG], kernel)
    elif form == 1:
        _check_special(subject, options, texts.chosen(source, subject)[:_LONG], kernel)
    else:
        _check_decoder(subject, options, source.rest())


def _check_encoder(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """After each piece, all ids are out that nothing can change, and no others."""
    expected = subject.oracle.encode(text)
    encoder = subject.tokenizer(kernel).stream_encoder()
    what = f"stream, {kernel} with {subject.name}"
    found: list[int] = []
    fed = given = 0
    for piece in _maybe_str(options, options.cuts(text)):
        if options.choice(8) == 7:
            # What becomes of the other one does not matter.
            other, encoder = encoder, encoder.copy()
            other.feed(b"\xe3\x81")
            other.reset()
            same(other.flush().tolist(), [], f"{what}, after a reset")
        ids = encoder.feed(piece).tolist()
        found += ids
        fed += len(piece if isinstance(piece, bytes) else piece.encode())
        given += len(subject.oracle.decode_bytes(ids))
        same(found, expected[: len(found)], what)
        held = text[given:fed]
        true(len(held) < subject.oracle.longest, f"{what}: {held!r} is held back")
        # A longer token may begin like this. Empty, if everything has come out.
        true(not held or held in subject.begun, f"{what}: {held!r} is held back for nothing")
    same(found + encoder.flush().tolist(), expected, f"{what}, at the end")
    same(encoder.flush().tolist(), [], f"{what}, flushed twice")


def _maybe_str(options: Source, pieces: Sequence[bytes]) -> Sequence[bytes | str]:
    """The pieces, those that are whole characters perhaps as str."""
    if not options.flag():
        return pieces
    return [texts.as_text(piece) for piece in pieces]


def _check_special(subject: Subject, options: Source, text: bytes, kernel: str) -> None:
    """Ids come out that only special tokens, if they are allowed, could have delayed."""
    allowed = [special for special in subject.special if options.flag()]
    oracle = subject.oracle.with_special_tokens({text: subject.special[text] for text in allowed})
    expected = oracle.encode(text)
    longest = max([subject.oracle.longest, *(len(special.encode()) for special in allowed)])
    encoder = subject.special_tokenizer(kernel).stream_encoder(allowed_special=allowed)
    what = f"stream, {allowed} allowed, {kernel} with {subject.name} and {subject.special}"
    found: list[int] = []
    fed = given = 0
    for piece in _maybe_str(options, options.cuts(text)):
        ids = encoder.feed(piece).tolist()
        found += ids
        fed += len(piece if isinstance(piece, bytes) else piece.encode())
        given += len(oracle.decode_bytes(ids))
        same(found, expected[: len(found)], what)
        true(fed - given < 2 * longest, f"{what}: {text[given:fed]!r} is held back")
    same(found + encoder.flush().tolist(), expected, f"{what}, at the end")


def _check_decoder(subject: Subject, options: Source, data: bytes) -> None:
    """Ids one by one or some at a time, beside Python's own incremental decoder."""
    errors: Any = ("replace", "ignore", "strict")[options.choice(3)]
    unknown: Any = ("raise", "skip", "replace")[options.choice(3)]
    skip = options.flag()
    tok = subject.special_tokenizer("walk")
    ids = subject.ids_of(data)
    bytes_of = subject.bytes_of_plain if skip else subject.bytes_of
    stands = None if unknown == "raise" else _REPLACEMENT if unknown == "replace" else b""
    decoder = tok.stream_decoder(errors=errors, unknown=unknown, skip_special_tokens=skip)
    python = codecs.getincrementaldecoder("utf-8")(errors)
    what = f"stream decoder, {errors}, {unknown}, {skip} with {subject.name}"
    text = ""
    failed = False
    taken: list[int] = []
    begin = 0
    while begin < len(ids):
        size = options.choice(6)  # 0 stands for an id that comes alone
        piece = ids[begin : begin + max(1, size)]
        begin += len(piece)
        fed: Any = piece[0] if size == 0 else np.array(piece) if options.flag() else piece
        parts = [bytes_of.get(token_id, stands) for token_id in piece]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            place = parts.index(None)
            expected = TokenIdError, (piece[place], None if size == 0 else place, None)
            found = outcome(decoder.feed, fed, raises=TokenIdError)
            same(found, expected, f"{what}: an unknown id")
            continue
        taken += piece
        expected = _python_outcome(python, b"".join(known))
        found = outcome(decoder.feed, fed, raises=UnicodeDecodeError)
        same(found, expected, what)
        failed |= isinstance(found, tuple)
        text += found if isinstance(found, str) else ""
        if options.choice(8) == 7:
            other, decoder = decoder, decoder.copy()
            outcome(other.feed, ids[0], raises=(TokenIdError, UnicodeDecodeError))
            other.reset()
            same(other.flush(), "", f"{what}, after a reset")
    expected = _python_outcome(python, b"", final=True)
    found = outcome(decoder.flush, raises=UnicodeDecodeError)
    same(found, expected, f"{what}, at the end")
    same(decoder.flush(), "", f"{what}, flushed twice")
    if not failed and isinstance(found, str):
        whole = tok.decode(taken, errors=errors, unknown=unknown, skip_special_tokens=skip)
        same(text + found, whole, f"{what}, at once")


def _python_outcome(python: codecs.IncrementalDecoder, data: bytes, final: bool = False) -> Any:
    result = outcome(python.decode, data, final, raises=UnicodeDecodeError)
    if isinstance(result, tuple):
        python.reset()  # it would keep what could not be decoded
    return result


def _check_stop_strings(source: Source) -> None:
    """The text ends before the stop string that is complete first, however it is cut."""
    strings = [source.take(1 + source.choice(6)).decode("latin-1") for _ in range(source.choice(5))]
    wider = (0, 0x4E00, 0x1F600)[source.choice(3)]  # characters of one byte, of two, of four
    strings = ["".join(chr(ord(c) + wider) for c in string) for string in strings if string]
    cuts = Source(source.take(12))
    # Few letters, so that the strings nest, overlap and repeat themselves.
    letters = "".join(dict.fromkeys("".join(strings))) + "x\0"
    text = "".join(letters[byte % len(letters)] for byte in source.rest())[:400]
    expected, found = _ended(strings, text)
    stop = StopStrings(strings)
    out = ""
    fed = ""
    for piece in cuts.cuts(text):
        fed += piece
        out += stop.feed(piece)
        before, ended = _ended(strings, fed)
        if ended is None:
            before = before[: len(before) - _may_become(strings, fed)]
        same((out, stop.found), (before, ended), f"stop strings {strings} in {fed!r}")
        if cuts.choice(8) == 7:
            other, stop = stop, stop.copy()
            other.reset()
            same((other.flush(), other.found), ("", None), "stop strings after a reset")
    same((out + stop.flush(), stop.found), (expected, found), f"stop strings {strings}")


def _ended(strings: Sequence[str], text: str) -> tuple[str, str | None]:
    for end in range(1, len(text) + 1):
        complete = [string for string in strings if text.endswith(string, 0, end)]
        if complete:
            longest = max(complete, key=len)
            return text[: end - len(longest)], longest
    return text, None


def _may_become(strings: Sequence[str], text: str) -> int:
    """How many characters at the end of a text may belong to a stop string to come."""
    begun = [string[:size] for string in strings for size in range(1, len(string))]
    return max((len(part) for part in begun if text.endswith(part)), default=0)
