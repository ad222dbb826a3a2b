"""Training data: from documents to RWKV's binidx files, on one machine."""

from .binidx import BinIdx
from .checks import verify
from .findings import Problem, VerifyReport
from .magic_primes import magic_prime
from .merging import merge
from .preparation import Prepared, Status, prepare
from .writer import BinIdxWriter

__all__ = [
    "BinIdx",
    "BinIdxWriter",
    "Prepared",
    "Problem",
    "Status",
    "VerifyReport",
    "magic_prime",
    "merge",
    "prepare",
    "verify",
]
