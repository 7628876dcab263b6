"""An operator's hands: step, reset, notes, grafted pasts; and trouble that only a person can mend."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from engine_house import START, House

from warmup.errors import UsageError
from warmup.model import Lane, LaneKey, Ledger, RampClock, Reply, Stage, Standing
from warmup.plan.growth import GrowthPolicy
from warmup.timing import DAY, HOUR

HERE, GOOGLE = "127.0.0.2", LaneKey("127.0.0.2", "google")
OTHER = "127.0.0.3"
SPF = Reply(550, "5.7.27", "Your email has been rejected because the SPF check of the sender did not pass")
BLOCKED = Reply(554, "5.7.1", "Service unavailable; Client host [127.0.0.2] blocked due to poor reputation")
FIRST = date(2026, 12, 1)


def lane(house: House, key: LaneKey = GOOGLE) -> Lane:
    return next(one.lane for one in house.engine.lanes() if one.lane.key == key)


def ledger(house: House, key: LaneKey = GOOGLE) -> Ledger:
    found = next(one.ledger for one in house.engine.lanes() if one.lane.key == key)
    assert found is not None
    return found


def google(count: int, start: int = 0) -> list[str]:
    return [f"user{number}@gmail.com" for number in range(start, start + count)]


def story(house: House, key: LaneKey = GOOGLE) -> str:
    return "\n".join(house.engine.explain_lane(key).lines)


class TestStep:
    def test_up_and_down(self, house: House) -> None:
        """A lower cap acts at once, a higher one with the next window, or at once at an explicit word."""
        house.engine.roll()
        assert ledger(house).cap == 30
        house.engine.step(HERE, "google", to=3, note="the newsletter")
        assert (lane(house).step, ledger(house).cap) == (3, 30)
        house.engine.step(HERE, "google", by=0, now=True)
        assert ledger(house).cap == 90
        house.engine.step(HERE, "google", by=-9)
        assert (lane(house).step, ledger(house).cap) == (1, 30)
        assert "moved from step 1 to 3 of 4 by an operator: the newsletter" in story(house)

    def test_what_holds_a_lane_stays(self, house: House) -> None:
        """A pause goes on after a step, and so does a suspension, which ends no higher than the new step."""
        house.engine.roll()
        house.engine.pause(HERE, "google")
        house.engine.step(HERE, "google", to=4)
        assert (lane(house).standing, lane(house).before_pause) == (Standing.PAUSED, Standing.WARM)
        house.engine.resume(HERE, "google", "enough")
        assert lane(house).standing is Standing.WARM and "resumed by an operator: warm (enough)" in story(
            house
        )
        house.clock.advance(12 * HOUR)
        house.submit(*google(1))
        house.send(BLOCKED, Stage.CONNECT)
        assert lane(house).standing is Standing.SUSPENDED
        house.engine.step(HERE, "google", to=2)
        assert (lane(house).standing, lane(house).cap_limit) == (Standing.SUSPENDED, 60)

    def test_a_reset_forgets_what_held(self, house: House) -> None:
        """After a reset the evidence so far is not judged again, and nothing rests."""
        house.engine.roll()
        house.clock.advance(12 * HOUR)
        house.submit(*google(1))
        house.send(BLOCKED, Stage.CONNECT)
        assert lane(house).learned.rest_until > house.clock.now()
        house.engine.reset(HERE, "google", step=2, note="delisted")
        learned = lane(house).learned
        assert (learned.rest_until, learned.hold) == (0, "")
        assert learned.judged_from >= ledger(house).window.ends_at


class TestGraft:
    def past(self, counts: list[int], before: date = FIRST) -> dict[str, dict[date, int]]:
        return {
            "google": {before - timedelta(days=len(counts) - at): count for at, count in enumerate(counts)}
        }

    def test_a_file(self, house: House) -> None:
        """A lane with a past begins at what it was used to on three days, and not at its one big day."""
        done = house.engine.graft(
            HERE, None, history=self.past([70, 20, 65, 66, 119, 0]), note="from the old"
        )
        assert [str(one.lane.key) for one in done] == [str(GOOGLE)]
        assert (lane(house).step, lane(house).standing) == (2, Standing.RAMPING)
        assert lane(house).learned.proven == 66
        house.engine.roll()
        assert ledger(house).cap == 60
        days = [day for day in house.engine.days() if day.lane == GOOGLE]
        assert [day.ledger.accepted for day in days if day.closed] == [70, 20, 65, 66, 119, 0]
        assert all(day.closed for day in days[:-1]) and not days[-1].closed
        told = story(house)
        assert "given a past of 66 a day by an operator, 6 days of it" in told and "from the old" in told

    def test_below_the_first_step(self, house: House) -> None:
        """A past smaller than the curve's first step limits the lane to what it was."""
        house.engine.graft(HERE, "google", history=self.past([7, 7, 7]))
        assert (lane(house).step, lane(house).cap_limit) == (1, 7)
        house.engine.roll()
        assert ledger(house).cap == 7

    def test_growth_sees_it(self, furnished: Callable[..., House]) -> None:
        """A warm lane whose plan is far above its past grows from that past."""
        house = furnished(target=40, ramp=RampClock.EARNED, growth=GrowthPolicy(least=5))
        house.engine.graft(HERE, "google", history=self.past([20] * 12))
        assert lane(house).standing is Standing.WARM
        raised = house.again(target=400)
        raised.engine.roll()
        assert ledger(raised).cap == 20
        raised.clock.advance_to(START + DAY + HOUR)
        raised.engine.roll()
        # It was used to 20: the next day is 1.3 times that, and not 200.
        assert ledger(raised).cap == 26

    def test_days_of_its_own_stay(self, house: House) -> None:
        """What the lane lived here is not written over, and today is never part of a past."""
        house.engine.roll()
        house.submit(*google(5))
        house.until(START + DAY + HOUR)
        house.engine.graft(HERE, "google", history=self.past([60, 60, 60, 60], FIRST + timedelta(days=1)))
        own = [day.ledger.accepted for day in house.engine.days() if day.lane == GOOGLE]
        assert own == [60, 60, 60, 5, 0]
        with pytest.raises(UsageError, match="is not over"):
            house.engine.graft(HERE, "google", history={"google": {FIRST + timedelta(days=1): 9}})

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"gogle": {FIRST - timedelta(days=1): 5}}, "no share of the plan"),
            ({"google": {FIRST - timedelta(days=31): 5}}, "nothing was accepted within 30 days"),
            ({"google": {FIRST - timedelta(days=1): 0}}, "nothing was accepted within 30 days"),
        ],
    )
    def test_what_does_not_fit(self, house: House, given: dict[str, dict[date, int]], says: str) -> None:
        """A past of nobody, or one that is too old to count, changes nothing."""
        house.engine.roll()
        before = lane(house)
        with pytest.raises(UsageError, match=says):
            house.engine.graft(HERE, None, history=given)
        assert lane(house) == before

    def test_from_another_address(self, furnished: Callable[..., House]) -> None:
        """An address is given the place, the memory and the days of another; one without mail has none."""
        house = furnished(ips=[HERE, OTHER], target=480)
        house.engine.pause(OTHER, None)
        house.submit(*google(90))
        house.until(START + 2 * DAY + HOUR)
        with pytest.raises(UsageError, match="has sent nothing"):
            house.engine.graft(HERE, "google", other=OTHER)
        house.engine.resume(OTHER, None)
        house.engine.graft(OTHER, "google", other=HERE)
        there = LaneKey(OTHER, "google")
        assert (lane(house, there).step, lane(house).step) == (3, 3)
        closed = [day.ledger.accepted for day in house.engine.days() if day.lane == there and day.closed]
        assert sum(closed) == 0  # both days were its own, although it sent nothing
        assert "given the past of 127.0.0.2" in story(house, there)
        with pytest.raises(UsageError, match="there is no past"):
            house.engine.graft(OTHER, None, other="192.0.2.77")


class TestAuthentication:
    def test_it_stops_the_lane_and_burns_nothing(self, house: House) -> None:
        """A refusal for SPF silences that lane alone, keeps its mail, and is nobody's reputation."""
        house.engine.roll()
        house.clock.advance(12 * HOUR)
        ids = house.submit(*google(20), "a@yahoo.com")
        going = house.begin(house.release(limit=1))
        house.settle(going, SPF, Stage.DOT)
        went = house.send()

        assert {grant.lane.provider for grant in went} <= {"yahoo"}
        (found,) = house.engine.findings()
        assert (found.code, found.source, found.provider) == ("auth-spf", HERE, "google")
        after = lane(house)
        assert (after.standing, after.step, after.cap_limit) == (Standing.RAMPING, 1, None)
        assert ledger(house).cap == 30
        assert after.backoff_until == house.clock.now() + HOUR
        day = next(day for day in house.engine.days() if day.lane == GOOGLE)
        assert set(day.evidence) == {"attempted", "auth_failure"}
        assert [house.state(one) for one in ids[:20]].count("deferred") == 1
        assert [house.state(one) for one in ids[:20]].count("queued") == 19
        assert "publish an SPF record" in story(house)

    def test_what_was_leased_is_not_sent(self, house: House) -> None:
        """Deliveries reserved before the refusal are given back and not begun: their units return."""
        house.engine.roll()
        house.clock.advance(12 * HOUR)
        house.submit(*google(10))
        grants = house.release()
        assert len(grants) > 1
        first = house.begin(grants[:1])
        house.settle(first, SPF, Stage.DOT)
        assert house.begin(grants[1:]) == []
        assert ledger(house).used == 1

    def test_one_probe_goes_after_each_silence(self, house: House) -> None:
        """After a silence one message finds out, however many wait and whoever asks; then all go on."""
        house.engine.roll()
        house.clock.advance(12 * HOUR)
        house.submit(*google(12))
        house.settle(house.begin(house.release(limit=1)), SPF, Stage.DOT)
        for _ in range(3):
            house.clock.advance_to(lane(house).backoff_until)
            grants = house.release()
            assert len(grants) == 1
            assert house.again().release() == []  # nor does another worker send a second one
            house.settle(house.begin(grants), SPF, Stage.DOT)
            assert house.release() == []
        (found,) = house.engine.findings()
        assert found.count == 4
        house.clock.advance_to(lane(house).backoff_until)
        assert len(house.send()) == 1
        assert house.engine.findings() == []
        assert "what failed to authenticate is mended" in story(house)
        assert len(house.send()) > 1

    def test_a_day_of_it_is_no_step_back(self, furnished: Callable[..., House]) -> None:
        """However often it is refused, the lane stands where it stood when the record is mended."""
        house = furnished(ramp=RampClock.HEALTH)
        house.submit(*google(80))
        house.until(START + 3 * DAY, SPF, Stage.DOT)
        assert (lane(house).step, lane(house).standing) == (1, Standing.RAMPING)
        assert lane(house).learned.setbacks == 0
        sent = house.until(START + 4 * DAY)
        assert 25 <= len(sent) <= 30
