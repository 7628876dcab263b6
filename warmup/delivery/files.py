"""Ways out that are no network: into files, to look at, and into nothing, to measure and to preview."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import socket
from pathlib import Path
from typing import Literal, TypeAlias

from warmup.contracts import BeginMail, Route
from warmup.model import Attempt, Grant, Outcome, Reply, Stage
from warmup.timing import SECOND, Clock, Instant, to_datetime

__all__ = ["FileTransport", "Layout", "NullTransport"]

Layout: TypeAlias = Literal["maildir", "mbox"]

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_UNSAFE = re.compile(r"[^A-Za-z0-9.@=+-]")


class NullTransport:
    """Accepts everything and sends nothing.

    Args:
        clock: Stamps attempts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def deliver(self, grant: Grant, route: Route, begin: BeginMail) -> Attempt:
        started_at = self._clock.now()
        if await begin() is None:
            return _given_back(started_at, self._clock)
        return _stored(started_at, self._clock, Reply(250, "2.0.0", "discarded"), "null")

    async def close(self) -> None:
        """There is nothing to close."""


class FileTransport:
    """Writes each delivery to a folder instead of sending it.

    A file appears whole or not at all: in a Maildir it is written under ``tmp``, flushed to disk and
    moved to ``new``; an mbox file (one for each lane) is locked, and cut back where writing fails.
    ``Return-Path``, ``Delivered-To`` and ``X-Warmup-Lane`` are put on top, as the last system in a
    chain does, and line ends become those of files.

    Args:
        clock: Stamps attempts and names files.
        folder: Made where it is missing.
        layout: ``maildir``: one folder; ``mbox``: one file for each lane in the folder.
    """

    def __init__(self, clock: Clock, folder: Path | str, layout: Layout = "maildir") -> None:
        self._clock = clock
        self._folder = Path(folder)
        self._layout = layout
        self._host = _UNSAFE.sub("_", socket.gethostname()) or "localhost"
        self._serial = 0

    async def deliver(self, grant: Grant, route: Route, begin: BeginMail) -> Attempt:
        started_at = self._clock.now()
        content = await begin()
        if content is None:
            return _given_back(started_at, self._clock)
        self._serial += 1
        name = self._name(grant, started_at)
        write = self._to_maildir if self._layout == "maildir" else self._to_mbox
        with self._clock.busy():
            try:
                where = await asyncio.to_thread(write, grant, content, name)
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
                text = f"{self._folder}: {error.strerror or error}"
                reply = Reply(452, "4.3.1", text) if full else Reply(451, "4.3.0", text)
                return _stored(started_at, self._clock, reply, str(self._folder))
        return _stored(started_at, self._clock, Reply(250, "2.0.0", f"stored as {where}"), str(self._folder))

    async def close(self) -> None:
        """Nothing is kept open."""

    def _name(self, grant: Grant, now: Instant) -> str:
        # The lease makes the name the attempt's own: a second attempt never overwrites the first.
        seconds, micros = divmod(now, SECOND)
        unique = f"M{micros}P{os.getpid()}Q{self._serial}D{grant.id}L{grant.lease}"
        return f"{seconds}.{unique}.{self._host}"

    def _to_maildir(self, grant: Grant, content: bytes, name: str) -> Path:
        for part in ("tmp", "new", "cur"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        draft, final = self._folder / "tmp" / name, self._folder / "new" / name
        try:
            with draft.open("xb") as file:
                file.write(_as_stored(grant, content))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(final)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(final.parent)
        return final

    def _to_mbox(self, grant: Grant, content: bytes, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / (_UNSAFE.sub("_", str(grant.lane)) + ".mbox")
        sender = (grant.sender or "MAILER-DAEMON").encode("utf-8")
        moment = to_datetime(int(name.split(".")[0]) * SECOND).strftime("%a %b %d %H:%M:%S %Y")
        entry = b"From %s %s\n" % (sender.replace(b" ", b"_"), moment.encode())
        # Every line that could pass for the head of a message gets one more ">" (the mboxrd rule).
        entry += _FROM_LINE.sub(rb">\1", _as_stored(grant, content)) + b"\n"
        # Unbuffered: nothing may be left over that closing the file would write after all.
        with path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            rest = memoryview(entry)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except BaseException:
                os.ftruncate(file.fileno(), end)
                raise
        return path


def _as_stored(grant: Grant, content: bytes) -> bytes:
    """Content with the headers of final delivery, in the line ends of files."""
    head = f"Return-Path: <{grant.sender}>\nDelivered-To: {grant.recipient}\nX-Warmup-Lane: {grant.lane}\n"
    return head.encode("utf-8") + content.replace(b"\r\n", b"\n")


def _sync_folder(folder: Path) -> None:
    """Make a new name durable: the file's own flush does not cover the folder it stands in."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _given_back(started_at: Instant, clock: Clock) -> Attempt:
    return Attempt(
        stage=Stage.CONNECT,
        reply=Reply(0, "", "the unit was given back before MAIL"),
        outcome=Outcome.DEFERRED,
        mail_written=False,
        started_at=started_at,
        ended_at=clock.now(),
    )


def _stored(started_at: Instant, clock: Clock, reply: Reply, host: str) -> Attempt:
    return Attempt(
        stage=Stage.DOT,
        reply=reply,
        outcome=reply.outcome,
        mail_written=True,
        started_at=started_at,
        ended_at=clock.now(),
        host=host,
    )
