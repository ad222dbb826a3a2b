"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from reference import ReferenceTokenizer
from strategies import bundled_tokens

import rwkv_tok

# How fast the machine is decides nothing about the code: no deadline, no complaint about slowness.
settings.register_profile("rwkv_tok", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# With --hypothesis-profile=quick: for the second of two runs on the same sources.
settings.register_profile("quick", settings.get_profile("rwkv_tok"), max_examples=15)
settings.load_profile("rwkv_tok")

# Some CI sets these, and what is compared would be full of escape sequences.
for _name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)

BEYOND_THE_CORE = {"bench", "cli", "crash", "data", "fuzz", "memory"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--core", action="store_true", help="only the tests of the core")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --core, leave out the folders of tests that are about something else."""
    beyond = collection_path.name in BEYOND_THE_CORE and collection_path.parent.name == "tests"
    return True if config.getoption("core") and beyond else None


@pytest.fixture(scope="session")
def tok() -> rwkv_tok.Tokenizer:
    """The bundled vocabulary."""
    return rwkv_tok.load()


@pytest.fixture(scope="session")
def tokens() -> dict[int, bytes]:
    """The tokens of the bundled vocabulary, as the oracle reads its file."""
    return bundled_tokens()


@pytest.fixture(scope="session")
def reference(tokens: dict[int, bytes]) -> ReferenceTokenizer:
    """The oracle with the bundled vocabulary."""
    return ReferenceTokenizer(tokens)


@pytest.fixture
def byte_tokens() -> dict[int, bytes]:
    """The smallest vocabulary there is: one token for each byte, as the bundled one has them."""
    return {byte + 1: bytes([byte]) for byte in range(256)}
