"""Every way out of the command: a line on standard error and an exit code, never a traceback.

Exit codes follow ``sysexits.h`` (see :mod:`warmup.errors`): 0 done, 64 usage, 65 data, 69
unavailable, 70 our own bug, 74 input/output, 75 try again later, 78 configuration; and 130 after
an interrupt. A command that returns an integer exits with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from typing import Any

import click

from warmup.cli.output import escape
from warmup.errors import StoreError, UsageError, WarmupError

__all__ = ["guarded"]

SOFTWARE = 70
INTERRUPTED = 130


def guarded(group: click.Group, args: list[str], prog_name: str, extra: dict[str, Any]) -> int:
    """Run a command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A reply in Cyrillic must not end a report on a terminal that knows only ASCII.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(group, args, prog_name, extra)
        sys.stdout.flush()
    except click.UsageError as error:
        _debug()
        where = error.ctx.command_path if error.ctx else prog_name
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            _say(error.format_message())
        else:
            _complain(error.format_message())
            _say(f"try: {where} --help")
        return UsageError.exit_code
    except click.FileError as error:
        _debug()
        _complain(error.format_message())
        return StoreError.exit_code
    except click.ClickException as error:
        _debug()
        _complain(error.format_message())
        return error.exit_code
    except WarmupError as error:
        _debug()
        for line in map(str, error.problems) if error.problems else (str(error),):
            _complain(line)
        return error.exit_code
    except (KeyboardInterrupt, EOFError, click.Abort):
        return INTERRUPTED
    except BrokenPipeError as error:
        return 0 if _reader_left() else _bug(error)
    except Exception as error:
        return _bug(error)
    return code


def _run(group: click.Group, args: list[str], prog_name: str, extra: dict[str, Any]) -> int:
    try:
        with group.make_context(prog_name, args, **extra) as ctx:
            result = group.invoke(ctx)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return result if isinstance(result, int) else 0


def _reader_left() -> bool:
    """Whether it is standard output that broke; then give Python nothing to complain of at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _bug(error: Exception) -> int:
    _debug()
    _complain(
        f"{type(error).__name__}: {error} (this is a bug in warmup or in an extension; "
        "WARMUP_DEBUG=1 shows where, please report it)"
    )
    return SOFTWARE


def _debug() -> None:
    if os.environ.get("WARMUP_DEBUG", "") not in ("", "0"):
        traceback.print_exc()


def _complain(message: str) -> None:
    _say(f"warmup: error: {escape(message)}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
