"""What lanes have earned, written out and taken in by another database or host.

A file holds lanes with their standing, step and memory, and their last forty days with the evidence of
each. What comes in never opens a second allowance: a day on which the old host has sent already is
taken over as it stood, with nothing left of its cap. Nothing that this database saw itself is lost:
its own days stay, and days from the file fill the gaps between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from warmup.engine.context import Context
from warmup.engine.graft import at_volume
from warmup.engine.state_file import (
    TEXT_MAX,
    VERSION,
    LaneState,
    WindowState,
    read_state,
    write_learned,
    write_time,
)
from warmup.engine.windows import make_lanes
from warmup.errors import DataError, Problem, UsageError
from warmup.model import Lane, LaneKey, Standing, Watch, Window
from warmup.reputation import standing
from warmup.store import Connection, history, journal, lanes, transfer
from warmup.store.transfer import Day
from warmup.timing import DAY, Instant, Span, format_instant

__all__ = ["KEPT", "Imported", "export_state", "import_state"]

KEPT: Span = 40 * DAY
"""How far back days are written out: more than judgement and growth look."""

JOURNAL_KEPT = 500
"""Lines of a lane's journal that are written out, the latest."""

STORY_SEEN = 10_000
"""Lines of a lane's journal among which those of a file are looked for, the latest."""


@attrs.frozen(kw_only=True)
class Imported:
    """What became of a lane of the file.

    Attributes:
        lane: Its name here.
        standing, step: Where it stands now.
        cap_limit: Its limit below the curve, or None.
        days: How many of its days were new here.
        told: As a sentence.
    """

    lane: str
    standing: str
    step: int
    cap_limit: int | None
    days: int
    told: str


def export_state(context: Context, sources: Sequence[str] = (), *, journal: bool = False) -> dict[str, Any]:
    """What lanes have earned, as JSON values; nothing is changed.

    Args:
        context: The engine's surroundings.
        sources: Addresses whose lanes are wanted; empty: every lane of the database.
        journal: Whether the lanes' stories go along.

    Raises:
        UsageError: There is no lane of one of the addresses.
    """
    now = context.clock.now()

    def job(connection: Connection) -> dict[str, Any]:
        known = lanes.lanes_of(connection)
        have = {lane.key.source for lane in known}
        missing = [source for source in sources if source not in have]
        if missing:
            mend = f"there are lanes of: {', '.join(sorted(have)) or 'none yet'}"
            raise UsageError(problems=[Problem("--ip", f"{one} has no lane", mend) for one in missing])
        wanted = [lane for lane in known if not sources or lane.key.source in sources]
        wanted.sort(key=lambda lane: (lane.key.source, lane.key.provider))
        pasts = history.pasts_of(connection, [lane.id for lane in wanted], now - KEPT)
        written = []
        for lane in wanted:
            facts = _lane(context, lane)
            facts["windows"] = [_window(ledger, closed, counts) for ledger, closed, counts in pasts[lane.id]]
            if journal:
                facts["journal"] = _story(connection, lane.id)
            written.append(facts)
        return {
            "format": "warmup-state",
            "version": VERSION,
            "exported_at": write_time(now),
            "timezone": context.plan.zone,
            "curve": context.plan.curve.name,
            "lanes": written,
        }

    with context.clock.busy():
        return context.database.read(job)


def _lane(context: Context, lane: Lane) -> dict[str, Any]:
    there = lane.key.source in context.sources and lane.key.provider in context.plan.providers
    return {
        "source": lane.key.source,
        "provider": lane.key.provider,
        "standing": lane.standing.value,
        "step": lane.step,
        # What the step was worth under the plan of this host: another may give it another cap.
        "volume": context.nominal(lane.key)(lane.step) if there else None,
        "cap_limit": lane.cap_limit,
        "until": write_time(lane.until),
        "before_pause": None if lane.before_pause is None else lane.before_pause.value,
        "backoff_until": write_time(lane.backoff_until or None),
        "backoff_reason": lane.backoff_reason[:TEXT_MAX],
        "last_used_at": write_time(lane.last_used_at),
        "note": lane.note[:TEXT_MAX],
        "learned": write_learned(lane.learned),
    }


def _window(ledger: Any, closed: bool, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "date": ledger.window.date.isoformat(),
        "zone": ledger.zone,
        "starts_at": write_time(ledger.window.starts_at),
        "ends_at": write_time(ledger.window.ends_at),
        "step": ledger.step,
        "cap": ledger.cap,
        "used": ledger.used,
        "accepted": ledger.accepted,
        "partial": ledger.partial,
        "closed": closed,
        "evidence": dict(sorted(counts.items())),
    }


def _story(connection: Connection, lane: int) -> list[dict[str, Any]]:
    return [
        {"at": write_time(entry.at), "kind": entry.kind, "text": entry.text[:TEXT_MAX]}
        for entry in journal.entries_of(connection, lane=lane, limit=JOURNAL_KEPT)
    ]


def import_state(
    context: Context,
    state: object,
    *,
    renamed: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    sources: Sequence[str] = (),
    replace: bool = False,
    dry_run: bool = False,
) -> list[Imported]:
    """Take in what was exported, all of it or nothing.

    A step goes over as what it was worth: where this plan gives it another cap, the lane is put at the
    last step that is worth no more. A lane's open day of the old host comes with no cap left where that
    host had sent anything on it.

    Args:
        context: The engine's surroundings.
        state: The file's JSON values.
        renamed: New addresses by old ones, where the past goes with another address.
        without: Providers whose lanes are left out.
        sources: Addresses of the file whose lanes are taken; empty: all of them.
        replace: Whether the standing of lanes that have sent mail here is given up for the file's.
        dry_run: Say what would be done and change nothing.

    Returns:
        What became of each lane, in the file's order.

    Raises:
        DataError: The file is no such file, or of an unknown version; every problem is listed.
        UsageError: Something in it does not fit this plan or database; nothing was changed.
    """
    given = read_state(state)
    now = context.clock.now()
    chosen = _chosen(context, given, renamed or {}, without, sources)

    def job(connection: Connection) -> list[Imported]:
        known = {lane.key: lane for lane in make_lanes(context, connection, lanes.lanes_of(connection), now)}
        problems = [
            Problem(
                str(key),
                "has sent mail in this database",
                "say --replace to give its standing up for the file's; its own days are kept",
            )
            for key, _ in chosen
            if not replace
            and (known[key].last_used_at is not None or transfer.has_sent(connection, known[key].id))
        ]
        if problems:
            raise UsageError(problems=problems)
        return [_take(context, connection, known[key], one, now) for key, one in chosen]

    def tried(connection: Connection) -> list[Imported]:
        raise _Tried(job(connection))

    with context.clock.busy():
        if dry_run:
            try:
                context.database.write(tried)
            except _Tried as seen:
                return seen.done
        done: list[Imported] = context.database.write(job)
    context.ask_roll()
    context.nudge()
    context.announce()
    return done


class _Tried(Exception):
    """Ends a transaction that was only a trial: all of it is undone."""

    def __init__(self, done: list[Imported]) -> None:
        super().__init__()
        self.done = done


def _chosen(
    context: Context,
    given: Sequence[LaneState],
    renamed: Mapping[str, str],
    without: Sequence[str],
    sources: Sequence[str],
) -> list[tuple[LaneKey, LaneState]]:
    """The lanes to take, by their names here."""
    problems: list[Problem] = []
    there = list(dict.fromkeys(one.key.source for one in given))
    for option, names in (("--map", renamed), ("--ip", sources)):
        problems += [
            Problem(option, f"{name} is not in the file", f"it holds {', '.join(there) or 'no lane'}")
            for name in names
            if name not in there
        ]
    chosen: dict[LaneKey, LaneState] = {}
    strange: dict[str, None] = {}
    shareless: dict[str, None] = {}
    for one in given:
        if (sources and one.key.source not in sources) or one.key.provider in without:
            continue
        key = LaneKey(renamed.get(one.key.source, one.key.source), one.key.provider)
        if key.source not in context.sources:
            strange[key.source] = None
        elif key.provider not in context.plan.providers:
            shareless[key.provider] = None
        elif key in chosen:
            problems.append(Problem(str(key), "two lanes of the file would become this one", "mend --map"))
        else:
            chosen[key] = one
    known = ", ".join(context.sources)
    problems += [
        Problem(
            address,
            "is not in the plan",
            f"say --map {address}=NEW with one of {known}, or: warmup ip add {address}",
        )
        for address in strange
    ]
    problems += [
        Problem(provider, "has no share of the plan", f"give it one, or say --without {provider}")
        for provider in shareless
    ]
    if problems:
        raise UsageError(problems=problems)
    if not chosen:
        raise DataError.of("lanes", "there is none to take", "see what the file holds")
    return list(chosen.items())


def _take(context: Context, connection: Connection, mine: Lane, one: LaneState, now: Instant) -> Imported:
    lane = _placed(context, mine, one)
    days, spent = _kept([_day(window) for window in one.windows], now)
    if spent is not None:
        transfer.drop_unused(connection, mine.id, now)
    own = lanes.ledgers_of(connection, mine.key.provider).get(mine.id)
    if own is not None:
        # A lane has one open window: this database's own goes on, and says what may go today. What was
        # noticed in the other's is counted from other numbers.
        lane = attrs.evolve(lane, learned=attrs.evolve(lane.learned, watch=Watch()))
        days = [attrs.evolve(day, closed=True) for day in days]
        if (
            spent is not None
            and spent.starts_at < own.window.ends_at
            and own.window.starts_at < spent.ends_at
        ):
            lanes.lower_cap(connection, own.id, own.used)
            lanes.spoil(connection, own.id)
    today = ""
    if spent is not None:
        today = f"; the other host has sent today, so nothing goes before {format_instant(spent.ends_at)}"
    added = transfer.add_days(connection, mine.id, days)
    lanes.save_lanes(connection, [lane])
    if own is not None:
        level = context.planned(lane, own)(lane.step)
        lanes.lower_cap(connection, own.id, standing.cap_of(lane, level, own.window.date))
    # The same file may come twice, and tells its story once.
    told_before = {
        (entry.at, entry.kind, entry.text[:TEXT_MAX])
        for entry in (journal.entries_of(connection, lane=mine.id, limit=STORY_SEEN) if one.journal else ())
    }
    for at, kind, text in one.journal:
        if (at, kind, text) not in told_before:
            journal.note(connection, at, kind, text, lane=mine.id)
    came = "" if one.key == mine.key else f" of {one.key}"
    limit = "" if lane.cap_limit is None else f", at most {lane.cap_limit} a day"
    told = f"state{came} taken in with {added} days: {lane.standing}, step {lane.step}{limit}{today}"
    journal.note(connection, now, "operator", told, lane=mine.id)
    return Imported(
        lane=str(mine.key),
        standing=lane.standing.value,
        step=lane.step,
        cap_limit=lane.cap_limit,
        days=added,
        told=told,
    )


def _kept(days: Sequence[Day], now: Instant) -> tuple[list[Day], Window | None]:
    """The days to write down, and the one under way of which the other host has sent something.

    Whatever is left of that belongs to the host that began it: there is one allowance a day. One of which
    nothing was sent is left out, and may begin here. A day that has ended since is judged here.
    """
    kept: list[Day] = []
    spent = None
    for day in days:
        ledger = day.ledger
        if ledger.window.ends_at <= now:
            kept.append(day)
        elif ledger.used:
            spent = ledger.window
            kept.append(attrs.evolve(day, ledger=attrs.evolve(ledger, cap=ledger.used, partial=True)))
    return kept, spent


def _day(window: WindowState) -> Day:
    return Day(ledger=window.ledger, evidence=window.evidence, closed=window.closed)


def _placed(context: Context, mine: Lane, one: LaneState) -> Lane:
    """The lane as it stood, at the step that is worth no more under this plan."""
    planned, last = context.nominal(mine.key), context.plan.last_step(mine.key.source)
    lane = attrs.evolve(one.lane, id=mine.id, key=mine.key)
    if one.lane.step <= last and one.volume in (None, planned(one.lane.step)):
        return lane
    volume = one.volume
    if volume is None:
        return attrs.evolve(lane, step=last)
    if volume < 1:
        return attrs.evolve(lane, step=1)
    moved = at_volume(lane, volume, planned, last)
    limits = [limit for limit in (lane.cap_limit, moved.cap_limit) if limit is not None]
    lane = attrs.evolve(lane, step=moved.step, cap_limit=min(limits, default=None))
    if lane.standing in (Standing.RAMPING, Standing.WARM):
        stands = moved.standing
        return attrs.evolve(lane, standing=stands)
    if lane.before_pause in (Standing.RAMPING, Standing.WARM):
        return attrs.evolve(lane, before_pause=moved.standing)
    return lane
