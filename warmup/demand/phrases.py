"""A description cut into phrases, and phrases into figures, days and words.

Dates come in three ways: ``2026-11-27``; ``27 November``, ``27th of Nov 2026``, ``November 27``; and days
with a name: Black Friday (the day after the fourth Thursday of November), Cyber Monday (three days later).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction

import attrs

from warmup.content.address import shown
from warmup.errors import Problem
from warmup.plan.words import YEAR_MAX, YEAR_MIN, nearest

__all__ = ["Amount", "Change", "Day", "Token", "Wrong", "tokens"]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august",
    "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_WEEKDAY_WORDS = {
    **{word: (index,) for index, name in enumerate(WEEKDAYS) for word in (name, name + "s", name[:3])},
    "tues": (1,), "weds": (2,), "thur": (3,), "thurs": (3,),
    "weekday": (0, 1, 2, 3, 4), "weekdays": (0, 1, 2, 3, 4), "workdays": (0, 1, 2, 3, 4),
    "weekend": (5, 6), "weekends": (5, 6),
    "daily": tuple(range(7)), "everyday": tuple(range(7)),
}  # fmt: skip
_MONTH_WORDS = {
    word: index for index, name in enumerate(MONTHS, 1) for word in (name, name[:3], f"{name[:3]}.")
} | {"sept": 9}
_SCALES = {"": 1, "k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_PLAIN = frozenset(
    (
        "a", "about", "an", "and", "are", "around", "at", "by", "day", "days", "deliveries", "each",
        "email", "emails", "every", "for", "from", "hour", "hours", "in", "is", "mail", "mails",
        "message", "messages", "minute", "minutes", "month", "months", "of", "on", "peak", "per",
        "plus", "roughly", "same", "season", "seasonal", "send", "sends", "since", "the", "then",
        "through", "till", "to", "until", "we", "week", "weeks", "with", "within", "year",
    )
)  # fmt: skip

_MONTH = "|".join(sorted(map(re.escape, _MONTH_WORDS), key=len, reverse=True))
_TH = r"(?:st|nd|rd|th)?"
_FIGURE = r"\d{1,6}(?:\.\d{1,6})?"
_YEAR = r"(?:,?\s+(?P<{}>\d{{4}})(?!\d))?"
_TOKEN = re.compile(
    "|".join(
        (
            r"(?P<space>[ \t\r]+)",
            r"(?P<iso>\d{4}-\d\d-\d\d(?!\d))",
            r"(?P<slashed>\d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?!\d))",
            # 20 of 20-30 November: the month is said at the end of the range.
            rf"(?P<span>(?P<from>\d{{1,2}}){_TH}\s*(?:-|–|\.\.|to)\s*"
            rf"(?=\d{{1,2}}{_TH}\s+(?:of\s+)?(?:{_MONTH})(?![a-z])))",
            rf"(?P<date>(?P<day>\d{{1,2}}){_TH}\s+(?:of\s+)?(?P<month>{_MONTH})(?![a-z])"
            + _YEAR.format("year") + ")",
            # November 27, but not the 40 of November 40,000 nor the 20 of November 20k
            rf"(?P<us>(?P<usmonth>{_MONTH})\s+(?P<usday>\d{{1,2}}){_TH}(?![\d,.]*\d|[km%])"
            + _YEAR.format("usyear") + ")",
            r"(?P<named>black\s+friday|cyber\s+monday)",
            rf"(?P<change>(?P<sign>[+\-−])\s*(?P<percent>{_FIGURE})\s*%)",
            rf"(?P<times>[x×*]\s*(?P<factor>{_FIGURE})|(?P<factor2>{_FIGURE})\s*(?:[x×]|times)(?![a-z]))",
            r"(?P<number>(?P<digits>\d{1,3}(?:[,_]\d{3})+|\d{1,15})(?P<rest>\.\d{1,6})?\s*"
            r"(?P<scale>thousand|million|k|m)?(?![a-z\d]|[,_]\d))",
            r"(?P<range>\.\.|–|-)",
            r"(?P<slash>/)",
            r"(?P<word>[a-z]+)",
            r"(?P<end>[,;\n:])",
            r"(?P<odd>.)",
        )
    ),
    re.ASCII | re.IGNORECASE,
)  # fmt: skip


class Wrong(Exception):
    """What is wrong with a phrase, and the mend."""

    def problem(self, phrase: str) -> Problem:
        """As a problem that names the phrase."""
        wrong, mend = self.args
        return Problem("demand", f"{shown(phrase.strip())}: {wrong}", mend)


@attrs.frozen
class Amount:
    """A figure of so many deliveries a day."""

    value: int


@attrs.frozen
class Change:
    """A factor by which what was said before is multiplied."""

    factor: Fraction


@attrs.frozen
class Day:
    """A calendar day, or a whole month where ``day`` is None; ``year`` is None where none was given."""

    month: int
    day: int | None
    year: int | None = None
    friday: int | None = None
    """Days after the fourth Friday of November, for those that are named by it."""

    def on_or_after(self, start: date) -> date:
        """The day itself, or the next one without a year (of a month: its first day).

        Raises:
            Wrong: There is no such day.
        """
        if self.year is not None:
            return self._in(self.year)
        for year in range(start.year, min(start.year + 9, YEAR_MAX + 1)):
            if self.friday is not None or self._exists(year):
                day = self._in(year)
                if (self.last(day) if self.day is None and self.friday is None else day) >= start:
                    return day
        raise Wrong(f"there is no {self.day} {MONTHS[self.month - 1].title()}", "write it as 2026-11-27")

    def last(self, first: date) -> date:
        """The last day of what begins with ``first``: a month's, or the day itself."""
        if self.day is not None or self.friday is not None:
            return first
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    def on_or_before(self, end: date) -> date:
        """The day itself, or the last one without a year up to ``end`` (of a month: its first day).

        Raises:
            Wrong: There is no such day.
        """
        if self.year is not None:
            return self._in(self.year)
        for year in range(end.year, max(end.year - 9, YEAR_MIN), -1):
            if (self.friday is not None or self._exists(year)) and self._in(year) <= end:
                return self._in(year)
        raise Wrong(f"there is no {self.day} {MONTHS[self.month - 1].title()}", "write it as 2026-11-27")

    def _exists(self, year: int) -> bool:
        try:
            date(year, self.month, self.day or 1)
        except ValueError:
            return False
        return True

    def _in(self, year: int) -> date:
        if self.friday is not None:
            first = date(year, 11, 1)
            thursday = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
            return thursday + timedelta(days=1 + self.friday)
        if not YEAR_MIN <= year <= YEAR_MAX or not self._exists(year):
            raise Wrong(f"there is no day {year:04}-{self.month:02}-{self.day or 1:02}", "check the date")
        return date(year, self.month, self.day or 1)


@attrs.frozen
class Token:
    """A piece of a description.

    Attributes:
        kind: amount, change, date, weekdays, range, word, end (of a phrase) or name (of a stream).
        text: As it was written.
        value: What it stands for.
    """

    kind: str
    text: str
    value: object = None


def tokens(text: str) -> list[Token]:
    """Cut a description up.

    Raises:
        Wrong: There is something in it that means nothing here.
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = next(name for name in _KINDS if match[name] is not None)
        if kind != "space":
            found.append(_token(kind, match))
    return found


_KINDS = (
    "space", "iso", "slashed", "span", "date", "us", "named", "change", "times", "number", "range", "slash",
    "word", "end", "odd",
)  # fmt: skip


def _token(kind: str, match: re.Match[str]) -> Token:
    text = match[0]
    if kind == "iso":
        year, month, day = map(int, text.split("-"))
        if not 1 <= month <= 12:
            raise Wrong(f"there is no day {text}", "write it as 2026-11-27")
        return Token("date", text, Day(month, day, year))
    if kind == "slashed":
        raise Wrong(f"{text} can be read in two ways", "write it as 2026-11-27 or 27 November")
    if kind == "span":
        return Token("from", text, int(match["from"]))
    if kind == "date":
        year_text = match["year"]
        month = _MONTH_WORDS[match["month"].lower()]
        return Token("date", text, Day(month, int(match["day"]), int(year_text) if year_text else None))
    if kind == "us":
        year_text = match["usyear"]
        month = _MONTH_WORDS[match["usmonth"].lower()]
        return Token("date", text, Day(month, int(match["usday"]), int(year_text) if year_text else None))
    if kind == "named":
        return Token("date", text, Day(11, None, None, 0 if text.lower().startswith("black") else 3))
    if kind == "change":
        sign = 1 if match["sign"] == "+" else -1
        factor = 1 + sign * Fraction(match["percent"]) / 100
        if factor < 0:
            raise Wrong(f"{text} takes away more than everything", "write at most -100%")
        return Token("change", text, Change(factor))
    if kind == "times":
        return Token("change", text, Change(Fraction(match["factor"] or match["factor2"])))
    if kind == "number":
        return Token("amount", text, _amount(match))
    if kind == "word":
        return _word(text)
    if kind == "odd":
        raise Wrong(f"{shown(text)} means nothing here", "write it as: 2,000 a day on weekdays")
    return Token(kind, text)


def _amount(match: re.Match[str]) -> Amount:
    value = Fraction(match["digits"].replace(",", "").replace("_", "") + (match["rest"] or ""))
    if match["rest"] and not match["scale"]:
        raise Wrong(
            f"{match[0].strip()} can be read in two ways", "write thousands with a comma or not at all: 2,000"
        )
    value *= _SCALES[(match["scale"] or "").lower()]
    if value.denominator != 1:
        raise Wrong(f"{match[0].strip()} is no whole number", "write a whole number of deliveries")
    return Amount(int(value))


def _word(text: str) -> Token:
    word = text.lower()
    if word in _WEEKDAY_WORDS:
        return Token("weekdays", word, _WEEKDAY_WORDS[word])
    if word in _MONTH_WORDS:
        return Token("date", text, Day(_MONTH_WORDS[word], None))
    if word in _PLAIN:
        return Token("word", word)
    return Token(
        "unknown", text, nearest(word, (*WEEKDAYS, *MONTHS, "weekdays", "weekends", "daily", "peak"))
    )
