"""`rwkv-tok show`: the tokens of a text, one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .inputs import read_documents
from .options import common_options, lines_option
from .outputs import open_output, shows_on_terminal
from .progress import progress_bar
from .special import allow_special_option, special_tokens_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rwkv_tok.special import AllowedSpecial
    from rwkv_tok.tokenizer import Tokenizer

__all__ = ["show"]

_EXAMPLES = """\b
Examples:
  printf 'Hello world' | rwkv-tok show
  rwkv-tok show --lines --json questions.txt
  printf '<|im_end|>' | rwkv-tok show --special-tokens v20260603 --allow-special
"""

# Tokens of a document that are written at once.
_STEP = 1 << 14


@click.command(epilog=_EXAMPLES)
@common_options
@lines_option("Take each line as a document; only \\n ends a line.")
@special_tokens_option
@allow_special_option
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object for each token.")
def show(
    files: tuple[str, ...],
    tokenizer: Tokenizer,
    lines: bool,
    allowed_special: AllowedSpecial,
    as_json: bool,
    threads: int | None,
    output: str,
    force: bool,
) -> None:
    """Show the tokens of a text: where each begins and ends, its id, and its bytes.

    Each of FILES is a document, or each of its lines; without FILES, or for -, standard input is
    read. Places are counted in bytes from the beginning of the document. A token that is not valid
    UTF-8, such as a part of a character, is shown as b'...'. Documents are separated by an empty
    line; in JSON each token has the number of its document.
    """
    write = _as_json if as_json else _as_text
    with (
        open_output(output, force=force) as out,
        progress_bar(files, hidden=shows_on_terminal(output)) as advance,
    ):
        number = 0
        for documents in read_documents(files, lines=lines, advance=advance):
            batch, offsets = tokenizer.encode_ragged_with_offsets(
                documents, unit="byte", num_threads=threads, allowed_special=allowed_special
            )
            for i in range(len(batch)):
                if number and not as_json:
                    out.write(b"\n")
                for start in range(int(batch.offsets[i]), int(batch.offsets[i + 1]), _STEP):
                    stop = min(start + _STEP, int(batch.offsets[i + 1]))
                    rows = _rows(tokenizer, batch.ids[start:stop], offsets[start:stop])
                    out.write("".join(write(number, *row) for row in rows).encode())
                number += 1


def _rows(tokenizer: Tokenizer, ids: Any, offsets: Any) -> Iterator[tuple[int, int, int, bytes]]:
    for token_id, (begin, end) in zip(ids.tolist(), offsets.tolist(), strict=True):
        yield begin, end, token_id, tokenizer.token_bytes(token_id)


def _as_text(_document: int, begin: int, end: int, token_id: int, token: bytes) -> str:
    text = _decoded(token)
    return f"{begin:>9} {end:>9} {token_id:>6}  {token if text is None else text!r}\n"


def _as_json(document: int, begin: int, end: int, token_id: int, token: bytes) -> str:
    row = {
        "document": document,
        "begin": begin,
        "end": end,
        "id": token_id,
        "text": _decoded(token),
        "bytes": token.hex(),
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def _decoded(token: bytes) -> str | None:
    """The text of a token; None if it is not valid UTF-8."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None
