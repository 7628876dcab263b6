"""A lane's past in sentences: its days in the order of time, with what was written down on each.

Days on which nothing but the ramp's own step happened are folded into one sentence, and so are days on
which a lane was only silent for what had been said before; every other day and every line of the
journal is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import attrs

from warmup.model import Lane, Ledger, Standing
from warmup.reputation.standing import USED_SHARE
from warmup.store.journal import Entry
from warmup.timing import Instant

__all__ = ["TOLD", "Day", "began", "by_day", "plural", "standing_after", "standings", "tell"]

TOLD = {
    "volume_limited": "deferred for volume",
    "ip_reputation_block": "refused for the IP's reputation",
    "blocklisted": "refused for a listing",
    "domain_block": "refused for the sender's domain",
    "invalid_recipient": "unknown mailboxes",
    "complained": "complaints",
    "not_spam": "complaints taken back",
    "late_bounce": "late bounces",
    "placed_inbox": "seed copies in the inbox",
    "placed_spam": "seed copies in the spam folder",
    "auth_failure": "refused for authentication",
}
"""How kinds of evidence are called in sentences; the others by their own name."""

TOLD_OF_ONE = TOLD | {
    "invalid_recipient": "unknown mailbox",
    "complained": "complaint",
    "not_spam": "complaint taken back",
    "late_bounce": "late bounce",
    "placed_inbox": "seed copy in the inbox",
    "placed_spam": "seed copy in the spam folder",
}

ORDINARY = frozenset({"attempted", "accepted", "greylist", "mailbox_full", "transient_infrastructure"})
"""Evidence that says nothing of reputation: a day with no other may be folded."""

FOLDED_MIN = 2
"""Fewer quiet days are told one by one."""


@attrs.frozen(kw_only=True)
class Day:
    """A window with what it saw and the lines of the journal that were written in it."""

    ledger: Ledger
    closed: bool
    counts: Mapping[str, int]
    entries: tuple[Entry, ...]

    @property
    def folds(self) -> str:
        """With which other days it may be told in one sentence; empty: it deserves its own.

        ``quiet`` are days on which nothing happened but the ramp's step; ``silent`` those on which the
        lane was only silent, for what a person has to mend.
        """
        telling = set(self.counts) - ORDINARY
        if not self.closed:
            return ""
        if not telling and all(
            entry.kind == "step" and entry.text.startswith("step ") for entry in self.entries
        ):
            return "quiet"
        silences = [entry for entry in self.entries if entry.kind == "backoff"]
        return "silent" if telling == {"auth_failure"} and [*self.entries] == silences else ""

    @property
    def used(self) -> bool:
        """Whether its cap was used."""
        part, whole = USED_SHARE
        return self.ledger.accepted * whole >= self.ledger.cap * part


def plural(count: int, one: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count} {(TOLD_OF_ONE if count == 1 else TOLD).get(kind) or kind.replace('_', ' ')}"
        for kind, count in sorted(counts.items())
        if kind not in ("attempted", "accepted") and count
    )


def _spread(name: str, first: int, last: int) -> str:
    return f"{name} {first:,}" if first == last else f"{name}s {first:,} to {last:,}"


def _fold(days: Sequence[Day]) -> list[tuple[Instant, str]]:
    """Some days of a kind in a row as one sentence, or a sentence each where they are few."""
    if len(days) < FOLDED_MIN:
        return [line for day in days for line in _one(day)]
    first, last = days[0].ledger, days[-1].ledger
    steps = [day.ledger.step for day in days]
    caps = [day.ledger.cap for day in days]
    used = sum(day.used for day in days)
    how = "all caps used" if used == len(days) else f"{used} of {len(days)} caps used"
    text = (
        f"days {first.window.date} to {last.window.date}: {len(days)} windows, "
        f"{_spread('step', min(steps), max(steps))}, {_spread('cap', min(caps), max(caps))}, {how}, "
        f"{sum(day.ledger.accepted for day in days):,} accepted"
    )
    silences = [entry for day in days for entry in day.entries if entry.kind == "backoff"]
    if silences:
        refused = sum(day.counts.get("auth_failure", 0) for day in days)
        text += f", {refused} refused for authentication; {_again(silences)} ({_said(silences[-1])})"
    return [(first.window.starts_at, text)]


def _one(day: Day) -> list[tuple[Instant, str]]:
    ledger = day.ledger
    detail = _counted(day.counts)
    state = "closed" if day.closed else "open"
    tried = day.counts.get("attempted", 0)
    tries = f" of {plural(tried, 'attempt')}" if tried > ledger.accepted else ""
    held = f", held to {ledger.goal} so that the days are alike" if ledger.goal < ledger.cap else ""
    text = (
        f"day {ledger.window.date}: step {ledger.step}, cap {ledger.cap}{held}, used {ledger.used}, "
        f"accepted {ledger.accepted}{tries}{f'; {detail}' if detail else ''} ({state})"
    )
    return [(ledger.window.starts_at, text), *_entries(day.entries)]


def _entries(entries: Sequence[Entry]) -> Iterator[tuple[Instant, str]]:
    """Lines of a day; silences for the same reply, one after the other, are told once and counted."""
    for kind, group in groupby(entries, lambda entry: _reply(entry) if entry.kind == "backoff" else None):
        run = list(group)
        if kind is None or len(run) < FOLDED_MIN:
            yield from ((entry.at, entry.text) for entry in run)
            continue
        yield run[0].at, run[0].text
        yield run[1].at, f"{_again(run[1:])}, for the same"


def _again(silences: Sequence[Entry]) -> str:
    span = silences[-1].text.partition(":")[0].removeprefix("silent for ")
    if len(silences) == 1:
        return f"silent again for {span}"
    return f"silent {len(silences)} times more, the last time for {span}"


def _said(silence: Entry) -> str:
    return silence.text.partition(": ")[2]


def _reply(silence: Entry) -> tuple[str, ...]:
    """The code and the enhanced code: the text behind them may name the message."""
    return tuple(_said(silence).split()[:2])


def began(days: Sequence[Day]) -> list[tuple[Instant, str]]:
    """How a lane began."""
    if not days:
        return []
    first = days[0].ledger
    text = f"began on {first.window.date} at step {first.step} with a cap of {first.cap} a day"
    if first.partial:
        text += ", in the middle of the day" if not days[0].closed or first.cap else ", with the next window"
    return [(first.window.starts_at, text)]


def tell(days: Sequence[Day]) -> list[tuple[Instant, str]]:
    """Each day, or some of them together."""
    told: list[tuple[Instant, str]] = []
    for kind, group in groupby(days, lambda day: day.folds):
        run = list(group)
        told += _fold(run) if kind else [line for day in run for line in _one(day)]
    return told


def by_day(
    windows: Iterable[tuple[bool, Ledger, Mapping[str, int]]], entries: Sequence[Entry]
) -> tuple[list[Day], list[Entry]]:
    """Windows with the lines written in each, and the lines that were written in none.

    The line of a step is written when the next window opens and speaks of the one before: it stands with
    that one.
    """
    known = list(windows)
    left: dict[int, list[Entry]] = {ledger.id: [] for _, ledger, _ in known}
    loose: list[Entry] = []
    for entry in entries:
        home = None
        for place, (_, ledger, _) in enumerate(known):
            if ledger.window.starts_at <= entry.at < ledger.window.ends_at:
                home = known[place - 1][1] if entry.kind == "step" and place else ledger
                break
        if home is None:
            loose.append(entry)
        else:
            left[home.id].append(entry)
    days = [
        Day(ledger=ledger, closed=closed, counts=counts, entries=tuple(left[ledger.id]))
        for closed, ledger, counts in known
    ]
    return days, loose


def standing_after(text: str, before: str) -> str:
    """The standing that a line of the journal speaks of; the one before where it speaks of none."""
    words = (
        ("suspended for ", "suspended"),
        ("suspension ended by an operator", "reduced"),
        ("back from ", "reduced"),
        ("cold: ", "cold"),
        ("paused by an operator", "paused"),
    )
    for start, standing in words:
        if text.startswith(start):
            return standing
    for start in ("resumed by an operator: ", "declared by an operator: "):
        if text.startswith(start):
            return _known(text.removeprefix(start).partition(",")[0], before)
    if " to " in text and (word := text.partition(":")[0].rpartition(" to ")[2]) in set(Standing):
        return word
    for start in ("given the past of ", "given a past of ", "state "):
        if text.startswith(start):
            return _known(text.partition(": ")[2].partition(",")[0], before)
    if text.startswith(("put at step ", "step ", "moved from step ")):
        aim, of, last = _steps(text)
        return "warm" if of and aim >= last else "ramping" if of else before
    return before


def _known(word: str, before: str) -> str:
    return word if word in set(Standing) else before


def _steps(text: str) -> tuple[int, bool, int]:
    """``... to 7 of 45`` or ``... step 7 of 45``: the step and the last one."""
    numbers = text.partition(":")[0].replace(" by an operator", "").rpartition(" of ")
    aim, last = numbers[0].rpartition(" ")[2], numbers[2]
    return (int(aim), True, int(last)) if aim.isdecimal() and last.isdecimal() else (0, False, 0)


def standings(lane: Lane, days: Sequence[tuple[bool, Ledger, Any]], entries: Sequence[Entry]) -> list[str]:
    """The standing in which each day ended, as far as the journal says."""
    found = []
    now = "ramping"
    told = iter(sorted(entries, key=lambda entry: entry.at))
    entry = next(told, None)
    for closed, ledger, _ in days:
        while entry is not None and entry.at < ledger.window.ends_at:
            now = standing_after(entry.text, now)
            entry = next(told, None)
        found.append(now if closed else lane.standing.value)
    return found
