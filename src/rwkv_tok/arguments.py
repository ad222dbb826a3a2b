"""The types of what callers pass in."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: One text: a str, or its bytes in a contiguous buffer (bytes, mmap, NumPy uint8, ...).
Text: TypeAlias = Any
#: Many texts: an iterable of them, or anything with the Arrow PyCapsule interface.
Texts: TypeAlias = Any
#: Ids: an array of integers of any kind, or a sequence of them.
Ids: TypeAlias = Any
#: Ids that were read: contiguous and 1-D.
IdArray: TypeAlias = NDArray[np.uint16] | NDArray[np.int64]
#: What to do with bytes that are not valid UTF-8.
Errors: TypeAlias = Literal["strict", "replace", "ignore"]
#: What to do with an id that stands for no token.
Unknown: TypeAlias = Literal["raise", "skip", "replace"]
#: What to count offsets in: characters (code points) or bytes of the UTF-8.
Unit: TypeAlias = Literal["char", "byte"]
