"""Training data: from documents to RWKV's binidx files, on one machine.

To read and write these files needs NumPy alone; `prepare` needs `pip install 'rwkv-tok[data]'`.
"""

from typing import TYPE_CHECKING, Any

from .binidx.magic_primes import magic_prime
from .binidx.merging import Merged, merge
from .binidx.reader import BinIdx
from .binidx.writer import BinIdxWriter
from .checking.checks import verify
from .checking.findings import Problem, VerifyReport

if TYPE_CHECKING:
    from .preparing.preparation import Prepared, Status, prepare

__all__ = [
    "BinIdx",
    "BinIdxWriter",
    "Merged",
    "Prepared",
    "Problem",
    "Status",
    "VerifyReport",
    "magic_prime",
    "merge",
    "prepare",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import what needs further libraries when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .preparing import preparation
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("rwkv_tok"):
            raise
        raise ImportError(
            f"{error.name} is not installed: pip install 'rwkv-tok[data]'", name=error.name
        ) from None
    return getattr(preparation, name)
