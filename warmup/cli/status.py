"""``warmup status``: lanes with their caps, what is used, what waits, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.engine.status import LaneStatus, QueueCount
    from warmup.store.findings import FindingRow
    from warmup.timing import Instant

__all__ = ["status"]

WAITING = ("queued", "deferred", "leased", "sending", "held")


@click.command()
@click.option("--by", type=click.Choice(["lane", "source", "provider"]), default="lane", show_default=True,
              help="What a row of the table is.")  # fmt: skip
@config_option
@format_option()
def status(by: str, config: Path | None, format: str) -> None:
    """Show lanes, caps, what is used and what waits.

    "next" is when a lane takes its next delivery, in UTC, and what holds it until then;
    `warmup explain LANE` says more. What a person has to mend stands below, with its mend.
    Nothing is changed: a day that no daemon has opened yet shows no cap.
    """
    from warmup.cli.opening import opened

    with opened(config) as wm:
        now = wm.clock.now()
        complaint = wm.engine.context.watch.complaint()
        lanes = [_lane(one, now) for one in wm.engine.lanes()]
        counts = wm.engine.queue_counts()
        findings = wm.engine.findings()
        ehlo = {source.address: (source.ehlo, source.pool) for source in wm.config.sources}
    for row in lanes:
        row["pool"] = ehlo[row["source"]][1]
    rows = lanes if by == "lane" else _grouped(lanes, counts, by)
    if format == "json":
        _as_json(rows, lanes, counts, findings, by, now, complaint)
        return
    _head(now, complaint)
    if by == "lane":
        _by_source(lanes, ehlo)
    elif rows:
        _table(rows, by, lanes)
    if not lanes:
        click.echo("no lanes yet: the first warmup run makes them")
    click.echo()
    click.echo(_queue_line(counts))
    _to_mend(findings)


def _to_mend(findings: Sequence[FindingRow]) -> None:
    """What a person has to mend, each with its mend."""
    from warmup.cli.words import wrap
    from warmup.engine.trouble import tell_finding

    if findings:
        click.echo()
    wrap([f"to mend: {tell_finding(one)}" for one in findings])


def _lane(one: LaneStatus, now: Instant) -> dict[str, Any]:
    from warmup.cli.words import iso

    ledger = one.ledger
    # Who looks opens no window: a day that nobody was there for is not one the engine saw.
    stale = ledger is not None and ledger.window.ends_at <= now
    open_ = None if ledger is None or stale else ledger
    wait = None if stale else one.wait
    return {
        "lane": str(one.lane.key),
        "source": one.lane.key.source,
        "provider": one.lane.key.provider,
        "standing": one.lane.standing.value,
        "step": one.lane.step,
        "date": open_.window.date.isoformat() if open_ else None,
        "cap": open_.cap if open_ else None,
        "used": open_.used if open_ else None,
        "accepted": open_.accepted if open_ else None,
        "not_before": iso(wait.not_before) if wait else None,
        "reason": "not_opened" if stale else wait.reason.value if wait else None,
        "hold": one.lane.learned.hold or None,
        "connections": one.lane.learned.connections or None,
        "text": "its last day has ended, and no daemon has opened another" if stale else
                wait.limit.text if wait else None,
        "next": _next(one, stale, now),
    }  # fmt: skip


def _next(one: LaneStatus, stale: bool, now: Instant) -> str:
    from warmup.cli.words import short_instant

    if stale:
        return "not running"
    if one.wait is None:
        return "now"
    if one.wait.not_before is None:
        return one.wait.reason.value
    return f"{short_instant(one.wait.not_before, now)} {one.wait.reason.value}"


def _sums(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    kept = list(rows)
    return {key: sum(row[key] or 0 for row in kept) for key in ("cap", "used", "accepted")}


def _grouped(lanes: list[dict[str, Any]], counts: Sequence[QueueCount], by: str) -> list[dict[str, Any]]:
    """One row for each source or provider, with how many of its lanes stand where."""
    from collections import Counter

    waits: Counter[str] = Counter()
    for count in counts:
        if count.state in WAITING:
            waits[count.provider] += count.count
    rows = []
    for name in dict.fromkeys(row[by] for row in lanes):
        mine = [row for row in lanes if row[by] == name]
        standing = Counter(row["standing"] for row in mine)
        row = {by: name, "lanes": len(mine), **_sums(mine)}
        if by == "provider":
            row["waiting"] = waits[name]
        row["standings"] = dict(standing)
        rows.append(row)
    return rows


def _as_json(
    rows: list[dict[str, Any]],
    lanes: list[dict[str, Any]],
    counts: Sequence[QueueCount],
    findings: Sequence[FindingRow],
    by: str,
    now: Instant,
    complaint: str | None,
) -> None:
    from warmup.cli.output import emit
    from warmup.cli.words import iso, stated_instants
    from warmup.engine.trouble import finding_facts

    shown = [{key: value for key, value in row.items() if key != "next"} for row in rows]
    facts = {
        "at": iso(now),
        "clock_complaint": complaint,
        "by": by,
        "rows": shown,
        "sum": _sums(lanes),
        "queue": _states(counts),
        "queues": [
            {"pool": one.pool, "provider": one.provider, "state": one.state, "count": one.count}
            for one in counts
        ],
        "findings": [stated_instants(finding_facts(one)) for one in findings],
    }
    emit(facts, "json")


def _states(counts: Sequence[QueueCount]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in counts:
        found[one.state] = found.get(one.state, 0) + one.count
    return found


def _head(now: Instant, complaint: str | None) -> None:
    from warmup.cli.words import wrap
    from warmup.timing import format_instant

    click.echo(format_instant(now))
    if complaint:
        wrap([f"nothing is released: the clock is not believed, {complaint}"])


def _by_source(lanes: list[dict[str, Any]], ehlo: dict[str, tuple[str, str]]) -> None:
    from warmup.cli.output import print_table
    from warmup.cli.words import say

    keys = ("provider", "standing", "step", "cap", "used", "accepted", "next")
    for source in dict.fromkeys(row["source"] for row in lanes):
        mine = [row for row in lanes if row["source"] == source]
        name, pool = ehlo[source]
        click.echo()
        say(f"{source}  {name}" + (f"  pool {pool}" if pool != "default" else ""))
        sums = {**dict.fromkeys(keys), "provider": "all", "standing": "", "next": "", **_sums(mine)}
        rows = [*mine, sums] if len(mine) > 1 else mine
        print_table(keys, [[row[key] for key in keys] for row in rows])


def _table(rows: list[dict[str, Any]], by: str, lanes: list[dict[str, Any]]) -> None:
    from warmup.cli.output import print_table

    keys = [by, "lanes", "cap", "used", "accepted", *(["waiting"] if by == "provider" else []), "standings"]
    shown = [{**row, "standings": _standings(row["standings"])} for row in rows]
    if len(rows) > 1:
        total = {by: "all", "lanes": len(lanes), **_sums(lanes), "standings": ""}
        if by == "provider":
            total["waiting"] = sum(row["waiting"] for row in rows)
        shown.append(total)
    click.echo()
    print_table(keys, [[row[key] for key in keys] for row in shown])


def _standings(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _queue_line(counts: Sequence[QueueCount]) -> str:
    states = _states(counts)
    if not states:
        return "queue: empty"
    order = (*WAITING, *sorted(set(states) - set(WAITING)))
    return "queue: " + ", ".join(f"{states[state]} {state}" for state in order if state in states)
