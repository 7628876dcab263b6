"""The relay of the how-to, as it stands on the page, between a sender and a small world."""

from __future__ import annotations

import asyncio
import re
import types
from collections import Counter
from pathlib import Path
from typing import Any

import aiosmtplib
import attrs
from acceptance_house import tables
from aiosmtpd.smtp import SMTP as Server  # noqa: N811

from warmup.app import Warmup
from warmup.config import Config
from warmup.demo.world import Greylist, SimulatedProvider, World
from warmup.model import Decision, Grant, Wait, WaitReason
from warmup.timing import DAY, SECOND, Instant, ScaledClock, from_datetime, to_datetime

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "relay.md"
START = from_datetime(to_datetime(0).replace(year=2026, month=12, day=1))
DAYS = 2
MIX = {"alpha": 0.6, "beta": 0.4}


def relay_of_the_page() -> types.ModuleType:
    """The block of the page as a module."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (source,) = [block for block in blocks if "class Relay" in block]
    module = types.ModuleType("relay")
    exec(compile(source, str(PAGE), "exec"), module.__dict__)
    return module


@attrs.define
class Asked:
    """One question with its answer."""

    at: Instant
    id: str
    attempt: int
    decision: Decision


@attrs.define
class Evening:
    """A relay in its world, with everything that was asked and seen."""

    world: World
    wm: Warmup
    asked: list[Asked]


async def live(folder: Path, deliveries: dict[str, int]) -> Evening:
    """Two days of a relay that was given all its mail before the first one."""
    clock = ScaledClock(START - 600 * SECOND, 20_000)
    providers = [
        SimulatedProvider(id="alpha", domains=("alpha.example",)),
        SimulatedProvider(id="beta", domains=("beta.example",), habits=(Greylist(),)),
    ]
    page = relay_of_the_page()
    (folder / "spool").mkdir()
    (folder / "db").mkdir()
    asked: list[Asked] = []
    async with World(clock, providers, keep="digest", network="127.0.5") as world:
        config = tables(folder, f"sqlite:///{folder / 'db' / 'warmup.db'}", MIX, target=60, pattern="office")
        config["delivery"]["routes"] = world.routes
        with Warmup(Config.from_dict(config), clock=clock) as wm:
            wm.upgrade()
            admit = wm.admit

            def noted(**question: Any) -> Decision:
                at = clock.now()
                decision = admit(**question)
                asked.append(Asked(at, question["id"], question["attempt"], decision))
                return decision

            wm.admit = noted  # type: ignore[method-assign]
            routes = {name: (host, int(port)) for name, target in world.routes.items()
                      for host, _, port in [target.rpartition(":")]}  # fmt: skip
            relay = page.Relay(wm, folder / "spool", routes)
            loop = asyncio.get_running_loop()
            async with await loop.create_server(lambda: Server(relay), "127.0.0.1", 0) as listener:
                async with wm.running():
                    with clock.busy():
                        await submit(listener.sockets[0].getsockname()[1], deliveries)
                    await clock.sleep_until(START + DAYS * DAY)
                    for task in relay.tasks:
                        task.cancel()
                    await asyncio.gather(*relay.tasks, return_exceptions=True)
                wm.admit = admit  # type: ignore[method-assign]
                return Evening(world, Warmup(Config.from_dict(config), clock=clock), asked)


async def submit(port: int, deliveries: dict[str, int]) -> None:
    """Give the relay its mail, by SMTP."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
        for provider, count in deliveries.items():
            for number in range(count):
                recipient = f"u{number}@{provider}.example"
                content = (
                    f"From: a@list.example.net\r\nMessage-ID: <{number}.{provider}@x.example>\r\n\r\nHi\r\n"
                )
                await smtp.sendmail(f"b{number}@list.example.net", [recipient], content.encode())


def test_the_relay_of_the_page_keeps_caps_and_waits_its_turn(tmp_path: Path) -> None:
    """A relay that asks before each conversation sends what the plan says, in its turn.

    At the receiver no lane exceeds a day's cap, and greylisting costs no second unit.
    """
    counts = {"alpha": 33, "beta": 22}
    evening = asyncio.run(live(tmp_path, counts))
    world, wm, asked = evening.world, evening.wm, evening.asked
    caps = {(row.ip, row.provider, row.date.isoformat()): row.cap for row in wm.config.plan.rows()}
    ledgers = {
        (day.lane.source, day.lane.provider, day.ledger.window.date.isoformat()): day.ledger
        for day in wm.engine.days()
    }
    wm.close()
    for (ip, provider, date), cap in caps.items():
        tally = world.tally(peer=ip, provider=provider, date=date)
        assert tally.deliveries <= cap
        if (ip, provider, date) in ledgers:
            assert ledgers[ip, provider, date].used == tally.deliveries
    first, second = (world.tally(date=f"2026-12-0{day}").deliveries for day in (1, 2))
    assert first == sum(cap for (_, _, date), cap in caps.items() if date == "2026-12-01")
    assert second == sum(counts.values()) - first
    total = world.tally()
    assert total.distinct == total.accepted == sum(counts.values())
    assert world.tally(provider="beta").deferred == counts["beta"]
    waits_are_honoured(asked)
    assert not list((tmp_path / "spool").iterdir())


def waits_are_honoured(asked: list[Asked]) -> None:
    """Nobody asks before the time that was named, and whoever was promised a place in the day gets it."""
    last: dict[str, Asked] = {}
    again = Counter[bool]()
    for one in asked:
        before = last.get(one.id)
        if before is not None and isinstance(before.decision, Wait):
            assert before.decision.not_before is not None
            assert one.at >= before.decision.not_before
            if before.decision.reason in (WaitReason.PATTERN, WaitReason.PACE):
                again[isinstance(one.decision, Grant)] += 1
        last[one.id] = one
    assert again[True] > 40
    assert again[False] == 0


def test_asking_twice_is_asking_once(tmp_path: Path) -> None:
    """The same attempt asked about twice spends one unit; a refusal of the address keeps the message."""
    (tmp_path / "db").mkdir()
    config = tables(tmp_path, f"sqlite:///{tmp_path / 'db' / 'w.db'}", MIX, pattern="flat")
    with Warmup(Config.from_dict(config), clock=ScaledClock(START + DAY // 2, 1)) as wm:
        wm.upgrade()

        def ask(attempt: int) -> Decision:
            return wm.admit(
                id="Q1", recipient="u@alpha.example", sender="a@list.example.net", attempt=attempt
            )

        first = ask(1)
        assert isinstance(first, Grant)
        assert ask(1) == first
        verdict = wm.record(
            first, (554, "5.7.1 Service unavailable; client host [127.0.0.2] blocked using a blocklist")
        )
        assert verdict.outcome == "deferred"
        assert sum(day.ledger.used for day in wm.engine.days()) == 1
