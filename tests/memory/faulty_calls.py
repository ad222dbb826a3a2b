"""A catalogue for the tests: calls with a fault that the programs of this folder must find."""

from __future__ import annotations

import ctypes
from typing import Any

from memory.setting import Call, Setting

__all__ = ["CALLS"]

_kept: list[Any] = []
_grown = bytearray()


def _keep_object(_: Setting) -> None:
    _kept.append(object())


def _keep_bytes(_: Setting) -> None:
    _grown.extend(bytes(64))


def _keep_file(s: Setting) -> None:
    _kept.append(s.jsonl.open("rb"))


def _keep_reference(s: Setting) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(s.batch))


def _work(_: Setting | None = None) -> str:
    return bytes(1000).decode()


def _hide(_: Setting) -> str:
    try:
        return _work()
    except MemoryError:
        return ""


def _keep_if_out_of_memory(_: Setting) -> str:
    try:
        return _work()
    except MemoryError:
        _keep_object(_)
        raise


def _crash(_: Setting) -> str:
    try:
        return _work()
    except MemoryError:
        return str(ctypes.string_at(0))


def _raise_something_else(_: Setting) -> str:
    try:
        return _work()
    except MemoryError as error:
        raise KeyError from error


class _RaisesAtItsEnd:
    def __del__(self) -> None:
        _work()


def _raise_where_nobody_catches_it(_: Setting) -> None:
    _RaisesAtItsEnd()


_broken: list[bool] = []


def _work_once(_: Setting) -> str:
    try:
        return "" if _broken else _work()
    except MemoryError:
        _broken.append(True)
        raise


CALLS: dict[str, Call] = {
    "leaks/object": Call(_keep_object),
    "leaks/bytes": Call(_keep_bytes),
    "leaks/file": Call(_keep_file),
    "leaks/reference": Call(_keep_reference),
    "fails/anyway": Call(_work, ValueError),
    "fails/other result": Call(_hide),
    "fails/leak": Call(_keep_if_out_of_memory),
    "fails/crash": Call(_crash),
    "fails/other exception": Call(_raise_something_else),
    "fails/uncaught exception": Call(_raise_where_nobody_catches_it),
    "fails/broken afterwards": Call(_work_once),
}
