"""The paths through the encoder: which ones this machine has, and each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from rwkv_tok import _kernels

from .texts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Read by the package when it is imported; unset, it takes the fastest path.
VARIABLE = "RWKV_TOK_KERNEL"
#: The plain walk through the trie, which all others are compared with.
WALK = "walk"


def available() -> list[str]:
    """The paths that this machine can take, the fastest first."""
    return list(_kernels.available())


def chosen() -> str:
    """The path that this process takes."""
    return _kernels.chosen()


class Server:
    """A process that encodes what it is told to, by one path."""

    def __init__(self, documents: Path, kernel: str | None = None) -> None:
        environment = dict(os.environ)
        if kernel:
            environment[VARIABLE] = kernel
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.server", str(documents)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._input = cast("IO[str]", self._process.stdin)
        self._output = cast("IO[str]", self._process.stdout)
        try:
            self.kernel = self.ask(kernel=True)
            if kernel not in (None, self.kernel):
                raise ValueError(f"{VARIABLE}={kernel} was ignored: the path is {self.kernel}")
        except BaseException:
            self.close()
            raise

    def send(self, **request: Any) -> None:
        """Give it something to do."""
        with suppress(BrokenPipeError):  # to receive from a dead process is an error anyway
            self._input.write(json.dumps(request) + "\n")
            self._input.flush()

    def receive(self) -> Any:
        """What came out, when it is done."""
        line = self._output.readline()
        if not line:
            raise ChildProcessError("a process that encodes has died; its message stands above")
        return json.loads(line)

    def ask(self, **request: Any) -> Any:
        """Give it something to do and wait."""
        self.send(**request)
        return self.receive()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._process.wait()


@contextmanager
def servers(
    kernels: Sequence[str | None], batches: Sequence[Sequence[str] | Sequence[bytes]]
) -> Iterator[list[Server]]:
    """A process for each path, all with the same batches of documents.

    Raises ValueError if two of them give different ids.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "batches.json"
        # JSON has no bytes: as Latin-1 each one is a character.
        contents = [
            {
                "bytes": bool(batch) and isinstance(batch[0], bytes),
                "documents": [d.decode("latin-1") if isinstance(d, bytes) else d for d in batch],
            }
            for batch in batches
        ]
        path.write_text(json.dumps(contents), encoding="ascii")
        del contents
        all_servers = []
        for kernel in kernels:
            server = Server(path, kernel)
            stack.callback(server.close)
            all_servers.append(server)
        for number in range(len(batches)):
            digests = {server.ask(digest=number) for server in all_servers}
            if len(digests) > 1:
                raise ValueError(
                    f"the ids of batch {number} differ between the paths {list(kernels)}: "
                    "there is nothing to compare"
                )
        yield all_servers
