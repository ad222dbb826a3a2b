"""Training data: from documents to RWKV's binidx files, on one machine."""

from .binidx import BinIdx
from .magic_primes import magic_prime
from .merging import merge
from .writer import BinIdxWriter

__all__ = ["BinIdx", "BinIdxWriter", "magic_prime", "merge"]
