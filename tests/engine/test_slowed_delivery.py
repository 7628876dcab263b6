"""A provider that asks for fewer connections gets them, counted where it matters: at the provider."""

from __future__ import annotations

import asyncio

import pytest
from engine_house import START, House, furnish

from warmup.delivery.courier import Courier
from warmup.delivery.resolver import StaticResolver
from warmup.delivery.smtp import SmtpTransport
from warmup.store import Database, create_or_upgrade
from warmup.testing import ScriptedProvider
from warmup.testing.loop import run as simulate
from warmup.timing import MINUTE, SimulatedClock

GMAIL = (
    "421-4.7.28 Gmail has detected an unusual rate of email originating from your IP address 127.0.0.2.\n"
    "421 4.7.28 To protect our users from spam, email has been temporarily rate limited. - gsmtp"
)
AT_ONCE = 5
"""Connections that a lane to Google may usually hold, and what it sends at once after a while of nothing."""


@pytest.fixture
def house(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'warmup.db'}")
    create_or_upgrade(database, "simulated")
    clock = SimulatedClock(START + 60 * MINUTE)
    yield furnish(database, clock, target=2_400, curve="linear:days=1", mix="google=1")
    database.close()


class Watched(ScriptedProvider):
    """Notes when each MAIL came, and how many connections were open then."""

    def __init__(self, replies, clock):
        super().__init__(replies, clock=clock)
        self.mails, self.open_then = [], []

    def mail(self, receiver):
        self.mails.append(self._clock.now())
        self.open_then.append(self.open)
        return super().mail(receiver)


class Batches:
    """Sends a handful of messages every eleven minutes, and notes how many connections were open at most."""

    def __init__(self, house: House, mx: ScriptedProvider) -> None:
        self.house, self.mx, self.open_max, self.sent = house, mx, [], 0

    async def send(self, batches: int) -> None:
        engine, clock = self.house.engine, self.house.clock
        transport = SmtpTransport(clock, limits=engine.context.limits, loopback_only=True)
        courier = Courier(
            engine, transport, StaticResolver({"*": self.mx.target}), limits=engine.context.limits
        )
        stop = asyncio.Event()
        running = asyncio.create_task(courier.run(stop))
        for _ in range(batches):
            self.mx.open_max = self.mx.open
            fresh = [f"r{self.sent + number}@gmail.com" for number in range(AT_ONCE)]
            self.sent += len(fresh)
            with clock.busy():
                self.house.submit(*fresh)
            courier.wake()
            await clock.sleep_until(clock.now() + 11 * MINUTE, asyncio.Event())
            self.open_max.append(self.mx.open_max)
        stop.set()
        await running
        courier.close()


def test_gmail_is_met_again_one_connection_at_a_time(house):
    """Silence, one connection, then one more after each clean stretch, across restarts of the program."""

    async def main():
        replies = {"dot": [None] * AT_ONCE + [GMAIL]}
        async with Watched(replies, house.clock) as mx:
            batches = Batches(house, mx)
            await batches.send(2)
            told_at = mx.messages[AT_ONCE].dot_at
            batches.house = house.again()
            await batches.send(2)
            batches.house = house.again()
            await batches.send(4)
            return batches, mx, told_at

    batches, mx, told_at = simulate(main(), house.clock)
    # The first acceptance of a batch begins the next number: three go first, and only two are left for four.
    assert batches.open_max == [5, 5, 1, 2, 3, 3, 4, 5]
    assert not [at for at in mx.mails if told_at < at < told_at + 10 * MINUTE]
    assert len(mx.messages) == batches.sent
    story = "\n".join(batches.house.engine.explain_lane(batches.house.engine.lanes()[0].lane.key).lines)
    assert "silent for 10 min, then at most one connection at once" in story
    assert "at most 2 connections at once" in story
    assert "as many connections as usual again" in story


def test_one_delivery_goes_first_after_any_silence(house):
    """Where only a silence is asked for, one message asks first, and the rest follows its acceptance."""
    # A provider may quote another's words: what counts is that it asked for two hours.
    refused = "421 4.7.0 [TSS04] Messages from 127.0.0.2 temporarily deferred due to user complaints"

    async def main():
        replies = {"dot": [None] * AT_ONCE + [refused] + [None] * (AT_ONCE - 1) + [refused]}
        async with Watched(replies, house.clock) as mx:
            batches = Batches(house, mx)
            await batches.send(26)
            return batches, mx

    batches, mx = simulate(main(), house.clock)
    refusal = mx.mails[AT_ONCE]
    minutes = [(at - refusal) // MINUTE for at in mx.mails[2 * AT_ONCE :]]
    # Two hours later one asks, and is refused; two hours after that one asks, and all the others follow.
    assert minutes[0] in range(120, 132)
    assert minutes[1] in range(minutes[0] + 120, minutes[0] + 132)
    assert mx.open_then[2 * AT_ONCE : 2 * AT_ONCE + 2] == [1, 1]
    talked = [most for most in batches.open_max if most]
    assert talked[:3] == [AT_ONCE, AT_ONCE, 1]
    assert talked[3] == AT_ONCE - 1
