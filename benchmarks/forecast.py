"""How fast a plan is run forward against a demand. One JSON object a line.

    python benchmarks/forecast.py [--rounds N]

``forecast.alike`` has IPs with equal shares, sixty different first days and mail that falls short of
the caps on some days; ``forecast.apart`` has IPs whose shares all differ, so that no two lanes can be
taken together. Both run 12 providers through 365 days, under the earned clock, for 10, 100 and 1,000
IPs: ``ratio`` is the time against a tenth of the IPs, at most 10 or so where growth is linear.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta

from measure import say, timed

from warmup.forecast.run import forecast
from warmup.model import RampClock
from warmup.plan import Plan, plan, split
from warmup.plan.demand import Demand, DemandStream

PROVIDERS = 12
DAYS = 365
WEIGHTS = (300, 200, 120, 80, 70, 60, 50, 40, 30, 20, 17, 13)
START = date(2026, 12, 1)
MIX = {f"p{index}": f"0.{weight:03d}" for index, weight in enumerate(WEIGHTS)}


def made(ips: int, apart: bool) -> Plan:
    """The plan under test."""
    shares = [1_000 + 47 * index if apart else 24_500 for index in range(ips)]
    names = [f"ip-{index + 1}" for index in range(ips)]
    starts = [(name, START + timedelta(days=index % 60)) for index, name in enumerate(names)]
    return plan(
        sum(shares),
        start=START,
        ips=starts,
        shares=dict(zip(names, shares, strict=True)),
        days=DAYS,
        mix=MIX,
    )


def wanted(of: Plan) -> Demand:
    """Two kinds of mail, of which the larger comes on weekdays: together about what the plan carries."""
    days = [START + timedelta(days=index) for index in range(DAYS)]
    bulk = [split(of.target * 9 // 10 if on.weekday() < 5 else 0, of.mix) for on in days]
    urgent = [split(of.target // 10, of.mix) for _ in days]
    return Demand(
        name="benchmark",
        start=START,
        streams=tuple(
            DemandStream(
                name=name,
                arrivals={provider: tuple(day[provider] for day in rows) for provider in of.providers},
                deadline=deadline,
                priority=priority,
            )
            for name, rows, deadline, priority in (("bulk", bulk, 5, 5), ("urgent", urgent, 0, 1))
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the forecast.")
    parser.add_argument("--rounds", type=int, default=3, help="Times each measurement is repeated.")
    rounds = parser.parse_args().rounds
    for name, apart in (("alike", False), ("apart", True)):
        before = None
        for ips in (10, 100, 1_000):
            of = made(ips, apart)
            mail = wanted(of)
            took = timed(rounds, lambda of=of, mail=mail: forecast(of, mail, ramp=RampClock.EARNED))  # type: ignore[misc]
            growth = {} if before is None else {"against": round(before, 4), "ratio": round(took / before, 2)}
            say(f"forecast.{name}.{ips}", took, "s", lane_days=ips * PROVIDERS * DAYS, **growth)
            say(f"forecast.{name}.{ips}.each", took / (ips * PROVIDERS * DAYS) * 1e6, "us")
            before = took


if __name__ == "__main__":
    main()
