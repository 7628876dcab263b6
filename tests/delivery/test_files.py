"""Ways out that are no network."""

from __future__ import annotations

import asyncio
import errno
import mailbox
import os

import pytest

from warmup.contracts import Host, Route
from warmup.delivery.files import FileTransport, NullTransport
from warmup.model import LaneKey, Outcome
from warmup.testing import SystemClock, check_transport

ROUTE = Route((Host("nowhere.example"),))
CONTENT = b"Message-ID: <1@sender.example>\r\nFrom: a\r\n\r\nFrom here on\r\n>From there\r\n.\r\n"


def messages(folder, layout):
    if layout == "maildir":
        return [path.read_bytes() for path in sorted((folder / "new").iterdir())]
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("layout", ["maildir", "mbox"])
def test_conformance_of_files(run, courier, tmp_path, layout):
    """The file transport keeps every rule that a transport has to keep."""

    async def received():
        if layout == "maildir":
            return messages(tmp_path, layout)
        (path,) = tmp_path.iterdir()
        return path.read_bytes().split(b"\nFrom ")

    def make():
        return FileTransport(SystemClock(), tmp_path, layout)

    run(check_transport(make, courier.grant(), ROUTE, received=received))


def test_conformance_of_null(run, courier):
    """The null transport keeps every rule that a transport has to keep."""
    run(check_transport(lambda: NullTransport(SystemClock()), courier.grant(), ROUTE))


def test_maildir(run, courier, tmp_path):
    """A Maildir holds whole files under new and nothing under tmp, and other programs can read it."""
    out = FileTransport(SystemClock(), tmp_path / "deep" / "box")

    async def main():
        await asyncio.gather(*(courier.send(out, ROUTE, CONTENT, id=number) for number in range(10)))

    run(main())
    folder = tmp_path / "deep" / "box"
    assert list((folder / "tmp").iterdir()) == []
    (message, *rest) = mailbox.Maildir(folder)
    assert len(rest) == 9
    assert message["Return-Path"] == "<a@sender.example>"
    assert message["Delivered-To"] == "b@example.com"
    assert message["X-Warmup-Lane"] == "127.0.0.2:google"
    stored = messages(folder, "maildir")[0]
    assert stored.endswith(CONTENT.replace(b"\r\n", b"\n"))


def test_mbox(run, courier, tmp_path):
    """Each lane has an mbox of its own, in which no line of a message passes for the next one's head."""
    out = FileTransport(SystemClock(), tmp_path, "mbox")

    async def main():
        for provider in ("google", "google", "yahoo"):
            await courier.send(out, ROUTE, CONTENT, lane=LaneKey("2001:db8::1", provider), sender="")

    run(main())
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["2001_db8__1_google.mbox", "2001_db8__1_yahoo.mbox"]
    box = mailbox.mbox(tmp_path / names[0])
    assert len(box) == 2
    assert box[0].get_from().startswith("MAILER-DAEMON ")
    assert b"\n>From here on\n>>From there\n.\n" in (tmp_path / names[0]).read_bytes()
    box.close()


@pytest.mark.parametrize("layout", ["maildir", "mbox"])
def test_folder_that_cannot_be_written(run, courier, tmp_path, layout):
    """Where the folder cannot be written the delivery is deferred with the reason, and stays in the queue."""
    (tmp_path / "file").write_text("in the way")
    out = FileTransport(SystemClock(), tmp_path / "file", layout)
    attempt = run(courier.send(out, ROUTE))
    assert attempt.outcome is Outcome.DEFERRED
    assert (attempt.reply.code, attempt.reply.enhanced) == (451, "4.3.0")
    assert "file" in attempt.reply.text


def test_disk_that_is_full(run, courier, tmp_path, monkeypatch):
    """A full disk defers the delivery with 4.3.1 and leaves no half-written file."""

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for layout in ("maildir", "mbox"):
        out = FileTransport(SystemClock(), tmp_path / layout, layout)
        attempt = run(courier.send(out, ROUTE))
        assert (attempt.outcome, attempt.reply.code) == (Outcome.DEFERRED, 452)
    assert [path for path in (tmp_path / "maildir").rglob("*") if path.is_file()] == []
    assert [path.stat().st_size for path in (tmp_path / "mbox").iterdir()] == [0]
