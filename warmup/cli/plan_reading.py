"""All that one planning command reads: what it must send, and what is measured in the place of a profile.

Each file is read once, however many options name it. What an option cannot change is refused, so that
nobody trusts a plan that left out what they said. A plan that reads no file loads nothing for it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs

from warmup.errors import PlanError, Problem

if TYPE_CHECKING:
    from warmup.cli.reading import DemandRead, Inputs
    from warmup.demand import LearnedPattern, LearnedWeek, MeasuredMix
    from warmup.plan import Mix

__all__ = ["OPTIONS", "Reading"]

OPTIONS = {
    "log_timezone": "--log-timezone",
    "mx": "--mx",
    "demand_as": "--demand-as",
    "demand_method": "--demand-method",
    "demand_weeks": "--demand-weeks",
    "demand_season": "--demand-season",
    "demand_growth": "--demand-growth",
}
"""Words of a command that say how it reads, and what they are typed as."""

OF_FORECAST = ("demand_method", "demand_weeks", "demand_season", "demand_growth")
LOGS = ("postfix", "exim")
FROM = "from:"


@attrs.define(kw_only=True)
class Reading:
    """What a command reads.

    Attributes:
        zone: The plan's IANA zone.
        said: The options of :data:`OPTIONS` that were given.
        notes: Sentences for people about what was read.
        mix, pattern, week: What was measured; None: nothing was.
    """

    zone: str
    said: Mapping[str, Any]
    notes: list[str] = attrs.field(factory=list)
    mix: MeasuredMix | None = None
    pattern: LearnedPattern | None = None
    week: LearnedWeek | None = None
    _inputs: Inputs | None = None

    @classmethod
    def of(cls, words: dict[str, Any], zone: str) -> Reading:
        """Take the options that say how files are read out of a command's words.

        Args:
            words: What the command was given; those of :data:`OPTIONS` are taken out.
            zone: The plan's IANA zone.
        """
        given = {name: words.pop(name, None) for name in OPTIONS}
        return cls(zone=zone, said={name: value for name, value in given.items() if value is not None})

    @property
    def inputs(self) -> Inputs:
        """What files are read with.

        Raises:
            PlanError: There is no such zone as the plan's or the log's.
            DataError: The file with MX hosts cannot be used.
        """
        if self._inputs is None:
            from warmup.cli.reading import Inputs, read_mx_file

            written = self.said.get("log_timezone")
            if written is not None:
                _known_zone(written)
            mx = read_mx_file(self.said["mx"]) if "mx" in self.said else {}
            self._inputs = Inputs(zone=self.zone, written=written, mx=mx)
        return self._inputs

    def measure(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """The words of a plan with measured values in the place of ``from:FILE``.

        Raises:
            DataError: A file cannot be read, or shows too little.
        """
        found = dict(words)
        if not any(str(found[name]).startswith(FROM) for name in ("mix", "pattern", "weekdays")):
            return found
        from warmup.cli.reading import read_mix, read_pattern, read_weekdays

        if str(found["mix"]).startswith(FROM):
            read = read_mix(found["mix"], self.inputs)
            self.mix = read.measured
            self._note(found["mix"], read.notes)
            found["mix"] = read.measured.mix
        if str(found["pattern"]).startswith(FROM):
            self.pattern = read_pattern(found["pattern"], self.inputs)
            found["pattern"] = self.pattern.pattern
        if str(found["weekdays"]).startswith(FROM):
            self.week = read_weekdays(found["weekdays"], self.inputs)
            found["weekdays"] = self.week.weights
        return found

    def demand(self, spec: str, *, start: date, days: int, mix: Mix) -> DemandRead:
        """Read what must be sent.

        Args:
            spec: A file, ``-`` or a description.
            start: First day.
            days: How many days of it.
            mix: Whom a description's mail is for.

        Raises:
            PlanError: An option says something about a forecast, and none is made.
            DataError: A file cannot be used.
        """
        from warmup.cli.reading import read_demand

        said = self.said
        read = read_demand(
            spec,
            self.inputs,
            start=start,
            days=days,
            mix=mix,
            growth=said.get("demand_growth"),
            weeks=said.get("demand_weeks", 8),
            method=said.get("demand_method", "median"),
            season=said.get("demand_season", False),
            use={"figures": "as-is", "forecast": "forecast"}.get(said.get("demand_as", "auto"), "auto"),  # type: ignore[arg-type]
        )
        self._check_forecast(read)
        if read.history is not None:
            self._note(spec, read.notes)
        else:
            self.notes.extend(f"note: {note}" for note in read.notes)
        return read

    def _note(self, spec: str, notes: Iterable[str]) -> None:
        """Keep what was said of a file, once however many options name it."""
        label = spec.strip().removeprefix(FROM)
        for note in notes:
            if (said := f"{label}: {note}") not in self.notes:
                self.notes.append(said)

    def _check_forecast(self, read: DemandRead) -> None:
        if read.history is None:
            names: tuple[str, ...] = ("demand_as", *OF_FORECAST)
            wrong, mend = "given, but a description is taken as it is", "leave it out"
        elif not read.forecast:
            names = OF_FORECAST
            wrong = "given, but no forecast is made: the figures are taken as they stand"
            mend = "leave it out, or add --demand-as forecast"
        else:
            return
        problems = [Problem(OPTIONS[name], wrong, mend) for name in names if name in self.said]
        if problems:
            raise PlanError(problems=problems)

    def settle(self) -> None:
        """Refuse what was said about files that were not read.

        Raises:
            PlanError: There are such options.
        """
        kinds = self._inputs.kinds if self._inputs is not None else set()
        problems = []
        if "log_timezone" in self.said and not kinds & {*LOGS}:
            problems.append(Problem(OPTIONS["log_timezone"], "given, but no log was read", "leave it out"))
        if "mx" in self.said and not kinds - {"text"}:
            wrong = "given, but nothing was read that names domains"
            problems.append(Problem(OPTIONS["mx"], wrong, "leave it out, or name a log, CSV or list"))
        if problems:
            raise PlanError(problems=problems)

    def facts(self) -> dict[str, Any]:
        """What was measured, as JSON values; empty where nothing was."""
        found: dict[str, Any] = {}
        if self.mix is not None:
            found["mix"] = {
                "sample": self.mix.sample,
                "shares": [
                    {
                        "provider": one.provider,
                        "count": one.count,
                        "share": float(one.share),
                        "low": round(one.low, 6),
                        "high": round(one.high, 6),
                    }
                    for one in self.mix.shares
                ],
                "folded": dict(self.mix.folded),
            }
        if self.pattern is not None:
            found["pattern"] = {"sample": self.pattern.sample, "days": self.pattern.days}
        if self.week is not None:
            found["weekdays"] = {"sample": self.week.sample, "weeks": self.week.weeks}
        return found

    def sentences(self) -> Iterator[str]:
        """What was measured beside a mix, and what was read for it."""
        if self.pattern is not None:
            yield f"pattern of {self.pattern.sample:,} deliveries on {_number(self.pattern.days, 'day')}"
        if self.week is not None:
            yield f"weekdays of {self.week.sample:,} deliveries in {_number(self.week.weeks, 'week')}"
        yield from self.notes

    def rows(self) -> list[list[str]]:
        """The measured shares with what they may be, as cells; headings first; none without a mix."""
        if self.mix is None:
            return []
        rows = [["mix", "counted", "share", "95 % interval"]]
        for one in self.mix.shares:
            interval = f"{100 * one.low:.1f} to {100 * one.high:.1f} %"
            rows.append([one.provider, f"{one.count:,}", f"{float(100 * one.share):.1f} %", interval])
        return rows

    def table(self) -> Iterator[str]:
        """Everything that was read, at 80 columns."""
        for sentence in self.sentences():
            yield textwrap.fill(sentence, 80, subsequent_indent="  ") + "\n"
        yield from self.shares()

    def shares(self) -> Iterator[str]:
        """The measured mix as a table at 80 columns; nothing where none was measured."""
        if self.mix is None:
            return
        yield "\n"
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [
                cell.rjust(w) if at else cell.ljust(w)
                for at, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            yield "  ".join(cells).rstrip() + "\n"
        if self.mix.folded:
            yield f"{self._folded()}\n"

    def page(self) -> Iterator[str]:
        """The measured mix as a part of the page; nothing where none was measured."""
        if self.mix is None:
            return
        from warmup.cli.plan_page import html_table

        headings, *rows = self.rows()
        yield "<h2>The mix, measured</h2>\n"
        yield html_table(tuple(headings), rows, texts=1)
        if self.mix.folded:
            yield f"<p>{self._folded()}</p>\n"

    def _folded(self) -> str:
        assert self.mix is not None
        count, names = sum(self.mix.folded.values()), _number(len(self.mix.folded), "provider")
        return f"other holds {count:,} of {names} with less than 0.5 % each."


def _known_zone(name: str) -> None:
    from warmup.plan.calendar import zone_of

    try:
        zone_of(name)
    except PlanError as error:
        raise PlanError(
            problems=[attrs.evolve(found, field="log-timezone") for found in error.problems]
        ) from None


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
