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
from pathlib import Path
from typing import Any

import click

__all__ = ["guarded"]

# The codes of warmup.errors, which is imported on the way to an error only: `warmup --help` is fast.
USAGE = 64
SOFTWARE = 70
IO = 74
INTERRUPTED = 130


def guarded(group: click.Group, args: list[str], prog_name: str, extra: dict[str, Any]) -> int:
    """Run a command line and return the exit code."""
    if sys.stdout is None:
        # Closed by whoever started us. Work goes on all the same: a daemon needs no output, and mail
        # that was queued must not look as if it had not been.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the process's life
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for the process's life
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
        return USAGE
    except click.FileError as error:
        _debug()
        _complain(error.format_message())
        return IO
    except click.ClickException as error:
        _debug()
        _complain(error.format_message())
        return error.exit_code
    except (KeyboardInterrupt, EOFError, click.Abort):
        return INTERRUPTED
    except BrokenPipeError as error:
        return 0 if _reader_left() else _bug(error)
    except OSError as error:
        return _known(error) or _failed(error)
    except Exception as error:
        return _known(error) or _bug(error)
    return code


def _run(group: click.Group, args: list[str], prog_name: str, extra: dict[str, Any]) -> int:
    try:
        with group.make_context(prog_name, args, **extra) as ctx:
            result = group.invoke(ctx)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return result if isinstance(result, int) else 0


def _known(error: Exception) -> int:
    """Report an error that left on purpose; 0 for others."""
    from warmup.errors import WarmupError

    if not isinstance(error, WarmupError):
        return 0
    _debug()
    for line in map(str, error.problems) if error.problems else (str(error),):
        _complain(line)
    return error.exit_code


def _failed(error: OSError) -> int:
    """Report what the system refused: a full disk, a folder that cannot be written."""
    _debug()
    where = f"{error.filename}: " if error.filename else ""
    _complain(f"{where}{error.strerror or error} (see that it can be written and that the disk has room)")
    # What could not be written to standard output would be tried, and complained of, again at exit.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return IO


def _reader_left() -> bool:
    """Whether it is standard output that broke; then give Python nothing to complain of at exit."""
    import select

    try:
        output = sys.stdout.fileno()
        poll = select.poll()
        poll.register(output, select.POLLOUT)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), output)
            return True
    except (OSError, ValueError):
        pass
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
        import traceback

        traceback.print_exc()


def _complain(message: str) -> None:
    from warmup.cli.output import escape

    _say(f"warmup: error: {escape(message)}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
