"""Where mail could stall, double, age or go too early, and what a user can count on there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from engine_house import BLOCKED, GREYLISTED, START, House, attempt, furnish, submission

from warmup.engine import Asked
from warmup.engine.admit import SLOT_GRACE
from warmup.engine.context import LEASE
from warmup.engine.status import LaneStatus
from warmup.errors import UsageError
from warmup.model import Grant, LaneKey, Ledger, Reply, Stage, Standing, Wait, WaitReason
from warmup.release.limits import SiteHold
from warmup.store import Connection, Database, ForeignDatabase, Witness, create_or_upgrade, lanes
from warmup.store.audit import audit
from warmup.timing import DAY, HOUR, MINUTE, SECOND, SimulatedClock

T = TypeVar("T")

HERE, THERE = LaneKey("127.0.0.2", "google"), LaneKey("127.0.0.3", "google")
ACCEPTED = Reply(250, "2.0.0", "OK")
LOST = Reply(0, "", "the connection was lost")
REFUSED = Reply(0, "", "connection refused")
TOO_MUCH = Reply(421, "4.7.28", "unusual rate of unsolicited mail")
NO_DNS = Reply(451, "4.4.3", "DNS timed out")
GOOGLE_MX = ("aspmx.l.google.com",)


def google(count: int) -> list[str]:
    return [f"user{number}@gmail.com" for number in range(count)]


def firm(count: int) -> list[str]:
    return [f"user{number}@firm.example" for number in range(count)]


def lane(house: House, key: LaneKey = HERE) -> LaneStatus:
    return next(one for one in house.engine.lanes() if one.lane.key == key)


def ledger(house: House, key: LaneKey = HERE) -> Ledger:
    found = lane(house, key).ledger
    assert found is not None
    return found


def bodies(house: House) -> int:
    """How many contents are kept."""
    query = sa.text("SELECT count(*) FROM bodies")
    return int(house.database.read(lambda connection: connection.execute(query).scalar_one()))


def ask(house: House, name: str = "q1", number: int = 1) -> Grant | Wait:
    decision = house.engine.admit(Asked(id=name, recipient="one@gmail.com", attempt=number))
    assert isinstance(decision, Grant | Wait)
    return decision


# Nothing stalls


def test_a_lane_that_found_no_connection_free_is_asked_again(house: House) -> None:
    """When every connection is taken, a provider's mail goes once another's conversation ends."""
    house.submit("one@gmail.com")
    (waiting,) = house.submit("one@yahoo.com")
    house.clock.advance(12 * HOUR)
    released = house.engine.release(256, lambda key: int(key.provider == "google"))
    house.settle(house.begin(released.grants))

    assert [grant.id for grant in house.release()] == [waiting]


def test_mail_that_came_too_late_for_its_window_goes_in_the_next(house: House) -> None:
    """A grant that may not begin any more wakes its queue, though that had nothing left to give out."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(DAY - 3 * SECOND)
    granted = house.release()
    assert len(granted) == 1 and house.release() == []
    house.clock.advance(2 * SECOND)
    assert house.begin(granted) == []

    assert [grant.id for _, grant in house.until(START + 2 * DAY)] == [delivery]


def test_expired_mail_does_not_stand_before_the_rest(house: House) -> None:
    """However much mail expired at the head of a queue, what stands behind it goes."""
    house.submit(*google(30), deadline=START + HOUR)
    (late,) = house.submit("late@gmail.com")
    house.clock.advance(12 * HOUR)

    assert [grant.id for grant in house.release(room=10)] == [late]


def test_a_held_site_does_not_stand_before_the_others(furnished: Callable[..., House]) -> None:
    """A site that blocked the only source that may send keeps its own mail waiting, nobody else's."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], mix="other=1")
    house.submit(*[f"user{number}@big.example" for number in range(30)])
    (small,) = house.submit("one@small.example")
    house.engine.pause("127.0.0.3", None)
    house.clock.advance(6 * HOUR)
    assert len(house.send(BLOCKED, Stage.MAIL, limit=1)) == 1
    house.clock.advance(2 * HOUR)

    assert [grant.id for grant in house.release(room=10)] == [small]


def test_a_second_try_goes_when_the_silence_ends(house: House) -> None:
    """A retry that needs no unit of the cap waits for the provider's silence, not for the next unit."""
    house.submit(*google(2))
    house.clock.advance(12 * HOUR)
    tried, noisy = house.begin(house.release())
    house.settle([tried], GREYLISTED, Stage.RCPT)
    house.settle([noisy], TOO_MUCH, Stage.MAIL)
    house.clock.advance(8 * MINUTE)
    assert house.release() == []

    assert house.wake_at == lane(house).lane.backoff_until < START + 13 * HOUR
    house.clock.advance_to(house.wake_at)
    assert [grant.id for grant in house.release()] == [tried.id]


def test_a_pin_is_dropped_when_its_source_cannot_send_within_it(furnished: Callable[..., House]) -> None:
    """Greylisted mail changes its source at once when that is suspended for longer than the pin lasts."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(6 * HOUR)
    (first,) = house.send(GREYLISTED, Stage.RCPT)
    house.submit(*google(6))
    house.clock.advance(4 * HOUR)
    for grant in house.begin(house.release()):
        if grant.id == delivery:
            house.settle([grant], GREYLISTED, Stage.RCPT)
        elif grant.lane == first.lane:
            house.settle([grant], BLOCKED, Stage.MAIL)
        else:
            house.settle([grant])
    assert lane(house, first.lane).lane.until == START + 34 * HOUR  # the pin ends at 30

    gone = [grant for _, grant in house.until(START + 12 * HOUR) if grant.id == delivery]
    assert len(gone) == 1 and gone[0].lane.source != first.lane.source


def test_a_pin_survives_a_refused_connection(furnished: Callable[..., House]) -> None:
    """A retry that reached nobody does not make the greylisting server meet another source next day."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"], curve="linear:days=1")
    house.submit(*google(2))
    house.clock.advance(23 * HOUR)
    sent = {grant.lane: grant for grant in house.begin(house.release(limit=2))}
    house.settle([sent[HERE]])
    house.settle([sent[THERE]], GREYLISTED, Stage.RCPT)
    house.clock.advance(20 * MINUTE)
    refused = house.release()
    house.settle(refused, REFUSED, Stage.CONNECT)
    assert [grant.id for grant in refused] == [sent[THERE].id]

    assert [grant.lane for _, grant in house.until(START + 2 * DAY)] == [THERE]


# Nothing goes too early, or twice


def test_a_slow_database_does_not_carry_mail_over_the_windows_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for the database until the window was over may not write MAIL in it."""
    house.submit("one@gmail.com")
    house.clock.advance(DAY - 4 * SECOND)
    granted = house.release()
    write = house.database.write

    def late(job: Callable[[Connection], T]) -> T:
        house.clock.advance(4 * SECOND)
        return write(job)

    monkeypatch.setattr(house.database, "write", late)

    assert len(granted) == 1 and house.begin(granted) == []
    assert ledger(house).used == 0


def test_a_live_conversation_is_never_swept(house: House) -> None:
    """A process leaves its own slow conversations alone; other nodes do until the lease has run out."""
    other = house.again(node="there")
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    house.begin(house.release())
    house.clock.advance(LEASE - 1)
    assert (house.engine.sweep(), other.engine.sweep()) == (0, 0)
    house.clock.advance(1)
    assert house.engine.sweep() == 0 and house.state(delivery) == "sending"

    assert other.engine.sweep() == 1 and house.state(delivery) == "deferred"


def test_reset_says_the_step_of_the_next_window(furnished: Callable[..., House]) -> None:
    """An operator who says step 10 gets today's cap today and step 10 tomorrow, not 11."""
    house = furnished(curve="linear:days=20", target=2000)
    house.engine.roll()
    house.clock.advance(6 * HOUR)
    house.engine.reset("127.0.0.2", "google", step=10)
    house.engine.roll()
    assert ledger(house).step == 1
    house.clock.advance(DAY)
    house.engine.roll()

    assert ledger(house).step == 10


def test_a_source_put_back_after_two_months_is_cold(furnished: Callable[..., House]) -> None:
    """A source that was out of the plan for 60 days does not go on where it stood."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"])
    house.engine.roll()
    for day in range(4):
        house.clock.advance_to(START + day * DAY + 12 * HOUR)
        house.submit(*google(4))
        house.send()
    assert ledger(house, THERE).step == 4
    alone = house.again(ips=["127.0.0.2"])
    house.clock.advance(DAY)
    alone.engine.roll()
    house.clock.advance(60 * DAY)
    alone.engine.roll()
    back = house.again()
    back.engine.roll()

    assert (lane(back, THERE).lane.standing, ledger(back, THERE).step) == (Standing.COLD, 1)


def test_a_source_that_left_the_plan_stops_no_command(furnished: Callable[..., House]) -> None:
    """Pausing a provider works on the day on which a source was taken out of the plan."""
    house = furnished(ips=["127.0.0.2", "127.0.0.3"])
    house.engine.roll()
    alone = house.again(ips=["127.0.0.2"])
    alone.engine.pause(None, "google", "too many complaints")
    alone.engine.reset(None, "google", step=1)

    assert lane(alone, HERE).lane.standing is Standing.RAMPING
    with pytest.raises(UsageError, match="there is no lane"):
        alone.engine.pause("127.0.0.3", None, "gone")


# Nothing waits for ever, nothing is given up in error


def test_unknown_outcomes_end_with_the_lifetime(house: House) -> None:
    """Mail whose fate is never known is not sent again and again: after five days it is given up."""
    (delivery,) = house.submit("one@gmail.com")
    gone = [at for at, _ in house.until(START + 8 * DAY, LOST)]

    assert house.state(delivery) == "expired"
    assert len(gone) > 1 and gone[-1] - gone[0] <= 5 * DAY


def test_a_careful_stream_keeps_what_nobody_knows(house: House) -> None:
    """With ``on_unknown = hold`` there is one copy, and a month later it still waits for a person."""
    (delivery,) = house.submit("one@gmail.com", stream="careful")
    gone = house.until(START + 30 * DAY, LOST)
    house.engine.sweep()

    assert len(gone) == 1 and house.state(delivery) == "held"


def test_a_clock_that_is_not_believed_ends_nothing(house: House) -> None:
    """A clock that jumps two months ahead expires no mail and forgets nothing before it is accepted."""
    house.submit("done@gmail.com")
    house.clock.advance(12 * HOUR)
    house.send()
    (delivery,) = house.submit("one@gmail.com", deadline=START + 30 * DAY)
    house.clock.jump(60 * DAY)
    assert house.engine.sweep() == 0
    assert (house.state(delivery), bodies(house)) == ("queued", 2)

    house.engine.accept_clock()
    house.engine.sweep()
    assert (house.state(delivery), bodies(house)) == ("expired", 1)  # its own is kept a day longer


def test_a_dns_failure_is_no_attempt(house: House) -> None:
    """While DNS does not answer nothing is tried: the schedule of retries begins with the first attempt."""
    house.engine.submit([submission("one@down.example")])
    for _ in range(3):
        house.engine.unroutable("down.example", NO_DNS, permanent=False)
        house.clock.advance(HOUR)
    (row,) = house.engine.queue_list()

    assert (row.state, row.attempts) == ("queued", 0)
    assert house.engine.unresolved(10)[0] == ["down.example"]
    assert house.engine.explain_delivery(row.id).facts["attempts"] == []


def test_dns_that_never_answers_ends_with_the_lifetime(house: House) -> None:
    """Mail for a domain that DNS never finds is given up after five days, and says why."""
    ((delivery,),) = house.engine.submit([submission("one@down.example")])
    for hours in range(0, 5 * 24, 8):
        house.clock.advance_to(START + hours * HOUR)
        house.engine.unroutable("down.example", NO_DNS, permanent=False)
    assert house.state(delivery) == "queued"
    house.clock.advance_to(START + 5 * DAY)
    house.engine.unroutable("down.example", NO_DNS, permanent=False)

    assert house.state(delivery) == "expired"
    assert "DNS never answered" in "\n".join(house.engine.explain_delivery(delivery).lines)


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT])
def test_a_reply_may_hold_anything(house: House, stage: Stage) -> None:
    """A server that answers with NUL and line feeds is deferred like any other; DNS likewise."""
    (delivery,) = house.submit("one@gmail.com")
    house.clock.advance(12 * HOUR)
    house.send(Reply(421, "4.7.28", "try \x00 later,\nunusual rate of unsolicited mail"), stage)
    house.engine.submit([submission("one@down.example")])
    house.engine.unroutable("down.example", Reply(451, "4.4.3", "no \x00 answer"), permanent=False)

    assert house.state(delivery) == "deferred"
    assert house.release() == []


# Domains and providers that change


def test_a_reclassified_domain_moves_at_the_next_window(house: House) -> None:
    """Mail whose domain turns out to be Google's counts where it counted until midnight, then as Google's."""
    house.submit(*firm(30))
    house.engine.roll()
    house.clock.advance(HOUR)
    house.engine.resolved("firm.example", GOOGLE_MX)
    today = [grant.lane.provider for _, grant in house.until(START + DAY)]
    tomorrow = [grant.lane.provider for _, grant in house.until(START + 2 * DAY)]

    assert today == ["other"] * 12  # the whole cap of the day, and nothing besides
    assert tomorrow == ["google"] * 18


@pytest.mark.parametrize(
    "edit",
    [{"mix": "google=0.5,yahoo=0.1,other=0.4"}, {"ips": ["127.0.0.2", "127.0.0.3"]}],
    ids=["provider", "source"],
)
def test_an_edit_in_mid_day_moves_no_mail(furnished: Callable[..., House], edit: dict[str, Any]) -> None:
    """A provider or source added at noon does not let a reclassified domain count elsewhere today."""
    house = furnished(mix="google=0.5,other=0.5")
    house.submit(*firm(40))
    house.engine.roll()
    house.clock.advance(HOUR)
    house.engine.resolved("firm.example", GOOGLE_MX)
    house.clock.advance(11 * HOUR)
    assert {grant.lane.provider for grant in house.send()} == {"other"}
    house = house.again(**edit)

    assert {grant.lane.provider for _, grant in house.until(START + DAY)} == {"other"}


def test_reclassified_mail_wakes_its_new_lane(house: House) -> None:
    """A lane that slept because its queue was empty sends what is moved to it at midnight."""
    ids = house.submit(*firm(3))
    house.release()
    house.engine.resolved("firm.example", GOOGLE_MX)
    house.release()
    house.clock.advance_to(START + DAY + 1)

    assert [grant.id for _, grant in house.until(START + 2 * DAY)] == ids


def test_a_dns_failure_keeps_what_was_known(house: House) -> None:
    """A domain that was found once moves and is delivered to as it was found, though DNS fails since."""
    house.submit(*firm(13))
    house.engine.roll()
    house.engine.resolved("firm.example", GOOGLE_MX)
    house.engine.unroutable("firm.example", NO_DNS, permanent=False)
    house.until(START + DAY)

    assert [grant.lane.provider for _, grant in house.until(START + 2 * DAY)] == ["google"]


def test_a_provider_that_the_plan_names_anew_gets_its_mail(furnished: Callable[..., House]) -> None:
    """Mail that waits as ``other`` stays there today and goes by the lane of its own from the next window."""
    house = furnished(mix="google=0.5,other=0.5")
    house.submit(*[f"user{number}@yahoo.com" for number in range(35)])
    house.clock.advance(6 * HOUR)
    assert {grant.lane.provider for grant in house.send()} == {"other"}
    house = house.again(mix="google=0.5,yahoo=0.3,other=0.2")
    today = {grant.lane.provider for _, grant in house.until(START + DAY)}
    tomorrow = {grant.lane.provider for _, grant in house.until(START + 2 * DAY)}

    assert (today, tomorrow) == ({"other"}, {"yahoo"})


# Relays


@pytest.mark.parametrize("after", [0, SLOT_GRACE])
def test_a_promised_slot_is_kept_against_our_own_queue(house: House, after: int) -> None:
    """A relay that comes when it was told to, or some minutes later, is served before mail that waits."""
    house.submit(*google(30))
    told = ask(house)
    assert isinstance(told, Wait) and told.not_before is not None
    house.clock.advance_to(told.not_before)
    assert house.release() == []
    house.clock.advance(after)
    assert house.release() == []

    assert isinstance(ask(house), Grant)


def test_a_slot_that_nobody_claims_is_not_lost(house: House) -> None:
    """When the relay does not come, our own queue gets its unit once the grace is over."""
    house.submit(*google(30))
    told = ask(house)
    assert isinstance(told, Wait) and told.not_before is not None
    house.clock.advance_to(told.not_before)
    house.release()
    house.clock.advance(SLOT_GRACE + 1)

    assert len(house.release()) == 1


def test_a_message_that_was_accepted_is_not_granted_again(house: House) -> None:
    """A relay that asks about a message after its acceptance is told so, whatever attempt it counts."""
    house.clock.advance(12 * HOUR)
    granted = ask(house)
    assert isinstance(granted, Grant)
    house.engine.settle(granted, attempt(ACCEPTED, Stage.DOT, house.clock.now()))
    for number in (1, 2):
        with pytest.raises(UsageError, match="was accepted"):
            ask(house, number=number)

    assert (ledger(house).used, ledger(house).accepted) == (1, 1)


def test_a_conversation_that_was_settled_is_not_granted_again(house: House) -> None:
    """After a deferral the same attempt is refused, and the next one is granted on the same unit."""
    house.clock.advance(12 * HOUR)
    granted = ask(house)
    assert isinstance(granted, Grant)
    house.engine.settle(granted, attempt(GREYLISTED, Stage.RCPT, house.clock.now()))
    with pytest.raises(UsageError, match="another attempt"):
        ask(house)

    assert isinstance(ask(house, number=2), Grant)
    assert ledger(house).used == 1


# Two at a time


def test_the_first_of_two_copies_stops(tmp_path: Path) -> None:
    """A daemon whose database was copied notices that the copy was started, and sends no more."""
    folder, state = tmp_path / "first", tmp_path / "state"
    folder.mkdir()
    first = Database(f"sqlite:///{folder / 'warmup.db'}")
    create_or_upgrade(first, "simulated")
    mine = Witness(first, state, "machine", "here")
    mine.begin()
    mine.follow()
    with sqlite3.connect(folder / "warmup.db") as source:
        source.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
    source.close()
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    Witness(copy, state, "machine", "here").begin()

    with pytest.raises(ForeignDatabase, match="later start of a copy"):
        mine.check()
    with pytest.raises(ForeignDatabase, match="later start of a copy"):
        mine.follow()
    first.close()
    copy.close()


@pytest.fixture
def pair(postgres: Callable[[], str]) -> Iterator[tuple[House, House]]:
    """Two nodes on one PostgreSQL database: SQLite has one writer at a time, and none of these races."""
    url = postgres()
    databases = Database(url), Database(url)
    create_or_upgrade(databases[0], "simulated")
    clock = SimulatedClock(START)
    yield furnish(databases[0], clock), furnish(databases[1], clock, node="there")
    for database in databases:
        database.close()


LOCKED = sa.text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")


def race(house: House, act: Callable[[], T], rival: Callable[[], T]) -> tuple[T, T]:
    """Let a rival begin before a transaction of ``act`` commits, until it waits for a lock or is done."""
    real = house.database.write
    rivals: list[Future[T]] = []

    def write(job: Callable[[Connection], Any]) -> Any:
        def held(connection: Connection) -> Any:
            done = job(connection)
            if not rivals:
                rivals.append(pool.submit(rival))
                while not (rivals[0].done() or connection.execute(LOCKED).scalar_one()):
                    pass
            return done

        return real(held)

    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.database, "write", write)
        return act(), rivals[0].result(timeout=30)


def hold_site(connection: Connection) -> None:
    lanes.hold_site(connection, 1, "big.example", SiteHold(START + DAY, WaitReason.BACKOFF, "later"))


FIRSTS: dict[str, Callable[[House], Any]] = {
    "counter": lambda house: house.engine.submit([submission("one@gmail.com")]),
    "domain": lambda house: house.engine.resolved("firm.example", GOOGLE_MX),
    "lane": lambda house: house.engine.roll(),
    "source": lambda house: house.engine.hold_source("127.0.0.2", "not here"),
    "clock": lambda house: house.engine.accept_clock(),
}


@pytest.mark.parametrize("what", FIRSTS)
def test_two_may_write_the_same_first_row(pair: tuple[House, House], what: str) -> None:
    """Two processes that begin at the same moment both succeed, whichever was first."""
    one, two = pair
    act = FIRSTS[what]
    race(one, lambda: act(one), lambda: act(two))

    assert one.database.read(audit) == []


def test_two_may_hold_the_same_site(pair: tuple[House, House]) -> None:
    """Two workers whose mail the same site refuses at the same moment both write it down."""
    one, two = pair
    one.engine.roll()
    race(one, lambda: one.database.write(hold_site), lambda: two.database.write(hold_site))

    assert one.database.read(lambda connection: len(lanes.sites_of(connection, START)[1])) == 1


def test_two_submitters_of_one_key_queue_once(pair: tuple[House, House]) -> None:
    """The same key from two processes at the same moment gives both the same ids."""
    one, two = pair
    mail = submission("one@gmail.com", key="order-1")
    first, second = race(one, lambda: one.engine.submit([mail]), lambda: two.engine.submit([mail]))

    assert first == second
    assert sum(count.count for count in one.engine.queue_counts()) == 1


def test_two_that_ask_about_one_message_share_a_unit(pair: tuple[House, House]) -> None:
    """A relay that asks the same of two nodes at the same moment gets the same grant of both."""
    one, two = pair
    one.clock.advance(12 * HOUR)
    first, second = race(one, lambda: ask(one), lambda: ask(two))

    assert isinstance(first, Grant) and first == second
    assert ledger(one).used == 1


@pytest.mark.parametrize("word", ["hold", "cancel"])
def test_an_operator_comes_too_late_for_a_release(pair: tuple[House, House], word: str) -> None:
    """What a worker is just claiming is neither held nor cancelled: the operator is told, and it goes."""
    one, two = pair
    (delivery,) = one.submit("one@gmail.com")
    one.clock.advance(12 * HOUR)
    one.engine.roll()
    granted, said = race(one, one.release, lambda: getattr(two.engine, word)([delivery]))

    assert said == {delivery: "left leased"}
    one.settle(one.begin(granted))
    assert one.state(delivery) == "sent"


@pytest.mark.parametrize("word, state", [("hold", "held"), ("cancel", "cancelled")])
def test_an_operator_comes_before_a_release(pair: tuple[House, House], word: str, state: str) -> None:
    """What an operator is just holding or cancelling is not sent meanwhile."""
    one, two = pair
    (delivery,) = one.submit("one@gmail.com")
    one.clock.advance(12 * HOUR)
    one.engine.roll()
    said, sent = race(two, lambda: getattr(two.engine, word)([delivery]), one.send)

    assert (said, sent) == ({delivery: state}, [])
    assert one.state(delivery) == state
