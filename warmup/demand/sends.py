"""Past sends from a CSV file: a day, for whom, how many.

The first line names the columns, in any order: ``date`` (a day, or a moment), one or more of
``recipient``, ``domain`` and ``provider``, and, if need be, ``count`` (1 unless given) and ``stream``.
Others are left alone. Where a row says more than one thing about the recipient, the provider counts
before the domain, and the domain before the address; an empty field says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from warmup.content.address import shown
from warmup.demand.history import History
from warmup.demand.moments import Moments
from warmup.demand.recognise import Recogniser
from warmup.demand.table import columns_of, missing, read_table
from warmup.demand.tally import Place, Tally
from warmup.errors import DataError, WarmupError
from warmup.model import OTHER
from warmup.plan.words import nearest, read_date
from warmup.providers import Directory

__all__ = ["SendsReader"]

COUNT_MAX = 10**9
STREAM = "mail"

_COUNT = re.compile(r"[0-9]{1,10}", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{2}|\d{4})\b.*", re.ASCII)
_STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)


class _Wrong(Exception):
    """A field of a row: (field, what is wrong, mend)."""


class SendsReader:
    """Reads CSV files of past (or planned) sends; each file has a heading of its own.

    Args:
        directory: The providers that are told apart.
        zone: The plan's IANA zone. A moment with an offset is put into it; one without is local there.
        mx: MX names by domain, see :func:`warmup.demand.read_mx`.
        name: What the file is called in reports.

    Raises:
        PlanError: There is no such zone.
    """

    kind = "csv"

    def __init__(
        self,
        directory: Directory,
        zone: str,
        *,
        mx: Mapping[str, tuple[str, ...]] | None = None,
        name: str = "csv",
    ) -> None:
        self._recogniser = Recogniser(directory, mx)
        self._directory = directory
        self._moments = Moments(zone)
        self._tally = Tally(name, zone)
        self._days: dict[str, Place] = {}

    def feed(self, lines: Iterable[str], *, name: str = "") -> None:
        """Read one file, or one piece that begins with the heading.

        Args:
            lines: With or without their line ends.
            name: What this file is called in reports, where it is one of several.

        Raises:
            DataError: It is no CSV, or the heading does not name what is needed.
        """
        tally = self._tally
        if name:
            tally.begin(name)
        table = read_table(lines, tally.place)
        heading = next(table, None)
        if heading is None:
            return
        columns = columns_of(heading[1], tally.place)
        problems = [missing("date", heading[1], tally.place)] if "date" not in columns else []
        if not columns.keys() & {"recipient", "domain", "provider"}:
            problems.append(missing("recipient", heading[1], tally.place))
        if problems:
            raise DataError(problems=problems)
        for number, record in table:
            tally.lines += 1
            fields = {role: record[index].strip() for role, index in columns.items() if index < len(record)}
            try:
                place = self._place(fields.get("date", ""))
                provider = self._provider(fields)
                count = self._count(fields.get("count")) if "count" in columns else 1
                stream = self._stream(fields.get("stream", ""))
                if (full := tally.room_for(stream, place[0])) is not None:
                    raise _Wrong(*full)
            except _Wrong as wrong:
                field, what, mend = wrong.args
                tally.mistake(number, field, what, mend)
                continue
            tally.counted += 1
            tally.add(stream, place, provider, count)

    def history(self) -> History:
        """What was read so far; its report has the mistakes."""
        return self._tally.history()

    def _place(self, text: str) -> Place:
        if (place := self._days.get(text)) is not None:
            return place
        if len(self._days) > 10_000:
            self._days.clear()
        self._days[text] = place = self._read_place(text)
        return place

    def _read_place(self, text: str) -> Place:
        if len(text) > 10 and (moment := self._moments.iso(text)) is not None:
            return moment
        try:
            return read_date("date", text), None
        except WarmupError as error:
            problem = error.problems[0]
            if (slashed := _SLASHED.fullmatch(text)) is not None:
                first, second, year = slashed.groups()
                year = year if len(year) == 4 else f"20{year}"
                both = [f"{year}-{second:0>2}-{first:0>2}", f"{year}-{first:0>2}-{second:0>2}"]
                raise _Wrong(
                    "date",
                    f"{shown(text)} can be read in two ways",
                    "write it as " + " or ".join(dict.fromkeys(both)),
                ) from None
            if text.isdigit() and len(text) in (10, 13):
                raise _Wrong("date", f"{shown(text)} is a number", "write it as 2026-12-01") from None
            if not text:
                raise _Wrong("date", "is empty", "write it as 2026-12-01") from None
            wrong = problem.wrong if "out of range" in problem.wrong else f"{shown(text)} is not a date"
            raise _Wrong("date", wrong, "write it as 2026-12-01 or 2026-12-01T09:30") from None

    def _provider(self, fields: dict[str, str]) -> str:
        if name := fields.get("provider", "").lower():
            provider = self._directory.resolve(name.replace(" ", "_"))
            if provider != OTHER and provider not in self._directory.providers:
                known = (*self._directory.providers, *self._directory.aliases, OTHER)
                near = nearest(name[:64], known)
                raise _Wrong("provider", f"{shown(name)} is nobody we know", near or "write other")
            return provider
        if domain := fields.get("domain", ""):
            found = None if "@" in domain else self._recogniser.provider(domain)
            if found is None:
                raise _Wrong("domain", f"{shown(domain)} is no domain", "write it as example.com")
            return found
        recipient = fields.get("recipient", "").strip("<>")
        found = self._recogniser.provider(recipient) if "@" in recipient[1:] else None
        if found is None:
            if not recipient:
                raise _Wrong("recipient", "is empty", "name a recipient, a domain or a provider")
            raise _Wrong("recipient", f"{shown(recipient)} is no address", "write it as name@example.com")
        return found

    @staticmethod
    def _count(text: str | None) -> int:
        if not text:
            raise _Wrong("count", "is empty", "write a whole number, 0 where nothing was sent")
        if not _COUNT.fullmatch(text) or int(text) > COUNT_MAX:
            digits = re.sub(r"(?<=\d)[,. '\u00a0\u202f](?=\d{3}\b)", "", text)
            mend = f"write it as {digits}" if _COUNT.fullmatch(digits) else "write a whole number"
            raise _Wrong("count", f"{shown(text)} is no whole number from 0 to {COUNT_MAX:,}", mend)
        return int(text)

    @staticmethod
    def _stream(text: str) -> str:
        if text and not _STREAM.fullmatch(text):
            raise _Wrong("stream", f"{shown(text)} is no stream's name", "use letters, digits, _ and -")
        return text or STREAM
