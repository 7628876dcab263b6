"""``warmup run``: release and deliver, until told to stop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    import logging

    from warmup.app import Warmup
    from warmup.model import Attempt, Grant
    from warmup.timing import Clock

__all__ = ["run"]

INTERRUPTED = 130

REDRAW_EVERY = 20
"""Attempts between two looks of the line that counts them."""


@click.command()
@click.option("--until-empty", is_flag=True, help="Stop when nothing waits any more.")
@click.option("--once", is_flag=True, help="Stop when everything that may go now has been tried.")
@click.option("--clock-speed", type=click.IntRange(1, 1_000_000), metavar="N",
              help="Let N seconds pass in one; for a database made for a scaled clock.")  # fmt: skip
@click.option("--verbose", "-v", is_flag=True, help="A line for every attempt, on standard error.")
@config_option
@format_option()
def run(
    until_empty: bool,
    once: bool,
    clock_speed: int | None,
    verbose: bool,
    config: Path | None,
    format: str,
) -> int:
    """Release and deliver what is queued.

    SIGTERM and Ctrl-C stop in order: conversations under way may finish, for at most 30 seconds. A
    second one ends the process; what was being sent is settled at the next start.

    Exits with 0 after SIGTERM or when it is done, 130 after Ctrl-C, 74 when the database could not
    be written, and 75 when another daemon runs, the database is not the one this machine knew, or
    (with --once or --until-empty) the clock is not believed.
    """
    import asyncio
    import signal

    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import say
    from warmup.errors import TemporaryError

    with opened(config, speed=clock_speed) as wm:
        _log_to_stderr(wm.clock, verbose)
        complaint = wm.engine.context.watch.complaint()
        if complaint is not None:
            if once or until_empty:
                raise TemporaryError(f"nothing is released: {complaint}")
            say(f"warmup: nothing is released yet: {complaint}", err=True)
        tally = _Tally(wm, verbose)
        interrupted = asyncio.run(_work(wm, tally, until_empty=until_empty, once=once))
        tally.clear()
        name = None if interrupted is None else signal.Signals(interrupted).name
        facts = {**tally.counts, "waiting": _waiting(wm), "stopped_by": name}
    if format == "json":
        emit(facts, "json")
    else:
        say(", ".join(f"{facts[key]} {key}" for key in (*tally.counts, "waiting")))
    return INTERRUPTED if interrupted == signal.SIGINT else 0


async def _work(wm: Warmup, tally: _Tally, *, until_empty: bool, once: bool) -> int | None:
    """Run until done or told to stop; the signal that told it."""
    import asyncio

    from warmup.daemon.worker import stopped_by_signals

    stop = asyncio.Event()
    with stopped_by_signals(stop) as got:
        await wm.run(until_empty=until_empty, once=once, stop=stop, on_settled=tally)
    return got[0] if got else None


def _waiting(wm: Warmup) -> int:
    states = ("queued", "deferred", "leased", "sending")
    return sum(one.count for one in wm.engine.queue_counts() if one.state in states)


class _Tally:
    """Counts how attempts ended, and shows it where somebody watches."""

    def __init__(self, wm: Warmup, verbose: bool) -> None:
        self.counts = {"accepted": 0, "deferred": 0, "rejected": 0, "unknown": 0}
        self._wm = wm
        self._verbose = verbose
        self._live = sys.stderr.isatty() and not verbose
        self._seen = 0

    def __call__(self, grant: Grant, attempt: Attempt) -> None:
        from warmup.engine.record import judge

        verdict = judge(self._wm.engine.context.classifier, grant.lane.provider, attempt)
        self.counts[verdict.outcome.value] += 1
        self._seen += 1
        if self._verbose:
            self._tell(grant, attempt, f"{verdict.outcome} ({verdict.category})")
        elif self._live and (self._seen <= REDRAW_EVERY or self._seen % REDRAW_EVERY == 0):
            from warmup.timing import format_instant

            line = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
            _write(sys.stderr, f"\r{format_instant(self._wm.clock.now())}  {line} ")

    def _tell(self, grant: Grant, attempt: Attempt, verdict: str) -> None:
        from warmup.cli.words import say
        from warmup.timing import format_instant

        reply = " ".join(str(attempt.reply).split())[:200]
        host = f" at {attempt.host}" if attempt.host else ""
        say(
            f"{format_instant(attempt.ended_at)}  {grant.id} {grant.recipient} from {grant.lane.source}"
            f"{host}: {verdict} at {attempt.stage}: {reply}",
            err=True,
        )

    def clear(self) -> None:
        """Take the counting line away; the account follows it."""
        if self._live and self._seen:
            _write(sys.stderr, "\r" + " " * 79 + "\r")


def _write(stream: IO[str], text: str) -> None:
    stream.write(text)
    stream.flush()


def _log_to_stderr(clock: Clock, verbose: bool) -> None:
    """Send what the library logs to standard error, in the engine's time and never as a traceback."""
    import logging
    import os

    from warmup.timing import format_instant

    class Plain(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            from warmup.cli.output import escape

            error = record.exc_info[1] if record.exc_info else None
            text = record.getMessage() + (f": {error}" if error is not None else "")
            line = f"{format_instant(clock.now())}  {record.levelname.lower()}: {escape(text)}"
            if error is not None and os.environ.get("WARMUP_DEBUG", "") not in ("", "0"):
                line += "\n" + self.formatException(record.exc_info)  # type: ignore[arg-type]
            return line

    handler = logging.StreamHandler()
    handler.setFormatter(Plain())
    root = logging.getLogger("warmup")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(logging.INFO if verbose else logging.WARNING)
