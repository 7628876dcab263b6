"""What judgement costs, how often it is wrong, and how soon it is right. One JSON object a line.

    python benchmarks/reputation.py [--lanes N] [--years N]

``reputation.adapt`` is the pure part of an adaptation pass: every lane's window closed over 30 days of
evidence. ``reputation.false`` sends 50 messages a day at 0.1 % complaints and 1 % hard bounces for
years, and counts the days on which the lane is held. ``reputation.delay`` turns a lane bad after 60
good days and counts the messages until it is held.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from datetime import date, timedelta

import attrs
from measure import say

from warmup.model import Lane, LaneKey, Standing, Window, WindowEvidence
from warmup.reputation import judgement, standing
from warmup.timing import DAY

FIRST = 20_000 * DAY
LAST = 10
GOOD_DAYS = 60


def planned(step: int) -> int:
    """50, 100, 200 ... 25,600."""
    return 50 << min(step, LAST) - 1


def window(day: int) -> Window:
    """A day, counted from 0."""
    return Window(date(2026, 1, 1) + timedelta(days=day), FIRST + day * DAY, FIRST + (day + 1) * DAY)


def adapt(lanes: int) -> None:
    """Close a window of many lanes, each with a month behind it."""
    chance = random.Random(1)

    def draw(rate: float, n: int) -> int:
        return sum(chance.random() < rate for _ in range(n))

    histories = [
        [
            WindowEvidence(
                window=window(day),
                step=5,
                cap=800,
                attempted=800,
                accepted=800 - bad,
                invalid=bad,
                complained=cross,
            )
            for day in range(31)
            for bad, cross in [(draw(0.01, 100) * 8, draw(0.0005, 800))]
        ]
        for _ in range(200)
    ]
    lane = Lane(id=1, key=LaneKey("192.0.2.1", "google"), step=5, last_used_at=window(30).ends_at)
    for count in (lanes // 10, lanes):
        begun = time.perf_counter()
        for index in range(count):
            past = histories[index % len(histories)]
            judgement.close(lane, past[-1], past[:-1], window(30).ends_at, last_step=LAST, planned=planned)
        took = time.perf_counter() - begun
        say(f"reputation.adapt.{count}", took, "s", each_us=round(took / count * 1e6, 1))


@attrs.define
class Sender:
    """A warm lane with a cap of 50 a day, day after day, as the engine drives it."""

    chance: random.Random
    volume: int = 50
    day: int = 0
    past: list[WindowEvidence] = attrs.field(factory=list)
    lane: Lane = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        key = LaneKey("192.0.2.1", "google")
        self.lane = Lane(id=1, key=key, standing=Standing.WARM, step=1, last_used_at=FIRST)

    def caps(self, step: int) -> int:
        return self.volume

    def live(self, complaints: float, bounces: float, blocks: float = 0.0) -> tuple[int, bool]:
        """A day; how many went, and whether the lane is held, reduced or suspended at its end."""
        today = window(self.day)
        back = standing.wake(self.lane, today.starts_at)
        if back is not None:
            self.lane = back.lane
        cap = 0 if self.lane.standing is Standing.SUSPENDED else standing.cap_of(self.lane, self.volume)
        seen = WindowEvidence(window=today, step=self.lane.step, cap=cap, partial=cap == 0)
        for _ in range(cap):
            if self.lane.standing is Standing.SUSPENDED or seen.attempted >= seen.cap:
                break
            roll, news = self.chance.random(), True
            seen = attrs.evolve(seen, attempted=seen.attempted + 1)
            if roll < bounces:
                seen = attrs.evolve(seen, invalid=seen.invalid + 1)
            elif roll < bounces + blocks:
                seen = attrs.evolve(seen, blocked=seen.blocked + 1)
            else:
                news = self.chance.random() < complaints
                seen = attrs.evolve(seen, accepted=seen.accepted + 1, complained=seen.complained + news)
            if news:
                self.take(
                    judgement.alarm(
                        self.lane, seen, self.past, today.starts_at, planned=self.caps, last_step=1
                    )
                )
        if seen.accepted:
            self.lane = attrs.evolve(self.lane, last_used_at=today.ends_at)
        self.take(judgement.close(self.lane, seen, self.past, today.ends_at, last_step=1, planned=self.caps))
        self.past = [*self.past[-29:], seen]
        self.day += 1
        held = bool(self.lane.learned.hold) or self.lane.standing in (Standing.REDUCED, Standing.SUSPENDED)
        return seen.attempted, held

    def take(self, adjustment: standing.Adjustment | None) -> None:
        if adjustment is not None:
            self.lane = adjustment.lane


def false_alarms(years: int) -> None:
    """Years of a healthy lane."""
    held = suspended = 0
    for seed in range(years):
        sender = Sender(random.Random(seed))
        for _ in range(365):
            held += sender.live(0.001, 0.01)[1]
            suspended += sender.lane.standing is Standing.SUSPENDED
    say("reputation.false.held", held / (365 * years), "of days", years=years, at_most=0.01)
    say("reputation.false.suspended", suspended, "days", years=years, at_most=0)


def delays(runs: int) -> None:
    """Messages from the day a lane turns bad until it is held."""
    turns = {
        "complaints 1 %": (0.01, 0.01, 0.0),
        "blocks 5 %": (0.001, 0.01, 0.05),
        "bounces 8 %": (0.001, 0.08, 0.0),
    }
    for name, rates in turns.items():
        found = []
        for seed in range(runs):
            sender = Sender(random.Random(seed))
            for _ in range(GOOD_DAYS):
                sender.live(0.001, 0.01)
            sent = 0
            for _ in range(120):
                went, held = sender.live(*rates)
                sent += went
                if held:
                    break
            found.append(sent)
        found.sort()
        high = found[min(len(found) - 1, len(found) * 95 // 100)]
        say(f"reputation.delay.{name}", statistics.median(found), "messages", high_95=high, runs=runs)


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark judgement.")
    parser.add_argument("--lanes", type=int, default=10_000)
    parser.add_argument("--years", type=int, default=100)
    chosen = parser.parse_args()
    adapt(chosen.lanes)
    false_alarms(chosen.years)
    delays(chosen.years)


if __name__ == "__main__":
    main()
