"""The magic prime, compared with how RWKV-LM finds it and what its trainer asserts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwkv_tok.data.binidx.magic_primes import (
    explain_missing_prime,
    is_magic_prime,
    magic_prime,
    trainer_arguments,
)


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def by_trial(tokens: int, ctx_len: int) -> int | None:
    """The largest prime that is 2 modulo 3, as `make_data.py` looks for it."""
    for candidate in range(tokens // ctx_len - 1, 0, -1):
        if candidate % 3 == 2 and is_prime(candidate):
            return candidate
    return None


def accepted(prime: int, tokens: int, ctx_len: int) -> bool:
    """What the trainer asserts."""
    slots = tokens // ctx_len
    return is_prime(prime) and prime % 3 == 2 and 0.9 < prime / slots <= 1


def expected(tokens: int, ctx_len: int) -> int | None:
    prime = by_trial(tokens, ctx_len)
    return prime if prime is not None and accepted(prime, tokens, ctx_len) else None


@pytest.mark.parametrize(
    ("tokens", "ctx_len", "prime"),
    [
        (1_498_226_207, 4096, 365_759),
        (1_498_226_207, 512, 2_926_181),
        (12, 1, 11),
        (11, 1, None),
        (13, 1, None),
        (0, 4096, None),
    ],
)
def test_known_values(tokens: int, ctx_len: int, prime: int | None) -> None:
    assert magic_prime(tokens, ctx_len) == prime


def test_it_is_what_trial_division_finds() -> None:
    for slots in range(2_000):
        assert magic_prime(slots, 1) == expected(slots, 1)


@given(st.integers(0, 10**9), st.integers(1, 10**4))
def test_it_is_what_the_trainer_accepts(tokens: int, ctx_len: int) -> None:
    prime = magic_prime(tokens, ctx_len)
    if tokens // ctx_len < 10**5:
        assert prime == expected(tokens, ctx_len)
    if prime is not None:
        assert accepted(prime, tokens, ctx_len)
        assert is_magic_prime(prime, tokens, ctx_len)


# Composites that pass the test of Fermat, or that of Miller and Rabin with the first few bases.
@pytest.mark.parametrize(
    "composite",
    [561, 1729, 2047, 1373653, 25326001, 3215031751, 3474749660383, 341550071728321],
)
def test_a_pseudoprime_is_no_prime(composite: int) -> None:
    assert not is_magic_prime(composite, composite + 1, 1)


def test_every_number_is_judged_as_the_trainer_does() -> None:
    for slots in range(1, 60):
        for ctx_len in (1, 2, 7):
            for rest in range(ctx_len):
                tokens = slots * ctx_len + rest
                for number in range(-3, slots + 3):
                    legal = accepted(number, tokens, ctx_len)
                    # With a whole number of slots it may read a token beyond the last one.
                    legal = legal and number * ctx_len + 1 <= tokens
                    assert is_magic_prime(number, tokens, ctx_len) == legal


def test_the_arguments_are_those_of_make_data() -> None:
    arguments = trainer_arguments(1_498_226_207, 4096, 365_759)
    assert arguments == "--my_exit_tokens 1498226207 --magic_prime 365759 --ctx_len 4096"


@given(st.integers(1, 2_000), st.integers(1, 300))
def test_the_advice_is_the_smallest_change(tokens: int, ctx_len: int) -> None:
    if magic_prime(tokens, ctx_len) is not None:
        return
    epochs = 2
    while expected(epochs * tokens, ctx_len) is None:
        epochs += 1
    lengths = [c for c in range(ctx_len, 0, -1) if expected(tokens, c) is not None]
    message = explain_missing_prime(tokens, ctx_len)
    assert f"{tokens} tokens at ctx_len {ctx_len}: write {epochs} epochs" in message
    assert message.partition("train with ctx_len ")[2] == (str(lengths[0]) if lengths else "")


def test_a_huge_ctx_len_gets_advice_at_once() -> None:
    assert explain_missing_prime(10**12, 10**12).endswith("train with ctx_len 83333333333")


@pytest.mark.parametrize(("tokens", "ctx_len"), [(-1, 4096), (100, 0), (100, -5)])
def test_impossible_numbers_are_an_error(tokens: int, ctx_len: int) -> None:
    with pytest.raises(ValueError, match="must"):
        magic_prime(tokens, ctx_len)
