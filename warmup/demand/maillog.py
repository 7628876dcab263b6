"""What the logs of mail servers have in common: demand is a recipient's first attempt.

A delivery is counted once, on the day on which the server first tried to hand it to another host over
SMTP, whatever came of it then; its retries are not new mail. The provider is that of the host that
answered, of whichever attempt reached one, and that of the recipient's domain where none did.

Local deliveries are not counted, nor what is handed to a filter on the machine itself: that comes
back and leaves under another queue id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from warmup.content.address import shown
from warmup.demand.history import History
from warmup.demand.moments import Moments
from warmup.demand.recognise import Recogniser
from warmup.demand.seen import DONE_MAX, WAITING_MAX, Seen
from warmup.demand.tally import Tally
from warmup.model import OTHER
from warmup.providers import Directory

__all__ = ["LINE_MAX", "Attempt", "LogReader"]

LINE_MAX = 16_384
"""Characters of a line that is looked at; Postfix and Exim cut their own far earlier."""

STREAM = "mail"


class Attempt(NamedTuple):
    """One attempt, as a line of a log tells it.

    Attributes:
        message: The queue id.
        recipient: Envelope address.
        host: Name of the host that was asked, empty where none was reached.
        outcome: In the log's words.
        done: Whether nothing more will be tried.
    """

    message: str
    recipient: str
    host: str
    outcome: str
    done: bool


class LogReader:
    """Reads a log, in as many pieces as one likes; subclasses know what a line means.

    Args:
        directory: The providers that are told apart.
        zone: The plan's IANA zone.
        written: Zone of times without an offset; the plan's unless given.
        today: For times without a year: none lies later than the day after it.
        mx: MX names by domain.
        name: What the log is called in reports.
        waiting_max, done_max: Recipients remembered, see :class:`warmup.demand.seen.Seen`.

    Raises:
        PlanError: There is no such zone.
    """

    kind = ""
    marks: tuple[str, ...] = ()
    """One of these is in every line that can be an attempt: a quick look before a close one."""
    uninteresting = "lines about something else than a delivery"

    def __init__(
        self,
        directory: Directory,
        zone: str,
        *,
        written: str | None = None,
        today: date | None = None,
        mx: Mapping[str, tuple[str, ...]] | None = None,
        name: str = "log",
        waiting_max: int = WAITING_MAX,
        done_max: int = DONE_MAX,
    ) -> None:
        self._recogniser = Recogniser(directory, mx)
        self._moments = Moments(zone, written, today)
        self._tally = Tally(name, zone)
        self._seen = Seen(waiting_max, done_max)

    def attempt(self, line: str, after: int) -> Attempt | str:
        """What a line says after its time stamp: an attempt, or why it is none."""
        raise NotImplementedError

    def feed(self, lines: Iterable[str], *, name: str = "", today: date | None = None) -> None:
        """Read some lines; their numbers in reports go on where the last piece ended, unless it is named.

        Args:
            lines: With or without their line ends.
            name: What this file is called in reports, where it is one of several.
            today: As for the reader, for these lines and those after them.
        """
        if today is not None:
            self._moments.today = today
        if name:
            self._tally.begin(name)
        tally, marks, first = self._tally, self.marks, self.marks[0]
        others = marks[1:]
        number, uninteresting = tally.lines, 0
        for line in lines:
            number += 1
            if first in line or (others and any(mark in line for mark in others)):
                tally.lines = number
                self._look_at(line, number - tally.base)
            else:
                uninteresting += 1
        tally.lines = number
        if uninteresting:
            tally.skipped[self.uninteresting] = tally.skipped.get(self.uninteresting, 0) + uninteresting

    def history(self) -> History:
        """What was read so far."""
        self._tally.forgotten = self._seen.forgotten
        return self._tally.history()

    def _look_at(self, line: str, number: int) -> None:
        tally = self._tally
        if len(line) > LINE_MAX:
            tally.skip(f"lines longer than {LINE_MAX:,} characters")
            return
        place, after = self._moments.head(line)
        found = self.attempt(line, after)
        if isinstance(found, str):
            tally.skip(found)
            return
        if place is None:
            mend = "write times as 2026-12-01T09:30:00+01:00 or Dec  1 09:30:00"
            if after and self._moments.today is None:
                mend = "say in which year the log ends"
            tally.mistake(number, "time", f"{shown(line[: after or 32])} is no time", mend)
            return
        provider = self._recogniser.provider(found.recipient, found.host)
        if provider is None:
            tally.mistake(
                number, "recipient", f"{shown(found.recipient)} has no domain", "leave the line out"
            )
            return
        pair = hash((found.message, found.recipient))
        before = self._seen.get(pair)
        if before is None:
            if (full := tally.room_for(STREAM, place[0])) is not None:
                tally.mistake(number, *full)
                return
            tally.counted += 1
            tally.add(STREAM, place, provider)
            tally.outcomes[found.outcome] = tally.outcomes.get(found.outcome, 0) + 1
            self._seen.put(pair, (place, provider, found.outcome), done=found.done)
            return
        tally.skip("later attempts of what was counted")
        where, who, outcome = before
        earlier = place < where  # pieces of a log may come in any order
        if earlier or (who == OTHER and provider != OTHER):
            tally.add(STREAM, where, who, -1)
            if earlier:
                tally.room_for(STREAM, place[0])
                tally.outcomes[outcome] -= 1
                tally.outcomes[found.outcome] = tally.outcomes.get(found.outcome, 0) + 1
                where, outcome = place, found.outcome
            who = provider if who == OTHER else who
            tally.add(STREAM, where, who)
        self._seen.put(pair, (where, who, outcome), done=found.done)
