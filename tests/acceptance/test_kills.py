"""Kill the command at random moments while it sends, start it again, and compare with the receiver."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from acceptance_house import Launcher, Looker, Process, Sink, queue_mail, tables, write

from warmup.app import Warmup
from warmup.config import Config
from warmup.plan import plan

PROVIDERS = {"alpha": 0.5, "beta": 0.3, "gamma": 0.2}
DAYS = ("2026-12-01", "2026-12-02", "2026-12-03")
CI = os.environ.get("HYPOTHESIS_PROFILE") == "ci"
START_S = 8.0
"""Real seconds that a process may take to its first MAIL, on a machine that is busy with other tests."""

QUIET_S = 1.0
"""Real seconds after a MAIL without another after which a day's mail is over: half an hour on the clock."""


@attrs.define(slots=False)
class Campaign:
    """One database, one receiver, and processes that die."""

    folder: Path
    database: str
    kills: tuple[int, int, int]
    target: int
    chance: random.Random
    faults: Counter[int] = attrs.field(factory=Counter)
    broken: list[set[int]] = attrs.field(factory=list)
    killed: int = 0

    def greylisted(self) -> Callable[[str, str], bytes | None]:
        """Beta turns every third stranger away once."""
        known: set[str] = set()

        def answer(stage: str, sender: str) -> bytes | None:
            if stage != "rcpt" or "-beta-" not in sender or int(sender.split("-")[2].split("@")[0]) % 3:
                return None
            if sender in known:
                return None
            known.add(sender)
            return b"451 4.7.1 Greylisted, please try again in a few minutes\r\n"

        return answer

    async def run(self) -> None:
        """Three days: kills on each, the last one to its end."""
        async with (
            Sink(list(PROVIDERS), answer=self.greylisted(), think_s=0.006) as sink,
            Launcher(self.folder) as launcher,
        ):
            config = tables(self.folder, self.database, PROVIDERS, target=self.target)
            config["delivery"]["routes"] = sink.routes
            path = self.folder / "conf" / "warmup.toml"
            path.parent.mkdir()
            write(path, config)
            share = {name: round(1.6 * self.target * part) for name, part in PROVIDERS.items()}
            with Warmup(Config.from_file(path)) as wm:
                wm.upgrade()
                ids = queue_mail(wm, share)
            looker = Looker(self.database)
            for day, date in enumerate(DAYS):
                sink.phase = day
                config["clock"]["start"] = f"{date}T00:30:00Z"
                write(path, config)
                await self.day(day, sink, launcher, looker, path)
            self.check(sink, looker, ids)

    async def day(self, day: int, sink: Sink, launcher: Launcher, looker: Looker, path: Path) -> None:
        """Live through a day's mail, dying on the way."""
        broken: set[int] = set()
        self.broken.append(broken)
        last = day == len(DAYS) - 1
        kills = self.kills[day]
        while True:
            process = await launcher.start("run", "--until-empty", "-c", str(path))
            over = not kills
            if kills:
                kills -= 1
                await self.random_moment(day, sink, process)
            elif last:
                async with asyncio.timeout(60):
                    assert await process.ended == 0, launcher.log.read_text()
                return
            else:
                await self.quiet(day, sink, process)
            process.signal(signal.SIGKILL)
            assert await process.ended == -signal.SIGKILL, launcher.log.read_text()
            self.killed += 1
            # What the peer had on its way to it is part of the fault.
            await asyncio.sleep(0.02)
            sending = looker.sending()
            self.faults.update(sending)
            broken |= sending
            if over:
                return

    async def random_moment(self, day: int, sink: Sink, process: Process) -> None:
        """After some messages, or during the start itself."""
        if self.chance.random() < 0.15:
            await asyncio.sleep(self.chance.uniform(0.0, 0.3))
            return
        some = self.target * (day + 1) // (4 * self.kills[day])
        goal = sum(sink.mails.values()) + self.chance.randint(1, max(2, some))
        await self.first(day, sink, process)
        await sink.wait(lambda: sum(sink.mails.values()) >= goal or process.ended.done(), QUIET_S)
        await asyncio.sleep(self.chance.uniform(0.0, 0.02))

    async def first(self, day: int, sink: Sink, process: Process) -> None:
        """Until it sends, unless the day has nothing left to send."""
        before = sum(sink.mails.values())
        if sum(map(len, sink.offered(day).values())) < sum(self.caps[day].values()):
            await sink.wait(lambda: sum(sink.mails.values()) > before or process.ended.done(), START_S)

    async def quiet(self, day: int, sink: Sink, process: Process) -> None:
        """Until the day's mail is over."""
        await self.first(day, sink, process)
        while True:
            before = sum(sink.mails.values())
            if not await sink.wait(lambda before=before: sum(sink.mails.values()) > before, QUIET_S):
                return

    @functools.cached_property
    def caps(self) -> list[dict[tuple[str, str], int]]:
        made = plan(
            target=self.target,
            curve="linear:days=3",
            ips=["127.0.0.2", "127.0.0.3"],
            mix=PROVIDERS,
            start=DAYS[0],
            days=3,
        )
        found: list[dict[tuple[str, str], int]] = [{}, {}, {}]
        for row in made.rows():
            found[row.day - 1][row.ip, row.provider] = row.cap
        return found

    def check(self, sink: Sink, looker: Looker, ids: dict[str, int]) -> None:
        """Compare the receiver, the plan and the database."""
        caps = self.caps
        for day in range(3):
            offered = sink.offered(day)
            for lane, cap in caps[day].items():
                assert len(offered.get(lane, ())) <= cap, (DAYS[day], lane)
            if day < 2:  # there was mail enough for the whole cap: what is missing, the kills cost
                assert sum(map(len, offered.values())) >= 0.6 * sum(caps[day].values())
        copies = sink.copies()
        lost = set(ids) - set(copies)
        assert not lost
        assert looker.rows("SELECT state, count(*) FROM deliveries GROUP BY state") == [("sent", len(ids))]
        for sender, count in copies.items():
            assert count - 1 <= self.faults[ids[sender]], sender
        names = {arrival.sender: set() for arrival in sink.arrivals}
        for arrival in sink.arrivals:
            names[arrival.sender].add((arrival.message_id, arrival.digest, arrival.recipient))
        assert all(len(seen) == 1 for seen in names.values())
        self.check_ledger(sink, looker, ids)

    def check_ledger(self, sink: Sink, looker: Looker, ids: dict[str, int]) -> None:
        """What the ledger holds is what the receiver counted, and what died on its way to it."""
        held: dict[tuple[int, str, str], set[int]] = {}
        for date, source, provider, ref, state in looker.rows(
            "SELECT w.date, l.source, l.provider, r.ref, r.state FROM reservations r "
            'JOIN windows w ON w.id = r."window" JOIN lanes l ON l.id = w.lane'
        ):
            assert state in ("posted", "voided")
            if state == "voided":  # leased when the process died, and sent on another day
                continue
            held.setdefault((DAYS.index(date), source, provider), set()).add(ref)
        for day in range(3):
            for lane, senders in sink.offered(day).items():
                mine = held.pop((day, *lane), set())
                seen = {ids[sender] for sender in senders}
                assert seen <= mine
                assert mine - seen <= self.broken[day]
        assert not any(held.values())
        for used, units in looker.rows(
            "SELECT w.used, (SELECT count(*) FROM reservations r "
            "WHERE r.\"window\" = w.id AND r.state <> 'voided') FROM windows w"
        ):
            assert used == units


def _url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    if kind == "postgresql":
        make: Any = request.getfixturevalue("postgres")
        return str(make())
    (tmp_path / "db").mkdir()
    return f"sqlite:///{tmp_path / 'db' / 'warmup.db'}"


@pytest.mark.parametrize(
    ("kind", "kills", "target"),
    [
        ("sqlite", (20, 20, 10) if CI else (4, 4, 2), 600 if CI else 90),
        ("postgresql", (4, 4, 2), 90),
    ],
    ids=["sqlite", "postgresql"],
)
def test_killed_again_and_again_nothing_is_lost_and_no_cap_is_broken(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, kills: tuple[int, int, int], target: int
) -> None:
    """Kill -9 at any moment: every message arrives, and no lane exceeds a day's cap at the receiver.

    A message arrives twice only if it was being sent when the process died, with the same Message-ID.
    """
    campaign = Campaign(tmp_path, _url(request, kind, tmp_path), kills, target, random.Random(7))
    asyncio.run(campaign.run())
    assert campaign.killed >= sum(kills)
    assert campaign.faults
