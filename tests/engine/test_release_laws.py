"""What the engine promises of caps, pace, waits and crashes, one promise a test, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import sqlalchemy as sa
from engine_house import ACCEPTED, BLOCKED, GREYLISTED, START, UNKNOWN_USER, House

from warmup.errors import DataError, UsageError
from warmup.model import Declaration, LaneKey, RampClock, Reply, Stage, Standing, WaitReason
from warmup.timing import DAY, HOUR, MINUTE, SECOND

GOOGLE = LaneKey("127.0.0.2", "google")


def google(count: int) -> list[str]:
    return [f"user{number}@gmail.com" for number in range(count)]


def lane(house: House, key: LaneKey = GOOGLE):  # type: ignore[no-untyped-def]
    return next(one for one in house.engine.lanes() if one.lane.key == key)


def day(house: House, reply: Reply = ACCEPTED) -> int:
    """Let a whole day pass, sending whatever may go; how many went."""
    return len(house.until(house.clock.now() + DAY, reply))


def test_a_day_holds_exactly_its_cap(house: House) -> None:
    """With more mail than the cap, a lane sends its cap in a day: not one more, not one less."""
    house.submit(*google(100))

    assert day(house) == 30  # half of 60
    assert day(house) == 60


def test_the_hours_are_the_pattern(furnished: Callable[..., House]) -> None:
    """Every hour of a day holds what the plan's preview says of it."""
    house = furnished(target=240, curve="linear:days=1", pattern="office")
    house.submit(*google(200))
    hours = [0] * 24
    for at, _ in house.until(START + DAY):
        hours[(at - START) // HOUR] += 1

    row = next(row for row in house.engine.context.plan.rows() if row.provider == "google")
    assert hours == list(house.engine.context.plan.row_hours(row))


def test_no_burst_after_an_outage(house: House) -> None:
    """After half a day down, mail goes at most at one and a half times the pattern, not all at once."""
    house.submit(*google(100))
    house.release()  # the window opens
    house.clock.advance(12 * HOUR)

    first = len(house.send())
    house.clock.advance(HOUR)
    second = len(house.send())

    assert first <= 2  # min(5, ceil(30 / 24))
    assert first + second <= 2 + 1.5 * 30 / 24 + 1


def test_a_restart_opens_no_fresh_allowance(house: House) -> None:
    """What was spent before a restart is spent after it, and the pace goes on where it was."""
    house.submit(*google(100))
    sent = 0
    for _ in range(24 * 4):
        house = house.again()
        sent += len(house.send())
        house.clock.advance(15 * MINUTE)

    assert sent == 30


def test_a_second_try_in_the_same_window_is_free(house: House) -> None:
    """A greylisted delivery is tried again without spending a second unit of the cap."""
    house.submit(*google(40))
    house.clock.advance(12 * HOUR)
    (first,) = house.send(GREYLISTED, Stage.RCPT, limit=1)
    used = lane(house).ledger.used
    house.clock.advance(20 * MINUTE)
    again = house.begin([one for one in house.release(limit=40) if one.id == first.id])

    assert again and used == 1
    refs = sa.text("select count(*) from reservations where ref = :ref")
    assert house.database.read(lambda c: c.execute(refs, {"ref": first.id}).scalar()) == 1


def test_a_retry_that_is_carried_over_reserves_in_the_new_window(house: House) -> None:
    """A deferred delivery that is tried on the next day counts in the next day's cap."""
    house.submit(*google(1))
    house.clock.advance(23 * HOUR)
    house.send(GREYLISTED, Stage.RCPT)
    house.clock.advance(3 * HOUR)
    house.send()

    assert lane(house).ledger.used == 1
    assert lane(house).ledger.accepted == 1


def test_a_greylisted_delivery_stays_on_its_source(furnished: Callable[..., House]) -> None:
    """The server that greylisted one source sees the same source again within the day."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.submit(*google(10))
    house.clock.advance(6 * HOUR)
    tried = {grant.id: grant.lane.source for grant in house.send(GREYLISTED, Stage.RCPT)}
    house.clock.advance(30 * MINUTE)
    again = {grant.id: grant.lane.source for grant in house.release() if grant.id in tried}

    assert len(set(tried.values())) == 2 and again
    assert again == {delivery: tried[delivery] for delivery in again}


def test_the_pin_ends_with_its_source(furnished: Callable[..., House]) -> None:
    """When the source that was greylisted cannot send, another one takes the delivery."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.submit(*google(1))
    house.clock.advance(6 * HOUR)
    (first,) = house.send(GREYLISTED, Stage.RCPT)
    house.engine.pause(first.lane.source, None)
    house.clock.advance(HOUR)
    (second,) = house.release()

    assert second.lane.source != first.lane.source


def test_a_failed_connection_costs_no_unit(house: House) -> None:
    """A delivery whose server could not be reached gives its unit back."""
    house.submit(*google(1))
    house.clock.advance(12 * HOUR)
    granted = house.release()
    house.settle(granted, Reply(0, "", "connection refused"), Stage.CONNECT)

    assert lane(house).ledger.used == 0


def test_mail_is_not_begun_two_seconds_before_midnight(house: House) -> None:
    """A reservation whose MAIL would be written at the end of its window is made anew in the next one."""
    house.submit(*google(1))
    house.clock.advance(DAY - 10 * SECOND)
    granted = house.release()
    house.clock.advance(8 * SECOND)

    assert granted and house.begin(granted) == []
    assert lane(house).ledger.used == 0
    house.clock.advance(13 * HOUR)
    assert len(house.send()) == 1


def test_a_lowered_cap_acts_at_once_and_refunds_nothing(house: House) -> None:
    """Half the target in mid-day: what went stays counted, and no more than the new cap goes."""
    house.submit(*google(100))
    before = len(house.until(START + 12 * HOUR))
    house = house.again(target=40)
    after = len(house.until(START + DAY))

    assert (before, after) == (15, 0)
    assert (lane(house).ledger.cap, lane(house).ledger.used) == (5, 15)


def test_a_raised_cap_acts_from_the_next_window(house: House) -> None:
    """Ten times the target in mid-day changes nothing today."""
    house.submit(*google(1000))
    sent = len(house.until(START + 10 * HOUR))
    house = house.again(target=2400)
    sent += len(house.until(START + DAY))

    assert sent == 30
    assert day(house) == 600


def test_a_provider_added_in_mid_day_opens_no_allowance_today(house: House) -> None:
    """A provider that gets a share of its own waits for the next window: today it was counted elsewhere."""
    house.submit(*google(5))
    house.clock.advance(HOUR)
    house.send()
    house = house.again(mix="google=0.5,yahoo=0.3,apple=0.1,other=0.1")
    house.submit("a@icloud.com")
    house.clock.advance(20 * HOUR)

    assert all(grant.lane.provider != "apple" for grant in house.send())
    assert lane(house, LaneKey("127.0.0.2", "apple")).ledger.cap == 0


def test_a_change_of_zone_acts_at_the_windows_end(house: House) -> None:
    """The zone's new days begin where the old one ends; nothing overlaps, and no short day holds a cap."""
    house.submit(*google(300))
    house.send()
    house = house.again(timezone="Pacific/Auckland")
    house.send()
    assert lane(house).ledger.zone == "UTC"
    house.clock.advance(DAY)
    house.send()
    ledger = lane(house).ledger

    assert ledger.window.starts_at == START + DAY
    assert ledger.zone == "Pacific/Auckland"
    assert 20 * HOUR <= ledger.window.length <= 44 * HOUR


def test_steps_come_of_closed_windows_only(house: House) -> None:
    """Ten days down are one window and one step, however the calendar looks."""
    house.send()
    assert lane(house).lane.step == 1
    house.clock.advance(10 * DAY)
    house.send()

    assert lane(house).lane.step == 2


@pytest.mark.parametrize(
    ("ramp", "sent", "step"),
    [
        (RampClock.CALENDAR, 0, 2),
        (RampClock.SENDING_DAY, 0, 1),
        (RampClock.SENDING_DAY, 1, 2),
        (RampClock.EARNED, 22, 1),
        (RampClock.EARNED, 23, 2),
    ],
)
def test_what_moves_the_ramp(furnished: Callable[..., House], ramp: RampClock, sent: int, step: int) -> None:
    """Calendar: every day. Sending day: one message is enough. Earned: three quarters of the cap of 30."""
    house = furnished(ramp=ramp)
    house.submit(*google(sent))
    day(house)
    house.send()

    assert lane(house).lane.step == step


def test_a_partial_first_window_is_no_step(furnished: Callable[..., House]) -> None:
    """A source that starts at noon does not climb at midnight."""
    house = furnished(start=START + 12 * HOUR)
    house.send()
    house.clock.advance(12 * HOUR)
    house.send()

    assert lane(house).lane.step == 1
    house.clock.advance(DAY)
    house.send()
    assert lane(house).lane.step == 2


def test_a_block_suspends_the_lane_for_a_day_and_halves_it(furnished: Callable[..., House]) -> None:
    """A blocked lane is silent for 24 hours, then sends half of its last cap, and other lanes go on."""
    house = furnished(curve="linear:days=4")
    house.submit(*google(500), *[f"u{n}@yahoo.com" for n in range(500)])
    day(house)  # step 2: google 60
    house.clock.advance(12 * HOUR)
    going = house.begin(house.release(limit=1))
    assert going[0].lane == GOOGLE
    house.settle(going, BLOCKED, Stage.CONNECT)
    blocked_at = house.clock.now()

    assert lane(house).lane.standing is Standing.SUSPENDED
    assert lane(house).wait.reason is WaitReason.SUSPENDED
    assert lane(house).wait.not_before == blocked_at + 24 * HOUR
    house.clock.advance(24 * HOUR - 1)
    assert all(grant.lane != GOOGLE for grant in house.send())
    house.clock.advance(1)
    house.send()
    assert lane(house).lane.standing is Standing.REDUCED
    assert lane(house).ledger.cap == 30
    assert house.state(going[0].id) in ("deferred", "sent")
    house.clock.advance_to(START + 3 * DAY)
    full = [grant for _, grant in house.until(START + 4 * DAY) if grant.lane == GOOGLE]
    assert len(full) == 30
    assert lane(house, LaneKey("127.0.0.2", "yahoo")).lane.standing is not Standing.SUSPENDED


def test_in_other_a_block_is_the_sites(house: House) -> None:
    """One small site that blocks suspends itself; its neighbours in the same lane go on."""
    house.submit(*[f"u{n}@small{n % 2}.example" for n in range(8)])
    house.clock.advance(12 * HOUR)
    granted = house.begin(house.release(limit=1))
    house.settle(granted, BLOCKED, Stage.CONNECT)
    sent = [grant for _, grant in house.until(START + DAY)]

    assert sent and all(grant.site != granted[0].site for grant in sent)
    assert lane(house, LaneKey("127.0.0.2", "other")).lane.standing is Standing.RAMPING


def test_thirty_idle_days_make_a_lane_cold(furnished: Callable[..., House]) -> None:
    """A lane that was warm and sent nothing for 30 days starts again at step 1."""
    house = furnished(declarations={"127.0.0.2": Declaration(warm=True)}, ramp=RampClock.EARNED)
    house.submit(*google(1))
    assert lane_after_send(house).standing is Standing.WARM
    for _ in range(31):
        house.clock.advance(DAY)
        house.send()

    assert lane(house).lane.standing is Standing.COLD
    assert (lane(house).lane.step, lane(house).ledger.cap) == (1, 30)


def lane_after_send(house: House):  # type: ignore[no-untyped-def]
    house.clock.advance(12 * HOUR)
    house.send()
    return lane(house).lane


@pytest.mark.parametrize(
    ("declaration", "step"),
    [(Declaration(warm=True), 4), (Declaration(step=3), 3), (Declaration(volume=130), 2)],
)
def test_an_ip_in_use_is_declared(
    furnished: Callable[..., House], declaration: Declaration, step: int
) -> None:
    """A source may begin warm, at a step, or at the step of a daily volume."""
    house = furnished(declarations={"127.0.0.2": declaration})
    house.send()

    assert lane(house).lane.step == step


def test_the_order_is_priority_then_engagement_then_deadline(house: House) -> None:
    """Urgent streams first, then the recipients most likely to react well, then the nearest deadline."""
    late = house.submit("late@gmail.com", deadline=START + 20 * DAY)
    soon = house.submit("soon@gmail.com", deadline=START + 10 * DAY)
    keen = house.submit("keen@gmail.com", engagement=90)
    first = house.submit("first@gmail.com", stream="first")
    order = [grant.id for _, grant in house.until(START + DAY)]

    assert order == [*first, *keen, *soon, *late]


def test_a_wait_is_tight(house: House) -> None:
    """At the instant a wait names the delivery goes; one microsecond earlier the same reason holds."""
    (delivery,) = house.submit("one@gmail.com")
    house.release()
    for _ in range(3):
        wait = house.engine.explain_delivery(delivery).wait
        if wait is None:
            break
        assert wait.not_before is not None
        house.clock.advance_to(wait.not_before - 1)
        assert house.release() == []
        still = house.engine.explain_delivery(delivery).wait
        assert still is not None and still.reason is wait.reason
        house.clock.advance(1)
        granted = house.release()
        if granted:
            break

    assert [grant.id for grant in granted] == [delivery]


def test_a_wait_for_the_cap_ends_with_the_window(house: House) -> None:
    """A spent cap says so in its own words, and names midnight."""
    house.submit(*google(40))
    house.until(START + DAY - HOUR)
    house.until(START + DAY - 5 * MINUTE)
    wait = lane(house).wait

    assert wait.reason is WaitReason.CAP
    assert wait.not_before == START + DAY
    assert "cap 30 a day (step 1 of curve linear" in wait.limit.text and "30 used" in wait.limit.text


def test_a_paused_lane_waits_for_a_person(house: House) -> None:
    """A pause has no end of its own, survives midnight, and a resume brings the old standing back."""
    (delivery,) = house.submit("one@gmail.com")
    house.engine.pause("127.0.0.2", "google", "list under repair")
    house.engine.pause("127.0.0.2", "google", "list under repair")
    house.clock.advance(DAY + 20 * HOUR)

    assert house.send() == []
    wait = house.engine.explain_delivery(delivery).wait
    assert wait is not None and wait.reason is WaitReason.PAUSED and wait.not_before is None
    assert "list under repair" in str(wait)
    house.engine.resume("127.0.0.2", "google")
    assert lane(house).lane.standing is Standing.RAMPING
    assert lane(house).lane.step == 1  # paused days are no steps
    assert len(house.send()) == 1


def test_a_jump_of_the_clock_holds_everything(house: House) -> None:
    """Wall time that runs ahead of the time that passed sends nothing until an operator accepts it."""
    (delivery,) = house.submit("one@gmail.com")
    house.release()
    house.clock.jump(29 * DAY)

    assert house.send() == []
    wait = house.engine.explain_delivery(delivery).wait
    assert wait is not None and wait.reason is WaitReason.CLOCK
    assert lane(house).lane.step == 1
    house.engine.accept_clock()
    house.send()
    assert lane(house).lane.step == 2  # one window closed, one step


def test_a_clock_set_back_over_a_restart_holds_everything(house: House) -> None:
    """A machine that boots with last week's clock sends nothing: a closed window never grants again."""
    house.submit(*google(40))
    day(house)
    house.send()
    house.clock.jump(-DAY)
    house = house.again()

    assert house.send() == []


def test_a_dead_workers_claims_are_given_back(house: House) -> None:
    """A delivery that was claimed but not begun waits again, and its unit is free again."""
    ids = house.submit(*google(3))
    house.clock.advance(12 * HOUR)
    granted = house.release()
    house = house.again()
    house.engine.sweep()

    assert granted and {house.state(delivery) for delivery in ids} == {"queued"}
    assert lane(house).ledger.used == 0


def test_a_delivery_that_was_being_sent_is_tried_again_and_stays_counted(house: House) -> None:
    """After a crash between MAIL and the answer nobody knows: the unit stays spent, the mail goes again."""
    house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    (sending,) = house.begin(house.release())
    house = house.again()
    house.engine.sweep()

    assert house.state(sending.id) == "deferred"
    assert lane(house).ledger.used == 1
    house.clock.advance(HOUR)
    (again,) = house.send()
    assert again.id == sending.id and house.state(sending.id) == "sent"
    assert lane(house).ledger.used == 1


def test_a_careful_stream_holds_what_nobody_knows(house: House) -> None:
    """With ``on_unknown = hold`` an unknown outcome waits for a person instead of risking a second copy."""
    (delivery,) = house.submit("one@gmail.com", stream="careful")
    house.clock.advance(12 * HOUR)
    going = house.begin(house.release())
    house.settle(going, Reply(0, "", "connection lost"), Stage.DOT)

    assert house.state(delivery) == "held"
    assert house.engine.unhold([delivery]) == {delivery: "deferred"}


def test_an_answer_to_a_lost_claim_is_journalled_and_not_applied(house: House) -> None:
    """A worker thought dead overwrites nothing that happened since; a late acceptance saves the copy."""
    house.submit("one@gmail.com", "two@gmail.com")
    house.clock.advance(12 * HOUR)
    first, second = house.begin(house.release())
    other = house.again()
    other.engine.sweep()
    house.settle([first], UNKNOWN_USER, Stage.RCPT)
    house.settle([second], ACCEPTED)

    assert other.state(first.id) == "deferred"
    assert other.state(second.id) == "sent"


def test_mail_that_is_held_does_not_age(furnished: Callable[..., House]) -> None:
    """Weeks in the queue cost nothing: the lifetime of retries counts from the first attempt."""
    house = furnished()
    house.engine.pause(None, "google")
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(60 * DAY)
    house.engine.resume(None, "google")
    house.engine.sweep()
    house.clock.advance(12 * HOUR)
    house.send(Reply(451, "4.3.0", "try later"), Stage.RCPT)

    assert house.state(delivery) == "deferred"


def test_a_delivery_that_is_deferred_for_days_expires_and_says_so(house: House) -> None:
    """After the lifetime of five days of attempts a delivery is given up, with its history kept."""
    (delivery,) = house.submit("one@gmail.com")
    for _ in range(8 * 24):
        house.send(Reply(451, "4.3.0", "try later"), Stage.RCPT)
        house.clock.advance(HOUR)

    assert house.state(delivery) == "expired"
    assert len(house.engine.explain_delivery(delivery).facts["attempts"]) > 10


def test_a_deadline_expires_mail_and_journals_it(house: House) -> None:
    """A message whose deadline passes is not sent afterwards, and its story says why."""
    (delivery,) = house.submit("one@gmail.com", deadline=START + HOUR)
    house.clock.advance(12 * HOUR)

    assert house.send() == []
    house.engine.sweep()
    assert house.state(delivery) == "expired"
    assert "deadline" in "\n".join(house.engine.explain_delivery(delivery).lines)


def test_a_key_queues_once(house: House) -> None:
    """Submitting the same key again gives the same ids and queues nothing, in one batch or in two."""
    first = house.submit("one@gmail.com", key="order-1")
    second = house.submit("one@gmail.com", key="order-1")

    assert first == second
    assert sum(count.count for count in house.engine.queue_counts()) == 1


def test_submit_refuses_what_it_cannot_keep(house: House) -> None:
    """An unknown stream and a deadline in the past are refused before anything is written."""
    with pytest.raises(UsageError, match="stream"):
        house.submit("one@gmail.com", stream="nope")
    with pytest.raises(DataError, match="deadline"):
        house.submit("one@gmail.com", deadline=START - 1)
    assert house.engine.queue_counts() == []


def test_a_domain_is_labelled_before_anything_is_reserved(house: House) -> None:
    """Mail for a company that Google hosts counts as Google's, as soon as its MX says so."""
    house.engine.submit([_to("one@company.example")])
    house.clock.advance(12 * HOUR)
    assert house.send() == []
    names, _ = house.engine.unresolved(10)
    assert names == ["company.example"]
    house.engine.resolved("company.example", ("aspmx.l.google.com",))
    (sent,) = house.send()

    assert sent.lane == GOOGLE


def _to(recipient: str):  # type: ignore[no-untyped-def]
    from engine_house import submission

    return submission(recipient)


def test_a_domain_that_does_not_exist_bounces_without_a_connection(house: House) -> None:
    """NXDOMAIN ends a delivery; a DNS failure only makes it wait, and says so."""
    house.engine.submit([_to("one@gone.example"), _to("two@slow.example")])
    house.engine.unroutable("gone.example", Reply(550, "5.1.2", "no such domain"), permanent=True)
    house.engine.unroutable("slow.example", Reply(451, "4.4.3", "DNS timed out"), permanent=False)
    gone, slow = house.engine.queue_list()

    assert gone.state == "bounced"
    wait = house.engine.explain_delivery(slow.id).wait
    assert wait is not None and "DNS" in str(wait)
    assert house.engine.unresolved(10)[0] == []
    house.clock.advance(HOUR)
    assert house.engine.unresolved(10)[0] == ["slow.example"]


def test_two_processes_never_spend_the_same_unit(house: House) -> None:
    """Two workers that release in turn share one cap."""
    house.submit(*google(200))
    other = house.again(node="there")
    sent = 0
    for minute in range(24 * 60):
        sent += len((house if minute % 2 else other).send())
        house.clock.advance(MINUTE)

    assert sent == 30


def test_the_database_itself_refuses_to_overspend(house: House) -> None:
    """Even a wrong program cannot count more units than the largest cap a window had."""
    house.release()
    with pytest.raises(Exception, match=r"(?i)check"):
        house.database.write(lambda c: c.execute(sa.text("update windows set used = peak + 1")))


def test_explain_tells_the_story_of_a_lane(house: House) -> None:
    """The lane's story has its steps, its days with their figures, and what holds it now."""
    house.submit(*google(100))
    day(house)
    house.send()
    text = "\n".join(house.engine.explain_lane(GOOGLE).lines)

    assert "step 1 to 2 of 4: 30 of 30 accepted" in text
    assert "day 2026-12-01: step 1, cap 30, used 30, accepted 30" in text
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["now", "now", "tomorrow"]


def test_a_source_that_is_not_here_is_held_and_the_others_go_on(furnished: Callable[..., House]) -> None:
    """A source that cannot be bound waits and says why; its share is not taken by force elsewhere."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.submit(*google(20))
    house.release()
    house.engine.hold_source("127.0.0.2", "cannot assign requested address")
    house.clock.advance(2 * MINUTE)
    wait = lane(house).wait
    assert any("cannot assign requested address" in limit.text for limit in (wait.limit, *wait.others))
    house.clock.advance(2 * HOUR)
    house.engine.hold_source("127.0.0.2", "cannot assign requested address")
    went = [grant.lane.source for grant in house.send()]
    assert went and set(went) == {"127.0.0.3"}
    house.clock.advance(5 * MINUTE)
    assert "127.0.0.2" in {grant.lane.source for grant in house.send()}


def test_a_grant_carries_what_the_courier_needs(house: House) -> None:
    """A grant names its source, EHLO name, addresses and size."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    (grant,) = house.release()

    assert attrs.asdict(grant) | {"lane": None} == {
        "id": delivery,
        "lease": 1,
        "lane": None,
        "window_ends_at": START + DAY,
        "not_before": START + 12 * HOUR,
        "pool": "default",
        "ehlo": "mx.example.net",
        "domain": "gmail.com",
        "site": "gmail.com",
        "sender": "sender@example.net",
        "recipient": "one@gmail.com",
        "message": 1,
        "size": 25,
        "utf8": False,
        "eight_bit": False,
    }
