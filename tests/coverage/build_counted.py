"""Build the extension modules with gcov's counters: `setup.py` with other flags.

Takes the arguments of `setup.py`, in the folder where it is. The lines are those of the Cython
sources rather than of the C that is made of them.
"""

import runpy
from typing import Any

import Cython.Build
from setuptools import Extension

# Threads count at the same time: without `atomic` some counts would be lost, and others, which gcov
# derives from them, be wrong.
FLAGS = ["-O1", "-fno-inline", "-fprofile-update=atomic", "--coverage", "-w"]

_cythonize = Cython.Build.cythonize


def cythonize(extensions: list[Extension], **options: Any) -> list[Extension]:
    for extension in extensions:
        extension.extra_compile_args = FLAGS
        extension.extra_link_args = ["--coverage"]
    return _cythonize(extensions, emit_linenums=True, **options)


if __name__ == "__main__":
    Cython.Build.cythonize = cythonize
    runpy.run_path("setup.py", run_name="__main__")
