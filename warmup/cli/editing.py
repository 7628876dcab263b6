"""Adding a table to a configuration file that people edit too: whole or not at all, comments kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from warmup.config import Config
from warmup.errors import ConfigError, StoreError, UsageError

__all__ = ["edited"]


def edited(path: Path, address: str, lines: Sequence[str]) -> tuple[Config, Config]:
    """Put the table of a source at a file's end.

    Args:
        path: The configuration; where it is a link, the file that it leads to is replaced.
        address: The source's address in its canonical form.
        lines: The table, heading first.

    Returns:
        What the file said before, and what it says now.

    Raises:
        ConfigError: The file was wrong before.
        UsageError: The source is there already, or the file would not be accepted with it.
        StoreError: The file cannot be written.
    """
    path = path.resolve()
    with _locked(path) as file:
        before = Config.from_file(path)
        if address in before.declarations or any(one.address == address for one in before.sources):
            mend = f"edit its table in {path}, or see: warmup ip declare"
            raise UsageError.of("ADDRESS", f"{address} is there already", mend)
        octets = file.read()
        after = _appended(octets, lines)
        config = _accepted(after, path)
        _replace(path, after)
    return before, config


def _appended(octets: bytes, lines: Sequence[str]) -> bytes:
    end = b"\r\n" if b"\r\n" in octets else b"\n"
    body = octets if not octets or octets.endswith(b"\n") else octets + end
    return body + end + b"".join(line.encode() + end for line in lines)


def _accepted(octets: bytes, path: Path) -> Config:
    """The configuration as it would be; the file was right before, so what is wrong now is the table."""
    try:
        tables = tomllib.loads(octets.decode("utf-8-sig").replace("\r\n", "\n"))
        return Config.from_dict(tables, base=path.parent)
    except tomllib.TOMLDecodeError as error:
        wrong = f"cannot take a table at its end: {error}"
        raise UsageError.of(str(path), wrong, "add the source in an editor") from None
    except ConfigError as error:
        raise UsageError(problems=error.problems) from None


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Hold the file against a second edit of ours, and make sure that it is still the file."""
    while True:
        try:
            file = path.open("rb")
        except OSError as error:
            raise ConfigError.of(str(path), f"cannot be read: {error.strerror or error}") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.fstat(file.fileno()).st_ino == path.stat().st_ino
            except FileNotFoundError:
                same = False
            if same:
                yield file
                return


def _replace(path: Path, octets: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, draft)
        if os.geteuid() == 0:
            held = path.stat()
            os.chown(draft, held.st_uid, held.st_gid)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError.of(str(path), f"cannot be written: {error.strerror or error}") from None
