"""What a person gives to ``warmup submit``: files, mboxes, Maildirs and standard input, as messages.

Messages are read one at a time: an mbox of gigabytes costs the memory of its largest message.
What is inside a message is checked later, by :func:`warmup.content.prepare`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from warmup.content.wire import SIZE_MAX
from warmup.errors import DataError, Problem, UsageError

__all__ = ["LabelledMessage", "read_messages"]

LabelledMessage: TypeAlias = tuple[str, bytes]
"""Where a message came from (``mail.mbox:3`` for the third of an mbox), and its octets."""

_FROM = b"From "
_FROM_FIELD = re.compile(rb"From[ \t]*:")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_QUOTED_FROM = re.compile(rb">+From ")
_SINGLE = frozenset((".eml", ".msg", ".rfc822"))


def read_messages(
    paths: Iterable[str | Path],
    stdin: BinaryIO,
    *,
    size_max: int = SIZE_MAX,
    on_bad: Callable[[DataError], None] | None = None,
) -> Iterator[LabelledMessage]:
    """Yield every message that the paths name, in their order.

    A path is a file with one message, an mbox (it begins with a ``From`` line), a Maildir (``new``
    and ``cur`` are read, ``tmp`` is not), a directory with ``.eml`` files, or ``-`` for standard
    input, where a single message or an mbox may come. In an mbox the mboxrd quoting ``>From`` is
    undone.

    Args:
        paths: What the person named.
        stdin: Read where a path is ``-``.
        size_max: Octets of one message; reading stops there.
        on_bad: Told of a file or directory that cannot be taken; the next one is read then.

    Raises:
        DataError: A file cannot be read, is empty, or holds a message that is too long, and there
            is no ``on_bad``.
        UsageError: Standard input is named twice.
    """
    paths = list(paths)
    if sum(str(path) == "-" for path in paths) > 1:
        raise UsageError.of("-", "standard input is named twice", "name it once")
    for path in paths:
        if str(path) == "-":
            yield from _told(_from_stream(stdin, "stdin", size_max, single=False), on_bad)
            continue
        try:
            files = _files(Path(path))
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        for file in files:
            yield from _told(_from_file(file, size_max), on_bad)


def _told(
    messages: Iterator[LabelledMessage], on_bad: Callable[[DataError], None] | None
) -> Iterator[LabelledMessage]:
    while True:
        try:
            message = next(messages)
        except StopIteration:
            return
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            return
        yield message


def _from_file(file: Path, size_max: int) -> Iterator[LabelledMessage]:
    try:
        with file.open("rb") as stream:
            yield from _from_stream(stream, str(file), size_max, single=file.suffix.lower() in _SINGLE)
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    text = f"cannot be read: {error.strerror or error}"
    return DataError(problems=(Problem(str(path), text, "check the name and the permissions"),))


def _files(path: Path) -> list[Path]:
    """The files that a path stands for, sorted by name within each directory."""
    try:
        if not path.is_dir():
            return [path]
        boxes = [box for box in (path / "new", path / "cur") if box.is_dir()]
        if boxes:
            return [
                file
                for box in boxes
                for file in sorted(box.iterdir())
                if not file.name.startswith(".") and not file.is_dir()
            ]
        found = [
            file for file in sorted(path.iterdir()) if file.suffix.lower() == ".eml" and not file.is_dir()
        ]
    except OSError as error:
        raise _unreadable(path, error) from error
    if not found:
        wrong = "is a directory, but no Maildir, and has no .eml files"
        raise DataError.of(str(path), wrong, "name a Maildir, a directory with .eml files, or files")
    return found


def _from_stream(stream: BinaryIO, label: str, size_max: int, *, single: bool) -> Iterator[LabelledMessage]:
    start = stream.readline(size_max + 1)
    if not start:
        raise DataError.of(label, "is empty", "name a file with a message")
    if not single and start.startswith(_FROM) and not _FROM_FIELD.match(start):
        yield from _from_mbox(stream, label, size_max)
        return
    content = start + stream.read(max(0, size_max + 1 - len(start)))
    if len(content) > size_max:
        raise _too_long(label, size_max)
    yield label, content


def _from_mbox(stream: BinaryIO, label: str, size_max: int) -> Iterator[LabelledMessage]:
    """Divide an mbox whose first ``From`` line has been read.

    A ``From`` line divides only after an empty line and before a header field, so that a
    sentence that begins with the word does not end a message in files that quote nothing.
    """
    number = 1
    lines: list[bytes] = []
    size = 0
    held = b""  # a From line after an empty line, until the next line says what it is
    while True:
        line = stream.readline(size_max + 1)
        if held:
            if _FIELD.match(line):
                yield f"{label}:{number}", _joined(lines)
                number, lines, size = number + 1, [], 0
            else:
                lines.append(held)
                size += len(held)
            held = b""
        if not line:
            break
        if line.startswith(_FROM) and lines and not lines[-1].strip(b"\r\n"):
            held = line
            continue
        lines.append(line[1:] if _QUOTED_FROM.match(line) else line)
        size += len(line)
        if size > size_max:
            raise _too_long(f"{label}:{number}", size_max)
    yield f"{label}:{number}", _joined(lines)


def _joined(lines: list[bytes]) -> bytes:
    if len(lines) > 1 and not lines[-1].strip(b"\r\n"):
        del lines[-1]  # the empty line before a From line belongs to the mbox
    return b"".join(lines)


def _too_long(label: str, size_max: int) -> DataError:
    wrong = f"holds a message of more than {size_max} octets"
    return DataError(problems=(Problem(label, wrong, "send a link instead of the file"),))
