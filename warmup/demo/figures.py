"""What the receivers counted, laid beside the plan and the ledger, with a reason where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs

from warmup.demo.scenario import CHANGING, Scenario
from warmup.model import LaneKey, Standing
from warmup.timing import SECOND, Instant, Span, format_instant

if TYPE_CHECKING:
    from warmup.demo.world import World
    from warmup.engine import DayRecord, Story

__all__ = ["REASONS", "Figures", "LaneDay", "Sample", "gather", "hours_of"]

REASONS = {
    "b": "blocked: the provider refused the address for the rest of the day",
    "s": "suspended for 24 hours after the block",
    "r": "reduced: below the plan since the provider said no, and climbing again",
    "v": "deferred for volume: the cap of the day falls, and what was deferred goes first next",
    "g": "greylisted late in the day, and taken the next morning",
    "q": "the queue held no more mail for this provider",
    "p": "not caught up within the day: the pace allows one and a half times the pattern",
}
"""Why fewer were accepted than planned: a letter for the table, and what it stands for."""


@attrs.frozen(kw_only=True)
class Sample:
    """How a lane stood shortly before a day was over."""

    standing: Standing
    until: Instant | None


@attrs.frozen(kw_only=True)
class LaneDay:
    """One lane on one day.

    Attributes:
        day: From 1.
        planned: What the plan said before anything was sent.
        cap: The cap in force when the day ended.
        used: Units that the ledger spent.
        booked: Deliveries that the ledger has as accepted.
        offered: Distinct deliveries whose MAIL command the receiver let pass.
        accepted, deferred, blocked: Replies that the receiver counted.
        standing, until: Of the lane half an hour before midnight; the end of its suspension.
        reason: A letter of :data:`REASONS`, empty where all that was planned was accepted.
    """

    day: int
    date: date
    source: str
    provider: str
    planned: int
    step: int
    cap: int
    used: int
    booked: int
    offered: int
    accepted: int
    deferred: int
    blocked: int
    standing: Standing
    until: Instant | None
    reason: str = ""


@attrs.frozen(kw_only=True)
class Figures:
    """Everything that is shown at the end.

    Attributes:
        days: Lane days in the order of the plan, as far as the demonstration came.
        hours: Deliveries by the local hour of their first try, over all lane days that went as planned.
        pattern: The hours that the plan had for these lane days.
        submitted, kinds: Messages, and how many of each kind.
        accepted, copies, deferred, blocked: What the receivers counted.
        intact: Accepted messages whose every octet was as submitted.
        waiting: Deliveries left in the queue, by provider.
        message, lane: What ``warmup explain`` says of a message that waits, and of the blocked lane.
        turned: What it says of the lane whose provider changed its mind.
        message_id: The delivery that ``message`` is about.
        took: Real time of the whole.
        finished: Whether every day was played.
    """

    scenario: Scenario
    days: tuple[LaneDay, ...]
    hours: tuple[int, ...]
    pattern: tuple[int, ...]
    submitted: int
    kinds: Mapping[str, int]
    accepted: int
    copies: int
    deferred: int
    blocked: int
    intact: int
    waiting: Mapping[str, int]
    message: Story | None
    message_id: int | None
    lane: Story | None
    turned: Story | None
    took: Span
    finished: bool

    @property
    def played(self) -> int:
        """Days that have passed."""
        return max((cell.day for cell in self.days), default=0)

    @property
    def beyond(self) -> int:
        """Lane days on which a receiver saw more deliveries than the plan allowed. A promise: none."""
        return sum(cell.offered > cell.planned or cell.offered > cell.used for cell in self.days)

    @property
    def differing(self) -> int:
        """Lane days on which ledger and receiver disagree. A promise: none."""
        return sum(cell.booked != cell.accepted for cell in self.days)

    @property
    def blocked_lanes(self) -> tuple[LaneKey, ...]:
        """Lanes that were blocked, in the order of their first block."""
        found = [LaneKey(cell.source, cell.provider) for cell in self.days if cell.blocked]
        return tuple(dict.fromkeys(found))

    @property
    def blocked_lane(self) -> LaneKey | None:
        """The lane whose block is told: the last of them."""
        return self.blocked_lanes[-1] if self.blocked_lanes else None

    @property
    def turned_lane(self) -> LaneKey | None:
        """The lane whose provider changed its mind, once it has deferred something: the first of them."""
        found = [cell for cell in self.days if cell.provider == CHANGING and cell.deferred]
        return LaneKey(found[0].source, found[0].provider) if found else None

    def of(
        self, *, day: int | None = None, provider: str | None = None, source: str | None = None
    ) -> tuple[LaneDay, ...]:
        """Lane days that fit everything named."""
        return tuple(
            cell
            for cell in self.days
            if day in (None, cell.day) and provider in (None, cell.provider) and source in (None, cell.source)
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "days": self.played,
            "seed": self.scenario.seed,
            "finished": self.finished,
            "seconds": self.took / SECOND,
            "submitted": self.submitted,
            "kinds": dict(self.kinds),
            "accepted": self.accepted,
            "intact": self.intact,
            "copies": self.copies,
            "deferred": self.deferred,
            "blocked": self.blocked,
            "waiting": dict(self.waiting),
            "lane_days_beyond_cap": self.beyond,
            "lane_days_differing_from_ledger": self.differing,
            "hours": list(self.hours),
            "pattern": list(self.pattern),
            "habits": {name: actor.habit for name, actor in self.scenario.actors.items()},
            "lane_days": [
                attrs.asdict(cell)
                | {
                    "date": cell.date.isoformat(),
                    "standing": cell.standing.value,
                    "until": None if cell.until is None else format_instant(cell.until),
                    "reason": REASONS.get(cell.reason, ""),
                }
                for cell in self.days
            ],
            "explain": {
                "message": None if self.message is None else [self.message.title, *self.message.lines],
                "lane": None if self.lane is None else [self.lane.title, *self.lane.lines],
                "turned": None if self.turned is None else [self.turned.title, *self.turned.lines],
            },
        }


def gather(
    scenario: Scenario,
    world: World,
    records: Sequence[DayRecord],
    samples: Mapping[tuple[date, LaneKey], Sample],
    *,
    until: Instant,
) -> tuple[LaneDay, ...]:
    """Lay plan, ledger and receivers side by side.

    Args:
        scenario: The plan.
        world: The receivers.
        records: The ledger's windows.
        samples: How lanes stood.
        until: Where the clock stopped; days that had not begun are left out.
    """
    ledgers = {(record.lane, record.ledger.window.date): record for record in records}
    cells = []
    for row in scenario.plan.rows():
        if scenario.midnight(row.day - 1) > until:
            break
        key = LaneKey(row.ip, row.provider)
        record = ledgers.get((key, row.date))
        if record is None:
            continue
        seen = world.tally(peer=row.ip, provider=row.provider, date=row.date.isoformat())
        sample = samples.get((row.date, key), Sample(standing=Standing.RAMPING, until=None))
        ledger = record.ledger
        cell = LaneDay(
            day=row.day,
            date=row.date,
            source=row.ip,
            provider=row.provider,
            planned=row.cap,
            step=ledger.step,
            cap=ledger.cap,
            used=ledger.used,
            booked=ledger.accepted,
            offered=seen.deliveries,
            accepted=seen.accepted,
            deferred=seen.deferred,
            blocked=seen.blocked,
            standing=sample.standing,
            until=sample.until,
        )
        cells.append((cell, record.evidence))
    return tuple(_reasoned(cells, scenario))


def _emptied(cells: Sequence[tuple[LaneDay, Mapping[str, int]]], counts: Mapping[str, int]) -> dict[str, int]:
    """The day on which the last message for a provider was accepted, where that day came."""
    left = dict(counts)
    emptied: dict[str, int] = {}
    for cell, _ in cells:
        left[cell.provider] -= cell.accepted
        if left[cell.provider] <= 0:
            emptied.setdefault(cell.provider, cell.day)
    return emptied


def _reasoned(cells: Sequence[tuple[LaneDay, Mapping[str, int]]], scenario: Scenario) -> list[LaneDay]:
    """Say of each lane day why it fell short of the plan, if it did."""
    emptied = _emptied(cells, scenario.counts)
    held_until: dict[tuple[str, str], Instant] = {}
    found = []
    for cell, evidence in cells:
        lane = (cell.source, cell.provider)
        starts_at = scenario.midnight(cell.day - 1)
        reason = ""
        if cell.accepted < cell.planned:
            if cell.blocked:
                reason = "b"
            elif held_until.get(lane, 0) > starts_at:
                reason = "s"
            elif evidence.get("volume_limited"):
                reason = "v"
            elif cell.cap < cell.planned:
                reason = "r"
            elif cell.day >= emptied.get(cell.provider, cell.day + 1):
                reason = "q"
            elif evidence.get("greylist") and cell.accepted < cell.used:
                reason = "g"
            else:
                reason = "p"
        if cell.standing is Standing.SUSPENDED and cell.until is not None:
            held_until[lane] = cell.until
        found.append(attrs.evolve(cell, reason=reason))
    return found


def hours_of(
    scenario: Scenario, cells: Sequence[LaneDay], world: World
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Deliveries by local hour at the receivers, and the hours that the plan has for the same lane days.

    Lane days on which something was held back are left out of both: their mail could not come when
    its place in the day was.
    """
    seen, wanted = [0] * 24, [0] * 24
    plan = scenario.plan
    whole = {(cell.source, cell.provider, cell.date.isoformat()) for cell in cells if not cell.reason}
    for key, tally in world.tallies.items():
        if (key.peer, key.provider, key.date) in whole:
            seen[key.hour] += tally.deliveries
    for row in plan.rows():
        if (row.ip, row.provider, row.date.isoformat()) in whole:
            for hour, count in enumerate(plan.row_hours(row)):
                wanted[hour] += count
    return tuple(seen), tuple(wanted)
