"""Where figures come from: the machine, the packages, and how ours was built."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import sysconfig
from pathlib import Path
from typing import Any

import rwkv_tok
from rwkv_tok import _kernels

from . import kernels, packages


def describe() -> dict[str, Any]:
    """All that a reader of the figures may ask for; goes into the JSON."""
    others = ("numpy", "pyarrow")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cpu": cpu_model(),
        "cores": cores(),
        "python": platform.python_version(),
        "packages": {
            name: version
            for name in (*packages.PACKAGES, *others)
            if (version := packages.version(name)) is not None
        },
        "wheel": wheel_tags(),
        "development_install": is_development_install(),
        "compiler": compiler(),
        "kernel": kernels.chosen(),
        "kernels": kernels.available(),
    }


def cpu_model() -> str:
    """What the processor calls itself, as far as the system tells."""
    try:
        match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        match = None
    return match[1] if match else platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _distribution() -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(packages.OURS)
    except importlib.metadata.PackageNotFoundError:
        return None


def wheel_tags() -> list[str]:
    """The tags of the wheel that rwkv_tok was installed from, such as cp311-cp311-linux_x86_64."""
    distribution = _distribution()
    text = (distribution.read_text("WHEEL") if distribution else None) or ""
    return re.findall(r"^Tag: *(\S+)", text, re.MULTILINE)


def is_development_install() -> bool:
    """Whether the rwkv_tok that is imported is not that of an installed wheel."""
    distribution = _distribution()
    if distribution is None:
        return True
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable", False):
        return True
    return Path(str(distribution.locate_file("rwkv_tok"))) != Path(rwkv_tok.__file__).parent


def compiler() -> str:
    """The compiler of the extension modules and its major version, such as "gcc 12"."""
    extension = Path(str(_kernels.__file__))
    return (
        compiler_in(extension.read_bytes())
        or compiler_in(str(sysconfig.get_config_var("CC") or platform.python_compiler()).encode())
        or "unknown"
    )


def compiler_in(data: bytes) -> str | None:
    """The compiler that left its name in an object file (in ELF, the section .comment)."""
    # What clang compiled is linked with start files that GCC did; and where two versions of GCC
    # took part, that of the start files comes first.
    if match := re.search(rb"(?:Apple )?(clang) version (\d+)", data):
        return f"clang {match[2].decode()}"
    versions = re.findall(rb"GCC: \([^)]*\) (\d+)\.|\bGCC (\d+)\.", data)
    if versions:
        return f"gcc {(versions[-1][0] or versions[-1][1]).decode()}"
    return None
