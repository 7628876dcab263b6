"""A file's lines, whatever it was packed with, in bounded memory.

The file is recognised by its first octets, not by its name: gzip, bzip2, xz or plain text in UTF-8. Octets
that are no UTF-8 become U+FFFD: a log may hold anything that somebody sent.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from warmup.errors import DataError, Problem

__all__ = ["BYTES_MAX", "LINE_BYTES_MAX", "lines_of", "opened", "refused"]

BLOCK = 1 << 20
LINE_BYTES_MAX = 1 << 20
"""Octets of one line: a file without line ends is no log, and is not gathered up in memory."""
BYTES_MAX = 1 << 40
"""Octets of one file, unpacked: a packed file that never ends is not read for ever."""

_UNREADABLE = "check the name and the permissions"


def refused(name: str, wrong: str, mend: str) -> DataError:
    """The error that a file cannot be used."""
    return DataError(problems=(Problem("", wrong, mend, place=name),))


def opened(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        DataError: It cannot be opened, or is a directory.
    """
    if path.is_dir():
        raise refused(str(path), "is a directory", "name a file, or several as 'mail.log*'")
    try:
        return path.open("rb")
    except OSError as error:
        raise refused(str(path), f"cannot be read: {error.strerror or error}", _UNREADABLE) from error
    except ValueError as error:  # a NUL in the name
        raise refused(repr(str(path))[:80], "is no file name", _UNREADABLE) from error


def lines_of(
    file: BinaryIO,
    name: str,
    done: Callable[[int], None] = lambda _octets: None,
    *,
    bytes_max: int = BYTES_MAX,
) -> Iterator[str]:
    """Yield the lines of an open file, without their line ends.

    Args:
        file: Open for reading in binary.
        name: What it is called in errors.
        done: Told of octets that were read, packed as they are.
        bytes_max: Octets, unpacked, that are read.

    Raises:
        DataError: It is damaged, is no text, is too long, or has a line that is.
    """
    counted = _Counted(file, done)
    number = 0
    rest = b""
    total = 0
    try:
        stream = _unpacked(counted, name)
        while block := stream.read(BLOCK):
            total += len(block)
            if total > bytes_max:
                raise refused(name, f"is longer than {bytes_max:,} octets", "give it in pieces")
            block = rest + block
            cut = block.rfind(b"\n") + 1
            rest = block[cut:]
            if len(rest) > LINE_BYTES_MAX:
                wrong = f"has a line of more than {LINE_BYTES_MAX:,} octets after line {number:,}"
                raise refused(name, wrong, "is it a text file?")
            if cut:
                # Not splitlines(): what somebody sent may hold separators that end no line of a log.
                found = block[: cut - 1].decode("utf-8", "replace").split("\n")
                number += len(found)
                yield from found
        if rest:
            yield rest.decode("utf-8", "replace")
    except DataError:
        raise
    except OSError as error:
        wrong = f"cannot be read: {error.strerror or error}"
        raise refused(name, wrong, "is the file whole?") from error
    except (EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise refused(name, f"is damaged: {error}", "is the file whole?") from error


class _Blocks(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Counted(io.RawIOBase):
    """Tells how much was read of the file below."""

    def __init__(self, file: BinaryIO, done: Callable[[int], None]) -> None:
        self._file = file
        self._done = done

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        block = self._file.read(len(view))
        view[: len(block)] = block
        self._done(len(block))
        return len(block)


def _unpacked(raw: io.RawIOBase, name: str) -> _Blocks:
    file = io.BufferedReader(raw, BLOCK)
    head = file.peek(8)[:8]
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(file)
    packed = {b"\x28\xb5\x2f\xfd": "zstd -dc", b"PK\x03\x04": "unzip -p", b"7z\xbc\xaf": "7z x -so"}
    for magic, command in packed.items():
        if head.startswith(magic):
            raise refused(name, "is packed in a way that is not read here", f"unpack it: {command}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused(name, "is in UTF-16", "save it as UTF-8")
    if b"\x00" in head:
        raise refused(name, "is no text", "give a CSV file, a log or a list of addresses")
    return file
