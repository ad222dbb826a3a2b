"""What the commands that work on datasets have in common."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from rwkv_tok.errors import DataError

from .errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DatasetPrefix", "data_failures", "json_option"]

json_option = click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")


class DatasetPrefix(click.Path):
    """The prefix of a dataset; the name of one of its two files will do."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Take the suffix away, if there is one."""
        path = str(super().convert(value, param, ctx))
        if path.endswith(("/", os.sep)) or os.path.basename(path) in ("", ".", ".."):  # noqa: PTH119
            self.fail(f"{path} is a folder: add what the names of the files begin with", param, ctx)
        for suffix in (".bin", ".idx"):
            if path.endswith(suffix):
                return path.removesuffix(suffix)
        return path


@contextmanager
def data_failures(action: str) -> Iterator[None]:
    """Turn what the functions of `rwkv_tok.data` raise into a failure of `action` on a file."""
    try:
        yield
    except DataError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        file = "" if error.filename is None else f" {click.format_filename(error.filename)}"
        raise Failure.from_os_error(f"cannot {action}{file}", error) from error
    except ImportError as error:
        raise Failure(error.msg) from error
