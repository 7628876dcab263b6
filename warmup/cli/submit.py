"""``warmup submit``: messages from files into the queue; what is told of is on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.app import Warmup
    from warmup.model import Submission
    from warmup.timing import Instant

__all__ = ["submit"]

BATCH_MAX = 200
"""Messages in one transaction: one wait for the disk for all of them."""

BATCH_BYTES_MAX = 32 * 1024 * 1024
"""Octets in one transaction: what a batch of large messages may cost in memory."""

REFUSED = 65
INTERRUPTED = 130


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--stream", default="default", show_default=True, help="Class of mail.")
@click.option("--from", "sender", metavar="ADDRESS",
              help='Reverse-path, "<>" for none; else the message\'s Sender or From.')  # fmt: skip
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS",
              help="Recipient; repeat it. Else the message's To, Cc and Bcc.")  # fmt: skip
@click.option("--key", help="The same key again gives the same ids and queues nothing. For one message.")
@click.option("--engagement", type=click.IntRange(0, 100), default=0, show_default=True,
              help="The most engaged recipients go first while a lane is ramping.")  # fmt: skip
@click.option("--deadline", metavar="WHEN",
              help='Worthless after so long ("2h", "3d"), or after an instant with its offset.')  # fmt: skip
@click.option("--all-or-nothing", is_flag=True,
              help="Queue nothing if one is refused; keeps everything in memory until the end.")  # fmt: skip
@config_option
@format_option()
def submit(
    files: tuple[str, ...],
    stream: str,
    sender: str | None,
    recipients: tuple[str, ...],
    key: str | None,
    engagement: int,
    deadline: str | None,
    all_or_nothing: bool,
    config: Path | None,
    format: str,
) -> int:
    """Queue messages and print the ids of their deliveries, one a recipient.

    FILE is a message (.eml), an mbox, a Maildir, a directory with .eml files, or - for standard
    input. What is printed is on disk. Nothing is compared with what was queued before: submit the
    same file again without --key, and it goes twice.

    A message that cannot be taken is reported and the others are queued; the exit code is 65 then.
    """
    from warmup.cli.intake import read_messages
    from warmup.cli.opening import opened
    from warmup.cli.output import progress
    from warmup.cli.words import say
    from warmup.errors import DataError, StoreError, TemporaryError, UsageError

    if sender is not None and not sender.strip():
        raise UsageError.of("--from", "is empty", 'give an address, or "<>" for no reverse-path')
    with opened(config) as wm:
        options: dict[str, Any] = {
            "sender": None if sender is None else sender.strip().removeprefix("<").removesuffix(">"),
            "recipients": list(recipients) or None,
            "stream": stream,
            "key": key,
            "engagement": engagement,
            "deadline": _deadline(deadline, wm.clock.now()),
        }
        desk = _Desk(wm, format, whole=all_or_nothing or key is not None)
        try:
            with desk.guarded(), progress("queued") as advance:
                for label, content in read_messages(files, sys.stdin.buffer, on_bad=desk.refuse):
                    if key is not None and desk.seen:
                        wrong = "there are more messages than one"
                        raise UsageError.of("--key", wrong, "submit each with a key of its own")
                    desk.seen += 1
                    try:
                        submission = wm.prepared(content, **options)
                    except DataError as error:
                        desk.refuse(error, label)
                    else:
                        advance(desk.add(label, submission))
                if not (all_or_nothing and desk.refused):
                    advance(desk.flush())
        except KeyboardInterrupt:
            say(f"interrupted: {desk.account()}; the rest was not", err=True)
            return INTERRUPTED
        except (StoreError, TemporaryError):
            say(f"stopped: {desk.account()}; the rest was not", err=True)
            raise
    if desk.refused or desk.messages != 1:
        say(desk.account(), err=True)
    return REFUSED if desk.refused else 0


class _Desk:
    """Takes messages in, a batch at a time."""

    def __init__(self, wm: Warmup, format: str, *, whole: bool) -> None:
        self.seen = self.messages = self.deliveries = self.refused = 0
        self._wm = wm
        self._format = format
        self._whole = whole
        self._waiting: list[tuple[str, Submission]] = []
        self._bytes = 0
        self._committing = self._interrupted = False

    def refuse(self, error: Exception, label: str = "") -> None:
        """Say why a message or a file is not taken, and go on."""
        from warmup.cli.words import complain
        from warmup.errors import DataError

        self.refused += 1
        problems = error.problems if isinstance(error, DataError) else ()
        for problem in problems or (error,):
            complain(f"{label}: {problem}" if label else str(problem))

    def add(self, label: str, submission: Submission) -> int:
        """Take one; how many were queued because of it."""
        self._waiting.append((label, submission))
        self._bytes += len(submission.envelope.content)
        full = len(self._waiting) >= BATCH_MAX or self._bytes >= BATCH_BYTES_MAX
        return self.flush() if full and not self._whole else 0

    def flush(self) -> int:
        """Queue what was gathered, and say so once it is on disk."""
        batch, self._waiting, self._bytes = self._waiting, [], 0
        if not batch:
            return 0
        self._committing = True
        try:
            ids = self._wm.submit_many([submission for _, submission in batch])
            self.messages += len(batch)
            self.deliveries += sum(map(len, ids))
        finally:
            self._committing = False
        try:
            for (label, submission), got in zip(batch, ids, strict=True):
                self._tell(label, submission, got)
            sys.stdout.flush()
        except BrokenPipeError:
            # Who read the ids has left; the messages are still to be queued.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if self._interrupted:
            raise KeyboardInterrupt
        return len(batch)

    def _tell(self, label: str, submission: Submission, ids: tuple[int, ...]) -> None:
        from warmup.cli.output import emit
        from warmup.cli.words import say

        if self._format == "json":
            emit({"file": label, "ids": list(ids), "message_id": self._message_id(submission, ids)}, "json")
        else:
            say(f"{','.join(map(str, ids))}  {label}")

    def _message_id(self, submission: Submission, ids: tuple[int, ...]) -> str:
        """Of the message in the queue: under a key it may be the one that was queued before."""
        if submission.key is None:
            return submission.envelope.message_id
        from warmup.store.queue import load

        return self._wm.database.read(lambda connection: load(connection, ids[:1]))[ids[0]].message_id

    def account(self) -> str:
        """What was done, as a sentence."""
        text = f"{self.messages} message{'s' if self.messages != 1 else ''} queued"
        text += f" ({self.deliveries} deliver{'ies' if self.deliveries != 1 else 'y'})"
        return f"{text}, {self.refused} refused" if self.refused else text

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let Ctrl-C wait for a commit, so that what is said of it is true."""
        import signal
        import threading

        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_number: int, _frame: object) -> None:
            if not self._committing:
                raise KeyboardInterrupt
            self._interrupted = True

        before = signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _deadline(text: str | None, now: Instant) -> Instant | None:
    """Read ``--deadline``: a duration from now, or an instant with its offset from UTC."""
    if text is None:
        return None
    from warmup.config import parse_span, rules
    from warmup.errors import UsageError

    try:
        at = now + parse_span(text)
    except ValueError:
        try:
            at = int(rules.instant.read(text))
        except rules.Mistake as mistake:
            mend = "write a duration like 2h or 3d, or 2026-12-01T18:00:00Z"
            raise UsageError.of("--deadline", mistake.wrong, mend) from None
    if at <= now:
        raise UsageError.of("--deadline", f"{text} has passed already", "give a later one, or none")
    return at
