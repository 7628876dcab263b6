"""A demand from a description: ``2,000 a day on weekdays, 40,000 on Tuesdays, peak 120,000 on 27 November``.

Grammar. A description is phrases, parted by commas, semicolons, new lines, or *and* before a figure::

    phrase = [STREAM ":"] figure [a day] [when ...] | [STREAM ":"] when ... figure | within N days
    figure = 2000 | 2,000 | 40k | 1.5 million            so many a day
           | +150% | -20% | x2 | 1.5 times               a change of what was said before
    when   = weekdays | weekends | daily | Tuesdays | Mon-Fri | Monday to Friday
           | 2026-11-27 | 27 November | Nov 27 | Black Friday | Cyber Monday | in November
           | 2026-11-20..2026-11-30 | 20-30 November | from DATE | until DATE

A later phrase overrides an earlier one on the days that both speak of; a change multiplies what the
earlier ones said. Weekdays and dates in one phrase hold together (*on weekdays from 1 December*). A date
without a year is the next one on or after the start. Days that nobody speaks of have no mail.
``STREAM:`` before a phrase names the stream for it and those after it; ``within N days`` and ``same day``
set that stream's deadline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import floor

import attrs

from warmup.content.address import shown
from warmup.demand.history import DAYS_MAX
from warmup.demand.phrases import Amount, Change, Day, Token, Wrong, tokens
from warmup.demand.spread import spread
from warmup.errors import PlanError, Problem
from warmup.plan.demand import Demand, DemandStream
from warmup.plan.mix import Mix

__all__ = ["TEXT_MAX", "describe", "unheard"]

TEXT_MAX = 20_000
"""Characters of a description."""

PHRASES_MAX = 500
A_DAY_MAX = 10**9
DEADLINE_MAX = 365
STREAM = "mail"

_STREAM = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]{0,62})\s*:(.*)", re.DOTALL)
_YEAR = re.compile(r"\s+(?:19|2\d)\d\d(?![\d,])(?!\s*(?:/|(?:a|per|each|on|daily)\b))")
_MONTH_AND_DAY = re.compile(r"[A-Za-z]\.?\s+\d{1,2}(?:st|nd|rd|th)?\Z")
_TO = frozenset(("to", "until", "till", "through"))
_EXAMPLE = "write it as: 2,000 a day on weekdays"


@attrs.frozen
class _Phrase:
    """What one phrase says; ``dates`` are (first, last), None for an open end."""

    text: str
    figure: Amount | Change | None
    weekdays: frozenset[int] | None
    dates: tuple[tuple[date | None, date | None], ...]
    deadline: int | None
    peak: bool
    figure_first: bool

    def speaks_of(self, day: date) -> bool:
        if self.weekdays is not None and day.weekday() not in self.weekdays:
            return False
        return not self.dates or any(
            (first is None or first <= day) and (last is None or day <= last) for first, last in self.dates
        )


def describe(text: str, *, start: date, days: int, mix: Mix) -> Demand:
    """Make a demand from a description.

    Args:
        text: The description, at most 20,000 characters.
        start: The first day; dates without a year are looked for from here.
        days: How many days, 1 to 3,660.
        mix: Whom the mail is for.

    Raises:
        PlanError: A phrase cannot be understood; all of them are named, each with its mend.
    """
    if not 1 <= days <= DAYS_MAX:
        raise PlanError.of("days", f"{days:,} is out of range", f"use a number from 1 to {DAYS_MAX:,}")
    if len(text) > TEXT_MAX:
        raise PlanError.of(
            "demand", f"has {len(text):,} characters", f"write at most {TEXT_MAX:,}, or a CSV file"
        )
    problems: list[Problem] = []
    streams = _streams(text, start, problems)
    if not streams and not problems:
        problems.append(Problem("demand", "says nothing", _EXAMPLE))
    rows = {name: _totals(phrases, start, days, problems) for name, phrases in streams.items()}
    if sum(map(len, streams.values())) > PHRASES_MAX:
        problems.append(
            Problem(
                "demand", f"has more than {PHRASES_MAX} phrases", "write a CSV file with dates and counts"
            )
        )
    if problems:
        raise PlanError(problems=problems[:PHRASES_MAX])
    return Demand(
        name=" ".join(text.split())[:200],
        start=start,
        streams=tuple(
            DemandStream(name=name, arrivals=spread(rows[name], mix), deadline=_deadline(streams[name]))
            for name in rows
        ),
    )


def unheard(text: str, *, start: date, days: int) -> list[str]:
    """Say which phrases of a description change nothing on these days, and why.

    Args:
        text: A description that :func:`describe` understands.
        start: The first day.
        days: How many days.
    """
    found = []
    for phrases in _streams(text, start, []).values():
        for at, phrase in enumerate(phrases):
            if phrase.figure is None:
                continue
            spoken = [day for day in _days(start, days) if phrase.speaks_of(day)]
            later = [other for other in phrases[at + 1 :] if isinstance(other.figure, Amount)]
            said = shown(phrase.text.strip())
            if not spoken:
                found.append(f"{said} is about none of the days from {start} on")
            elif all(any(other.speaks_of(day) for other in later) for day in spoken):
                found.append(f"{said} changes nothing: what stands behind it is about the same days")
    return found


def _streams(text: str, start: date, problems: list[Problem]) -> dict[str, list[_Phrase]]:
    """The phrases of each stream; what cannot be understood is added to the problems."""
    streams: dict[str, list[_Phrase]] = {}
    name = STREAM
    for piece in _pieces(text):
        named = _STREAM.fullmatch(piece)
        if named is not None and not _means_something(named[1]):
            name, said = named[1], named[2]
        else:
            said = piece
        phrases = streams.setdefault(name, [])
        if said.strip():
            try:
                phrases.extend(_Reader(said, start).read())
            except Wrong as wrong:
                problems.append(wrong.problem(said))
    return {name: _joined(phrases, problems) for name, phrases in streams.items() if phrases}


def _days(start: date, days: int) -> list[date]:
    return [start + timedelta(days=index) for index in range(days)]


def _pieces(text: str) -> list[str]:
    """Cut into phrases: where no comma of a number and none before a year stands."""
    pieces: list[str] = []
    begin = 0
    for match in re.finditer(r"[;,\n]", text):
        at = match.start()
        inside = text[at] == "," and text[:at][-1:].isdigit() and text[at + 1 : at + 2].isdigit()
        year = text[at] == "," and _YEAR.match(text, at + 1) and _MONTH_AND_DAY.search(text[begin:at])
        if not inside and not year:
            pieces.append(text[begin:at])
            begin = at + 1
    return [*pieces, text[begin:]]


def _means_something(word: str) -> bool:
    """Whether a word has a meaning here, so that it names no stream: ``tuesdays: 40k``."""
    try:
        return all(token.kind not in ("unknown", "odd") for token in tokens(word))
    except Wrong:
        return False


def _deadline(phrases: Sequence[_Phrase]) -> int | None:
    given = [phrase.deadline for phrase in phrases if phrase.deadline is not None]
    return given[-1] if given else None


def _joined(phrases: list[_Phrase], problems: list[Problem]) -> list[_Phrase]:
    """Give weekdays without a figure to their neighbour: ``Mon, Wed, Fri 500``, ``500 on Mon, Wed``."""
    done: list[_Phrase] = []
    waiting: list[_Phrase] = []
    for phrase in phrases:
        bare = phrase.figure is None and phrase.weekdays is not None and not phrase.dates and not phrase.peak
        before = done[-1] if done and not waiting else None
        if bare and before is not None and before.figure_first and before.weekdays and not before.dates:
            assert phrase.weekdays is not None
            done[-1] = attrs.evolve(before, weekdays=before.weekdays | phrase.weekdays)
        elif bare:
            waiting.append(phrase)
        elif phrase.figure is None and phrase.deadline is None:
            problems.append(_no_number(phrase))
        elif waiting and phrase.weekdays and not phrase.figure_first and not phrase.dates:
            days = phrase.weekdays.union(*(other.weekdays or () for other in waiting))
            done.append(attrs.evolve(phrase, weekdays=days))
            waiting = []
        else:
            problems.extend(map(_no_number, waiting))
            waiting = []
            done.append(phrase)
    problems.extend(map(_no_number, waiting))
    return done


def _no_number(phrase: _Phrase) -> Problem:
    words = "season peak 120,000 on 27 November" if phrase.peak else f"2,000 {phrase.text.strip()}"
    return Wrong("says no number", f"say how many, such as: {words}").problem(phrase.text)


def _totals(phrases: Sequence[_Phrase], start: date, days: int, problems: list[Problem]) -> list[int]:
    values = [Fraction(0)] * days
    for phrase in phrases:
        if phrase.figure is None:
            continue
        spoken = [index for index, day in enumerate(_days(start, days)) if phrase.speaks_of(day)]
        if isinstance(phrase.figure, Amount):
            for index in spoken:
                values[index] = Fraction(phrase.figure.value)
            continue
        if spoken and not any(values[index] for index in spoken):
            wrong = Wrong(
                "changes days of which nothing was said before", "say first how many a day there are"
            )
            problems.append(wrong.problem(phrase.text))
        for index in spoken:
            values[index] *= phrase.figure.factor
    totals = [floor(value + Fraction(1, 2)) for value in values]
    if max(totals) > A_DAY_MAX:
        problems.append(
            Problem("demand", f"asks for {max(totals):,} on a day", f"ask for at most {A_DAY_MAX:,}")
        )
        return [0] * days
    return totals


class _Reader:
    """Reads one phrase, or several where *and* parts them."""

    def __init__(self, text: str, start: date) -> None:
        self.text = text
        self.start = start
        self.tokens = tokens(text)
        self.at = 0

    def read(self) -> list[_Phrase]:
        phrases = []
        while self.at < len(self.tokens):
            begin = self.at
            phrases.append(self._phrase())
            if self.at == begin:
                raise AssertionError("a phrase without a token")
        return phrases

    def _peek(self, ahead: int = 0) -> Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else Token("end", "")

    def _phrase(self) -> _Phrase:
        figure: Amount | Change | None = None
        weekdays: set[int] = set()
        dates: list[tuple[date | None, date | None]] = []
        deadline: int | None = None
        peak = False
        first = ""
        while self.at < len(self.tokens):
            token = self._peek()
            if self._parts(token) and (figure or weekdays or dates or deadline is not None):
                self.at += 1
                break
            if isinstance(token.value, Amount | Change):
                if figure is not None:
                    raise Wrong("has two figures", "put a comma between them")
                figure = token.value
                first = first or "figure"
                self.at += 1
            elif token.kind == "weekdays":
                weekdays |= self._weekdays()
                first = first or "when"
            elif token.kind in ("date", "from"):
                dates.append(self._dates())
                first = first or "when"
            elif token.text == "within" or (token.text == "same" and self._peek(1).text == "day"):
                deadline = self._deadline()
            else:
                peak = peak or token.text == "peak"
                self._pass_over(token)
        if peak and figure is not None and not dates and not weekdays:
            raise Wrong("says no day for the peak", "say when: season peak 120,000 on 27 November")
        if figure is None and not weekdays and not dates and deadline is None and not peak:
            raise Wrong("says no number", _EXAMPLE)
        return _Phrase(
            self.text, figure, frozenset(weekdays) or None, tuple(dates), deadline, peak, first == "figure"
        )

    def _parts(self, token: Token) -> bool:
        """Whether an *and* or *then* begins a new phrase: a figure comes next."""
        if token.text not in ("and", "then", "plus"):
            return False
        ahead = 1
        while self._peek(ahead).text in ("then", "about", "around", "roughly", "a", "season", "peak"):
            ahead += 1
        return isinstance(self._peek(ahead).value, Amount | Change)

    def _pass_over(self, token: Token) -> None:
        self.at += 1
        if token.kind == "unknown":
            raise Wrong(f"{token.text!r:.60} means nothing here", str(token.value or "") or _EXAMPLE)
        if token.kind == "range":
            raise Wrong("has a range with one end", "write both: Mon-Fri, or 2026-11-20..2026-11-30")
        if token.text.removesuffix("s") in ("week", "month", "hour", "year", "minute"):
            raise Wrong(f"counts by the {token.text.removesuffix('s')}", "say how many a day")

    def _ranges(self) -> bool:
        """Whether the next token says that a range goes on."""
        token = self._peek()
        return token.kind == "range" or (token.kind == "word" and token.text in _TO)

    def _weekdays(self) -> set[int]:
        first = self._peek().value
        assert isinstance(first, tuple)
        self.at += 1
        then = self._peek(1).value
        if self._ranges() and self._peek(1).kind == "weekdays":
            assert isinstance(then, tuple)
            if len(first) != 1 or len(then) != 1:
                raise Wrong("has a range of something else than single days", "write it as Mon-Fri")
            self.at += 2
            return {(first[0] + step) % 7 for step in range((then[0] - first[0]) % 7 + 1)}
        return set(first)

    def _dates(self) -> tuple[date | None, date | None]:
        before = self.tokens[self.at - 1].text if self.at else ""
        token = self._peek()
        self.at += 1
        if token.kind == "from":
            last = self._peek().value
            assert isinstance(last, Day) and isinstance(token.value, int)
            self.at += 1
            return self._between(Day(last.month, token.value, last.year), last)
        day = token.value
        assert isinstance(day, Day)
        if self._ranges() and isinstance(then := self._peek(1).value, Day):
            self.at += 2
            return self._between(day, then)
        if self._ranges() and self._peek().kind == "range":
            self.at += 1
            return day.on_or_after(self.start), None
        begin = day.on_or_after(self.start)
        if before in ("from", "since"):
            return begin, None
        if before in _TO or before in ("..", "–"):
            return None, day.last(begin)
        return begin, day.last(begin)

    def _between(self, first: Day, last: Day) -> tuple[date, date]:
        end = last.on_or_after(self.start if first.year is None else first.on_or_after(self.start))
        begin = first.on_or_before(end)
        end = last.last(end)
        if begin > end:
            raise Wrong(f"goes from {begin} to {end}, which is before it", "turn the two round")
        return begin, end

    def _deadline(self) -> int:
        same = self._peek().text == "same"
        self.at += 2 if same else 1
        if same:
            return 0
        number = self._peek().value
        days = (
            number.value if isinstance(number, Amount) else 1 if self._peek().text in ("a", "the") else None
        )
        if days is None or self._peek(1).text not in ("day", "days") or days > DEADLINE_MAX:
            raise Wrong("has a deadline without days", f"write it as: within 2 days, at most {DEADLINE_MAX}")
        self.at += 2
        return days
