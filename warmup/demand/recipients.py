"""Who receives, from a list of addresses: one on a line, or a column of a CSV file.

An address twice in the list counts twice: memory stays the same however long the list is, and a mix
hardly changes by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from warmup.content.address import examine, shown
from warmup.demand.history import Report
from warmup.demand.recognise import Recogniser
from warmup.demand.table import columns_of, missing, read_table
from warmup.demand.tally import Tally
from warmup.errors import DataError, Problem
from warmup.providers import Directory

__all__ = ["ListReader"]


class ListReader:
    """Counts recipients by provider.

    Args:
        directory: The providers that are told apart.
        mx: MX names by domain.
        name: What the list is called in reports.
    """

    kind = "list"

    def __init__(
        self, directory: Directory, *, mx: Mapping[str, tuple[str, ...]] | None = None, name: str = "list"
    ) -> None:
        self._recogniser = Recogniser(directory, mx)
        self._tally = Tally(name, "UTC")
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """Recipients by provider, the largest first."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def report(self) -> Report:
        """What became of the lines."""
        return self._tally.report()

    def feed(self, lines: Iterable[str], *, name: str = "") -> None:
        """Read a list. Where its first line holds no address but a heading, it is read as CSV.

        Args:
            lines: With or without their line ends. Empty lines, lines that begin with ``#`` and names around
                ``<anna@example.com>`` are allowed.
            name: What this file is called in reports, where it is one of several.

        Raises:
            DataError: It has a heading, but no column with recipients or domains.
        """
        if name:
            self._tally.begin(name)
        source = iter(lines)
        for first in source:
            text = first.lstrip("\ufeff").strip()
            if not text or text.startswith("#"):
                self._leave_out()
            elif "@" in text:
                self._feed_plain(chain((text,), source))
                return
            else:
                self._feed_table(chain((first,), source), text)
                return

    def _leave_out(self) -> None:
        self._tally.lines += 1
        self._tally.skip("empty lines and comments")

    def _feed_plain(self, lines: Iterator[str]) -> None:
        tally = self._tally
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                self._leave_out()
                continue
            tally.lines += 1
            self._count(text, tally.lines - tally.base)

    def _feed_table(self, lines: Iterator[str], heading: str) -> None:
        tally = self._tally
        table = read_table(lines, tally.place)
        names = next(table, (1, [heading]))[1]
        columns = columns_of(names, tally.place)
        role = next((role for role in ("recipient", "domain") if role in columns), None)
        if role is None:
            if len(names) == 1:
                wrong = f"{shown(heading)} is no address and no heading"
                mend = "write one address a line, or CSV with a column recipient"
                raise DataError(problems=(Problem("recipient", wrong, mend, place=f"{tally.place}:1"),))
            raise DataError(problems=(missing("recipient", names, tally.place),))
        column = columns[role]
        for number, record in table:
            tally.lines += 1
            text = record[column].strip() if column < len(record) else ""
            self._count(text if role == "recipient" else f"x@{text}", number)

    def _count(self, text: str, number: int) -> None:
        if text.endswith(">") and "<" in text:
            text = text[text.rindex("<") + 1 : -1]
        provider = self._recogniser.provider(text) if "@" in text[1:] else None
        if provider is None:
            found = examine(text[:1_000])
            wrong, mend = f"{shown(text)} is no address", "write it as name@example.com"
            if isinstance(found, Problem):
                wrong, mend = found.wrong, found.mend
            self._tally.mistake(number, "recipient", wrong, mend)
            return
        self._tally.counted += 1
        self._counts[provider] = self._counts.get(provider, 0) + 1
