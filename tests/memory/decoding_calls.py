"""The calls that decode: ids of every form, batches, ids that come one at a time, offsets."""

from __future__ import annotations

import array
import copy
import pickle
from typing import TYPE_CHECKING

import numpy as np
from memory.setting import (
    ASCII,
    LATIN,
    PAIRS,
    QUADS,
    Call,
    Setting,
    again,
    breaking_off,
    new_text,
    small_batch,
)

from rwkv_tok import (
    StopStrings,
    StreamDecoder,
    TokenBatch,
    TokenIdError,
    char_to_token,
    chat,
    token_to_chars,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DECODING_CALLS"]

_HELLO = [33155, 40213, 10464, 11685, 0, 3319, 2417]
_INVALID = [3319, 33155, 3319]  # the beginning of a character, twice without its end


def _ids(times: int = 20) -> list[int]:
    return _HELLO * times


def _many_ids() -> np.ndarray:
    return np.tile(np.array(_HELLO, np.uint16), 30_000)


class _Index:
    """An integer of another kind."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> object:
        return self.value


IDS: dict[str, Callable[[], object]] = {
    "list": _ids,
    "tuple": lambda: tuple(_ids()),
    "generator": lambda: iter(_ids()),
    "uint16": lambda: np.array(_ids(), np.uint16),
    "int64": lambda: np.array(_ids()),
    "uint64": lambda: np.array(_ids(), np.uint64),
    "foreign byte order": lambda: np.array(_ids(), ">i4"),
    "strided": lambda: np.array(_ids(), np.uint16)[::-3],
    "objects": lambda: np.array(_ids(), object),
    "buffer": lambda: array.array("H", _ids()),
    "__index__": lambda: [_Index(i) for i in _ids(2)],
    "empty": list,
    "many": _many_ids,
    "invalid UTF-8": lambda: _INVALID * 20,
}

NO_IDS: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "unassigned": (lambda: [*_ids(), 65530], TokenIdError),
    "unassigned uint16": (lambda: np.array([*_ids(), 65530], np.uint16), TokenIdError),
    "negative": (lambda: [-1], TokenIdError),
    "huge": (lambda: [*_ids(), 1 << 80], TokenIdError),
    "huge uint64": (lambda: np.array([1 << 63], np.uint64), TokenIdError),
    "floats": (lambda: [1.0], TypeError),
    "array of floats": (lambda: np.ones(3), TypeError),
    "bools": (lambda: [True], TypeError),
    "single": (lambda: 5, TypeError),
    "str": (lambda: "text", TypeError),
    "2-D": (lambda: np.zeros((2, 2), np.uint16), ValueError),
    "__index__ that is none": (lambda: [_Index("x")], TypeError),
    "broken off": (lambda: breaking_off(_ids()), ZeroDivisionError),
}

BATCHES: dict[str, Callable[[], object]] = {
    "TokenBatch": small_batch,
    "lists": lambda: [_ids(), [], _ids(2)],
    "arrays": lambda: [np.array(_ids(), np.uint16), np.array([], np.uint16)],
    "generator": lambda: (_ids(i) for i in range(9)),
    "invalid UTF-8": lambda: [_ids(), _INVALID * 20],
    "many": lambda: [_many_ids(), *(_ids(i) for i in range(50))],
    "empty": list,
}

NO_BATCHES: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "int": (lambda: 5, TypeError),
    "no ids": (lambda: [_ids(), "text"], TypeError),
    "unassigned": (lambda: [_ids(), [65530]], TokenIdError),
    "huge": (lambda: [_ids(), [1 << 80]], TokenIdError),
    "unassigned among many": (
        lambda: [_many_ids(), _many_ids(), np.array([65530], np.uint16)],
        TokenIdError,
    ),
    "broken off": (lambda: breaking_off([_ids()]), ZeroDivisionError),
    "changed offsets": (lambda: _changed(), ValueError),
}


def _changed() -> TokenBatch:
    offsets = np.array([0, 2, 4])
    batch = TokenBatch(np.array([98, 99, 100, 101], np.uint16), offsets)
    offsets[1] = 1000
    return batch


def _decode(s: Setting, ids: object) -> object:
    return s.tok.decode(ids)


def _decode_bytes(s: Setting, ids: object) -> object:
    return s.tok.decode_bytes(ids)


def _decode_with_offsets(s: Setting, ids: object) -> object:
    return s.tok.decode_with_offsets(ids)


def _decode_batch(s: Setting, batch: object) -> object:
    return s.tok.decode_batch(batch, num_threads=2)


def _decode_bytes_batch(s: Setting, batch: object) -> object:
    return s.tok.decode_bytes_batch(batch, num_threads=2)


def _calls(
    name: str,
    kinds: dict[str, Callable[[], object]],
    wrong: dict[str, tuple[Callable[[], object], type[Exception]]],
    run: Callable[[Setting, object], object],
) -> dict[str, Call]:
    return {
        f"{name}/{what}": Call(lambda s, make=make: run(s, make())) for what, make in kinds.items()
    } | {
        f"{name}/{what}": Call(lambda s, make=make: run(s, make()), error)
        for what, (make, error) in wrong.items()
    }


def _stream(decoder: StreamDecoder, ids: list[object]) -> object:
    return [*(again(decoder.feed, token_id) for token_id in ids), again(decoder.flush)]


def _pieces() -> list[object]:
    return [3319, 2417, 33155, np.int64(3319), _ids(), 3319, [2417, 3319], 0, []]


def _feed_wrong(s: Setting, ids: object) -> object:
    decoder = s.tok.stream_decoder()
    decoder.feed(3319)
    return decoder.feed(ids)


def _feed_strictly(s: Setting) -> object:
    decoder = s.tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    return decoder.feed(33155)


def _flush_strictly(s: Setting) -> object:
    decoder = s.tok.stream_decoder(errors="strict")
    decoder.feed(3319)
    return decoder.flush()


def _copied(s: Setting) -> object:
    decoder = s.tok.stream_decoder()
    fed = decoder.feed([33155, 3319])
    copies = [decoder.copy(), copy.copy(decoder), copy.deepcopy(decoder)]
    return fed, [other.feed(2417) for other in [*copies, decoder]]


def _reset(s: Setting) -> object:
    decoder = s.tok.stream_decoder()
    fed = decoder.feed([33155, 3319])
    decoder.reset()
    return fed, decoder.feed(33155), decoder.flush()


def _stop(strings: list[str], pieces: list[str]) -> object:
    stop = StopStrings(strings)
    return [*(again(stop.feed, piece) for piece in pieces), again(stop.flush), stop.found]


def _copied_stop(_: Setting) -> object:
    stop = StopStrings(["\n\nUser:", "</s>"])
    fed = stop.feed(new_text() + "\n\nUs")
    return fed, [other.feed("er:") for other in (stop.copy(), copy.copy(stop), stop)]


def _reset_stop(_: Setting) -> object:
    stop = StopStrings(["</s>"])
    fed = stop.feed(new_text() + "</s>")
    stop.reset()
    return fed, stop.found, stop.feed(new_text()), stop.strings


def _offsets(s: Setting) -> np.ndarray:
    return s.tok.encode_with_offsets(new_text(QUADS))[1]


def _messages() -> list[object]:
    return [
        {"role": "system", "content": new_text() + "\n \n" + new_text(PAIRS)},
        {"role": "user", "content": new_text(LATIN)},
    ]


_WRONG_MESSAGES: dict[str, tuple[Callable[[], object], type[Exception]]] = {
    "single": (lambda: {"role": "user", "content": "x"}, TypeError),
    "none": (list, ValueError),
    "no content": (lambda: [*_messages(), {"role": "user"}], ValueError),
    "unknown role": (lambda: [*_messages(), {"role": "x", "content": "x"}], ValueError),
    "content that is no str": (lambda: [{"role": "user", "content": 5}], TypeError),
    "broken off": (lambda: breaking_off(_messages()), ZeroDivisionError),
}

_WRONG_BATCH_ARRAYS: dict[str, tuple[Callable[[], tuple[object, object]], type[Exception]]] = {
    "no array": (lambda: ([1], np.array([0, 1])), TypeError),
    "other dtype": (lambda: (np.zeros(1, np.int64), np.array([0, 1])), TypeError),
    "2-D": (lambda: (np.zeros((1, 1), np.uint16), np.array([0, 1])), ValueError),
    "descending offsets": (lambda: (np.zeros(3, np.uint16), np.array([0, 2, 1, 3])), ValueError),
    "no offsets": (lambda: (np.zeros(0, np.uint16), np.array([], np.int64)), ValueError),
}

_WRONG_PADDING: dict[str, tuple[dict[str, object], type[Exception]]] = {
    "too short": ({"length": 1}, ValueError),
    "negative": ({"length": -1}, ValueError),
    "no length": ({"length": "x"}, TypeError),
    "side": ({"side": "top"}, ValueError),
    "value": ({"value": 1 << 16}, ValueError),
}

DECODING_CALLS: dict[str, Call] = {
    **_calls("Tokenizer.decode", IDS, NO_IDS, _decode),
    "Tokenizer.decode/strict": Call(
        lambda s: s.tok.decode(_INVALID, errors="strict"), UnicodeDecodeError
    ),
    "Tokenizer.decode/ignore, skip": Call(
        lambda s: s.tok.decode([*_INVALID, 65530, 1 << 80], errors="ignore", unknown="skip")
    ),
    "Tokenizer.decode/replace": Call(
        lambda s: s.tok.decode(np.array([65530, 1 << 40]), unknown="replace")
    ),
    "Tokenizer.decode/skip_special_tokens": Call(
        lambda s: s.special.decode([*_ids(), 65531], skip_special_tokens=True)
    ),
    "Tokenizer.decode/other errors": Call(
        lambda s: s.tok.decode(_ids(), errors="surrogateescape"), ValueError
    ),
    "Tokenizer.decode/other unknown": Call(lambda s: s.tok.decode(_ids(), unknown=[]), ValueError),
    **_calls("Tokenizer.decode_bytes", IDS, NO_IDS, _decode_bytes),
    "Tokenizer.decode_bytes/skip_special_tokens": Call(
        lambda s: s.special.decode_bytes(
            np.array([*_ids(), 65531], np.uint16), skip_special_tokens=True
        )
    ),
    **_calls("Tokenizer.decode_with_offsets", IDS, NO_IDS, _decode_with_offsets),
    "Tokenizer.decode_with_offsets/skip_special_tokens": Call(
        lambda s: s.special.decode_with_offsets(
            [*_INVALID, 65531], errors="ignore", skip_special_tokens=True
        )
    ),
    "Tokenizer.decode_with_offsets/skip": Call(
        lambda s: s.tok.decode_with_offsets([*_ids(), 65530, 1 << 80], unknown="skip")
    ),
    "Tokenizer.decode_with_offsets/replace": Call(
        lambda s: s.tok.decode_with_offsets([*_ids(), 65530, 1 << 80], unknown="replace")
    ),
    **_calls("Tokenizer.decode_batch", BATCHES, NO_BATCHES, _decode_batch),
    "Tokenizer.decode_batch/skip": Call(
        lambda s: s.tok.decode_batch([_ids(), [65530, 1 << 80]], unknown="skip")
    ),
    "Tokenizer.decode_batch/replace": Call(
        lambda s: s.tok.decode_batch([_ids(), [65530, 1 << 80]], unknown="replace")
    ),
    "Tokenizer.decode_batch/strict": Call(
        lambda s: s.tok.decode_batch([_ids(), _INVALID], errors="strict"), UnicodeDecodeError
    ),
    "Tokenizer.decode_batch/1 thread, skip_special_tokens": Call(
        lambda s: s.special.decode_batch([_ids(), [65531]], num_threads=1, skip_special_tokens=True)
    ),
    "Tokenizer.decode_batch/no threads": Call(
        lambda s: s.tok.decode_batch([_ids()], num_threads=0), ValueError
    ),
    **_calls("Tokenizer.decode_bytes_batch", BATCHES, NO_BATCHES, _decode_bytes_batch),
    "Tokenizer.decode_bytes_batch/replace": Call(
        lambda s: s.tok.decode_bytes_batch([_ids(), [65530]], unknown="replace")
    ),
    "Tokenizer.decode_bytes_batch/skip_special_tokens": Call(
        lambda s: s.special.decode_bytes_batch([_ids(), [65531]], skip_special_tokens=True)
    ),
    "Tokenizer.stream_decoder/": Call(
        lambda s: _stream(s.special.stream_decoder(skip_special_tokens=True), [33155, 65531])
    ),
    "Tokenizer.stream_decoder/other errors": Call(
        lambda s: s.tok.stream_decoder(errors="x"), ValueError
    ),
    "Tokenizer.stream_decoder/other unknown": Call(
        lambda s: s.tok.stream_decoder(unknown="x"), ValueError
    ),
    "StreamDecoder/": Call(
        lambda _: StreamDecoder(5, "replace", "raise", None),  # the constructor is not for users
        TypeError,
    ),
    "StreamDecoder.feed/": Call(lambda s: _stream(s.tok.stream_decoder(), _pieces())),
    "StreamDecoder.feed/replace": Call(
        lambda s: _stream(s.tok.stream_decoder(unknown="replace"), [3319, 65530, 1 << 80])
    ),
    "StreamDecoder.feed/skip": Call(
        lambda s: _stream(s.tok.stream_decoder(unknown="skip"), [3319, 65530, 1 << 80])
    ),
    "StreamDecoder.feed/strict": Call(_feed_strictly, UnicodeDecodeError),
    "StreamDecoder.feed/single unassigned": Call(lambda s: _feed_wrong(s, 65530), TokenIdError),
    "StreamDecoder.feed/single bool": Call(lambda s: _feed_wrong(s, True), TypeError),
    **_calls("StreamDecoder.feed", {}, {**NO_IDS, "single": (lambda: 1.5, TypeError)}, _feed_wrong),
    "StreamDecoder.flush/": Call(lambda s: _stream(s.tok.stream_decoder(), [33155, 3319])),
    "StreamDecoder.flush/strict": Call(_flush_strictly, UnicodeDecodeError),
    "StreamDecoder.reset/": Call(_reset),
    "StreamDecoder.copy/": Call(_copied),
    "StreamDecoder.__copy__/": Call(_copied),
    "StreamDecoder.__deepcopy__/": Call(_copied),
    "StreamDecoder.__reduce__/": Call(lambda s: pickle.dumps(s.tok.stream_decoder()), TypeError),
    "TokenBatch/": Call(lambda _: small_batch()),
    **{
        f"TokenBatch/{what}": Call(lambda _, make=make: TokenBatch(*make()), error)
        for what, (make, error) in _WRONG_BATCH_ARRAYS.items()
    },
    "TokenBatch.ids/": Call(lambda _: small_batch().ids),
    "TokenBatch.offsets/": Call(lambda _: small_batch().offsets),
    "TokenBatch.__len__/": Call(lambda s: len(s.batch)),
    "TokenBatch.__getitem__/": Call(lambda s: [s.batch[0], s.batch[-1], list(s.batch)]),
    "TokenBatch.__getitem__/slice": Call(lambda s: [s.batch[1:], s.batch[::-2], s.batch[5:]]),
    "TokenBatch.__getitem__/outside": Call(lambda s: s.batch[3], IndexError),
    "TokenBatch.__getitem__/no index": Call(lambda s: s.batch["x"], TypeError),
    "TokenBatch.__contains__/": Call(lambda s: [[33155, 40213] in s.batch, 5 in s.batch]),
    "TokenBatch.index/": Call(lambda s: s.batch.index(np.array([33155, 40213]))),
    "TokenBatch.index/none": Call(lambda s: s.batch.index([5]), ValueError),
    "TokenBatch.count/": Call(lambda s: s.batch.count([])),
    "TokenBatch.__eq__/": Call(
        lambda s: [s.batch == small_batch(), s.batch == s.batch[1:], s.batch == 5]
    ),
    "TokenBatch.__repr__/": Call(lambda s: repr(s.batch)),
    "TokenBatch.__reduce__/": Call(lambda s: pickle.loads(pickle.dumps(s.batch))),
    "TokenBatch.to_list/": Call(lambda s: s.batch.to_list()),
    "TokenBatch.to_arrow/": Call(lambda _: small_batch().to_arrow()),
    "TokenBatch.pad/": Call(lambda s: [*s.batch.pad(), *s.batch.pad(2, "left", 9, truncate=True)]),
    **{
        f"TokenBatch.pad/{what}": Call(lambda s, options=options: s.batch.pad(**options), error)
        for what, (options, error) in _WRONG_PADDING.items()
    },
    "StopStrings/no iterable": Call(lambda _: StopStrings("</s>"), TypeError),
    "StopStrings/empty": Call(lambda _: StopStrings([new_text(), ""]), ValueError),
    "StopStrings/no str": Call(lambda _: StopStrings([new_text(), 5]), TypeError),
    "StopStrings/broken off": Call(
        lambda _: StopStrings(breaking_off([new_text()])), ZeroDivisionError
    ),
    "StopStrings.strings/": Call(_reset_stop),
    "StopStrings.found/": Call(_reset_stop),
    "StopStrings.feed/": Call(
        lambda _: _stop(["\n\nUser:", "</s>"], [new_text(), "\n\nUs", new_text(), "</s", "> x"])
    ),
    "StopStrings.feed/no str": Call(lambda _: StopStrings(["</s>"]).feed(b"x"), TypeError),
    "StopStrings.flush/": Call(lambda _: _stop(["\n\nUser:"], [new_text() + "\n\nUs"])),
    "StopStrings.reset/": Call(_reset_stop),
    "StopStrings.copy/": Call(_copied_stop),
    "StopStrings.__copy__/": Call(_copied_stop),
    "char_to_token/": Call(lambda s: char_to_token(_offsets(s), 5)),
    "char_to_token/outside": Call(lambda s: char_to_token(_offsets(s), 1 << 80), IndexError),
    "char_to_token/no position": Call(lambda s: char_to_token(_offsets(s), "x"), TypeError),
    "char_to_token/no offsets": Call(lambda _: char_to_token([1], 5), ValueError),
    "token_to_chars/": Call(lambda s: token_to_chars(_offsets(s), 5)),
    "token_to_chars/outside": Call(lambda s: token_to_chars(_offsets(s), -1), IndexError),
    "token_to_chars/no offsets": Call(lambda _: token_to_chars(np.zeros(5), 5), ValueError),
    "chat.build_prompt/": Call(lambda _: chat.build_prompt(_messages())),
    "chat.build_prompt/assistant": Call(
        lambda _: chat.build_prompt([*_messages(), {"role": "assistant", "content": " <think"}])
    ),
    **{
        f"chat.build_prompt/{what}": Call(lambda _, make=make: chat.build_prompt(make()), error)
        for what, (make, error) in _WRONG_MESSAGES.items()
    },
    "chat.clean_message/": Call(lambda _: chat.clean_message(new_text(ASCII + "\r\n \r"))),
    "chat.clean_message/no str": Call(lambda _: chat.clean_message(b"x"), TypeError),
    "chat.stop_ids/": Call(
        lambda s: [chat.stop_ids(s.tok), chat.stop_ids(s.bytes_only, blank_lines=True)]
    ),
    "chat.stop_ids/no tokenizer": Call(lambda _: chat.stop_ids(5), AttributeError),
    "chat.stop_strings/": Call(
        lambda _: [chat.stop_strings(), chat.stop_strings(blank_lines=True)]
    ),
}
