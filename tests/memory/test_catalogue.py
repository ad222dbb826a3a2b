"""The catalogue is complete, and its calls do what it says of them."""

import dataclasses
import inspect
from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType

import pytest
from memory.calls import CALLS, called_by
from memory.setting import Setting, plain

import rwkv_tok
from rwkv_tok import StreamDecoder, StreamEncoder, chat, data
from rwkv_tok.data.binidx.windows import Windows

# What classes have that nobody calls, or that is called where one of them is made.
_UNCALLED = {"__init__", "__new__", "__abstractmethods__", "__init_subclass__", "__pyx_vtable__"}

# What cannot fail whatever it gets.
_NEVER_FAILS = {
    "Tokenizer.__contains__",
    "Tokenizer.__deepcopy__",
    "Tokenizer.__eq__",
    "StreamDecoder.__deepcopy__",
    "StreamEncoder.__deepcopy__",
    "TokenBatch.__contains__",
    "TokenBatch.__eq__",
    "TokenBatch.count",
    "TokenIdError",
    "VocabularyError",
    "chat.stop_strings",
    "data.BinIdx.__contains__",
    "data.BinIdx.count",
    "data.BinIdxWriter",  # it says so when the block begins
    "data.Merged",
    "data.Prepared",
    "data.Problem",
    "data.Status",
    "data.VerifyReport",
    "data.Windows.__contains__",
    "data.Windows.count",
}


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("memory"))


def public() -> dict[str, object]:
    """All functions, classes, methods and properties of the public API, by name."""
    found: dict[str, object] = {}
    for module, prefix in ((rwkv_tok, ""), (chat, "chat."), (data, "data.")):
        found |= {prefix + name: value for name, value in _of_module(module)}
    found["data.Windows"] = Windows
    for name, value in [*found.items()]:
        if inspect.isclass(value):
            found |= {f"{name}.{member}": method for member, method in _of_class(value)}
    return found


def _of_module(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in module.__all__:
        if callable(getattr(module, name)):
            yield name, getattr(module, name)


def _of_class(kind: type) -> Iterator[tuple[str, object]]:
    for owner in kind.__mro__:
        if not owner.__module__.startswith("rwkv_tok"):
            continue
        # What the decorator makes calls nothing of ours.
        made = vars(dataclasses.make_dataclass("Made", ["a"], frozen=True, slots=True)).keys()
        for name, value in vars(owner).items():
            is_private = name.startswith("_") and not name.endswith("__")
            if is_private or name in _UNCALLED or isinstance(value, str | tuple | None):
                continue
            if dataclasses.is_dataclass(owner) and name in made and name != "__str__":
                continue
            if callable(value) or isinstance(value, property | classmethod | staticmethod):
                yield name, value


def _takes_arguments(value: object) -> bool:
    if isinstance(value, property):
        return False
    if isinstance(value, classmethod | staticmethod) or value in (StreamDecoder, StreamEncoder):
        return True
    names = inspect.signature(value).parameters.keys() - {"self", "memo", "error", "kind"}
    return bool(names)


def test_everything_public_is_called() -> None:
    assert {*map(called_by, CALLS)} == public().keys()


def test_everything_that_takes_arguments_is_called_wrongly_too() -> None:
    failing = {called_by(name) for name, call in CALLS.items() if call.raises is not None}
    expected = {name for name, value in public().items() if _takes_arguments(value)}
    assert expected - failing == _NEVER_FAILS & expected


_NAMES = defaultdict(list)
for _name in CALLS:
    _NAMES[called_by(_name)].append(_name)


@pytest.mark.parametrize("names", _NAMES.values(), ids=_NAMES)
def test_a_call_returns_or_raises_the_same_each_time(setting: Setting, names: list[str]) -> None:
    for name in names:
        run, raises = CALLS[name]
        if raises is None:
            assert plain(run(setting)) == plain(run(setting)), name
        else:
            with pytest.raises(raises) as caught:
                run(setting)
            assert type(caught.value) is raises, name
