"""What goes now: within every limit, in order, and nobody slowed by somebody else's trouble."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from warmup.model import (
    PARTS,
    DeliveryState,
    EgressSource,
    Lane,
    LaneKey,
    Ledger,
    Shape,
    Standing,
    WaitReason,
    Window,
)
from warmup.pacing import Pace
from warmup.release.decide import Candidate, Decided, decide
from warmup.release.limits import LaneView, SiteHold, limits_of, soonest, wait_of
from warmup.timing import DAY, HOUR, SECOND, Chance, Instant

START = 20_000 * DAY
NEVER = 9 * 10**18
SITES = ["a.example", "b.example", "c.example"]
FLAT = Shape((START, START + DAY), (0, 1), (((0, 1),),) * 24)
CHANCE = Chance("decide")
HOLD = SiteHold(START + 2 * DAY, WaitReason.BACKOFF, "busy")


def view_of(number: int = 1, **changes: Any) -> LaneView:
    """A lane with nothing in its way; ``cap``, ``used`` and ``tat`` are its account's."""
    cap, used, tat = changes.pop("cap", 100), changes.pop("used", 0), changes.pop("tat", 0)
    key = LaneKey(f"192.0.2.{number}", "other")
    window = Window(date(2024, 10, 4), START, START + DAY)
    ledger = Ledger(id=100 + number, window=window, zone="UTC", step=1, cap=cap, used=used, tat=tat)
    lane = Lane(id=number, key=key, **changes.pop("lane", {}))
    return LaneView(
        lane=lane,
        source=EgressSource(address=key.source, ehlo="mx.example"),
        ledger=ledger,
        pace=Pace(FLAT, cap, CHANCE, str(key)),
        **changes,
    )


@st.composite
def views(draw: st.DrawFn, *, plain: bool = False) -> list[LaneView]:
    """One to three lanes, each with troubles of its own."""
    made = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        cap = draw(st.integers(0, 60))
        changes: dict[str, Any] = {
            "cap": cap,
            "used": draw(st.integers(0, cap)),
            "tat": draw(st.integers(0, PARTS)),
            "room": draw(st.integers(-1, 8)),
        }
        if not plain:
            standings = [Standing.RAMPING, Standing.RAMPING, Standing.PAUSED, Standing.SUSPENDED]
            changes["lane"] = {
                "standing": draw(st.sampled_from(standings)),
                "until": START + draw(st.integers(0, 40)) * HOUR,
                "backoff_until": draw(st.sampled_from([0, 0, START + 12 * HOUR])),
            }
            changes["sites"] = dict.fromkeys(draw(st.sets(st.sampled_from(SITES), max_size=2)), HOLD)
            changes["promised"] = draw(st.sampled_from([0, 0, 2]))
            if draw(st.integers(0, 5)) == 0:
                changes["down"] = SiteHold(START + 6 * HOUR, WaitReason.SOURCE_DOWN, "not here")
        made.append(view_of(number, **changes))
    return made


@st.composite
def candidates(draw: st.DrawFn, first: int, *, retries: bool, plain: bool = False) -> list[Candidate]:
    """Deliveries that are due, in the order in which they were drawn."""
    made = []
    for number in range(first, first + draw(st.integers(0, 12))):
        changes: dict[str, Any] = {}
        if not plain:
            changes["deadline"] = draw(st.sampled_from([NEVER, NEVER, NEVER, START + 6 * HOUR]))
        if retries and not plain:
            changes["windows"] = draw(st.frozensets(st.integers(101, 103), max_size=2))
            changes["pin_source"] = draw(st.none() | st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.9"]))
            changes["pin_until"] = None if changes["pin_source"] is None else START + 20 * HOUR
        made.append(candidate_of(number, retry=retries, site=draw(st.sampled_from(SITES)), **changes))
    return made


def candidate_of(number: int, *, retry: bool = False, site: str = SITES[0], **changes: Any) -> Candidate:
    words: dict[str, Any] = {"deadline": NEVER} | changes
    return Candidate(
        id=number,
        message=number,
        recipient=f"{number}@{site}",
        domain=site,
        site=site,
        state=DeliveryState.DEFERRED if retry else DeliveryState.QUEUED,
        lease=0,
        attempts=int(retry),
        **words,
    )


def ids(decided: Decided) -> list[int]:
    return [release.candidate.id for release in decided.releases]


instants = st.integers(START, START + DAY - 1)


@given(now=instants, lanes=views(), retries=candidates(1, retries=True), fresh=candidates(100, retries=False))
def test_every_limit_is_kept(
    now: Instant, lanes: list[LaneView], retries: list[Candidate], fresh: list[Candidate]
) -> None:
    """Room, caps, pace, standing, held sites, deadlines and pins: whatever is released keeps them all."""
    decided = decide(now, lanes, retries, fresh)
    given_ids = {candidate.id for candidate in (*retries, *fresh)}
    assert len(set(ids(decided))) == len(decided.releases) and set(ids(decided)) <= given_ids
    able = {}
    for view in lanes:
        found = limits_of(view, now, unit=False)
        able[view.source.address] = wait_of(found).not_before if found else now
    for view in lanes:
        mine = [release for release in decided.releases if release.view.lane.id == view.lane.id]
        units = [release for release in mine if release.unit]
        assert view.ledger is not None and view.pace is not None
        assert len(mine) <= max(0, view.room)
        assert not units or view.ledger.used + view.promised + len(units) <= view.ledger.cap
        assert not mine or not limits_of(view, now, unit=False)
        taken, tat = view.pace.take(now, view.ledger.used + view.promised, view.ledger.tat, len(units))
        assert taken == len(units)
        assert decided.tats.get(view.lane.id, view.ledger.tat) == tat
        for release in mine:
            one = release.candidate
            assert one.site not in view.sites
            assert one.deadline > now
            assert release.unit == (view.ledger.id not in one.windows)
            assert release.not_before == now
            if one.pin_source in able and now < (one.pin_until or 0):
                at = able[one.pin_source]
                assert view.source.address == one.pin_source or at is None or at >= (one.pin_until or 0)


@given(
    now=instants,
    lanes=views(plain=True),
    retries=candidates(1, retries=True, plain=True),
    fresh=candidates(100, retries=False, plain=True),
)
def test_order_is_kept_and_retries_come_first(
    now: Instant, lanes: list[LaneView], retries: list[Candidate], fresh: list[Candidate]
) -> None:
    """With nothing in the way of some and not of others, what goes is the front of the queue."""
    decided = decide(now, lanes, retries, fresh)
    front = [candidate.id for candidate in (*retries, *fresh)]
    assert ids(decided) == front[: len(decided.releases)]


@given(now=instants, lanes=views(plain=True), fresh=candidates(1, retries=False, plain=True), data=st.data())
def test_a_retry_with_a_unit_goes_before_everything(
    now: Instant, lanes: list[LaneView], fresh: list[Candidate], data: st.DataObject
) -> None:
    """A second try in the same window needs no unit: no cap, pattern or pace is in its way."""
    home = data.draw(st.sampled_from(lanes))
    again = candidate_of(999, retry=True, windows=frozenset({home.ledger.id}) if home.ledger else frozenset())
    waiting = [candidate_of(500 + number, retry=True) for number in range(3)]
    decided = decide(now, lanes, [*waiting, again], fresh)
    if home.room > 0 and now < START + DAY - 2 * SECOND:
        assert decided.releases[0].candidate == again and not decided.releases[0].unit
    else:
        assert all(release.unit or release.candidate != again for release in decided.releases)


@given(
    now=instants,
    lanes=views(),
    retries=candidates(1, retries=True),
    fresh=candidates(100, retries=False),
    where=st.integers(0, 3),
)
def test_a_stopped_lane_slows_nobody(
    now: Instant, lanes: list[LaneView], retries: list[Candidate], fresh: list[Candidate], where: int
) -> None:
    """A lane that an operator paused changes nothing for the others."""
    stopped = view_of(7, lane={"standing": Standing.PAUSED})
    alone = decide(now, lanes, retries, fresh)
    beside = decide(now, [*lanes[:where], stopped, *lanes[where:]], retries, fresh)
    assert beside == alone


@given(now=instants, lanes=views(), fresh=candidates(100, retries=False))
def test_a_held_site_slows_no_other(now: Instant, lanes: list[LaneView], fresh: list[Candidate]) -> None:
    """Mail for a site that is held everywhere leaves its turn to the mail behind it."""
    lanes = [attrs.evolve(view, sites={**view.sites, SITES[0]: HOLD}) for view in lanes]
    others = [candidate for candidate in fresh if candidate.site != SITES[0]]
    assert ids(decide(now, lanes, [], fresh)) == ids(decide(now, lanes, [], others))


@given(now=instants, lanes=views(), retries=candidates(1, retries=True), fresh=candidates(100, retries=False))
def test_the_wake_up_is_not_late(
    now: Instant, lanes: list[LaneView], retries: list[Candidate], fresh: list[Candidate]
) -> None:
    """Between now and the instant at which to ask again nothing could have gone."""
    decided = decide(now, lanes, retries, fresh)
    gone = set(ids(decided))
    after = []
    for view in lanes:
        mine = [release for release in decided.releases if release.view.lane.id == view.lane.id]
        assert view.ledger is not None
        used = view.ledger.used + sum(release.unit for release in mine)
        tat = decided.tats.get(view.lane.id, view.ledger.tat)
        ledger = attrs.evolve(view.ledger, used=used, tat=tat)
        after.append(attrs.evolve(view, ledger=ledger, room=view.room - len(mine)))
    left = [[one for one in them if one.id not in gone] for them in (retries, fresh)]
    assert decided.wake_at is None or decided.wake_at > now
    end = START + DAY if decided.wake_at is None else min(decided.wake_at, START + DAY)
    for at in (now, (now + end) // 2, end - 1):
        pins = [one for one in left[0] if one.pin_until is None or at < one.pin_until]
        if at < end and len(pins) == len(left[0]):
            assert decide(at, after, left[0], left[1]).releases == ()


def test_the_least_used_lane_takes_the_next() -> None:
    """Of the lanes that may send, the one that has used the smallest part of its cap."""
    lanes = [view_of(1, cap=100, used=30), view_of(2, cap=10, used=1)]
    decided = decide(START + 12 * HOUR, lanes, [], [candidate_of(1)])
    assert decided.releases[0].view.lane.id == 2


def test_a_pin_holds_while_its_source_comes_back_in_time() -> None:
    """A source that is silent for an hour keeps its greylisted mail; one that is paused loses it."""
    now = START + 12 * HOUR
    pinned = candidate_of(1, retry=True, pin_source="192.0.2.1", pin_until=now + 10 * HOUR)
    for trouble, waits in (
        ({"backoff_until": now + HOUR}, True),
        ({"backoff_until": now + 11 * HOUR}, False),
        ({"standing": Standing.PAUSED}, False),
        ({}, False),
    ):
        lanes = [view_of(1, lane=trouble, used=50 if trouble else 0), view_of(2)]
        decided = decide(now, lanes, [pinned], [])
        assert (not decided.releases) == waits
        if decided.releases:
            assert decided.releases[0].view.lane.id == (2 if trouble else 1)


# Limits


@given(now=instants, lanes=views(), site=st.sampled_from(SITES), ahead=st.integers(0, 5), unit=st.booleans())
def test_limits_are_tight(now: Instant, lanes: list[LaneView], site: str, ahead: int, unit: bool) -> None:
    """Each limit lasts until its instant: a microsecond earlier it is there, then it is gone."""
    for view in lanes:
        for limit in limits_of(view, now, site=site, ahead=ahead, unit=unit):
            assert limit.text and limit.lane == view.lane.key
            if limit.not_before is None:
                assert limit.reason is WaitReason.PAUSED
                continue
            assert limit.not_before > now
            early = limits_of(view, limit.not_before - 1, site=site, ahead=ahead, unit=unit)
            reasons = {one.reason for one in early}
            if limit.reason is not WaitReason.PACE or not ahead:
                assert limit.reason in reasons
            if limit.not_before < START + DAY and not (limit.reason is WaitReason.PACE and ahead):
                late = limits_of(view, limit.not_before, site=site, ahead=ahead, unit=unit)
                assert limit.reason not in {
                    one.reason for one in late if one.reason not in (WaitReason.BACKOFF, WaitReason.SUSPENDED)
                }


@given(now=instants, lanes=views())
def test_a_wait_is_the_latest_of_a_lane_and_the_first_of_many(now: Instant, lanes: list[LaneView]) -> None:
    """On one lane every limit has to go; of several lanes any one will do."""
    waits = [wait_of(found) for view in lanes if (found := limits_of(view, now))]
    for wait in waits:
        every = [wait.limit, *wait.others]
        ends = [limit.not_before for limit in every]
        assert wait.not_before == (None if None in ends else max(end for end in ends if end is not None))
    if waits:
        ends = [wait.not_before for wait in waits]
        known = [end for end in ends if end is not None]
        assert soonest(waits).not_before == (min(known) if known else None)
