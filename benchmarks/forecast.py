"""How fast a plan is run forward against a demand. One JSON object a line.

    python benchmarks/forecast.py [--rounds N]

``forecast.alike`` has IPs with equal shares, sixty different first days and mail that falls short of
the caps on some days; ``forecast.apart`` has IPs whose shares all differ, so that no two lanes can be
taken together. Both run 12 providers through 365 days, under the earned clock, for 10, 100 and 1,000
IPs: ``ratio`` is the time against a tenth of the IPs, at most 10 or so where growth is linear.
"""

from __future__ import annotations

import argparse

from measure import DAYS, PROVIDERS, grown, large_plan, mail_for, race

from warmup.forecast.run import forecast
from warmup.model import RampClock


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the forecast.")
    parser.add_argument("--rounds", type=int, default=3, help="Times each measurement is repeated.")
    rounds = parser.parse_args().rounds
    for name, apart in (("alike", False), ("apart", True)):
        before = None
        for ips in (10, 100, 1_000):
            of = large_plan(ips, apart)
            mail = mail_for(of)
            [took] = race(rounds, lambda of=of, mail=mail: forecast(of, mail, ramp=RampClock.EARNED))  # type: ignore[misc]
            grown(f"forecast.{name}.{ips}", took, before, ips * PROVIDERS * DAYS)
            before = took


if __name__ == "__main__":
    main()
