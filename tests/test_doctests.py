"""The examples in docstrings and in the README are right."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import rwkv_tok

MODULES = ["rwkv_tok", *(m.name for m in pkgutil.walk_packages(rwkv_tok.__path__, "rwkv_tok."))]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "rwkv_tok.__main__"])
def test_the_examples_in_docstrings_are_right(name: str) -> None:
    if name.startswith(("rwkv_tok.cli", "rwkv_tok.data")):
        # Where these have no wheels, there is nothing that training data could be prepared with.
        pytest.importorskip("click", exc_type=ModuleNotFoundError)
        pytest.importorskip("pyarrow", exc_type=ModuleNotFoundError)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_examples_in_the_readme_are_right() -> None:
    readme = Path(__file__).parent.parent / "README.md"
    failed, attempted = doctest.testfile(str(readme), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert attempted > 10


def test_the_examples_are_found() -> None:
    finder = doctest.DocTestFinder()
    tests = finder.find(importlib.import_module("rwkv_tok.tokenizer"))
    assert sum(bool(test.examples) for test in tests) >= 8


def test_the_examples_of_the_reference_are_right() -> None:
    assert doctest.testmod(importlib.import_module("reference")).failed == 0


@pytest.mark.parametrize("name", ["serving.md", "training-data.md"])
def test_the_examples_in_the_documentation_are_right(name: str) -> None:
    if name == "training-data.md":
        pytest.importorskip("pyarrow", exc_type=ModuleNotFoundError)
    text = Path(__file__).parent.parent / "docs" / name
    failed, attempted = doctest.testfile(str(text), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert attempted > 10
