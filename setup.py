"""Build of the extension modules; everything else is declared in pyproject.toml."""

import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

if sys.maxsize < 2**32:
    sys.exit("rwkv_tok needs a 64-bit Python: its sizes are computed in 64 bits")

if sys.platform == "win32":
    compile_args = ["/O2"]
else:
    # No -march=native: a wheel runs on every CPU of its platform. -g0: debug information would
    # be most of the wheel's size.
    compile_args = ["-O3", "-g0", "-fvisibility=hidden"]

# The hot loops in C; _kernels has them, the others read only the headers.
KERNELS = Path("src/rwkv_tok/kernels")

extensions = [
    Extension(
        f"rwkv_tok.{source.stem}",
        [
            source.as_posix(),
            *(c.as_posix() for c in sorted(KERNELS.glob("*.c")) if source.stem == "_kernels"),
        ],
        depends=[header.as_posix() for header in sorted(KERNELS.glob("*.h"))],
        include_dirs=[numpy.get_include(), KERNELS.parent.as_posix()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        extra_compile_args=compile_args,
    )
    for source in sorted(Path("src/rwkv_tok").glob("_*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "auto_pickle": False,
            "autotestdict": False,
            "freethreading_compatible": True,
        },
    )
)
