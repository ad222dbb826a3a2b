"""The command `rwkv-tok`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what has to be installed for it."""
    try:
        import rich  # noqa: F401  # used only for a progress bar, but better missed now than then

        from .app import run
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(
            f"rwkv-tok: {error.name} is not installed: pip install 'rwkv-tok[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    run()
