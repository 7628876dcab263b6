"""The small world: what its providers answer, and what they count."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from warmup.contracts import Route
from warmup.delivery.resolver import StaticResolver
from warmup.delivery.smtp import SmtpTransport
from warmup.demo.world import Block, Greylist, Growing, SimulatedProvider, Volume, World
from warmup.model import Grant, LaneKey, Outcome
from warmup.testing import SimulatedClock, at, run
from warmup.timing import DAY, HOUR, MINUTE

START = at("2026-12-01 10:00")


class Scene:
    """A world with one provider, and somebody who sends to it."""

    def __init__(self, *habits, zone="UTC", keep="none"):
        self.clock = SimulatedClock(START)
        provider = SimulatedProvider(id="acme", domains=("acme.example", "acme.test"), habits=habits)
        self.world = World(self.clock, [provider], zone=zone, keep=keep)

    def play(self, act):
        async def main():
            async with self.world as world:
                self.out = SmtpTransport(self.clock, loopback_only=True)
                self.route = await StaticResolver(world.routes).resolve("acme.example")
                assert isinstance(self.route, Route)
                result = await act()
                await self.out.close()
                return result

        return run(main(), self.clock)

    async def send(self, number, source="127.0.0.2", sender="a@s.example"):
        content = b"Message-ID: <%d@s.example>\r\n\r\nhello\r\n" % number

        async def begin():
            return content

        grant = Grant(
            id=number, lease=1, lane=LaneKey(source, "acme"), window_ends_at=self.clock.now() + DAY,
            ehlo="s.example", sender=sender, recipient=f"r{number}@acme.example", size=len(content),
        )  # fmt: skip
        return await self.out.deliver(grant, self.route, begin)


def test_lenient():
    """A provider without habits takes everything, and counts copies apart from messages."""
    scene = Scene(keep="all")

    async def act():
        for number in (1, 2, 2, 3):
            assert (await scene.send(number)).outcome is Outcome.ACCEPTED
            scene.clock.advance(MINUTE)

    scene.play(act)
    tally = scene.world.tally()
    assert (tally.mails, tally.deliveries, tally.accepted, tally.distinct, tally.duplicates) == (
        4,
        3,
        4,
        3,
        1,
    )
    record = scene.world.records[-1]
    assert (record.peer, record.ehlo, record.recipient) == ("127.0.0.2", "s.example", "r3@acme.example")
    assert record.message_id == "<3@s.example>"
    assert record.mail_at == record.dot_at == START + 3 * MINUTE
    assert record.digest == hashlib.sha256(record.content).hexdigest()


def test_greylist():
    """A stranger is turned away at first and let in after five minutes, for each triplet of its own."""
    scene = Scene(Greylist())

    async def act():
        assert str((await scene.send(1)).reply).startswith("451 4.7.1 Greylisted")
        scene.clock.advance(5 * MINUTE - 1)
        assert (await scene.send(1)).outcome is Outcome.DEFERRED
        assert (await scene.send(2)).outcome is Outcome.DEFERRED
        scene.clock.advance(1)
        assert (await scene.send(1)).outcome is Outcome.ACCEPTED
        assert (await scene.send(1, source="127.0.0.3")).outcome is Outcome.DEFERRED
        assert (await scene.send(1, sender="b@s.example")).outcome is Outcome.DEFERRED
        scene.clock.advance(30 * DAY)
        assert (await scene.send(1)).outcome is Outcome.ACCEPTED
        scene.clock.advance(36 * DAY)
        assert (await scene.send(1)).outcome is Outcome.DEFERRED

    scene.play(act)


def test_greylist_by_network():
    """A provider that greylists by /24 knows a neighbour's address."""
    scene = Scene(Greylist(network=True))

    async def act():
        await scene.send(1)
        scene.clock.advance(5 * MINUTE)
        return await scene.send(1, source="127.0.0.3")

    assert scene.play(act).outcome is Outcome.ACCEPTED


def test_volume_grows_with_good_days():
    """What goes beyond the day's volume is deferred with 421, and good days raise it."""
    scene = Scene(Volume(limit=Growing(start=4, percent=50)))

    async def act():
        accepted = []
        for day in range(3):
            outcomes = [(await scene.send(100 * day + number)).outcome for number in range(12)]
            accepted.append(outcomes.count(Outcome.ACCEPTED))
            assert outcomes == [Outcome.ACCEPTED] * accepted[-1] + [Outcome.DEFERRED] * (12 - accepted[-1])
            scene.clock.advance(DAY)
        other = await scene.send(999, source="127.0.0.3")
        return accepted, other.outcome

    assert scene.play(act) == ([4, 6, 9], Outcome.ACCEPTED)
    assert scene.world.tally(peer="127.0.0.2").deferred == 36 - 19


@pytest.mark.parametrize("habit", [Block(daily=Growing(3)), Block(hourly=Growing(3))])
def test_block_lasts_for_the_day(habit):
    """An address that is pushed too hard is blocked for the rest of the local day, and forgiven then."""
    scene = Scene(habit)

    async def act():
        outcomes = [(await scene.send(number)).outcome for number in range(4)]
        assert outcomes == [Outcome.ACCEPTED] * 3 + [Outcome.REJECTED]
        scene.clock.advance(13 * HOUR)
        attempt = await scene.send(5)
        assert str(attempt.reply).startswith("554 5.7.1")
        assert (await scene.send(5, source="127.0.0.3")).outcome is Outcome.ACCEPTED
        scene.clock.advance(1 * HOUR)
        assert (await scene.send(6)).outcome is Outcome.ACCEPTED

    scene.play(act)
    assert scene.world.tally(peer="127.0.0.2").blocked == 2


@pytest.mark.parametrize(
    ("zone", "first", "second"),
    [
        ("UTC", ("2026-12-01", 10), ("2026-12-01", 23)),
        ("Asia/Kathmandu", ("2026-12-01", 15), ("2026-12-02", 5)),
        ("America/New_York", ("2026-12-01", 5), ("2026-12-01", 18)),
    ],
)
def test_local_days_and_hours(zone, first, second):
    """What is counted is counted under the day and the hour of the plan's zone."""
    scene = Scene(zone=zone)

    async def act():
        await scene.send(1)
        scene.clock.advance(13 * HOUR + 30 * MINUTE)
        await scene.send(2)

    scene.play(act)
    assert [(key.date, key.hour) for key in scene.world.tallies] == [first, second]
    assert scene.world.dates() == sorted({first[0], second[0]})
    assert scene.world.tally(date=first[0], hour=first[1]).accepted == 1


def test_many_peers_at_once():
    """Hundreds of deliveries at once from several sources are all counted where they belong."""
    scene = Scene()

    async def act():
        sends = [scene.send(number, source=f"127.0.0.{2 + number % 4}") for number in range(400)]
        return await asyncio.gather(*sends)

    attempts = scene.play(act)
    assert all(attempt.outcome is Outcome.ACCEPTED for attempt in attempts)
    assert [scene.world.tally(peer=f"127.0.0.{n}").distinct for n in range(2, 6)] == [100] * 4
    assert scene.clock.elapsed() == 0
