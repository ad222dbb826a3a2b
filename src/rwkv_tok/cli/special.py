"""Special tokens on the command line."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rwkv_tok.errors import VocabularyError
from rwkv_tok.special import PROFILES

from .errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["allow_special_option", "skip_special_option", "special_tokens_option"]


def special_tokens_option(command: Callable[..., None]) -> Callable[..., None]:
    """--special-tokens: the command's `tokenizer` has them."""

    @click.option(
        "--special-tokens",
        callback=_read,
        metavar="NAME_OR_PATH",
        help=f"Special tokens: {', '.join(PROFILES)}, or a JSON file of texts and their ids.",
    )
    @functools.wraps(command)
    def with_special_tokens(
        tokenizer: Tokenizer, special_tokens: Mapping[str, int] | None, **arguments: Any
    ) -> None:
        if special_tokens is None:
            if arguments.get("allowed_special") or arguments.get("skip_special_tokens"):
                raise click.UsageError("there are no special tokens: add --special-tokens")
        else:
            try:
                tokenizer = tokenizer.with_special_tokens(special_tokens)
            except (VocabularyError, TypeError) as error:
                raise Failure(f"cannot use these special tokens: {error}") from error
        command(tokenizer=tokenizer, **arguments)

    return with_special_tokens


#: --allow-special, which the command gets as `allowed_special`.
allow_special_option = click.option(
    "--allow-special",
    "allowed_special",
    is_flag=True,
    callback=lambda _ctx, _param, allow: "all" if allow else (),
    help="Encode special tokens in the text as such. Without, they are text like any other.",
)

#: --skip-special, which the command gets as `skip_special_tokens`.
skip_special_option = click.option(
    "--skip-special", "skip_special_tokens", is_flag=True, help="Leave special tokens out."
)


def _read(
    _ctx: click.Context, _param: click.Parameter, name: str | None
) -> Mapping[str, int] | None:
    if name is None:
        return None
    if name in PROFILES:
        return PROFILES[name]
    if not name:
        raise click.UsageError("--special-tokens needs a name or a file")
    shown = click.format_filename(name)
    try:
        content = Path(name).read_bytes()
    except FileNotFoundError as error:
        raise Failure(f"no file {shown}, and known is only {', '.join(PROFILES)}") from error
    except OSError as error:
        raise Failure.from_os_error(f"cannot read special tokens {shown}", error) from error
    try:
        tokens = json.loads(content, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise Failure(f"cannot read special tokens {shown}: {error}") from error
    if not isinstance(tokens, dict):
        raise Failure(f'{shown} must be a JSON object such as {{"<|im_start|>": 65530}}')
    return tokens


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tokens = dict(pairs)
    if len(tokens) < len(pairs):
        raise ValueError("a text is there twice")
    return tokens
