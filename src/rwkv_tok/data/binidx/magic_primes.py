"""The magic prime: the number by which RWKV's trainer visits every part of its data once.

The trainer (`RWKV-v7/train_temp/src/dataset.py`) divides the data into slots of `ctx_len` tokens
and reads a window of `ctx_len + 1` tokens at slot `factor * i**3 % prime` for i = 1, 2, 3, ...
Cubing is one-to-one modulo a prime that is 2 modulo 3, so that after `prime` windows each slot was
read once. The prime must not be larger than the number of slots, nor leave out a tenth of them.
"""

from __future__ import annotations

import operator
from typing import Any

__all__ = [
    "explain_missing_prime",
    "for_trainer",
    "is_magic_prime",
    "magic_prime",
    "trainer_arguments",
]

# Testing with these bases is exact below 3.3e24 (Sorenson and Webster, 2015).
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)

# The smallest number of slots that has a magic prime, which is 11.
_FEWEST_SLOTS = 12


def magic_prime(tokens: int, ctx_len: int) -> int | None:
    """The magic prime for data of so many tokens, read in windows of `ctx_len + 1`.

    The largest prime P with P % 3 == 2 that is at most `tokens // ctx_len - 1`, as RWKV-LM's
    `make_data.py` computes it; None if there is none that the trainer accepts: it asserts
    P / (tokens // ctx_len) > 0.9.

    Raises
    ------
    ValueError
        `tokens` is negative, or `ctx_len` not positive.

    Examples
    --------
    >>> magic_prime(1_498_226_207, 4096)
    365759
    >>> magic_prime(20_000, 4096) is None
    True
    """
    slots = _slots(tokens, ctx_len)
    candidate = slots - 1
    while slots and candidate / slots > 0.9:
        if candidate % 3 == 2 and _is_prime(candidate):
            return candidate
        candidate -= 1
    return None


def is_magic_prime(prime: int, tokens: int, ctx_len: int) -> bool:
    """Whether the trainer accepts a prime for these data and stays within them.

    Examples
    --------
    >>> is_magic_prime(11, 12 * 512, 512), is_magic_prime(7, 12 * 512, 512)
    (True, False)
    """
    slots = _slots(tokens, ctx_len)
    return (
        0 < prime <= slots
        and prime / slots > 0.9
        and prime % 3 == 2
        and prime * ctx_len < tokens
        and _is_prime(prime)
    )


def trainer_arguments(tokens: int, ctx_len: int, prime: int) -> str:
    """The arguments that tell the trainer about its data.

    Examples
    --------
    >>> trainer_arguments(1_498_226_207, 4096, 365_759)
    '--my_exit_tokens 1498226207 --magic_prime 365759 --ctx_len 4096'
    """
    return f"--my_exit_tokens {tokens} --magic_prime {prime} --ctx_len {ctx_len}"


def for_trainer(tokens: int, ctx_len: int, epochs: int = 1) -> dict[str, Any]:
    """What the trainer has to be told about so many tokens; without a magic prime, what to do.

    `epochs` is how often the data are repeated in these tokens already.

    Examples
    --------
    >>> for_trainer(1_498_226_207, 4096)["arguments"]
    '--my_exit_tokens 1498226207 --magic_prime 365759 --ctx_len 4096'
    >>> for_trainer(2 * 9_000, 4096, epochs=2)["advice"]
    'no magic prime for 18000 tokens at ctx_len 4096: write 11 epochs, or train with ctx_len 1500'
    """
    prime = magic_prime(tokens, ctx_len)
    known = {"ctx_len": ctx_len, "magic_prime": prime}
    if prime is None:
        return known | {"advice": explain_missing_prime(tokens, ctx_len, epochs)}
    return known | {"arguments": trainer_arguments(tokens, ctx_len, prime)}


def explain_missing_prime(tokens: int, ctx_len: int, epochs: int = 1) -> str:
    """What to do about data for which `magic_prime` is None.

    Examples
    --------
    >>> explain_missing_prime(9_000, 512)
    'no magic prime for 9000 tokens at ctx_len 512: write 3 epochs, or train with ctx_len 500'
    >>> explain_missing_prime(0, 4096)
    'no magic prime for 0 tokens at ctx_len 4096: it needs more data'
    """
    remedies = []
    if tokens // epochs:
        remedies.append(f"write {_fewest_epochs(tokens // epochs, ctx_len)} epochs")
    shorter = _largest_ctx_len(tokens, ctx_len)
    if shorter is not None:
        remedies.append(f"train with ctx_len {shorter}")
    remedy = ", or ".join(remedies) or "it needs more data"
    return f"no magic prime for {tokens} tokens at ctx_len {ctx_len}: {remedy}"


def _fewest_epochs(tokens: int, ctx_len: int) -> int:
    """How often the data must be there, at the least, to have a magic prime."""
    epochs = max(1, -(-_FEWEST_SLOTS * ctx_len // tokens))
    while magic_prime(epochs * tokens, ctx_len) is None:
        epochs += 1
    return epochs


def _largest_ctx_len(tokens: int, ctx_len: int) -> int | None:
    """The largest one up to `ctx_len` with which the data have a magic prime."""
    slots = max(_FEWEST_SLOTS, tokens // ctx_len)
    while slots <= tokens:
        largest = min(ctx_len, tokens // slots)
        if magic_prime(tokens, largest) is not None:
            return largest
        slots = tokens // largest + 1
    return None


def _slots(tokens: int, ctx_len: int) -> int:
    if operator.index(tokens) < 0:
        raise ValueError(f"tokens must not be negative, not {tokens}")
    if operator.index(ctx_len) < 1:
        raise ValueError(f"ctx_len must be positive, not {ctx_len}")
    return tokens // ctx_len


def _is_prime(number: int) -> bool:
    """Whether a number above 1 is a prime: the test of Miller and Rabin."""
    for prime in _WITNESSES:
        if number % prime == 0:
            return number == prime
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    return all(_is_witnessed(base, number, odd, twos) for base in _WITNESSES)


def _is_witnessed(base: int, number: int, odd: int, twos: int) -> bool:
    """Whether `number`, which is `odd * 2**twos + 1`, may be a prime for all that `base` tells."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
