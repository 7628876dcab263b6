"""How many deliveries may be under way where a provider asked for fewer, over all who ask."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_house import ACCEPTED, House

from warmup.engine import Asked
from warmup.engine.release import GRANT_MAX
from warmup.model import Grant, LaneKey, Reply, Stage, Wait, WaitReason
from warmup.timing import HOUR, MINUTE

GMAIL = Reply(
    421, "4.7.28", "Gmail has detected an unusual rate of email originating from your IP address 127.0.0.2."
)
CONNECTIONS = Reply(421, "", "RP-003 The mail server IP has exceeded the connection limit allowed.")
AUTH = Reply(550, "5.7.26", "This email has been blocked because the sender is unauthenticated.")
KEY = LaneKey("127.0.0.2", "google")


@pytest.fixture
def busy(furnished: Callable[..., House]) -> House:
    """Ten hours into a day of 2,400, with mail enough and nothing sent for an hour."""
    house = furnished(target=2_400, mix="google=0.5,microsoft_consumer=0.5", curve="linear:days=1")
    house.engine.roll()
    house.clock.advance(10 * HOUR)
    house.submit(*(f"reader{number}@gmail.com" for number in range(40)))
    house.submit(*(f"reader{number}@outlook.com" for number in range(40)))
    return house


def refuse(house: House, reply: Reply, provider: str) -> None:
    """Let one delivery to a provider be refused, and give the others back."""
    grants = house.begin(house.release())
    mine = next(grant for grant in grants if grant.lane.provider == provider)
    house.settle([grant for grant in grants if grant is not mine])
    house.settle([mine], reply)


def to(grants: list[Grant], provider: str) -> list[Grant]:
    return [grant for grant in grants if grant.lane.provider == provider]


def test_one_goes_first_and_others_are_not_slowed(busy: House) -> None:
    """After Gmail's silence one delivery is under way, for all workers together; other providers go on."""
    refuse(busy, GMAIL, "google")
    busy.clock.advance(9 * MINUTE)
    grants = busy.release()
    assert not to(grants, "google") and len(to(grants, "microsoft_consumer")) > 1
    busy.settle(busy.begin(grants))

    busy.clock.advance(2 * MINUTE)
    (first,) = to(busy.release(), "google")
    assert busy.engine.context.limits(KEY).connections == 1
    other = busy.again(node="elsewhere")
    assert not to(other.release(), "google")
    assert other.engine.context.limits(KEY).connections == 1
    busy.settle(busy.begin([first]))
    assert len(to(other.release(), "google")) == 1


def test_what_was_claimed_before_does_not_all_go(busy: House) -> None:
    """A number that falls holds also for what workers had claimed: it is given back, but for one."""
    grants = to(busy.release(), "microsoft_consumer")
    assert len(grants) > 2
    first, *rest = grants
    busy.begin([first])
    busy.settle([first], CONNECTIONS)
    assert len(busy.begin(rest)) == 1
    assert busy.engine.context.limits(first.lane).connections == 1


def test_a_relay_asks_for_one_at_a_time(busy: House) -> None:
    """Relays hold one conversation with such a provider, with our own queue's counted; the answer repeats."""
    refuse(busy, GMAIL, "google")
    busy.clock.advance(11 * MINUTE)

    def ask(name: str, attempt: int = 1) -> Grant | Wait:
        answer = busy.engine.admit(Asked(id=name, recipient=f"{name}@gmail.com", attempt=attempt))
        assert isinstance(answer, Grant | Wait)
        return answer

    first, second = ask("a"), ask("b")
    assert isinstance(first, Grant)
    assert isinstance(second, Wait) and second.reason is WaitReason.BACKOFF
    assert "1 under way" in second.limit.text and "gmail-unusual-rate" in second.limit.text
    assert isinstance(ask("a"), Grant), "asked twice about the same conversation"
    assert not to(busy.release(), "google")

    busy.clock.advance(MINUTE)
    busy.engine.settle(first, _accepted(busy))
    assert isinstance(ask("b"), Grant)
    # A relay that died says nothing: its conversation counts for half an hour.
    assert isinstance(ask("c"), Wait)
    busy.clock.advance(GRANT_MAX + MINUTE)
    assert isinstance(ask("c"), Grant)


def test_trouble_that_a_person_has_to_mend_is_tried_by_one(busy: House) -> None:
    """Where authentication fails every message would be refused alike: one asks, from whichever queue."""
    refuse(busy, AUTH, "google")
    busy.engine.roll()
    busy.clock.advance(2 * HOUR)
    first = busy.engine.admit(Asked(id="a", recipient="a@gmail.com"))
    second = busy.engine.admit(Asked(id="b", recipient="b@gmail.com"))
    assert isinstance(first, Grant) and isinstance(second, Wait)
    assert not to(busy.release(), "google")


def test_the_numbers_survive_a_restart_and_a_new_day(busy: House) -> None:
    """Neither a new process nor midnight gives back what the provider did not."""
    refuse(busy, GMAIL, "google")
    busy.clock.advance(14 * HOUR + 20 * MINUTE)
    again = busy.again()
    assert len(to(again.release(), "google")) == 1


def _accepted(house: House):  # type: ignore[no-untyped-def]
    from engine_house import attempt

    return attempt(ACCEPTED, Stage.DOT, house.clock.now())
