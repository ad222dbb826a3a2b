r"""The plain-text conversation format of RWKV's chat models.

A conversation is text without any special token. A blank line ends each turn, so none may stand in
a message:

    System: Be brief.

    User: What is the capital of France?

    Assistant: Paris.

    User: And of Spain?

    Assistant:

The format is that of the model cards of RWKV-5 World to RWKV-7 G1. No space follows the last colon:
the model's first token begins with one.

>>> from rwkv_tok import chat
>>> chat.build_prompt([{"role": "user", "content": "Hello!\n\n\nAre you there?"}])
'User: Hello!\nAre you there?\n\nAssistant:'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .tokenizer import Tokenizer

__all__ = ["build_prompt", "clean_message", "stop_ids", "stop_strings"]

_SEPARATOR = "\n\n"
_ASSISTANT = "assistant"
_NAMES = {"system": "System", "user": "User", _ASSISTANT: "Assistant"}


def build_prompt(messages: Iterable[Mapping[str, str]]) -> str:
    r"""Make a prompt of a conversation, for the model to go on with as the assistant.

    Parameters
    ----------
    messages
        Mappings with a "role" ("system", "user" or "assistant") and a "content". The contents are
        cleaned by `clean_message`: no blank line in one of them can end its turn. Only if the last
        one is the assistant's, the model goes on with it as it is, but for white space before it:
        "<think" makes a reasoning model think.

    Raises
    ------
    ValueError
        There is no message, or one has another role or no content at all.
    TypeError
        A content is no str, or this is a single message. Errors tell which message is wrong, not
        what is in it.

    Examples
    --------
    >>> build_prompt(
    ...     [
    ...         {"role": "user", "content": "Hi"},
    ...         {"role": "assistant", "content": "Hello."},
    ...         {"role": "user", "content": "1 + 1?"},
    ...         {"role": "assistant", "content": "<think"},
    ...     ]
    ... )
    'User: Hi\n\nAssistant: Hello.\n\nUser: 1 + 1?\n\nAssistant: <think'
    """
    if isinstance(messages, str | Mapping):
        raise TypeError(f"messages must be a list of them, not a single {type(messages).__name__}")
    turns = []
    role = content = None
    for number, message in enumerate(messages):
        role, content = _read(number, message)
        turns.append(_turn(role, clean_message(content)))
    if role is None or content is None:
        raise ValueError("a conversation must have a message")
    if role == _ASSISTANT:
        turns[-1] = _turn(_ASSISTANT, str.lstrip(content))
    else:
        turns.append(_turn(_ASSISTANT, ""))
    return _SEPARATOR.join(turns)


def _turn(role: str, text: str) -> str:
    return f"{_NAMES[role]}: {text}" if text else f"{_NAMES[role]}:"


def _read(number: int, message: Mapping[str, str]) -> tuple[str, str]:
    try:
        role, content = message["role"], message["content"]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"message {number} has no role or no content") from None
    if not isinstance(role, str) or role not in _NAMES:
        raise ValueError(f"message {number} must have one of the roles {', '.join(_NAMES)}")
    if not isinstance(content, str):
        raise TypeError(f"the content of message {number} must be a str")
    return role, content


def clean_message(text: str) -> str:
    r"""A message as the format demands it: without blank lines and without space around it.

    Line ends become ``\n``. A line of nothing but white space is blank as well. What is no str
    raises TypeError.

    Examples
    --------
    >>> clean_message(" One\r\n\r\nTwo\n \n  three \n")
    'One\nTwo\n  three'
    """
    if not isinstance(text, str):
        raise TypeError(f"a message must be a str, not {type(text).__name__}")
    # The method of str, as a subclass may have made something else of it.
    lines = str.replace(text, "\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line for line in lines if line.strip()).strip()


def stop_ids(tokenizer: Tokenizer, *, blank_lines: bool = False) -> tuple[int, ...]:
    r"""The ids that end the model's reply.

    Parameters
    ----------
    tokenizer
        Its vocabulary says which id is ``\n\n``.
    blank_lines
        Whether a reply may have blank lines in it, as those of reasoning models have. If it may
        not, ``\n\n`` ends it, 261 in the bundled vocabulary; if it may, only id 0 does.

    Notes
    -----
    For engines that know of ids only. The first line end may belong to another token: in the
    bundled vocabulary, a blank line after ``。`` is 28329 11, and one after a space is 3336.
    `stop_strings` finds it in the text, whatever it is made of, and leaves a line end before it
    out. Special tokens are not looked at: a model that was trained to end its turn with one, as
    ``<|im_end|>``, ends with that.

    Examples
    --------
    >>> import rwkv_tok
    >>> stop_ids(rwkv_tok.load()), stop_ids(rwkv_tok.load(), blank_lines=True)
    ((0, 261), (0,))
    """
    separator = tokenizer.encode(_SEPARATOR).tolist()
    if blank_lines or len(separator) > 1:
        return (tokenizer.eot_token,)
    return (tokenizer.eot_token, *separator)


def stop_strings(*, blank_lines: bool = False) -> tuple[str, ...]:
    r"""Where the model's reply ends, if not with id 0; for `rwkv_tok.StopStrings`.

    A blank line; or, where a reply may have blank lines, the user's next turn, which the model has
    begun to write itself.

    Examples
    --------
    >>> stop_strings(), stop_strings(blank_lines=True)
    (('\n\n',), ('\n\nUser:',))
    """
    return (f"{_SEPARATOR}{_NAMES['user']}:",) if blank_lines else (_SEPARATOR,)
