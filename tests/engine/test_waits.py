"""A no explains itself: until when, because of what, and not a microsecond longer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from itertools import pairwise

import pytest
from engine_house import BLOCKED, GREYLISTED, START, House, attempt, submission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmup.engine import Asked
from warmup.engine.admit import SLOT_GRACE
from warmup.model import Grant, LaneKey, Reply, Stage, Wait, WaitReason
from warmup.timing import DAY, HOUR, MINUTE, SECOND, Instant

GOOGLE = LaneKey("127.0.0.2", "google")
LATER = Reply(451, "4.3.0", "try later")


def google(count: int) -> list[str]:
    return [f"user{number}@gmail.com" for number in range(count)]


def wait_of(house: House, delivery: int) -> Wait:
    wait = house.engine.explain_delivery(delivery).wait
    assert wait is not None
    return wait


def lane(house: House, key: LaneKey = GOOGLE):  # type: ignore[no-untyped-def]
    return next(one for one in house.engine.lanes() if one.lane.key == key)


def hold(house: House, delivery: int, reason: WaitReason) -> Instant:
    """The delivery waits for this reason until an instant, and one microsecond earlier it still does."""
    wait = wait_of(house, delivery)
    assert wait.reason is reason, str(wait)
    assert wait.not_before is not None and wait.limit.text
    until = wait.not_before
    house.clock.advance_to(until - 1)
    assert delivery not in {grant.id for grant in house.release()}
    assert wait_of(house, delivery).reason is reason
    house.clock.advance(1)
    return until


def gone(house: House, delivery: int, reason: WaitReason) -> None:
    """The reason is gone, whatever may hold it now."""
    house.release(limit=0)
    story = house.engine.explain_delivery(delivery)
    assert story.wait is None or story.wait.reason is not reason


def test_the_pattern(house: House) -> None:
    """A delivery goes at its place in the day, and not a microsecond before."""
    (delivery,) = house.submit("one@gmail.com")
    house.release()
    hold(house, delivery, WaitReason.PATTERN)
    assert [grant.id for grant in house.release()] == [delivery]


def test_the_pace(house: House) -> None:
    """A lane that is behind catches up at its pace, and says so."""
    house.submit(*google(20))
    house.clock.advance(12 * HOUR)
    went = {grant.id for grant in house.release()}
    first = next(one.id for one in house.engine.queue_list(state="queued") if one.id not in went)
    hold(house, first, WaitReason.PACE)
    assert [grant.id for grant in house.release()] == [first]


def test_the_cap(house: House) -> None:
    """A spent cap ends with its window."""
    ids = house.submit(*google(31))
    house.until(START + DAY - 5 * MINUTE)
    left = next(delivery for delivery in ids if house.state(delivery) == "queued")
    assert hold(house, left, WaitReason.CAP) == START + DAY
    gone(house, left, WaitReason.CAP)


def test_the_end_of_the_window(house: House) -> None:
    """In the last two seconds nothing is given out, however much of the cap is left."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(DAY - SECOND)
    house.release()
    assert hold(house, delivery, WaitReason.WINDOW_END) == START + DAY


def test_a_retry(house: House) -> None:
    """A deferred delivery waits for its schedule, and needs no second unit."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    house.send(GREYLISTED, Stage.RCPT)
    until = hold(house, delivery, WaitReason.RETRY)
    assert house.clock.now() == until
    assert [grant.id for grant in house.release()] == [delivery]


def test_silence_that_a_provider_asked_for(house: House) -> None:
    """A provider that is told too much at once is left alone for as long as it asked."""
    house.submit(*google(2))
    house.clock.advance(12 * HOUR)
    going = house.begin(house.release(limit=1))
    house.settle(going, Reply(421, "4.7.28", "unusual rate of unsolicited mail"), Stage.MAIL)
    other = next(one.id for one in house.engine.queue_list(state="queued"))
    until = hold(house, other, WaitReason.BACKOFF)
    assert until >= START + 12 * HOUR + 10 * MINUTE
    assert [grant.id for grant in house.release()] == [other]


def test_a_suspension(house: House) -> None:
    """A blocked lane is silent for exactly 24 hours."""
    house.submit(*google(2))
    house.clock.advance(12 * HOUR)
    going = house.begin(house.release(limit=1))
    house.settle(going, BLOCKED, Stage.MAIL)
    other = next(one.id for one in house.engine.queue_list(state="queued"))
    assert hold(house, other, WaitReason.SUSPENDED) == START + 36 * HOUR
    gone(house, other, WaitReason.SUSPENDED)


def test_a_site_in_other(house: House) -> None:
    """A site that blocks holds its own mail, and the lane's other mail goes."""
    held, free = house.submit("a@small.example", "b@tiny.example")
    house.clock.advance(12 * HOUR)
    going = house.begin(house.release(limit=1))
    assert [grant.id for grant in going] == [held]
    house.settle(going, BLOCKED, Stage.MAIL)
    house.clock.advance(2 * HOUR)
    assert [grant.id for grant in house.send()] == [free]
    assert wait_of(house, held).reason in (WaitReason.SUSPENDED, WaitReason.RETRY)
    house.clock.advance(8 * HOUR)
    house.release()
    assert hold(house, held, WaitReason.SUSPENDED) == START + 36 * HOUR
    assert [grant.id for grant in house.release()] == [held]


def test_a_source_that_is_down(house: House) -> None:
    """A source that cannot be bound is tried again after some minutes."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    house.engine.hold_source("127.0.0.2", "cannot assign requested address")
    house.release()
    assert hold(house, delivery, WaitReason.SOURCE_DOWN) == START + 12 * HOUR + 5 * MINUTE
    assert [grant.id for grant in house.release()] == [delivery]


def test_a_source_that_has_not_started(furnished: Callable[..., House]) -> None:
    """A staggered source says when its warm-up begins."""
    house = furnished(start=START - 6 * HOUR)
    (delivery,) = house.submit("one@gmail.com")
    house.release()
    assert hold(house, delivery, WaitReason.NOT_STARTED) == START
    gone(house, delivery, WaitReason.NOT_STARTED)


def test_dns_that_has_no_answer(house: House) -> None:
    """Mail whose servers are not known waits until DNS is asked again."""
    ((delivery,),) = house.engine.submit([submission("one@slow.example")])
    house.engine.unroutable("slow.example", Reply(451, "4.4.3", "timed out"), permanent=False)
    wait = wait_of(house, delivery)
    assert wait.reason is WaitReason.RESOLVING and wait.not_before is not None
    house.clock.advance_to(wait.not_before - 1)
    assert house.engine.unresolved(10) == ([], wait.not_before)
    house.clock.advance(1)
    assert house.engine.unresolved(10)[0] == ["slow.example"]


def test_only_an_operator_has_no_end(house: House) -> None:
    """A pause and mail set aside name no instant; neither does a clock that is not believed, for long."""
    (delivery,) = house.submit("one@gmail.com")
    house.engine.hold([delivery])
    assert wait_of(house, delivery).not_before is None
    house.engine.unhold([delivery])
    house.engine.pause(None, None)
    assert wait_of(house, delivery).not_before is None
    house.engine.resume(None, None)
    house.clock.jump(HOUR)
    assert wait_of(house, delivery).reason is WaitReason.CLOCK
    assert wait_of(house, delivery).not_before is not None


def test_a_queue_without_a_worker_waits_for_nobody_else(house: House) -> None:
    """Before the first window was opened, mail does not claim to wait for an operator."""
    (delivery,) = house.submit("one@gmail.com")
    wait = wait_of(house, delivery)
    assert (wait.reason, wait.not_before) == (WaitReason.NOT_STARTED, START)


def test_a_clock_put_back_over_midnight(house: House) -> None:
    """Yesterday is closed, today has not begun: nothing goes, not even a retry that is free."""
    house.submit(*google(3))
    house.clock.advance(DAY)
    house.release()
    house.clock.advance(HOUR)
    (tried,) = house.send(LATER, Stage.RCPT, limit=1)
    house.clock.jump(-2 * HOUR)
    house.engine.accept_clock()
    house.engine.unhold(list(house.engine.hold([tried.id])))  # due at once

    assert house.release() == []
    assert lane(house).wait.reason in (WaitReason.CLOCK, WaitReason.PATTERN)
    assert lane(house).wait.not_before >= START + DAY
    assert hold(house, tried.id, WaitReason.CLOCK) == START + DAY


def test_a_clock_put_back_before_the_open_window(house: House) -> None:
    """With no window open the wait names the end of the last one, not an operator."""
    (delivery,) = house.submit("one@gmail.com")
    house.release()
    house.clock.advance(DAY)
    house.database.write(_close_everything)
    house.clock.jump(-2 * HOUR)
    house.engine.accept_clock()
    house.release()

    assert hold(house, delivery, WaitReason.CLOCK) == START + DAY


def _close_everything(connection) -> None:  # type: ignore[no-untyped-def]
    connection.exec_driver_sql("UPDATE windows SET closed = true")


@pytest.mark.parametrize("behind", [0, 14])
def test_what_is_explained_is_what_happens(house: House, behind: int) -> None:
    """Each delivery of a queue goes at the instant that was told when it stood at its end."""
    house.release()
    house.clock.advance(behind * HOUR)
    told: list[Instant] = []
    for recipient in google(6):
        (delivery,) = house.submit(recipient)
        wait = house.engine.explain_delivery(delivery).wait
        told.append(house.clock.now() if wait is None else wait.not_before or 0)
    went = [at for at, _ in house.until(START + DAY)]

    assert went[:6] == told


def test_a_provider_that_left_the_plan(house: House) -> None:
    """Its mail says when it changes lanes, and goes with the others then."""
    (delivery,) = house.submit("one@yahoo.com")
    house.release()
    house.clock.advance(12 * HOUR)
    house = house.again(mix="google=0.7,other=0.3")
    assert house.release() == []
    assert hold(house, delivery, WaitReason.WINDOW_END) == START + DAY
    gone(house, delivery, WaitReason.WINDOW_END)
    assert [grant.id for _, grant in house.until(START + 2 * DAY)] == [delivery]


# Relays

_NUMBERS = itertools.count()


def ask(house: House, name: str, **words: int) -> Grant | Wait:
    decision = house.engine.admit(Asked(id=name, recipient=f"{name}@gmail.com", **words))
    assert isinstance(decision, Grant | Wait)
    return decision


def slots(house: House, count: int) -> list[Instant]:
    """What the first askers are told."""
    told = []
    for number in range(count):
        wait = ask(house, f"q{number}")
        assert isinstance(wait, Wait) and wait.not_before is not None
        told.append(wait.not_before)
    return told


def test_the_kth_asker_gets_the_kth_slot(house: House) -> None:
    """Relays that ask one after the other are told different instants, and each is granted at its own."""
    told = slots(house, 6)
    assert told == sorted(set(told))
    for number, at in enumerate(told):
        house.clock.advance_to(at - 1)
        assert isinstance(ask(house, f"q{number}"), Wait)
        house.clock.advance(1)
        assert isinstance(ask(house, f"q{number}"), Grant)


def test_asking_again_early_gives_the_same_answer(house: House) -> None:
    """However often and in whatever order relays ask, their slots stay theirs."""
    told = slots(house, 5)
    for _ in range(2):
        house.clock.advance(MINUTE)
        for number in (4, 2, 0, 3, 1):
            wait = ask(house, f"q{number}")
            assert isinstance(wait, Wait) and wait.not_before == told[number]


def test_nobody_who_comes_later_takes_a_promised_slot(house: House) -> None:
    """A slot is kept for its relay for some minutes; then it goes to the next."""
    (at,) = slots(house, 1)
    house.clock.advance_to(at + SLOT_GRACE)
    assert isinstance(ask(house, "late"), Wait)
    house.clock.advance(1)
    assert isinstance(ask(house, "late"), Grant)


def test_a_relay_that_comes_too_late_waits_like_everybody(house: House) -> None:
    """Who did not claim a slot in time has no place before those whose time has come."""
    first, second = slots(house, 2)
    assert second - first > SLOT_GRACE
    house.clock.advance_to(second + MINUTE)
    house.engine.pause(None, "google")
    house.engine.resume(None, "google")
    late = ask(house, "q0")
    ahead = ask(house, "q1")

    assert isinstance(ahead, Grant)
    # Two units were due by then, and one of them was promised: the other is free.
    assert isinstance(late, Grant)
    (third,) = slots_of(house, ["q2"])
    house.clock.advance_to(third)
    lost = ask(house, "q3")
    assert isinstance(lost, Wait) and lost.not_before is not None and lost.not_before > third


def slots_of(house: House, names: list[str]) -> list[Instant]:
    told = []
    for name in names:
        wait = ask(house, name)
        assert isinstance(wait, Wait) and wait.not_before is not None
        told.append(wait.not_before)
    return told


def test_slots_while_catching_up(house: House) -> None:
    """A lane that is behind gives its burst, then one slot at a time at its pace."""
    house.clock.advance(12 * HOUR)
    answers = [ask(house, f"q{number}") for number in range(6)]
    granted = [one for one in answers if isinstance(one, Grant)]
    waits = [one for one in answers if isinstance(one, Wait)]
    told = [one.not_before for one in waits]

    assert len(granted) == 2  # min(5, ceil(30 / 24))
    assert all(wait.reason is WaitReason.PACE for wait in waits)
    assert told == sorted(set(told))
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert all(abs(gap - DAY / 45) <= 1 for gap in gaps)  # one and a half times 30 a day


def test_our_queue_and_a_relay_share_the_slots(house: House) -> None:
    """Both doors take from one ledger: together they never pass the cap."""
    house.submit(*google(40))
    granted = 0
    for number in range(24 * 4):
        granted += isinstance(ask(house, f"q{number}"), Grant)
        granted += len(house.send())
        house.clock.advance(15 * MINUTE)

    assert granted == 30


@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_waits_lead_to_grants(furnished: Callable[..., House], data: st.DataObject) -> None:
    """Whoever asks only when told to is granted after a few waits, whatever happened to the lane before."""
    number = next(_NUMBERS)  # one database, one clock that never goes back
    house = furnished(start=START + number * 20 * DAY + data.draw(st.integers(0, 23)) * HOUR)
    name = f"q{number}"
    for _ in range(data.draw(st.integers(0, 3))):
        what = data.draw(st.sampled_from(["submit", "down", "wait"]))
        if what == "submit":
            house.submit("x@gmail.com")
        elif what == "down":
            house.engine.hold_source("127.0.0.2", "down", data.draw(st.integers(1, DAY)))
        else:
            house.clock.advance(data.draw(st.integers(0, DAY)))
    decision = ask(house, name)
    for _ in range(8):
        if isinstance(decision, Grant):
            break
        assert decision.not_before is not None and decision.not_before > house.clock.now()
        house.clock.advance_to(decision.not_before)
        decision = ask(house, name)

    assert isinstance(decision, Grant)
    house.engine.settle(decision, attempt(LATER, Stage.RCPT, house.clock.now()))
