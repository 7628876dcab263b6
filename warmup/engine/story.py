"""The story of a lane in sentences: when it began, what moved it, what holds it, and what tomorrow may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from warmup.engine.chronicle import began, by_day, plural, standings, tell
from warmup.engine.common import held_addresses
from warmup.engine.context import Context
from warmup.engine.evidence import HISTORY, Past, histories
from warmup.engine.explain import Story, wait_facts
from warmup.engine.outlook_lane import Tomorrow, tomorrow_of
from warmup.engine.release import views_of
from warmup.engine.trouble import finding_facts, tell_finding
from warmup.errors import UsageError
from warmup.model import Lane, LaneKey, Ledger, Standing, Wait
from warmup.release.limits import limits_of, wait_of
from warmup.reputation import recipes, weekdays
from warmup.store import Connection, findings, journal, lanes
from warmup.store.findings import FindingRow
from warmup.store.journal import Entry
from warmup.timing import Instant, format_instant, format_span

__all__ = ["explain_lane", "explain_source"]


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
        days, loose = by_day(windows, entries)
        told = [*began(days), *((entry.at, entry.text) for entry in loose), *tell(days)]
        told.sort(key=lambda one: one[0])
        open_ = _about(findings.open_findings(connection), key)
        past = histories(connection, [lane], now - HISTORY)[lane.id]
        wait = _wait(context, connection, lane, now)
        beside = held_addresses(open_).get(key.source, "")
        coming = tomorrow_of(context, lane, past, wait, now, beside)
        lines = [f"{format_instant(at)}  {text}" for at, text in told]
        lines += [f"now  {text}" for text in _present(lane, wait, now)]
        lines += [f"to mend  {tell_finding(row)}" for row in open_]
        if coming is not None:
            lines.append(f"tomorrow  {coming}")
        stood = standings(lane, windows, entries)
        facts = _facts(lane, windows, stood, entries, wait, coming, open_)
        return Story(
            title=f"lane {key}: {lane.standing}, step {lane.step}", lines=tuple(lines), facts=facts, wait=wait
        )

    with context.clock.busy():
        return context.database.read(job)


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
    slow = [
        f"{name} {abs(share) / 10:g} %"
        for name, share in zip(weekdays.NAMES, learned.slow, strict=False)
        if share
    ]
    if slow:
        told.append(f"the provider took less on some weekdays, which open with {', '.join(slow)} of a day")
    if fewer := recipes.told(learned):
        told.append(f"the provider asked for less at once: {fewer}")
    if learned.volume > (lane.cap_limit or 0) and lane.standing in (Standing.REDUCED, Standing.COLD):
        told.append(
            f"it carried {learned.volume} a day before it was idle, and a used day may double its cap"
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
        "connections": lane.learned.connections or None,
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
        beside = held_addresses(open_).get(address, "")
        for lane in mine:
            past = pasts[lane.id]
            wait = _wait(context, connection, lane, now)
            coming = tomorrow_of(context, lane, past, wait, now, beside)
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
        count = plural(len(mine), "lane")
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
    if coming is not None and coming.standing not in (Standing.SUSPENDED, Standing.PAUSED):
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
    return told or ["nothing: each lane goes its own way"]
