"""Libraries that some platforms have no wheels of.

    pl = library("polars")

is Polars where it is installed. Elsewhere, whoever asks it for something is skipped, and the reason
says so: a test that needs it, or at the top level of a module all its tests. `if pl:` asks first.
"""

import importlib
from typing import Any

import pytest


def library(name: str) -> Any:
    """The module of this name, or what skips the tests that use it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.partition(".")[0]):  # it is there, but broken
            raise
        return Missing(name)


class Missing:
    """A library that is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest looks for marks of its own in all that a module has
            raise AttributeError(attribute)
        pytest.skip(f"{self._name} is not installed", allow_module_level=True)
