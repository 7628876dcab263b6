"""Release and begin: from waiting to *sending*, in two transactions.

The first reserves a unit of a cap and leases the delivery. The second, grouped over everything
that is about to be sent, marks it *sending* before MAIL is written. Between the two the lane's
connection is made; what fails there costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import attrs

from warmup.engine.context import LEASE, Context
from warmup.engine.evenly import keep_even
from warmup.engine.windows import roll
from warmup.model import OTHER, PARTS, DeliveryState, Grant, LaneKey, Standing
from warmup.release.decide import Candidate, Release, decide
from warmup.release.limits import WINDOW_GUARD, LaneView, limits_of
from warmup.release.machine import Event, move
from warmup.reputation.recipes import told
from warmup.store import Connection, admissions, draws, lanes, queue
from warmup.store.underway import under_way
from warmup.timing import DAY, MINUTE, SECOND, Instant

__all__ = ["SLOT_GRACE", "Released", "begin", "give_back", "release", "views_of"]

Room = Callable[[LaneKey], int]


@attrs.frozen
class Released:
    """Grants, and when it is worth asking again if nothing else happens."""

    grants: tuple[Grant, ...]
    wake_at: Instant


HOLD_RECHECK = MINUTE
"""How often a clock that is not believed is looked at again."""

SLOT_GRACE = 5 * MINUTE
"""How long a slot that a relay was promised is kept for it."""

GRANT_MAX = 30 * MINUTE
"""How long a relay's conversation counts as under way though nothing is heard of it."""

STOCK_SPAN = SECOND
STOCK_MAX = 200
"""How far ahead, and how many, units of a fast lane are given out before a connection is free."""

FAR = DAY
"""How long an empty queue sleeps if nobody nudges it. What other processes do is looked at besides."""


def views_of(
    context: Context,
    connection: Connection,
    now: Instant,
    provider: str,
    room: Room | None = None,
    *,
    lock: bool = False,
    even: bool = True,
) -> list[LaneView]:
    """The lanes of the plan to a provider; ``even``: held to their aims, as our own queue is."""
    ledgers = lanes.ledgers_of(connection, provider, lock=lock)
    sites = lanes.sites_of(connection, now, provider)
    down = lanes.down_sources(connection, now)
    promises = admissions.due_promises(connection, now - SLOT_GRACE, now) if room is not None else {}
    mine = [lane for lane in lanes.lanes_of(connection, provider) if lane.key.source in context.sources]
    views = [
        context.view(
            lane,
            ledgers.get(lane.id),
            down=down.get(lane.key.source),
            sites=sites.get(lane.id),
            room=1 << 30 if room is None else room(lane.key),
            promised=promises.get(lane.id, 0),
            closed_until=0 if lane.id in ledgers else lanes.last_end(connection, lane.id) or 0,
            even=even,
        )
        for lane in mine
    ]
    return slowed(context, connection, now, views)


def slowed(
    context: Context, connection: Connection, now: Instant, views: Sequence[LaneView]
) -> list[LaneView]:
    """Views that know what is under way, where a provider asked for fewer connections.

    So many at once, however many workers and relays ask. Where a person has to mend something every
    message would be refused alike: one is enough to see whether it is mended. In ``other`` each site is
    silent for itself, and one site's trouble slows no other.
    """
    few: dict[int, tuple[int, str]] = {}
    for view in views:
        lane = view.lane
        if lane.key.provider == OTHER:
            continue
        context.note_slowed(lane)
        if lane.learned.connections:
            few[lane.id] = lane.learned.connections, told(lane.learned)
        if lane.key in context.troubled:
            few[lane.id] = 1, "one delivery goes first, to see whether what was refused is mended"
    if not few:
        return list(views)
    busy = under_way(connection, few, now - GRANT_MAX)

    def with_few(view: LaneView) -> LaneView:
        if view.lane.id not in few:
            return view
        most, why = few[view.lane.id]
        count = busy[view.lane.id].all
        room = min(view.room, max(0, most - count))
        return attrs.evolve(view, connections=most, under_way=count, slowed=why, room=room)

    return [with_few(view) for view in views]


def _with_stock(view: LaneView, now: Instant) -> LaneView:
    """Let a fast lane have a little more under way than it has connections.

    A connection that becomes free then finds its next delivery reserved already. Units are given
    out that far ahead, each with its instant, and nothing is begun before that: the shape of the
    day stays what it is. A slow lane, which has less than one unit in that time, has no stock.
    """
    if view.pace is None or view.room <= -STOCK_MAX or view.connections:
        return view
    shape = view.pace.shape
    parts = shape.parts(now + STOCK_SPAN) - shape.parts(now)
    stock = min(STOCK_MAX, 3 * view.pace.cap * parts // (2 * PARTS))
    return attrs.evolve(view, room=view.room + stock, ahead=STOCK_SPAN) if stock else view


def _held_everywhere(views: Sequence[LaneView], now: Instant) -> list[str]:
    """Sites that no lane may send to: they must not stand in the way of the others."""
    if not views:
        return []
    held = [{site for site, hold in view.sites.items() if hold.until > now} for view in views]
    return sorted(set.intersection(*held))


def release(context: Context, limit: int, room: Room) -> Released:
    """Grant what may go now.

    Args:
        context: The engine's surroundings.
        limit: At most so many grants.
        room: How many more deliveries the courier takes for a lane.
    """
    now = context.clock.now()
    if context.watch.complaint() is not None:
        return Released((), now + HOLD_RECHECK)

    even_at = keep_even(context, now)
    look = context.looked()

    def job(connection: Connection) -> tuple[list[Grant], dict[tuple[str, str], Instant], list[Instant]]:
        roll_at = context.roll_at
        if now >= roll_at:
            roll_at = roll(context, connection, now)
        wakes = [roll_at] if even_at is None else [roll_at, even_at]
        # New windows hold new units, and reclassified mail changes queues with them: nobody sleeps on.
        asleep = {} if now >= context.roll_at else {pair: at for pair, at in look.asleep.items() if at > now}
        grants: list[Grant] = []
        for provider in context.plan.providers:
            for pool in context.pools:
                left = limit - len(grants)
                if left <= 0 or (pool, provider) in asleep:
                    continue
                granted, wake_at = _release_pair(context, connection, now, pool, provider, left, room)
                grants.extend(granted)
                if granted and wake_at is not None:
                    wakes.append(wake_at)
                elif wake_at is not None:
                    asleep[pool, provider] = wake_at
        return grants, asleep, wakes

    with context.clock.busy():
        grants, asleep, wakes = context.database.write(job)
    if not context.lay_down(look, asleep, wakes[0]) or len(grants) >= limit:
        return Released(tuple(grants), now)
    return Released(tuple(grants), min([*wakes, *(until for until in asleep.values() if until > now)]))


def _release_pair(
    context: Context, connection: Connection, now: Instant, pool: str, provider: str, limit: int, room: Room
) -> tuple[list[Grant], Instant | None]:
    """Grants, and when to ask again; None where a conversation has to end first, of whichever lane."""
    later = draws.next_due(connection, pool, provider, now)
    wakes = [] if later is None else [later]
    views = [
        _with_stock(view, now)
        for view in views_of(context, connection, now, provider, room, lock=True)
        if view.source.pool == pool
    ]
    if any(view.promised for view in views):
        wakes.append(now + SLOT_GRACE + 1)  # a slot that its relay does not claim is anybody's then
    fits = min(limit, sum(max(0, view.room) for view in views))
    if fits <= 0:
        return [], None
    ramping = any(view.lane.standing is not Standing.WARM for view in views)
    held = _held_everywhere([view for view in views if not limits_of(view, now)] or views, now)
    wakes.extend(view.sites[site].until for site in held for view in views if site in view.sites)
    closed = context.closed_streams(pool, now)
    wakes.extend(closed.values())
    priorities = context.open_priorities(pool, closed)
    # Retries may all be pinned to a lane that is full: they must not keep fresh mail from the others.
    retries = _retries(connection, now, pool, provider, fits, views, held, sorted(closed))
    fresh = draws.draw_fresh(
        connection,
        pool,
        provider,
        now,
        fits,
        ramping=ramping,
        held=held,
        closed=sorted(closed),
        priorities=priorities,
    )
    if not retries and not fresh:
        return [], min(wakes, default=now + FAR)
    decided = decide(now, views, retries, fresh)
    if decided.wake_at is not None:
        wakes.append(decided.wake_at)
    won = _take_units(connection, decided.releases, decided.tats)
    return _lease(context, connection, now, won), min(wakes, default=now + FAR)


def _retries(
    connection: Connection,
    now: Instant,
    pool: str,
    provider: str,
    fits: int,
    views: Sequence[LaneView],
    held: Sequence[str],
    closed: Sequence[str],
) -> list[Candidate]:
    """Deferred deliveries that are due, with the windows in which they hold a unit already."""
    drawn = draws.draw_retries(connection, pool, provider, now, fits, held=held, closed=closed)
    windows = [view.ledger.id for view in views if view.ledger is not None]
    if len(drawn) == fits:
        # Those in front may wait for units of a new day, or for a source they are pinned to; behind
        # them stand others that need neither.
        homes = [
            view.ledger.id
            for view in views
            if view.ledger is not None and not limits_of(view, now, unit=False)
        ]
        able = [view.source.address for view in views if not limits_of(view, now)]
        movable = draws.draw_movable(
            connection, pool, provider, now, fits, held=held, closed=closed, homes=homes, able=able
        )
        first = {candidate.id for candidate in movable}
        drawn = [*movable, *(candidate for candidate in drawn if candidate.id not in first)]
    if len(views) < 2 or not drawn:
        return drawn
    # A delivery that was tried from one lane, then from another, may come back to the first.
    units = lanes.held_units(connection, windows, [candidate.id for candidate in drawn])
    return [attrs.evolve(candidate, windows=units.get(candidate.id, frozenset())) for candidate in drawn]


def _take_units(connection: Connection, releases: Sequence[Release], tats: dict[int, int]) -> list[Release]:
    wanted = Counter(one.view.lane.id for one in releases if one.unit)
    ledgers = {one.view.lane.id: one.view.ledger for one in releases}
    lost = set()
    for lane, count in sorted(wanted.items()):
        ledger = ledgers[lane]
        assert ledger is not None
        if not lanes.take_units(connection, ledger.id, ledger.used, count, tats[lane]):
            lost.add(lane)
    return [one for one in releases if not (one.unit and one.view.lane.id in lost)]


def _lease(context: Context, connection: Connection, now: Instant, won: Sequence[Release]) -> list[Grant]:
    if not won:
        return []
    until = context.clock.real() + LEASE
    rows, units, grants = [], [], []
    for one in won:
        candidate, ledger = one.candidate, one.view.ledger
        assert ledger is not None
        move(candidate.state, Event.RELEASE)
        rows.append(
            {
                "delivery": candidate.id,
                "new_lease": candidate.lease + 1,
                "owner": context.owner,
                "until": until,
                "in_window": ledger.id,
            }
        )
        if one.unit:
            units.append({"window": ledger.id, "ref": candidate.id, "at": now, "cap": ledger.cap})
        grants.append(
            Grant(
                id=candidate.id,
                lease=candidate.lease + 1,
                lane=one.view.lane.key,
                window_ends_at=ledger.window.ends_at,
                not_before=one.not_before,
                pool=one.view.source.pool,
                ehlo=one.view.source.ehlo,
                domain=candidate.domain,
                site=candidate.site,
                sender=candidate.sender,
                recipient=candidate.recipient,
                message=candidate.message,
                size=candidate.size,
                utf8=candidate.utf8,
                eight_bit=candidate.eight_bit,
            )
        )
    lanes.reserve(connection, units)
    queue.lease(connection, rows)
    return grants


def begin(context: Context, grants: Sequence[Grant]) -> dict[Grant, bytes | None]:
    """Mark leased deliveries as *sending* and return their contents, by grant.

    None stands for *do not send*: the lease is not ours any more, the lane was stopped since,
    the window is about to end, or the clock was put back. The unit has been given back then and the
    delivery waits again.
    """
    believed = context.watch.complaint() is None

    def job(connection: Connection) -> dict[Grant, bytes | None]:
        # The database may have kept us waiting: the window is looked at as it is now.
        now = context.clock.now()
        rows = queue.claims(connection, [grant.id for grant in grants])
        stopped, left = _stopped(connection, {grant.lane for grant in grants}, now)
        # By grant, not by id: a worker whose claim lapsed may hold an old grant and a new one.
        answers: dict[Grant, bytes | None] = {}
        going: list[Grant] = []
        for grant in grants:
            row = rows.get(grant.id)
            answers[grant] = None
            if row is None or row.state is not DeliveryState.LEASED or row.lease != grant.lease:
                continue
            # Earlier than it can have been given out: the clock was put back, perhaps over midnight.
            too_early = now < grant.not_before - STOCK_SPAN
            too_late = now >= grant.window_ends_at - WINDOW_GUARD
            if not believed or grant.lane in stopped or too_early or too_late or not left.get(grant.lane, 1):
                _give_back(connection, row, now)
                continue
            if grant.lane in left:
                left[grant.lane] -= 1
            going.append(grant)
        queue.set_state(
            connection,
            [
                {"delivery": grant.id, "new_state": move(DeliveryState.LEASED, Event.BEGIN).value}
                for grant in going
            ],
        )
        contents = queue.contents(connection, list({grant.message for grant in going}))
        for grant in going:
            answers[grant] = contents[grant.message]
        return answers

    with context.clock.busy():
        answers = context.database.write(job)
    context.nudge({(grant.pool, grant.lane.provider) for grant in grants if answers[grant] is None})
    return answers


def _stopped(
    connection: Connection, keys: set[LaneKey], now: Instant
) -> tuple[set[LaneKey], dict[LaneKey, int]]:
    """Lanes that may send nothing now, and how many more may begin on those that were asked for fewer."""
    providers = {key.provider for key in keys}
    mine = [
        lane
        for provider in sorted(providers)
        for lane in lanes.lanes_of(connection, provider)
        if lane.key in keys
    ]
    stopped = {
        lane.key
        for lane in mine
        if (
            lane.standing is Standing.PAUSED
            or (lane.standing is Standing.SUSPENDED and now < (lane.until or now + 1))
            # The provider asked for silence since, or refused for what a person has to mend.
            or now < lane.backoff_until
        )
    }
    few = {lane.id: lane for lane in mine if lane.learned.connections and lane.key.provider != OTHER}
    busy = under_way(connection, few, now - GRANT_MAX)
    left = {
        lane.key: max(0, lane.learned.connections - busy[lane.id].sending - busy[lane.id].granted)
        for lane in few.values()
    }
    return stopped, left


def _give_back(connection: Connection, row: queue.Claim, now: Instant) -> None:
    """Put a leased delivery back as if nothing had happened; its unit returns to the cap."""
    assert row.window is not None
    kept = not lanes.void(connection, row.window, row.id)
    state = move(row.state, Event.GIVE_BACK if row.attempts == 0 else Event.GIVE_BACK_RETRY)
    queue.settle(
        connection,
        [
            {
                "delivery": row.id,
                "new_state": state.value,
                "due": now if row.attempts == 0 else row.due_at,
                "tried": row.attempts,
                "first": row.first_attempt_at,
                "in_window": row.window if kept else None,
                "pin": row.pin_source,
                "pin_end": row.pin_until,
            }
        ],
    )


def give_back(context: Context, grants: Sequence[Grant]) -> None:
    """Return grants that nothing was done about: their units go back and they wait again."""
    now = context.clock.now()

    def job(connection: Connection) -> None:
        rows = queue.claims(connection, [grant.id for grant in grants])
        for grant in grants:
            row = rows.get(grant.id)
            if row is not None and row.state is DeliveryState.LEASED and row.lease == grant.lease:
                _give_back(connection, row, now)

    with context.clock.busy():
        context.database.write(job)
    context.nudge()
