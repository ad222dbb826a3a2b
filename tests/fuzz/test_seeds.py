"""Every seed through its target: what fuzzing has found once stays found, on every Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fuzz.checks import Mismatch
from fuzz.seeds import seeds
from fuzz.targets import TARGETS, one_input_of
from rwkv_tok import StopStrings, Tokenizer
from rwkv_tok.data import BinIdx
from rwkv_tok.data.checking.findings import VerifyReport
from rwkv_tok.data.reading import delimited

SEEDS = [(target, name, data) for target in TARGETS for name, data in seeds(target)]


@pytest.mark.parametrize(
    ("target", "data"),
    [pytest.param(target, data, id=f"{target}-{name}") for target, name, data in SEEDS],
)
def test_a_seed_finds_nothing(target: str, data: bytes) -> None:
    one_input_of(target)(data)


def run_all(target: str) -> None:
    for _, data in seeds(target):
        one_input_of(target)(data)


def without_the_last(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: call(*arguments, **options)[:-1]


def wrong_if(condition: Callable[[Any], bool], call: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(tokenizer: Tokenizer, given: Any, *arguments: Any, **options: Any) -> Any:
        found = call(tokenizer, given, *arguments, **options)
        return found[:-1] if condition(given) else found

    return wrong


def is_array(given: Any) -> bool:
    return isinstance(given, np.ndarray)


def is_long(given: Any) -> bool:
    return isinstance(given, list) and sum(map(len, given)) > 1 << 18


def never(*_arguments: Any, **_options: Any) -> Any:
    raise ValueError


# What each target is to notice: a part of the package that is made to do something wrong.
FAULTS: list[tuple[str, Any, str, Any]] = [
    ("encode", Tokenizer, "encode", without_the_last(Tokenizer.encode)),
    ("encode", Tokenizer, "encode_batch", without_the_last(Tokenizer.encode_batch)),
    ("encode", Tokenizer, "encode_ragged", without_the_last(Tokenizer.encode_ragged)),
    ("encode", Tokenizer, "encode_batch", wrong_if(is_long, Tokenizer.encode_batch)),
    ("stream", StopStrings, "feed", without_the_last(StopStrings.feed)),
    ("decode", Tokenizer, "decode", without_the_last(Tokenizer.decode)),
    ("decode", Tokenizer, "decode", wrong_if(is_array, Tokenizer.decode)),
    ("decode", Tokenizer, "decode_batch", wrong_if(is_long, Tokenizer.decode_batch)),
    ("decode", Tokenizer, "__contains__", lambda *_: False),
    ("vocabulary", Tokenizer, "fingerprint", "0"),
    ("binidx", VerifyReport, "ok", True),
    ("binidx", BinIdx, "windows", never),
    ("jsonl", delimited, "is_self_synchronizing", lambda _delimiter: True),
]


@pytest.mark.parametrize(
    ("target", "part", "name", "wrong"),
    [pytest.param(*fault, id=f"{fault[0]}-{fault[2]}") for fault in FAULTS],
)
def test_a_target_notices_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, target: str, part: Any, name: str, wrong: Any
) -> None:
    monkeypatch.setattr(part, name, wrong)
    with pytest.raises(Mismatch):
        run_all(target)
