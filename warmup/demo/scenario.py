"""What is played: two new addresses, four providers, and limits that follow from the plan.

Nothing in it is staged but these numbers. One provider's hard limit lies between what the plan
sends it on one day and on the next, so that day brings a block; another takes everything until it
changes its mind, and then half as much. What the engine makes of that is its own affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property

import attrs

from warmup.config import Config
from warmup.demo.habits import Block, Greylist, Growing, Turning
from warmup.demo.world import SimulatedProvider
from warmup.errors import UsageError
from warmup.plan import Mix, Plan, parse_curve, split
from warmup.plan import plan as make_plan
from warmup.timing import DAY, HOUR, SECOND, Instant, format_instant, from_datetime, to_datetime

__all__ = ["CHANGING", "DAYS", "MARKER", "MESSAGES", "SPEED", "Actor", "Scenario"]

DAYS = 21
MESSAGES = 2_400
SPEED = 86_400
"""Seconds of the demonstration's clock in one real second: a day in a second while nothing is under way."""

MARKER = "# Written by `warmup demo`."
"""First line of the configuration: a folder with it may be written over."""

DAYS_MIN, DAYS_MAX = 6, 90
MESSAGES_MIN, MESSAGES_MAX = 300, 100_000
FIRST_DAY = date(2027, 3, 1)
"""A Monday; fixed, so that the same seed gives the same weeks."""

SOURCES = ("127.0.0.2", "127.0.0.3")
CHANGING = "changing"
"""The provider that turns strict in mid-way."""

SHARES = {"lenient": "0.4", "greylist": "0.25", CHANGING: "0.2", "strict": "0.15"}
FIRST_VOLUME_MIN = 3
"""Deliveries on the first day of an address; with fewer, lanes have nothing to do for days."""
TURNED_MIN = 4
"""Deliveries a day of which a provider that changes its mind takes half."""

GROWN = 13
"""How many times its first day's volume an address carries once it is warm."""


@attrs.frozen(kw_only=True)
class Actor:
    """A provider of the world, with its habit in a sentence."""

    provider: SimulatedProvider
    habit: str


def _whole(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise UsageError.of(name, f"{number} is out of range", f"from {low:,} to {high:,}")


@attrs.frozen(kw_only=True)
class Scenario:
    """Everything that is settled before the curtain rises.

    Attributes:
        days: Days of warm-up, 6 to 90.
        messages: Messages submitted on the day before, 300 to 100,000.
        seed: Of messages and jitter.

    Raises:
        UsageError: A number is out of range, or the mail would not last for the days.
    """

    days: int = DAYS
    messages: int = MESSAGES
    seed: str = "demo"

    def __attrs_post_init__(self) -> None:
        _whole("--days", self.days, DAYS_MIN, DAYS_MAX)
        _whole("--messages", self.messages, MESSAGES_MIN, MESSAGES_MAX)
        if not self.seed or len(self.seed) > 32 or not (self.seed.isascii() and self.seed.isalnum()):
            raise UsageError.of("--seed", f"{self.seed!r:.60} is no seed", "use up to 32 letters and digits")
        if self._first_volume < FIRST_VOLUME_MIN:
            raise UsageError.of(
                "--messages",
                f"{self.messages:,} are too few for {self.days} days",
                "give more, or fewer days",
            )

    # The plan

    @property
    def later(self) -> int:
        """Days after the first address at which the second begins."""
        return max(1, self.days // 7)

    @property
    def _steps(self) -> int:
        """Steps to the full share: the first address reaches it two days before the end."""
        return self.days - 2

    @property
    def growth(self) -> str:
        """Growth of a day, as text with two decimals."""
        return f"{max(1.03, GROWN ** (1 / (self._steps - 1))):.2f}"

    def _curve(self, start: int) -> str:
        return f"geometric:start={start},growth={self.growth}"

    def _total(self, start: int) -> int:
        curve = parse_curve(self._curve(start))
        share = curve.cap(self._steps, 10**9)
        caps = [curve.cap(step, share) for step in range(1, self.days + 1)]
        return sum(caps) + sum(caps[: self.days - self.later])

    @cached_property
    def _first_volume(self) -> int:
        """The largest first day whose plan the messages outlast, with a twentieth to spare."""
        low, high = 0, self.messages
        while low < high:
            middle = (low + high + 1) // 2
            if 20 * self._total(middle) <= 19 * self.messages:
                low = middle
            else:
                high = middle - 1
        return low

    @cached_property
    def plan(self) -> Plan:
        """The plan, as the configuration says it."""
        curve = self._curve(self._first_volume)
        first, second = SOURCES
        return make_plan(
            target=2 * parse_curve(curve).cap(self._steps, 10**9),
            curve=curve,
            start=FIRST_DAY,
            ips=f"{first}@{FIRST_DAY},{second}@{FIRST_DAY + timedelta(days=self.later)}",
            days=self.days,
            mix=",".join(f"{name}={share}" for name, share in SHARES.items()),
            pattern="waking",
        )

    @cached_property
    def turns_on(self) -> int:
        """The day, from 1, on which a provider changes its mind: it has some mail to turn away by then."""
        middle = max(2, self.days * 2 // 5)
        days = range(middle, self.days - 1)
        enough = (day for day in days if self.plan.nominal(SOURCES[0], day)[CHANGING] >= TURNED_MIN)
        return next(enough, middle)

    @property
    def submitted_at(self) -> Instant:
        """The morning before the first day: the machinery starts while the clock hurries already."""
        return self.midnight(0) - 18 * HOUR

    @property
    def ends_at(self) -> Instant:
        """The last minute of the last day."""
        return self.midnight(self.days) - 30 * SECOND

    def midnight(self, day: int) -> Instant:
        """The instant at which so many days are over."""
        start = to_datetime(0).replace(year=FIRST_DAY.year, month=FIRST_DAY.month, day=FIRST_DAY.day)
        return from_datetime(start) + day * DAY

    @cached_property
    def counts(self) -> dict[str, int]:
        """Messages for each provider. The lenient one gets a little less than the plan has room for."""
        planned = dict.fromkeys(self.plan.providers, 0)
        last = dict(planned)
        for row in self.plan.rows():
            planned[row.provider] += row.cap
            if row.day == self.days:
                last[row.provider] += row.cap
        counts = {"lenient": max(1, planned["lenient"] - last["lenient"] // 5)}
        others = [(name, share) for name, share in self.plan.mix.shares if name not in counts]
        whole = sum(share for _, share in others)
        mix = Mix("others", tuple((name, share / whole) for name, share in others))
        return counts | split(self.messages - counts["lenient"], mix)

    # The world

    def _limit(self, provider: str, steps: range, percent: int) -> Growing:
        """A limit that the plan first exceeds at one of some steps, growing nearly as wished."""
        address = SOURCES[0]
        caps = [self.plan.nominal(address, step)[provider] for step in range(1, steps.stop)]
        for growth in sorted(range(2 * percent + 1), key=lambda one: abs(one - percent)):
            for start in range(1, caps[-1]):
                limit = Growing(start, growth)
                exceeded = [at for at, cap in enumerate(caps, start=1) if cap > limit.at(at - 1)]
                if exceeded and exceeded[0] in steps:
                    return limit
        return Growing(max(1, caps[-1] - 1))

    @cached_property
    def actors(self) -> Mapping[str, Actor]:
        """The providers by id, in the order of the plan."""
        percent = round(100 * (float(self.growth) - 1))
        # The second address, which is later, is blocked three days before the end: on the last
        # evening it has come back from its suspension and is still held lower.
        end = max(2, self.days - 2 - self.later)
        hard = self._limit("strict", range(end, end + 1), percent * 2 // 3)
        turned = self.plan.nominal(SOURCES[0], self.turns_on)[CHANGING]
        soft = Growing(max(1, turned // 2), percent * 4 // 5)
        turns = (FIRST_DAY + timedelta(days=self.turns_on - 1)).isoformat()
        habits = {
            "lenient": ((), "Takes everything."),
            "greylist": (
                (Greylist(),),
                "Turns every stranger away once and takes the message five minutes later.",
            ),
            CHANGING: (
                (Turning(turns, soft),),
                f"Takes everything until it changes its mind: from {turns} on {_grows(soft, 'an')}; "
                "what is more is deferred.",
            ),
            "strict": (
                (Block(daily=hard),),
                f"Takes {_grows(hard)}; who goes beyond is blocked until midnight.",
            ),
        }
        return {
            name: Actor(
                provider=SimulatedProvider(id=name, domains=(f"{name}.example",), habits=looked_at),
                habit=habit,
            )
            for name, (looked_at, habit) in habits.items()
        }

    # The configuration

    def config_text(self, routes: Mapping[str, str], left_at: Instant | None = None) -> str:
        """The configuration file.

        Args:
            routes: Domain to ``host:port``.
            left_at: Where the clock was left, and goes on at the pace of a real one, for whoever looks
                afterwards; None: it hurries from the day before the first.
        """
        plan = self.plan
        at = format_instant(self.submitted_at if left_at is None else left_at)
        instant = at.removesuffix(" UTC").replace(" ", "T") + "Z"
        lines = [
            MARKER,
            "# Once the days have passed, status, explain and queue read what they left behind.",
            "",
            "[warmup]",
            'database = "sqlite:///data/warmup.db"',
            'state_dir = "state"',
            'node = "demo"',
            f'seed = "{self.seed}"',
            "",
            "[clock]",
            "# Made for a scaled clock, which sends to loopback only.",
            'kind = "scaled"',
            f"start = {instant}",
            f"speed = {SPEED if left_at is None else 1}",
            "",
            "[plan]",
            f"target = {plan.target}  # deliveries a day, once both addresses are warm",
            f'curve = "{plan.curve.name}"',
            f"start = {plan.start}",
            f"days = {plan.days}",
            'timezone = "UTC"',
            'pattern = "waking"',
            'ramp = "calendar"',
            "",
            "[plan.mix]",
            *(f"{name} = {share}" for name, share in SHARES.items()),
            "",
            "[delivery]",
            'transport = "mx"',
            "",
            "[delivery.routes]",
            *(f'"{domain}" = "{target}"' for domain, target in routes.items()),
        ]
        for name, actor in self.actors.items():
            domains = ", ".join(f'"{domain}"' for domain in actor.provider.domains)
            lines += ["", f"[providers.{name}]", f"# {actor.habit}", f"domains = [{domains}]"]
        for number, source in enumerate(plan.sources, start=1):
            lines += [
                "",
                f'[sources."{source.address}"]',
                f'ehlo = "mx{number}.sender.example"',
                f"start = {source.start}",
            ]
        return "\n".join(lines) + "\n"

    def config(self, routes: Mapping[str, str]) -> Config:
        """The same as a record; for tests and for those who have no use for a file."""
        import tomllib

        return Config.from_dict(tomllib.loads(self.config_text(routes)))


def _grows(limit: Growing, address: str = "a new") -> str:
    more = f", {limit.percent} % more after each good day" if limit.percent else ""
    return f"{limit.start} a day from {address} address{more}"
