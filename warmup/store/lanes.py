"""Lanes, their windows (the ledger), their sites, and units of a cap.

The cap is kept by one conditional UPDATE: ``used + n <= cap`` is checked and changed in the same
statement, so that no two writers can both take the last unit, on any database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from warmup.errors import IllegalTransition
from warmup.model import Lane, LaneKey, Learned, Ledger, Standing, WaitReason, Watch, Window
from warmup.release.limits import SiteHold
from warmup.store.hot import Hot
from warmup.store.schema import lane_sites, lanes, reservations, sources, windows
from warmup.timing import Instant

__all__ = [
    "add_accepted",
    "add_lanes",
    "cap_of",
    "close_windows",
    "down_sources",
    "held_units",
    "hold_site",
    "hold_source",
    "lanes_of",
    "lanes_of_windows",
    "last_end",
    "ledger_total",
    "ledgers_of",
    "lower_cap",
    "open_windows",
    "post",
    "raise_window",
    "read_ledger",
    "reserve",
    "save_lanes",
    "set_aims",
    "sites_of",
    "spoil",
    "take_units",
    "touch_lanes",
    "void",
    "windows_of",
]


REFS_AT_ONCE = 500
"""References in one IN list: far below SQLite's limit of 32,766 variables."""

_NOTHING = Learned()


@lru_cache(maxsize=65_536)
def _learned(text: str) -> Learned:
    """Read what was learned; keys of a later program are left aside."""
    if not text:
        return _NOTHING
    kept = json.loads(text)
    watch = {name: value for name, value in kept.pop("watch", {}).items() if name in _WATCHED}
    known = {name: value for name, value in kept.items() if name in _LEARNED}
    known["slow"] = tuple(known.get("slow", ()))
    return Learned(**known, watch=Watch(**watch))


_LEARNED = frozenset(attrs.fields_dict(Learned)) - {"watch"}
_WATCHED = frozenset(attrs.fields_dict(Watch))
_STANDINGS = {standing.value: standing for standing in Standing}


def _lane(row: Sequence[Any]) -> Lane:
    """Read a row of ``lanes``, columns in the order of the table."""
    return Lane(
        id=row[0],
        key=LaneKey(row[1], row[2]),
        standing=_STANDINGS[row[3]],
        step=row[4],
        cap_limit=row[5],
        until=row[6],
        before_pause=_STANDINGS[row[7]] if row[7] else None,
        backoff_until=row[8],
        backoff_reason=row[9],
        last_used_at=row[10],
        note=row[11],
        learned=_learned(row[12]),
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
        "learned": "" if lane.learned == _NOTHING else json.dumps(attrs.asdict(lane.learned)),
    }


_LANES = sa.select(lanes).order_by(lanes.c.id)
_ALL_LANES = Hot(_LANES)
_LANES_OF = Hot(_LANES.where(lanes.c.provider == bindparam("provider")))


def lanes_of(connection: Connection, provider: str | None = None) -> list[Lane]:
    """All lanes, or those to one provider, in the order in which they were made."""
    if provider is None:
        return [_lane(row) for row in _ALL_LANES.rows(connection)]
    return [_lane(row) for row in _LANES_OF.rows(connection, provider=provider)]


def add_lanes(connection: Connection, new: Sequence[Lane]) -> None:
    """Remember lanes for the first time; their ids are given by the store."""
    if new:
        connection.execute(
            sa.insert(lanes),
            [{"source": lane.key.source, "provider": lane.key.provider, **_values(lane)} for lane in new],
        )


_SAVE = Hot(
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
        _SAVE.many(connection, rows)


_USED = Hot(sa.update(lanes).where(lanes.c.id == bindparam("lane")).values(last_used_at=bindparam("at")))


def touch_lanes(connection: Connection, used: Mapping[int, Instant]) -> None:
    """Remember when lanes were last used."""
    _USED.many(connection, [{"lane": lane, "at": at} for lane, at in sorted(used.items())])


def read_ledger(row: Sequence[Any]) -> tuple[int, bool, Ledger]:
    """Read a row of ``windows``, columns in the order of the table: (lane id, closed, account)."""
    ledger = Ledger(
        id=row[0],
        window=Window(date.fromisoformat(row[2]), row[4], row[5]),
        zone=row[3],
        step=row[6],
        cap=row[7],
        used=row[9],
        accepted=row[10],
        tat=row[11],
        partial=bool(row[12]),
        aim=row[14],
    )
    return row[1], bool(row[13]), ledger


# In the order of the index of open windows: in that of their ids SQLite would read every day there was.
_OPEN = sa.select(windows).where(sa.text("NOT windows.closed")).order_by(windows.c.lane)
_OPEN_OF = (
    sa.select(windows)
    .join(lanes, lanes.c.id == windows.c.lane)
    .where(sa.text("NOT windows.closed"), lanes.c.provider == bindparam("provider"))
    .order_by(windows.c.lane)
)
# By (one provider, locked). The lock is PostgreSQL's; SQLite has one writer at a time anyway.
_LEDGERS = {
    (False, False): Hot(_OPEN),
    (False, True): Hot(_OPEN.with_for_update(of=windows)),
    (True, False): Hot(_OPEN_OF),
    (True, True): Hot(_OPEN_OF.with_for_update(of=windows)),
}


def ledgers_of(
    connection: Connection, provider: str | None = None, *, lock: bool = False
) -> dict[int, Ledger]:
    """Open windows by lane id; ``lock`` keeps other writers away from them until the commit."""
    values = {} if provider is None else {"provider": provider}
    rows = _LEDGERS[provider is not None, lock].rows(connection, **values)
    return {lane: ledger for lane, _, ledger in map(read_ledger, rows)}


def windows_of(connection: Connection, lane: int | None = None) -> list[tuple[int, bool, Ledger]]:
    """Every window of a lane, or of all: (lane id, closed, account), the earliest first."""
    statement = sa.select(windows).order_by(windows.c.starts_at, windows.c.id)
    if lane is not None:
        statement = statement.where(windows.c.lane == lane)
    return [read_ledger(row) for row in connection.execute(statement)]


def lanes_of_windows(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Lane ids of windows, open or closed, by window id."""
    rows = connection.execute(
        sa.select(windows.c.id, windows.c.lane).where(windows.c.id.in_(sorted(set(ids))))
    )
    return {row[0]: row[1] for row in rows}


_CAP = Hot(sa.select(windows.c.cap).where(windows.c.id == bindparam("window")))
_LAST_END = Hot(
    sa.select(windows.c.ends_at)
    .where(windows.c.lane == bindparam("of"))
    .order_by(windows.c.starts_at.desc())
    .limit(1)
)


def cap_of(connection: Connection, window: int) -> int | None:
    """The cap of a window, open or closed."""
    cap: int | None = _CAP.value(connection, window=window)
    return cap


def last_end(connection: Connection, lane: int) -> Instant | None:
    """When the latest window of a lane ends; windows never overlap, so it started last, too."""
    end: Instant | None = _LAST_END.value(connection, of=lane)
    return end


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


_TAKE = Hot(
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
    return _TAKE.count(connection, window=window, seen=seen, count=count, new_tat=tat) == 1


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


def set_aims(connection: Connection, aims: Mapping[int, int | None]) -> None:
    """Say how much of their caps open windows are held to, by window id; None: all of it."""
    if aims:
        connection.execute(
            sa.update(windows).where(windows.c.id == bindparam("in_window")).values(aim=bindparam("new_aim")),
            [{"in_window": window, "new_aim": aim} for window, aim in sorted(aims.items())],
        )


def spoil(connection: Connection, window: int) -> None:
    """Say that a window was no full one: no step comes of it."""
    connection.execute(sa.update(windows).where(windows.c.id == window).values(partial=True))


_RESERVE_TEXT = sa.text(
    'INSERT INTO reservations ("window", ref, state, reserved_at, cap) '
    "VALUES (:window, :ref, 'pending', :at, :cap) "
    "ON CONFLICT (\"window\", ref) DO UPDATE SET state = 'pending', reserved_at = excluded.reserved_at, "
    "cap = excluded.cap"
)


_RESERVE = Hot(_RESERVE_TEXT)


def reserve(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note which delivery holds which unit: window, ref, at, cap each."""
    _RESERVE.many(connection, rows)


_POST = Hot(
    sa.update(reservations)
    .where(reservations.c.window == bindparam("in_window"), reservations.c.ref == bindparam("of"))
    .values(state=sa.literal_column("'posted'"))
)


def post(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Spend reserved units for good: (window, ref) each."""
    _POST.many(connection, [{"in_window": window, "of": ref} for window, ref in pairs])


_HELD = sa.select(reservations.c.window, reservations.c.ref).where(
    reservations.c.window.in_(bindparam("windows", expanding=True)),
    reservations.c.ref.in_(bindparam("refs", expanding=True)),
    reservations.c.state != "voided",
)


def held_units(
    connection: Connection, windows: Sequence[int], refs: Sequence[int]
) -> dict[int, frozenset[int]]:
    """In which of these windows each of these refs holds a unit, pending or posted."""
    found: dict[int, set[int]] = {}
    for start in range(0, len(refs), REFS_AT_ONCE):
        part = {"windows": list(windows), "refs": list(refs[start : start + REFS_AT_ONCE])}
        for window, ref in connection.execute(_HELD, part):
            found.setdefault(ref, set()).add(window)
    return {ref: frozenset(those) for ref, those in found.items()}


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


_ACCEPTED = Hot(
    sa.update(windows)
    .where(windows.c.id == bindparam("window"))
    .values(accepted=windows.c.accepted + bindparam("count"))
)


def add_accepted(connection: Connection, accepted: Mapping[int, int]) -> None:
    """Count accepted deliveries by window."""
    _ACCEPTED.many(
        connection, [{"window": window, "count": count} for window, count in sorted(accepted.items())]
    )


def ledger_total(connection: Connection) -> int:
    """Deliveries accepted over all windows, a number that never falls.

    A witness outside the database compares it.
    """
    total = sa.select(sa.func.coalesce(sa.func.sum(windows.c.accepted), 0))
    return int(connection.execute(total).scalar_one())


_SITES = sa.select(lane_sites).where(lane_sites.c.until > bindparam("now"))
_ALL_SITES = Hot(_SITES)
_SITES_OF = Hot(
    _SITES.join(lanes, lanes.c.id == lane_sites.c.lane).where(lanes.c.provider == bindparam("provider"))
)


def sites_of(
    connection: Connection, now: Instant, provider: str | None = None
) -> dict[int, dict[str, SiteHold]]:
    """Held sites by lane id."""
    if provider is None:
        rows = _ALL_SITES.rows(connection, now=now)
    else:
        rows = _SITES_OF.rows(connection, now=now, provider=provider)
    found: dict[int, dict[str, SiteHold]] = {}
    for lane, site, until, reason, text in rows:
        found.setdefault(lane, {})[site] = SiteHold(until, WaitReason(reason), text)
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


_DOWN = Hot(sa.select(sources).where(sources.c.down_until > bindparam("now")))


def down_sources(connection: Connection, now: Instant) -> dict[str, SiteHold]:
    """Sources that cannot be used now, by address."""
    return {
        address: SiteHold(until, WaitReason.SOURCE_DOWN, reason)
        for address, until, reason in _DOWN.rows(connection, now=now)
    }


def hold_source(connection: Connection, address: str, until: Instant, reason: str) -> None:
    """Hold a source until an instant; 0 frees it."""
    updated = connection.execute(
        sa.update(sources).where(sources.c.address == address).values(down_until=until, reason=reason)
    )
    if not updated.rowcount:
        connection.execute(sa.insert(sources).values(address=address, down_until=until, reason=reason))
