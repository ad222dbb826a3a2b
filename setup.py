"""Build of the extension modules; everything else is declared in pyproject.toml."""

import gzip
import os
import sys
import tarfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

if sys.maxsize < 2**32:
    sys.exit("rwkv_tok needs a 64-bit Python: its sizes are computed in 64 bits")

# No -march=native: a wheel runs on every CPU of its platform. -g0: debug information would be most
# of the wheel's size. Whoever sets CFLAGS (for a sanitizer, say) decides on both.
if sys.platform == "win32":
    compile_args = ["/O2", "/std:c11"]
elif "CFLAGS" in os.environ:
    compile_args = ["-fvisibility=hidden"]
else:
    compile_args = ["-O3", "-g0", "-fvisibility=hidden"]

# The hot loops in C; _kernels has them, the others read only the headers.
KERNELS = Path("src/rwkv_tok/kernels")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "auto_pickle": False,
    "autotestdict": False,
    "freethreading_compatible": True,
}

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


class ReproducibleSdist(sdist):
    """With SOURCE_DATE_EPOCH set, the same sources make the same bytes, as they do in a wheel."""

    def make_archive(self, base_name, file_format, root_dir=None, base_dir=None, **owner):
        """Pack the folder `base_dir`."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or file_format != "gztar":
            return super().make_archive(base_name, file_format, root_dir, base_dir, **owner)
        archive = f"{base_name}.tar.gz"
        with (
            Path(archive).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=int(epoch)) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(path for path in Path(base_dir).rglob("*") if path.is_file()):
                member = tar.gettarinfo(path)
                member.mtime = int(epoch)
                member.mode = 0o755 if member.mode & 0o100 else 0o644
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                with path.open("rb") as contents:
                    tar.addfile(member, contents)
        return archive


class ParallelBuildExt(build_ext):
    """Translates one module after the other; then as many compilers run as there are processors.

    Of the options that Cython adds to the command, only --cython-line-directives has an effect.
    """

    is_over = False

    def build_extensions(self):
        """Build all extension modules."""
        for extension in self.extensions:
            # Not in threads, which Cython does not promise to bear; there it finds nothing but C.
            (translated,) = cythonize(
                extension,
                build_dir=self.build_temp,
                compiler_directives=DIRECTIVES,
                emit_linenums=self.cython_line_directives,
                force=self.force,
                quiet=not self.verbose,
            )
            extension.sources = translated.sources
        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()

    def build_extension(self, extension):
        """Build one, unless another has failed or was interrupted: threads would go on with it."""
        if self.is_over:
            return
        try:
            super().build_extension(extension)
        except BaseException:
            self.is_over = True
            raise


setup(cmdclass={"build_ext": ParallelBuildExt, "sdist": ReproducibleSdist}, ext_modules=extensions)
