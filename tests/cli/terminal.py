"""A terminal for the command line, where there are pseudo-terminals."""

import os


class Terminal:
    """A pseudo-terminal: `end` is what a process gets."""

    def __init__(self) -> None:
        import pty  # which Windows does not have

        self._screen, self.end = pty.openpty()

    def type(self, keys: bytes) -> None:
        os.write(self._screen, keys)

    def read(self) -> bytes:
        """What all processes have shown on it, once they have ended."""
        os.close(self.end)
        shown = []
        try:
            while piece := os.read(self._screen, 1 << 16):
                shown.append(piece)
        except OSError:  # how Linux says that nobody has the other end any more
            pass
        os.close(self._screen)
        return b"".join(shown)
