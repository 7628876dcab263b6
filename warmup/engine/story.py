"""The story of a lane in sentences: when it began, what moved it, what holds it, and what tomorrow may be.

Days on which nothing but the ramp's own step happened are folded into one sentence; every other day
and every line of the journal is told, in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.engine.evidence import HISTORY, Past, histories
from warmup.engine.explain import Story, wait_facts
from warmup.engine.outlook_lane import Tomorrow, tomorrow_of
from warmup.engine.release import views_of
from warmup.engine.trouble import finding_facts, tell_finding
from warmup.errors import UsageError
from warmup.model import Lane, LaneKey, Ledger, Standing, Wait
from warmup.release.limits import limits_of, wait_of
from warmup.reputation.standing import USED_SHARE
from warmup.store import Connection, findings, journal, lanes
from warmup.store.findings import FindingRow
from warmup.store.journal import Entry
from warmup.timing import Instant, format_instant, format_span

__all__ = ["TOLD", "explain_lane", "explain_source", "standing_after"]

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

ORDINARY = frozenset({"attempted", "accepted", "greylist", "mailbox_full", "transient_infrastructure"})
"""Evidence that says nothing of reputation: a day with no other may be folded."""

FOLDED_MIN = 2
"""Fewer quiet days are told one by one."""


@attrs.frozen(kw_only=True)
class _Day:
    """A window with what it saw and the lines of the journal that were written in it."""

    ledger: Ledger
    closed: bool
    counts: Mapping[str, int]
    entries: tuple[Entry, ...]

    @property
    def quiet(self) -> bool:
        """Whether nothing happened that deserves a sentence of its own."""
        return (
            self.closed
            and not set(self.counts) - ORDINARY
            and all(entry.kind == "step" for entry in self.entries)
        )

    @property
    def used(self) -> bool:
        """Whether its cap was used."""
        part, whole = USED_SHARE
        return self.ledger.accepted * whole >= self.ledger.cap * part


def _plural(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count} {TOLD.get(kind, kind.replace('_', ' '))}"
        for kind, count in sorted(counts.items())
        if kind not in ("attempted", "accepted") and count
    )


def _spread(name: str, first: int, last: int) -> str:
    return f"{name} {first:,}" if first == last else f"{name}s {first:,} to {last:,}"


def _fold(days: Sequence[_Day]) -> list[tuple[Instant, str]]:
    """Some quiet days in a row as one sentence, or a sentence each where they are few."""
    if len(days) < FOLDED_MIN:
        return [line for day in days for line in _tell(day)]
    first, last = days[0].ledger, days[-1].ledger
    steps = [day.ledger.step for day in days]
    caps = [day.ledger.cap for day in days]
    used = sum(day.used for day in days)
    how = "all caps used" if used == len(days) else f"{used} of {len(days)} caps used"
    moved = _spread("step", min(steps), max(steps))
    text = (
        f"days {first.window.date} to {last.window.date}: {len(days)} windows, {moved}, "
        f"{_spread('cap', min(caps), max(caps))}, {how}, "
        f"{sum(day.ledger.accepted for day in days):,} accepted"
    )
    return [(first.window.starts_at, text)]


def _tell(day: _Day) -> list[tuple[Instant, str]]:
    ledger = day.ledger
    detail = _counted(day.counts)
    state = "closed" if day.closed else "open"
    tried = day.counts.get("attempted", 0)
    tries = f" of {_plural(tried, 'attempt')}" if tried > ledger.accepted else ""
    held = f", held to {ledger.goal} so that the days are alike" if ledger.goal < ledger.cap else ""
    text = (
        f"day {ledger.window.date}: step {ledger.step}, cap {ledger.cap}{held}, used {ledger.used}, "
        f"accepted {ledger.accepted}{tries}{f'; {detail}' if detail else ''} ({state})"
    )
    lines = [(ledger.window.starts_at, text)]
    lines += [(entry.at, entry.text) for entry in day.entries]
    return lines


def _days(
    windows: Iterable[tuple[bool, Ledger, Mapping[str, int]]], entries: Sequence[Entry]
) -> tuple[list[_Day], list[Entry]]:
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
        _Day(ledger=ledger, closed=closed, counts=counts, entries=tuple(left[ledger.id]))
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


def _standings(lane: Lane, days: Sequence[tuple[bool, Ledger, Any]], entries: Sequence[Entry]) -> list[str]:
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


def explain_lane(context: Context, key: LaneKey) -> Story:
    """Tell the story of a lane: how it began, every move with its reason, what holds it, what comes next.

    Raises:
        UsageError: There is no such lane.
    """
    now = context.clock.now()

    def job(connection: Connection) -> Story:
        lane = next((one for one in lanes.lanes_of(connection, key.provider) if one.key == key), None)
        if lane is None:
            known = ", ".join(str(one.key) for one in lanes.lanes_of(connection)[:20])
            raise UsageError.of(
                "lane", f"there is no lane {key}", f"lanes: {known}" if known else "none was made yet"
            )
        kinds: dict[int, dict[str, int]] = {}
        for _, window, kind, count in journal.evidence_of(connection, lane.id):
            kinds.setdefault(window, {})[kind] = count
        windows = [
            (closed, ledger, kinds.get(ledger.id, {}))
            for _, closed, ledger in lanes.windows_of(connection, lane.id)
        ]
        entries = journal.entries_of(connection, lane=lane.id)
        days, loose = _days(windows, entries)
        told = [*_began(days), *((entry.at, entry.text) for entry in loose), *_middle(days)]
        told.sort(key=lambda one: one[0])
        open_ = _about(findings.open_findings(connection), key)
        past = histories(connection, [lane], now - HISTORY)[lane.id]
        wait = _wait(context, connection, lane, now)
        coming = tomorrow_of(context, lane, past, now)
        lines = [f"{format_instant(at)}  {text}" for at, text in told]
        lines += [f"now  {text}" for text in _present(lane, wait, now)]
        lines += [f"to mend  {tell_finding(row)}" for row in open_]
        if coming is not None:
            lines.append(f"tomorrow  {coming}")
        standings = _standings(lane, windows, entries)
        facts = _facts(lane, windows, standings, entries, wait, coming, open_)
        return Story(
            title=f"lane {key}: {lane.standing}, step {lane.step}", lines=tuple(lines), facts=facts, wait=wait
        )

    with context.clock.busy():
        return context.database.read(job)


def _began(days: Sequence[_Day]) -> list[tuple[Instant, str]]:
    if not days:
        return []
    first = days[0].ledger
    text = f"began on {first.window.date} at step {first.step} with a cap of {first.cap} a day"
    if first.partial:
        text += ", in the middle of the day" if not days[0].closed or first.cap else ", with the next window"
    return [(first.window.starts_at, text)]


def _middle(days: Sequence[_Day]) -> list[tuple[Instant, str]]:
    told: list[tuple[Instant, str]] = []
    quiet: list[_Day] = []
    for day in days:
        if day.quiet:
            quiet.append(day)
            continue
        told += _fold(quiet)
        quiet = []
        told += _tell(day)
    return told + _fold(quiet)


def _wait(context: Context, connection: Connection, lane: Lane, now: Instant) -> Wait | None:
    views = views_of(context, connection, now, lane.key.provider)
    view = next((one for one in views if one.lane.id == lane.id), None)
    limits = limits_of(view, now) if view is not None else ()
    return wait_of(limits) if limits else None


def _about(rows: Iterable[FindingRow], key: LaneKey) -> list[FindingRow]:
    return [row for row in rows if row.source in ("", key.source) and row.provider in ("", key.provider)]


def _present(lane: Lane, wait: Wait | None, now: Instant) -> list[str]:
    """What holds the lane now."""
    learned = lane.learned
    told = [str(wait) if wait is not None else "a delivery may go"]
    if wait is not None:
        told += [f"also: {limit.text}" for limit in wait.others]
    if lane.cap_limit is not None:
        told.append(f"it sends at most {lane.cap_limit} a day, below its curve")
    if learned.bumps and learned.wall is not None:
        again = (
            f", and is not tried again before {format_instant(learned.probe_at)}"
            if now < learned.probe_at
            else ""
        )
        often = f", met {learned.bumps} times" if learned.bumps > 1 else ""
        told.append(
            f"the provider's limit stood at {learned.wall} a day on "
            f"{format_instant(learned.wall_at)[:10]}{often}{again}"
        )
    if learned.hold:
        told.append(f"it does not grow: {learned.hold}")
    elif now < learned.rest_until:
        told.append(
            f"it does not grow before {format_instant(learned.rest_until)}, "
            f"in {format_span(learned.rest_until - now)}"
        )
    if lane.last_used_at is not None:
        told.append(f"the last delivery was accepted on {format_instant(lane.last_used_at)}")
    return told


def _facts(
    lane: Lane,
    windows: Sequence[tuple[bool, Ledger, Mapping[str, int]]],
    standings: Sequence[str],
    entries: Sequence[Entry],
    wait: Wait | None,
    coming: Tomorrow | None,
    open_: Sequence[FindingRow],
) -> dict[str, Any]:
    return {
        "lane": str(lane.key),
        "standing": lane.standing.value,
        "step": lane.step,
        "cap_limit": lane.cap_limit,
        "until": lane.until,
        "note": lane.note,
        "hold": lane.learned.hold,
        "days": [
            {
                "date": ledger.window.date.isoformat(),
                "step": ledger.step,
                "cap": ledger.cap,
                "aim": ledger.aim,
                "used": ledger.used,
                "accepted": ledger.accepted,
                "closed": closed,
                "standing": stands,
                "evidence": dict(counts),
            }
            for (closed, ledger, counts), stands in zip(windows, standings, strict=True)
        ],
        "journal": [attrs.asdict(entry) for entry in entries],
        "wait": None if wait is None else wait_facts(wait),
        "tomorrow": None if coming is None else coming.facts(),
        "findings": [finding_facts(row) for row in open_],
    }


def explain_source(context: Context, address: str) -> Story:
    """Tell the story of an address: each of its lanes in a sentence, what they share, what is to be mended.

    Raises:
        UsageError: It has no lane.
    """
    now = context.clock.now()

    def job(connection: Connection) -> Story:
        mine = [lane for lane in lanes.lanes_of(connection) if lane.key.source == address]
        if not mine:
            known = sorted({lane.key.source for lane in lanes.lanes_of(connection)})
            first = LaneKey(address, context.plan.providers[0])
            mend = f"the first warmup run makes {first} and the others"
            if address not in context.sources and known:
                mend = f"there are lanes of {', '.join(known[:20])}"
            raise UsageError.of("ADDRESS", f"{address} has no lane", mend)
        pasts = histories(connection, mine, now - HISTORY)
        open_ = [row for row in findings.open_findings(connection) if row.source in ("", address)]
        lines, rows = [], []
        for lane in mine:
            past = pasts[lane.id]
            wait = _wait(context, connection, lane, now)
            coming = tomorrow_of(context, lane, past, now)
            lines.append(_short(lane, past, wait, coming, now))
            rows.append(
                {
                    "lane": str(lane.key),
                    "standing": lane.standing.value,
                    "step": lane.step,
                    "cap_limit": lane.cap_limit,
                    "hold": lane.learned.hold,
                    "accepted": sum(seen.accepted for _, seen in past),
                    "wait": None if wait is None else wait_facts(wait),
                    "tomorrow": None if coming is None else coming.facts(),
                }
            )
        lines += [f"shared  {text}" for text in _shared(mine, now)]
        lines += [f"to mend  {tell_finding(row)}" for row in open_]
        lines.append(f"more  warmup explain {mine[0].key}")
        facts = {"source": address, "lanes": rows, "findings": [finding_facts(row) for row in open_]}
        count = _plural(len(mine), "lane")
        return Story(title=f"address {address}: {count}", lines=tuple(lines), facts=facts)

    with context.clock.busy():
        return context.database.read(job)


def _short(lane: Lane, past: Past, wait: Wait | None, coming: Tomorrow | None, now: Instant) -> str:
    open_ = past[-1][0] if past and past[-1][0].window.ends_at > now else None
    text = f"{lane.key.provider}  {lane.standing}, step {lane.step}"
    if open_ is not None:
        text += f", {open_.accepted} accepted of cap {open_.cap} today"
    text += f", {sum(seen.accepted for _, seen in past):,} in the last 37 days"
    why = lane.learned.hold or (lane.note if lane.standing in (Standing.SUSPENDED, Standing.PAUSED) else "")
    if lane.standing is Standing.SUSPENDED and lane.until is not None:
        text += f"; suspended until {format_instant(lane.until)}"
    elif wait is not None and wait.not_before is None:
        text += "; waits for a person"
    if why:
        text += f": {why}"
    if coming is not None:
        text += f"; tomorrow {coming.cap} if today goes well"
    return text


def _shared(mine: Sequence[Lane], now: Instant) -> list[str]:
    """What several lanes of the address have in common."""
    told = []
    for standing, word in (
        (Standing.SUSPENDED, "are suspended"),
        (Standing.REDUCED, "are reduced"),
        (Standing.PAUSED, "are paused"),
        (Standing.COLD, "are cold"),
    ):
        those = [lane.key.provider for lane in mine if lane.standing is standing]
        if len(those) > 1:
            told.append(f"{len(those)} of {len(mine)} lanes {word}: {', '.join(those)}")
    silent = [lane.key.provider for lane in mine if lane.backoff_until > now]
    if len(silent) > 1:
        told.append(f"{len(silent)} of {len(mine)} providers asked for silence: {', '.join(silent)}")
    bad = [lane for lane in mine if lane.standing is Standing.SUSPENDED]
    if len(mine) > 1 and len(bad) * 2 > len(mine):
        told.append("most lanes are suspended: the trouble is the address's, not one provider's")
    return told or ["nothing: each lane goes its own way"]
