"""Lanes, their windows (the ledger), their sites, and units of a cap.

The cap is kept by one conditional UPDATE: ``used + n <= cap`` is checked and changed in the same
statement, so that no two writers can both take the last unit, on any database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.errors import IllegalTransition
from warmup.model import Lane, LaneKey, Ledger, Standing, WaitReason, Window
from warmup.release.limits import SiteHold
from warmup.store.schema import lane_sites, lanes, reservations, sources, windows
from warmup.timing import Instant

__all__ = [
    "add_accepted",
    "add_lanes",
    "close_windows",
    "down_sources",
    "hold_site",
    "hold_source",
    "lanes_of",
    "lanes_of_windows",
    "last_ends",
    "ledger_total",
    "ledgers_of",
    "lower_cap",
    "open_windows",
    "post",
    "raise_window",
    "reservation_states",
    "reserve",
    "save_lanes",
    "sites_of",
    "spoil",
    "take_units",
    "touch_lanes",
    "void",
    "windows_of",
]


def _lane(row: Any) -> Lane:
    return Lane(
        id=row.id,
        key=LaneKey(row.source, row.provider),
        standing=Standing(row.standing),
        step=row.step,
        cap_limit=row.cap_limit,
        until=row.until,
        before_pause=Standing(row.before_pause) if row.before_pause else None,
        backoff_until=row.backoff_until,
        backoff_reason=row.backoff_reason,
        last_used_at=row.last_used_at,
        note=row.note,
    )


def _values(lane: Lane) -> dict[str, Any]:
    return {
        "standing": lane.standing.value,
        "step": lane.step,
        "cap_limit": lane.cap_limit,
        "until": lane.until,
        "before_pause": lane.before_pause.value if lane.before_pause else None,
        "backoff_until": lane.backoff_until,
        "backoff_reason": lane.backoff_reason,
        "last_used_at": lane.last_used_at,
        "note": lane.note,
    }


_LANES = sa.select(lanes).order_by(lanes.c.id)
_LANES_OF = _LANES.where(lanes.c.provider == bindparam("provider"))


def lanes_of(connection: Connection, provider: str | None = None) -> list[Lane]:
    """All lanes, or those to one provider, in the order in which they were made."""
    rows = (
        connection.execute(_LANES)
        if provider is None
        else connection.execute(_LANES_OF, {"provider": provider})
    )
    return [_lane(row) for row in rows]


def add_lanes(connection: Connection, new: Sequence[Lane]) -> None:
    """Remember lanes for the first time; their ids are given by the store."""
    if new:
        connection.execute(
            sa.insert(lanes),
            [{"source": lane.key.source, "provider": lane.key.provider, **_values(lane)} for lane in new],
        )


_SAVE = (
    sa.update(lanes)
    .where(lanes.c.id == bindparam("lane"))
    .values({name: bindparam(f"new_{name}") for name in _values(Lane(id=0, key=LaneKey("", "")))})
)


def save_lanes(connection: Connection, changed: Iterable[Lane]) -> None:
    """Write lanes back."""
    rows = [
        {"lane": lane.id, **{f"new_{name}": value for name, value in _values(lane).items()}}
        for lane in changed
    ]
    if rows:
        connection.execute(_SAVE, rows)


_USED = sa.update(lanes).where(lanes.c.id == bindparam("lane")).values(last_used_at=bindparam("at"))


def touch_lanes(connection: Connection, used: Mapping[int, Instant]) -> None:
    """Remember when lanes were last used."""
    if used:
        connection.execute(_USED, [{"lane": lane, "at": at} for lane, at in used.items()])


def _ledger(row: Any) -> Ledger:
    return Ledger(
        id=row.id,
        window=Window(date.fromisoformat(row.date), row.starts_at, row.ends_at),
        zone=row.zone,
        step=row.step,
        cap=row.cap,
        used=row.used,
        accepted=row.accepted,
        tat=row.tat,
        partial=bool(row.partial),
    )


_OPEN = sa.select(windows).where(sa.text("NOT windows.closed")).order_by(windows.c.id)
_OPEN_OF = (
    sa.select(windows)
    .join(lanes, lanes.c.id == windows.c.lane)
    .where(sa.text("NOT windows.closed"), lanes.c.provider == bindparam("provider"))
    .order_by(windows.c.id)
)


def ledgers_of(
    connection: Connection, provider: str | None = None, *, lock: bool = False
) -> dict[int, Ledger]:
    """Open windows by lane id; ``lock`` keeps other writers away from them until the commit."""
    statement = _OPEN if provider is None else _OPEN_OF
    if lock:
        statement = statement.with_for_update(of=windows)
    rows = connection.execute(statement, {} if provider is None else {"provider": provider})
    return {row.lane: _ledger(row) for row in rows}


def windows_of(connection: Connection, lane: int | None = None) -> list[tuple[int, bool, Ledger]]:
    """Every window of a lane, or of all: (lane id, closed, account), the earliest first."""
    statement = sa.select(windows).order_by(windows.c.starts_at, windows.c.id)
    if lane is not None:
        statement = statement.where(windows.c.lane == lane)
    return [(row.lane, bool(row.closed), _ledger(row)) for row in connection.execute(statement)]


def lanes_of_windows(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Lane ids of windows, open or closed, by window id."""
    rows = connection.execute(
        sa.select(windows.c.id, windows.c.lane).where(windows.c.id.in_(sorted(set(ids))))
    )
    return {row[0]: row[1] for row in rows}


def last_ends(connection: Connection) -> dict[int, Instant]:
    """When the latest window of each lane ends."""
    rows = connection.execute(
        sa.select(windows.c.lane, sa.func.max(windows.c.ends_at)).group_by(windows.c.lane)
    )
    return {row[0]: row[1] for row in rows}


def open_windows(connection: Connection, new: Sequence[tuple[int, Ledger]]) -> None:
    """Open windows: (lane id, account) each."""
    if new:
        connection.execute(
            sa.insert(windows),
            [
                {
                    "lane": lane,
                    "date": ledger.window.date.isoformat(),
                    "zone": ledger.zone,
                    "starts_at": ledger.window.starts_at,
                    "ends_at": ledger.window.ends_at,
                    "step": ledger.step,
                    "cap": ledger.cap,
                    "peak": ledger.cap,
                    "used": 0,
                    "accepted": 0,
                    "tat": 0,
                    "partial": ledger.partial,
                    "closed": False,
                }
                for lane, ledger in new
            ],
        )


def close_windows(connection: Connection, ids: Sequence[int]) -> None:
    """Close windows for good."""
    if ids:
        connection.execute(
            sa.update(windows).where(windows.c.id == bindparam("window")).values(closed=True),
            [{"window": window} for window in ids],
        )


_TAKE = (
    sa.update(windows)
    .where(
        windows.c.id == bindparam("window"),
        windows.c.used == bindparam("seen"),
        windows.c.used + bindparam("count") <= windows.c.cap,
        sa.text("NOT windows.closed"),
    )
    .values(used=windows.c.used + bindparam("count"), tat=bindparam("new_tat"))
)


def take_units(connection: Connection, window: int, seen: int, count: int, tat: int) -> bool:
    """Take units of a cap; False where somebody else took some since they were counted."""
    result = connection.execute(_TAKE, {"window": window, "seen": seen, "count": count, "new_tat": tat})
    return result.rowcount == 1


def lower_cap(connection: Connection, window: int, cap: int) -> None:
    """Lower an open window's cap at once. Units already taken stay taken; it never rises here."""
    connection.execute(sa.update(windows).where(windows.c.id == window, windows.c.cap > cap).values(cap=cap))


def raise_window(connection: Connection, window: int, cap: int, step: int) -> None:
    """Raise an open window's cap and step, at an operator's explicit word."""
    connection.execute(
        sa.update(windows)
        .where(windows.c.id == window, windows.c.cap < cap)
        .values(cap=cap, step=step, peak=sa.case((windows.c.peak < cap, cap), else_=windows.c.peak))
    )


def spoil(connection: Connection, window: int) -> None:
    """Say that a window was no full one: no step comes of it."""
    connection.execute(sa.update(windows).where(windows.c.id == window).values(partial=True))


_RESERVE = sa.text(
    'INSERT INTO reservations ("window", ref, state, reserved_at, cap) '
    "VALUES (:window, :ref, 'pending', :at, :cap) "
    "ON CONFLICT (\"window\", ref) DO UPDATE SET state = 'pending', reserved_at = excluded.reserved_at, "
    "cap = excluded.cap"
)


def reserve(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note which delivery holds which unit: window, ref, at, cap each."""
    if rows:
        connection.execute(_RESERVE, list(rows))


_POST = (
    sa.update(reservations)
    .where(reservations.c.window == bindparam("in_window"), reservations.c.ref == bindparam("of"))
    .values(state="posted")
)


def post(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Spend reserved units for good: (window, ref) each."""
    if pairs:
        connection.execute(_POST, [{"in_window": window, "of": ref} for window, ref in pairs])


_STATES = sa.select(reservations.c.window, reservations.c.ref, reservations.c.state).where(
    sa.tuple_(reservations.c.window, reservations.c.ref).in_(bindparam("pairs", expanding=True))
)


def reservation_states(
    connection: Connection, pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    """State of reservations by (window, ref)."""
    found: dict[tuple[int, int], str] = {}
    for start in range(0, len(pairs), 250):
        for window, ref, state in connection.execute(_STATES, {"pairs": list(pairs[start : start + 250])}):
            found[window, ref] = state
    return found


def void(connection: Connection, window: int, ref: int) -> bool:
    """Give one pending unit back; False where it was spent already, and stays spent."""
    result = connection.execute(
        sa.update(reservations)
        .where(reservations.c.window == window, reservations.c.ref == ref, reservations.c.state == "pending")
        .values(state="voided")
    )
    if result.rowcount != 1:
        return False
    given = connection.execute(
        sa.update(windows).where(windows.c.id == window, windows.c.used > 0).values(used=windows.c.used - 1)
    )
    if given.rowcount != 1:
        raise IllegalTransition(f"window {window} has no unit to give back, though {ref} held one")
    return True


_ACCEPTED = (
    sa.update(windows)
    .where(windows.c.id == bindparam("window"))
    .values(accepted=windows.c.accepted + bindparam("count"))
)


def add_accepted(connection: Connection, accepted: Mapping[int, int]) -> None:
    """Count accepted deliveries by window."""
    if accepted:
        connection.execute(
            _ACCEPTED, [{"window": window, "count": count} for window, count in sorted(accepted.items())]
        )


def ledger_total(connection: Connection) -> int:
    """Units used over all windows: what a witness outside the database compares."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(windows.c.used), 0))).scalar_one())


def sites_of(
    connection: Connection, now: Instant, provider: str | None = None
) -> dict[int, dict[str, SiteHold]]:
    """Held sites by lane id."""
    statement = sa.select(lane_sites).where(lane_sites.c.until > now)
    if provider is not None:
        statement = statement.join(lanes, lanes.c.id == lane_sites.c.lane).where(lanes.c.provider == provider)
    found: dict[int, dict[str, SiteHold]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.lane, {})[row.site] = SiteHold(row.until, WaitReason(row.reason), row.text)
    return found


def hold_site(connection: Connection, lane: int, site: str, hold: SiteHold) -> None:
    """Hold a site inside a lane; a hold never gets shorter."""
    values = {"until": hold.until, "reason": hold.reason.value, "text": hold.text}
    updated = connection.execute(
        sa.update(lane_sites)
        .where(lane_sites.c.lane == lane, lane_sites.c.site == site, lane_sites.c.until < hold.until)
        .values(**values)
    )
    if updated.rowcount:
        return
    exists = connection.execute(
        sa.select(lane_sites.c.lane).where(lane_sites.c.lane == lane, lane_sites.c.site == site)
    ).scalar()
    if exists is None:
        connection.execute(sa.insert(lane_sites).values(lane=lane, site=site, **values))


def down_sources(connection: Connection, now: Instant) -> dict[str, SiteHold]:
    """Sources that cannot be used now, by address."""
    rows = connection.execute(sa.select(sources).where(sources.c.down_until > now))
    return {row.address: SiteHold(row.down_until, WaitReason.SOURCE_DOWN, row.reason) for row in rows}


def hold_source(connection: Connection, address: str, until: Instant, reason: str) -> None:
    """Hold a source until an instant; 0 frees it."""
    updated = connection.execute(
        sa.update(sources).where(sources.c.address == address).values(down_until=until, reason=reason)
    )
    if not updated.rowcount:
        connection.execute(sa.insert(sources).values(address=address, down_until=until, reason=reason))
