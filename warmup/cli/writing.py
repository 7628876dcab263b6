"""Where a command writes what it made: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from warmup.errors import StoreError

__all__ = ["write"]


def write(
    output: str | None,
    fill: Callable[[Any], Iterable[str]],
    *,
    named: str = "--output",
    private: bool = False,
) -> None:
    """Write pieces of text to standard output, or to a file, replacing it in one go.

    Args:
        output: The file; None or ``-``: standard output.
        fill: Gives the pieces, for what they are written to.
        named: What the file is called by in errors.
        private: Readable by its owner alone, and on disk when this returns.

    Raises:
        StoreError: It cannot be written.
    """
    if output in (None, "-"):
        try:
            for piece in fill(sys.stdout):
                sys.stdout.write(piece)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read has seen enough. Python would complain of what is still in its buffer.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            raise StoreError.of("standard output", f"cannot be written: {error.strerror}") from None
        return
    assert output is not None
    path = Path(output)
    # A device or a pipe is written to; renaming over it would replace it.
    beside = (
        path if path.exists() and not path.is_file() else path.with_name(f".{path.name}.{os.getpid()}.tmp")
    )
    try:
        try:
            mode = 0o600 if private else 0o666
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(fill(file))
                if private and beside != path:
                    file.flush()
                    os.fsync(file.fileno())
            if beside != path:
                beside.replace(path)
        except BaseException:
            if beside != path:
                with suppress(OSError):
                    beside.unlink()
            raise
    except OSError as error:
        raise StoreError.of(
            named, f"{output} cannot be written: {error.strerror}", "choose another file"
        ) from None
