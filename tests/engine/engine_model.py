"""What the engine has to remember, as dictionaries: the receiver's log, the units and the deliveries.

Nothing here is taken from the engine but grants and the caps that were in force: states follow from
what was done, units from the grants, and MAIL commands from what ``begin`` allowed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import attrs
import sqlalchemy as sa

from warmup.model import PARTS, Grant, LaneKey, Shape
from warmup.store import Database
from warmup.timing import DAY, HOUR, MINUTE, SECOND, Instant

FINAL = frozenset({"sent", "bounced", "expired", "cancelled"})
HISTORY = 90 * DAY
LIFETIME = 5 * DAY
LONGEST_WAIT = 5 * HOUR + 15 * MINUTE


@attrs.define
class Delivery:
    """A delivery as it has to stand."""

    stream: str
    deadline: Instant | None
    submitted_at: Instant
    state: str = "queued"
    attempts: int = 0
    first_at: Instant | None = None
    lease: int = 0
    owner: str = ""
    lease_until: Instant = 0
    window: int = 0
    copies: int = 0
    doubts: int = 0

    def waits(self) -> None:
        """A claim was given back: it stands where it stood before."""
        self.state = "deferred" if self.attempts else "queued"


@attrs.define
class Day:
    """A window as the receiver sees it."""

    lane: LaneKey
    starts_at: Instant
    ends_at: Instant
    shape: Shape
    cap: int
    caps: list[int]
    units: set[int] = attrs.field(factory=set)
    spent: set[int] = attrs.field(factory=set)
    mailed: set[int] = attrs.field(factory=set)
    takes: list[int] = attrs.field(factory=list)
    turned_back: bool = False

    def take(self, ref: int, at: Instant) -> None:
        """A grant holds a unit here: its own already, or one more within cap, pattern and pace."""
        if ref in self.units:
            return
        self.units.add(ref)
        parts = self.shape.parts(at)
        used = len(self.units)
        assert used <= self.cap, f"{self.lane}: {used} units of a cap of {self.cap}"
        assert used <= -(-self.cap * parts // PARTS), f"{self.lane}: {used} at {parts / PARTS:.4f} of the day"
        if not self.turned_back:
            self._check_pace(parts)

    def _check_pace(self, parts: int) -> None:
        # 1.5 x cap x dF + min(5, ceil(cap / 24)) for every interval that holds this instant. A
        # cap that was edited in mid-window may have let one more burst go, each time.
        cap = max(self.caps)
        most = sum(min(5, -(-one // 24)) for one in self.caps)
        # Units of a fast lane are given out a little ahead: not in the order of their instants.
        place = bisect_right(self.takes, parts)
        self.takes.insert(place, parts)
        for end in range(place, len(self.takes)):
            for start in range(place + 1):
                count, passed = end - start + 1, self.takes[end] - self.takes[start]
                assert 2 * PARTS * (count - most) <= 3 * cap * passed, (
                    f"{self.lane}: {count} units within {passed / PARTS:.7f} of the day, caps {self.caps}"
                )

    def mail(self, ref: int, now: Instant) -> None:
        """A MAIL command went out."""
        assert self.starts_at <= now < self.ends_at - 2 * SECOND, f"{self.lane}: MAIL outside of its window"
        assert ref in self.units, f"{self.lane}: MAIL for {ref} without a unit"
        self.spent.add(ref)
        self.mailed.add(ref)
        assert len(self.mailed) <= max(self.caps)

    def give_back(self, ref: int) -> None:
        """A unit that was not spent is free again."""
        if ref not in self.spent:
            self.units.discard(ref)


class Model:
    """The whole of it."""

    def __init__(self) -> None:
        self.deliveries: dict[int, Delivery] = {}
        self.keys: dict[str, list[int]] = {}
        self.days: dict[int, Day] = {}
        self.paused: set[LaneKey] = set()
        self.suspended: dict[LaneKey, Instant] = {}

    def silent(self, key: LaneKey, now: Instant) -> bool:
        """Whether a lane must not grant."""
        return key in self.paused or now < self.suspended.get(key, 0)

    def holders(self, window: int) -> set[int]:
        """References that hold a unit of a window."""
        return self.days[window].units if window in self.days else set()

    def leave(self, delivery: int) -> None:
        """A claim was given back."""
        one = self.deliveries[delivery]
        self.days[one.window].give_back(delivery)
        one.waits()

    def settle(self, delivery: int, outcome: str, now: Instant) -> None:
        """An attempt was recorded; ``outcome`` is accepted, deferred, bounced or unknown."""
        one = self.deliveries[delivery]
        if one.state == "leased":
            self.days[one.window].give_back(delivery)
        one.attempts += 1
        one.first_at = now if one.first_at is None else one.first_at
        hold = one.stream == "careful"
        one.state = {
            "accepted": "sent",
            "bounced": "bounced",
            "deferred": "deferred",
            "unknown": "held" if hold else "deferred",
        }[outcome]

    def sweep(self, node: str, owner: str, now: Instant) -> None:
        """Claims of dead workers are cleaned up, and mail past its deadline expires."""
        for number, one in self.deliveries.items():
            if one.state in ("leased", "sending"):
                dead = one.owner.startswith(f"{node}/") and one.owner != owner
                if dead or (one.lease_until <= now and one.owner != owner):
                    if one.state == "leased":
                        self.leave(number)
                    else:
                        one.doubts += 1
                        self.settle(number, "unknown", now)
            if (
                one.state in ("queued", "deferred", "held")
                and one.deadline is not None
                and one.deadline <= now
            ):
                one.state = "expired"


@attrs.frozen(kw_only=True)
class Facts:
    """What the database says."""

    windows: list[Any]
    holders: dict[int, set[int]]
    states: dict[int, str]
    claims: list[tuple[int, int]]

    @classmethod
    def read(cls, database: Database) -> Facts:
        """Read everything in one transaction."""

        def job(connection: sa.Connection) -> Facts:
            windows = connection.execute(
                sa.text(
                    "SELECT w.id, l.source, l.provider, w.starts_at, w.ends_at, w.cap, w.peak, w.used, "
                    "w.closed, w.lane FROM windows w JOIN lanes l ON l.id = w.lane "
                    "ORDER BY w.lane, w.starts_at"
                )
            ).all()
            holders: dict[int, set[int]] = defaultdict(set)
            held = "SELECT \"window\", ref FROM reservations WHERE state IN ('pending', 'posted')"
            for window, ref in connection.execute(sa.text(held)):
                holders[window].add(ref)
            rows = connection.execute(sa.text('SELECT id, state, "window" FROM deliveries')).all()
            return cls(
                windows=list(windows),
                holders=holders,
                states={row[0]: row[1] for row in rows},
                claims=[(row[2], row[0]) for row in rows if row[1] in ("leased", "sending")],
            )

        return database.read(job)


def _given_up(one: Delivery, now: Instant) -> bool:
    """Whether a delivery that failed just now may have been given up instead of waiting once more."""
    tried = one.state in ("deferred", "held") and one.first_at is not None
    return tried and now + LONGEST_WAIT - (one.first_at or 0) > LIFETIME


def _forget(model: Model, facts: Facts, now: Instant) -> None:
    """What is finished may be forgotten after 90 days, and nothing else, ever."""
    for number in [number for number in model.deliveries if number not in facts.states]:
        one = model.deliveries.pop(number)
        ended = one.state in FINAL or _given_up(one, now)
        assert ended and now - one.submitted_at > HISTORY, f"delivery {number} was lost"
    model.keys = {key: ids for key, ids in model.keys.items() if ids[0] in model.deliveries}


def check(model: Model, facts: Facts, now: Instant) -> None:
    """Hold the database against the model and against the laws that need none."""
    _forget(model, facts, now)
    assert len(facts.states) == len(model.deliveries), "a delivery was made up"
    for number, one in model.deliveries.items():
        if facts.states[number] == "expired" and _given_up(one, now):
            one.state = "expired"
    wrong = {
        number: (one.state, facts.states[number])
        for number, one in model.deliveries.items()
        if one.state != facts.states[number]
    }
    assert not wrong, f"(model, store) by delivery: {wrong}"
    open_windows: Counter[int] = Counter()
    last: tuple[int, Instant] = (0, 0)
    for row in facts.windows:
        assert row.used <= row.peak
        assert row.lane != last[0] or row.starts_at >= last[1], f"windows of lane {row.lane} overlap"
        assert 0 < row.ends_at - row.starts_at <= 48 * HOUR
        last = (row.lane, row.ends_at)
        open_windows[row.lane] += not row.closed
        if now - row.ends_at > HISTORY:
            continue  # its reservations may be forgotten, its account stays
        assert row.used == len(facts.holders[row.id]), (
            f"window {row.id}: used {row.used}, held by {facts.holders[row.id]}"
        )
        assert facts.holders[row.id] == model.holders(row.id), f"window {row.id} has other holders"
    assert all(count <= 1 for count in open_windows.values())
    for window, ref in facts.claims:
        assert window in model.days and ref in facts.holders[window], (
            f"delivery {ref} is under way without a unit in {window}"
        )
    for number, one in model.deliveries.items():
        assert one.copies <= 1 + one.doubts, f"delivery {number} arrived {one.copies} times"


def of_lane(grants: Iterable[Grant], key: LaneKey) -> list[Grant]:
    """Grants of one lane."""
    return [grant for grant in grants if grant.lane == key]
