"""One libFuzzer process: `python -m fuzz.engine TARGET SECONDS [OPTIONS] [FOLDERS]`.

It is started by `python -m fuzz`, in an environment of its own, with the sanitizers' library loaded
before everything else.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys

import atheris

# The Python layer is instrumented as it is imported; C code was when it was compiled. The oracle is
# not: what it does is no progress.
with atheris.instrument_imports(include=["rwkv_tok"]):
    from fuzz.targets import one_input_of


def main() -> None:
    """Fuzz until so many seconds of processor time are used; 0 stands for no limit."""
    target, seconds, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["rwkv_tok"]):
        one_input = one_input_of(target)
    # libFuzzer starts itself again to merge and to minimise: a command of the shell.
    again = shlex.join([sys.executable, "-m", "fuzz.engine", target, seconds])
    atheris.Setup([again, *arguments], one_input)
    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, float(seconds))
    atheris.Fuzz()


def _end(*_: object) -> None:
    """Have libFuzzer end after the input that it is at."""
    os.kill(os.getpid(), signal.SIGUSR1)


if __name__ == "__main__":
    main()
