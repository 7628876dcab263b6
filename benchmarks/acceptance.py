"""Three weeks of warm-up over real SMTP, counted at the receiver and compared with the plan.

Two addresses (127.0.0.2 and .3), ten mailbox providers on loopback, mail submitted before the first
day. Every delivery has one recipient. What the providers counted has to be the plan: for each address,
provider and day the cap (on the last day what was left of the backlog, where that was less), spread
over the hours as the plan's hours say. Each message has to arrive once, and as it was submitted but for
what the documentation says is changed; that is worked out here a second time, by other means.

    python benchmarks/acceptance.py --mail FOLDER --days 21 --deliveries 5000

prints one JSON object, and a table with ``--table``; the exit code is 1 where something differs.
Without ``--mail`` messages are made up. ``--clock simulated`` jumps from event to event: then lateness
of the machine cannot count. ``--clock scaled`` hurries, as the demonstration does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs

from warmup.app import Warmup
from warmup.config import Config
from warmup.demo.play import Curtain
from warmup.demo.world import SimulatedProvider, World
from warmup.errors import DataError
from warmup.plan import Plan
from warmup.testing.loop import run as run_simulated
from warmup.timing import DAY, HOUR, SECOND, Clock, Instant, SimulatedClock, from_datetime, to_datetime

SOURCES = ("127.0.0.2", "127.0.0.3")
SHARES = ("0.30", "0.20", "0.12", "0.10", "0.08", "0.06", "0.05", "0.04", "0.03", "0.02")
MIX = {f"box{number:02}": float(share) for number, share in enumerate(SHARES, start=1)}
FIRST_DAY = date(2027, 3, 1)
SPEED = 20_000
BATCH = 250
SENDER = "bounces@list.example.net"

MIDNIGHT = from_datetime(to_datetime(0).replace(year=2027, month=3, day=1))

_ADDED = {
    b"message-id": re.compile(rb"Message-ID: <[^<>@\s]+@[^<>@\s]+>\r\n"),
    b"date": re.compile(
        rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\r\n"
    ),
}


# What should arrive, worked out line by line


@attrs.frozen
class Expected:
    """A message as it should arrive: with these fields added on top, in this order, and then this."""

    added: tuple[bytes, ...]
    rest: bytes

    def differs(self, arrived: bytes) -> str | None:
        """What is wrong with what arrived."""
        for name in self.added:
            match = _ADDED[name].match(arrived)
            if match is None:
                return f"no {name.decode()} was added"
            arrived = arrived[match.end() :]
        return None if arrived == self.rest else "the content is another"


def expected(raw: bytes) -> Expected:
    """Bcc and Resent-Bcc away, Message-ID and Date there, CRLF line ends, and an end to the last line."""
    lines = re.split(rb"\r*\n|\r", raw)
    if lines[-1] == b"":
        lines.pop()
    if lines[0].startswith(b"From ") and lines[0][4:].lstrip()[:1] != b":":
        lines.pop(0)
    kept: list[bytes] = []
    names: set[bytes] = set()
    in_head, dropping = True, False
    for line in lines:
        if in_head and line == b"":
            in_head = False
        if in_head and line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].strip().lower()
            names.add(name)
            dropping = name in (b"bcc", b"resent-bcc")
        if not (in_head and dropping):
            kept.append(line)
    added = tuple(name for name in (b"message-id", b"date") if name not in names)
    return Expected(added, b"".join(line + b"\r\n" for line in kept))


# What is sent


def made_up() -> Iterator[tuple[str, bytes]]:
    """Messages of several kinds, for whoever has no folder of real ones."""
    head = b"From: Ann <ann@example.net>\nTo: list@example.net\nSubject: kinds\n"
    whole = b"Message-ID: <1@example.net>\nDate: Mon, 1 Mar 2027 08:00:00 +0000\n"
    blind = b"Bcc: secret@example.net,\n other@example.net\nResent-Bcc: x@example.net\n"
    mime = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    yield "plain", head + whole + b"\nHello.\n"
    yield "bare", head + b"\nNo id, no date.\n"
    yield "blind", head + blind + b"\nBcc: in the body\n"
    yield "dots", (head + b"\n.\n..\n.leading\nend\n.\n").replace(b"\n", b"\r\n")
    yield "eight-bit", head + whole + mime + "\nGrüße aus Köln\n".encode()
    yield "unended", head + b"\nno line end"
    yield "large", head + b"\n" + b"0123456789abcdef" * 60 + b"\n" + (b"x" * 70 + b"\n") * 3000
    yield "refused", b"this is no message"


def real(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The messages of a folder, by name."""
    for path in sorted(folder.glob("*.eml")):
        yield path.name, path.read_bytes()


# The plan


def tables(folder: Path, target: int, days: int, clock: str) -> dict[str, Any]:
    """The configuration: a straight line to the target over all days."""
    clocks = {"kind": "scaled", "start": "2027-02-28T23:00:00Z", "speed": SPEED}
    return {
        "warmup": {
            "database": f"sqlite:///{folder / 'db' / 'warmup.db'}",
            "state_dir": str(folder / "state"),
            "node": "acceptance",
        },
        "clock": clocks if clock == "scaled" else {},
        "plan": {
            "target": target,
            "curve": f"linear:days={days}",
            "start": FIRST_DAY.isoformat(),
            "days": days,
            "ramp": "calendar",
            "pattern": "waking",
            "mix": MIX,
        },
        "sources": {address: {"ehlo": f"mx{n}.example.net"} for n, address in enumerate(SOURCES, 1)},
        "providers": {name: {"domains": [f"{name}.example"]} for name in MIX},
        "delivery": {"tls": "never", "routes": {}},
    }


def planned_target(folder: Path, days: int, deliveries: int) -> int:
    """The smallest target that carries the deliveries in the days."""

    def total(target: int) -> int:
        return sum(row.cap for row in Config.from_dict(tables(folder, target, days, "scaled")).plan.rows())

    target = max(1, 2 * deliveries // (days + 1))
    while total(target) < deliveries:
        target += 1
    return target


def shares_of(plan: Plan, deliveries: int) -> dict[str, int]:
    """Deliveries for each provider: what the plan carries; what there is too little of, the largest lacks."""
    counts = Counter(dict.fromkeys(MIX, 0))
    for row in plan.rows():
        counts[row.provider] += row.cap
    counts["box01"] -= counts.total() - deliveries
    return dict(counts)


# The run


@attrs.define
class Outcome:
    """Figures, and what differs from what was promised."""

    facts: dict[str, Any]
    wrong: list[str]
    rows: list[str]


async def live(
    clock: Clock, folder: Path, target: int, days: int, deliveries: int, messages: Sequence[tuple[str, bytes]]
) -> Outcome:
    """Submit everything, live through the days, and compare."""
    kind = "scaled" if isinstance(clock, Curtain) else "simulated"
    providers = [SimulatedProvider(id=name, domains=(f"{name}.example",)) for name in MIX]
    world = World(clock, providers, keep="all", network="127.0.4")
    stop = asyncio.Event()
    end = MIDNIGHT + days * DAY - 30 * SECOND

    async def curtain() -> None:
        await clock.sleep_until(end)
        stop.set()

    async with contextlib.AsyncExitStack() as stack:
        with clock.busy():
            await stack.enter_async_context(world)
            config = tables(folder, target, days, kind)
            config["delivery"]["routes"] = world.routes
            wm = stack.enter_context(Warmup(Config.from_dict(config), clock=clock))
            wm.upgrade()
            plan = wm.config.plan
            began = time.perf_counter()
            sent, refused = submit(wm, shares_of(plan, deliveries), messages)
            submitted_s = time.perf_counter() - began
        began = time.perf_counter()
        ender = asyncio.create_task(curtain())
        await wm.run(until_empty=True, stop=stop)
        ender.cancel()
        ran_s = time.perf_counter() - began
        with clock.busy():
            states = Counter({one.state: 0 for one in wm.engine.queue_counts()})
            for one in wm.engine.queue_counts():
                states[one.state] += one.count
            ledger = sum(day.ledger.used for day in wm.engine.days())
    wrong: list[str] = []
    rows = compare_days(world, plan, shares_of(plan, deliveries), days, wrong)
    hours = compare_hours(world, plan, wrong)
    contents = compare_contents(world, sent, wrong)
    arrived = len(world.records)
    if ledger != arrived:
        wrong.append(f"the ledger holds {ledger} units, and {arrived} messages arrived")
    if states != Counter({"sent": deliveries}):
        wrong.append(f"states in the database: {dict(states)}")
    facts = {
        "clock": kind,
        "days": days,
        "deliveries": deliveries,
        "target": target,
        "messages": len(messages) - len(refused),
        "refused": refused,
        "arrived": arrived,
        "lane_days": len(rows),
        **hours,
        **contents,
        "submit_s": round(submitted_s, 1),
        "run_s": round(ran_s, 1),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "wrong": len(wrong),
    }
    return Outcome(facts, wrong, rows)


def submit(
    wm: Warmup, counts: dict[str, int], messages: Sequence[tuple[str, bytes]]
) -> tuple[dict[str, tuple[str, Expected]], dict[str, str]]:
    """Queue the deliveries, message by message in turn; what was sent by recipient, and what was refused."""
    refused: dict[str, str] = {}
    good: list[tuple[str, bytes, Expected]] = []
    for name, raw in messages:
        try:
            wm.prepared(raw, sender=SENDER, recipients=["probe@box01.example"])
        except DataError as error:
            refused[name] = "; ".join(map(str, error.problems))
        else:
            good.append((name, raw, expected(raw)))
    sent: dict[str, tuple[str, Expected]] = {}
    batch = []
    for provider, count in counts.items():
        for number in range(count):
            name, raw, should = good[len(sent) % len(good)]
            recipient = f"u{number}@{provider}.example"
            sent[recipient] = (name, should)
            batch.append(wm.prepared(raw, sender=SENDER, recipients=[recipient]))
            if len(batch) == BATCH:
                wm.submit_many(batch)
                batch.clear()
    wm.submit_many(batch)
    return sent, refused


# The comparison


def compare_days(world: World, plan: Plan, counts: dict[str, int], days: int, wrong: list[str]) -> list[str]:
    """Counts of each address, provider and day against the caps."""
    left = dict(counts)
    caps = {(row.date, row.provider, row.ip): row.cap for row in plan.rows()}
    rows = []
    for day in range(days):
        on = FIRST_DAY + timedelta(days=day)
        for provider in MIX:
            seen = [world.tally(peer=ip, provider=provider, date=on.isoformat()).deliveries for ip in SOURCES]
            allowed = [caps[on, provider, ip] for ip in SOURCES]
            due = min(sum(allowed), left[provider])
            left[provider] -= sum(seen)
            if any(count > cap for count, cap in zip(seen, allowed, strict=True)) or sum(seen) != due:
                wrong.append(f"{on} {provider}: caps {allowed}, counted {seen}, due {due}")
            for ip, count, cap in zip(SOURCES, seen, allowed, strict=True):
                rows.append(f"{on} {ip} {provider} cap {cap:4} counted {count:4}")
    return rows


def compare_hours(world: World, plan: Plan, wrong: list[str]) -> dict[str, int]:
    """The hours of each lane and day that reached its cap, against the plan's hours."""
    exact = off = 0
    for row in plan.rows():
        day = row.date.isoformat()
        if world.tally(peer=row.ip, provider=row.provider, date=day).deliveries != row.cap:
            continue
        for hour, share in enumerate(plan.row_hours(row)):
            count = world.tally(peer=row.ip, provider=row.provider, date=day, hour=hour).deliveries
            if count == share:
                exact += 1
            else:
                off += 1
                if abs(count - share) > 1 or isinstance(world.clock, SimulatedClock):
                    wrong.append(f"{day} {row.ip} {row.provider} hour {hour}: plan {share}, counted {count}")
    return {"hours_exact": exact, "hours_off_by_one": off}


def compare_contents(world: World, sent: dict[str, tuple[str, Expected]], wrong: list[str]) -> dict[str, int]:
    """Every message once, from one of the addresses, and as it should be."""
    copies = Counter(record.recipient for record in world.records)
    wrong.extend(f"{name} arrived {copies[name]} times" for name in sent if copies[name] != 1)
    wrong.extend(f"{name} was never sent" for name in copies if name not in sent)
    same = 0
    octets = 0
    for record in world.records:
        name, should = sent.get(record.recipient, ("", Expected((), b"")))
        complaint = should.differs(record.content)
        octets += len(record.content)
        if complaint is None and hashlib.sha256(record.content).hexdigest() == record.digest:
            same += 1
        else:
            wrong.append(f"{record.recipient} ({name}): {complaint}")
    return {"contents_as_promised": same, "octets": octets}


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mail", type=Path, help="folder of .eml files")
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--deliveries", type=int, default=5000)
    parser.add_argument("--clock", choices=("scaled", "simulated"), default="scaled")
    parser.add_argument("--speed", type=int, default=SPEED)
    parser.add_argument("--table", action="store_true", help="also print every address, provider and day")
    options = parser.parse_args()
    messages = list(real(options.mail) if options.mail else made_up())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "db").mkdir()
        target = planned_target(folder, options.days, options.deliveries)
        start: Instant = MIDNIGHT - HOUR
        end = MIDNIGHT + options.days * DAY - 30 * SECOND
        work = (folder, target, options.days, options.deliveries, messages)
        if options.clock == "scaled":
            outcome = asyncio.run(live(Curtain(start, options.speed, end), *work))
        else:
            clock = SimulatedClock(start)
            outcome = run_simulated(live(clock, *work), clock)
    if options.table:
        print("\n".join(outcome.rows))
    print(json.dumps(outcome.facts))
    for line in outcome.wrong[:50]:
        print(line, file=sys.stderr)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
