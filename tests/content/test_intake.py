"""Files, mboxes and Maildirs as a person names them."""

import io
from pathlib import Path

import pytest

from warmup.cli.intake import read_messages
from warmup.errors import DataError, UsageError

MBOX = b"""\
From a@b.test Tue May 10 11:28:07 2005
Subject: one

first
>From the start
>>From deeper

From here on this is a sentence, not a message.

From c@d.test Tue May 10 11:28:08 2005
Subject: two

second

"""


def read(*paths: object, stdin: bytes = b"", **settings: int) -> list[tuple[str, bytes]]:
    return list(read_messages(map(str, paths), io.BytesIO(stdin), **settings))


def test_mbox_is_divided_and_unquoted(tmp_path: Path) -> None:
    """An mbox gives its messages in order, with the quoting undone and sentences left alone."""
    file = tmp_path / "mail.mbox"
    file.write_bytes(MBOX)
    assert read(file) == [
        (
            f"{file}:1",
            b"Subject: one\n\nfirst\nFrom the start\n>From deeper\n\n"
            b"From here on this is a sentence, not a message.\n",
        ),
        (f"{file}:2", b"Subject: two\n\nsecond\n"),
    ]
    crlf = MBOX.replace(b"\n", b"\r\n")
    assert [content for _, content in read("-", stdin=crlf)] == [
        content.replace(b"\n", b"\r\n") for _, content in read("-", stdin=MBOX)
    ]


def test_eml_is_one_message_whatever_it_says(tmp_path: Path) -> None:
    """An .eml file is one message, even where its text looks like an mbox."""
    file = tmp_path / "one.eml"
    file.write_bytes(MBOX)
    assert read(file) == [(str(file), MBOX)]


def test_maildir_without_tmp(tmp_path: Path) -> None:
    """A Maildir gives what is in new and cur; what is still being written in tmp is left."""
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"2.{folder}").write_bytes(b"A: " + folder.encode())
    (tmp_path / "new" / "1.x").write_bytes(b"A: first")
    (tmp_path / "cur" / ".hidden").write_bytes(b"x")
    assert [content for _, content in read(tmp_path)] == [b"A: first", b"A: new", b"A: cur"]


def test_directory_of_eml_files(tmp_path: Path) -> None:
    """A directory gives its .eml files by name; one without any is refused."""
    (tmp_path / "b.eml").write_bytes(b"B: 2")
    (tmp_path / "a.EML").write_bytes(b"A: 1")
    (tmp_path / "notes.txt").write_bytes(b"x")
    assert [content for _, content in read(tmp_path)] == [b"A: 1", b"B: 2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no Maildir"):
        read(tmp_path / "empty")


def test_standard_input(tmp_path: Path) -> None:
    """A dash is standard input, one message or an mbox, and can be named once."""
    assert read("-", stdin=b"From: a@b.test\n\nx") == [("stdin", b"From: a@b.test\n\nx")]
    assert [label for label, _ in read("-", stdin=MBOX)] == ["stdin:1", "stdin:2"]
    with pytest.raises(UsageError):
        read("-", "-", stdin=b"A: b")


def test_unreadable_and_empty_are_named(tmp_path: Path) -> None:
    """What cannot be read, or is empty, is named with the reason."""
    with pytest.raises(DataError, match=r"missing\.eml: cannot be read: No such file"):
        read(tmp_path / "missing.eml")
    (tmp_path / "none.eml").write_bytes(b"")
    with pytest.raises(DataError, match=r"none\.eml: is empty"):
        read(tmp_path / "none.eml")


class Endless(io.RawIOBase):
    """A stream that never ends and counts what was taken from it."""

    def __init__(self, start: bytes, line: bytes) -> None:
        self.start, self.line, self.taken = start, line, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        text = (self.start or self.line * 64)[: len(buffer)]
        self.start = self.start[len(text) :]
        buffer[: len(text)] = text
        self.taken += len(text)
        return len(text)


@pytest.mark.parametrize("start", [b"A: b\n", b"From a@b.test x\nA: b\n"])
@pytest.mark.parametrize("line", [b"x" * 70 + b"\n", b"y"])
def test_memory_is_bounded(start: bytes, line: bytes) -> None:
    """A message that never ends is refused soon after the limit, not when memory is gone."""
    stream = Endless(start, line)
    with pytest.raises(DataError, match="more than 5000 octets"):
        list(read_messages(["-"], io.BufferedReader(stream), size_max=5000))
    assert stream.taken < 40_000


def test_mbox_is_read_one_message_at_a_time() -> None:
    """The first message of an endless mbox arrives before the second was read."""
    message = b"From a@b.test x\nA: b\n\n" + b"text\n" * 200 + b"\n"
    stream = Endless(b"", message)
    messages = read_messages(["-"], io.BufferedReader(stream))
    assert next(messages) == ("stdin:1", message.partition(b"\n")[2][:-1])
    assert stream.taken < 4 * 64 * len(message)
