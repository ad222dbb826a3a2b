"""What an extension module and its installation tell about themselves."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import rwkv_tok
from bench import machine

INSTALLED = Path(rwkv_tok.__file__).parent


@pytest.mark.parametrize(
    ("data", "compiler"),
    [
        (b"\0GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0", "gcc 12"),
        (b"\0GCC: (GNU) 8.5.0 20210514\0GCC: (GNU) 14.2.1 20250110\0", "gcc 14"),
        (b"\0GCC: (GNU) 8.5.0\0Debian clang version 19.1.7 (3)\0", "clang 19"),
        (b"Apple clang version 17.0.0 (clang-1700.0.13.5)", "clang 17"),
        (b"GCC 13.2.0", "gcc 13"),
        (b"\x7fELF nothing of the kind", None),
    ],
)
def test_a_compiler_is_known_by_what_it_left_behind(data: bytes, compiler: str | None) -> None:
    assert machine.compiler_in(data) == compiler


@pytest.mark.skipif(sys.platform != "linux", reason="the compiler leaves its name behind in ELF")
def test_the_compiler_of_this_very_build_is_known() -> None:
    name, number = machine.compiler().split()
    assert name in ("gcc", "clang")
    assert number.isdigit()


@pytest.mark.parametrize(
    ("origin", "folder", "development"),
    [
        ({}, INSTALLED, False),
        ({"dir_info": {}, "url": "file:///somewhere"}, INSTALLED, False),
        ({"dir_info": {"editable": True}}, INSTALLED, True),
        ({}, INSTALLED.parent / "elsewhere", True),
    ],
)
def test_a_development_install_is_noticed(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, object], folder: Path, development: bool
) -> None:
    files = {"direct_url.json": json.dumps(origin), "WHEEL": "Wheel-Version: 1.0\nTag: a\nTag: b\n"}
    distribution = SimpleNamespace(read_text=files.get, locate_file=lambda _: folder)
    monkeypatch.setattr(machine, "_distribution", lambda: distribution)
    assert machine.is_development_install() is development
    assert machine.wheel_tags() == ["a", "b"]


def test_what_is_not_installed_at_all_is_a_development_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "_distribution", lambda: None)
    assert machine.is_development_install()
    assert machine.wheel_tags() == []
