"""The command told to stop, started twice, and given what it cannot use."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance_house import ENV, Looker, Sink, queue_mail, tables, write

from warmup.app import Warmup
from warmup.config import Config
from warmup.demo.receiver import Answer

WARMUP = str(Path(sys.executable).with_name("warmup"))
PROVIDERS = {"alpha": 0.6, "beta": 0.4}
Act = Callable[[Sink, Path, Looker], Awaitable[None]]


def play(tmp_path: Path, act: Act, *, sink: Sink | None = None, **changes: dict[str, Any]) -> None:
    """A queue with twenty messages, a sink, and something that happens."""

    async def main() -> None:
        async with sink or Sink(list(PROVIDERS)) as receiver:
            (tmp_path / "db").mkdir()
            url = f"sqlite:///{tmp_path / 'db' / 'w.db'}"
            config = tables(tmp_path, url, PROVIDERS, target=3000, pattern="flat")
            config["delivery"]["routes"] = receiver.routes
            config |= changes
            path = tmp_path / "warmup.toml"
            write(path, config)
            with Warmup(Config.from_file(path)) as wm:
                wm.upgrade()
                queue_mail(wm, {"alpha": 12, "beta": 8})
            await act(receiver, path, Looker(url))

    asyncio.run(main())


async def start(path: Path, *argv: str, **words: Any) -> asyncio.subprocess.Process:
    """Start the console script itself."""
    return await asyncio.create_subprocess_exec(
        WARMUP, *argv, "-c", str(path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, **ENV}, **words,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Its exit code, and what it said."""
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


def nothing_in_hand(looker: Looker) -> None:
    """No delivery is leased or being sent, and no unit of a cap is pending."""
    assert not looker.rows("SELECT id FROM deliveries WHERE state IN ('leased', 'sending')")
    assert not looker.rows("SELECT ref FROM reservations WHERE state = 'pending'")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_told_to_stop_it_ends_what_it_has_begun(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """SIGTERM and Ctrl-C let conversations under way finish, and leave nothing in hand."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        process = await start(path, "run")
        assert await sink.wait(lambda: len(sink.arrivals) >= 2, 30)
        process.send_signal(number)  # the answers to these are still on their way
        got, said = await end(process)
        assert got == code, said
        nothing_in_hand(looker)
        sent = looker.rows("SELECT count(*) FROM deliveries WHERE state = 'sent'")
        assert sent == [(len(sink.arrivals),)]
        assert len(sink.copies()) == len(sink.arrivals)

    play(tmp_path, act, sink=Sink(list(PROVIDERS), think_s=0.3))


def test_a_second_daemon_of_a_node_is_sent_away(tmp_path: Path) -> None:
    """A second daemon under the same name ends at once with 75; one that comes after a kill does not."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        first = await start(path, "run")
        assert await sink.wait(lambda: bool(sink.arrivals), 30)
        got, said = await end(await start(path, "run"))
        assert got == 75
        assert "another warmup daemon" in said
        first.kill()
        await first.wait()
        got, said = await end(await start(path, "run", "--until-empty"))
        assert got == 0, said
        assert len(sink.copies()) == 20

    play(tmp_path, act)


def test_a_source_that_is_not_here_is_held_and_the_others_go_on(tmp_path: Path) -> None:
    """Of two addresses one is not on this host: its lanes wait and say why, the other sends."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        process = await start(path, "run")
        assert await sink.wait(lambda: len(sink.arrivals) >= 3, 30)
        process.terminate()
        got, said = await end(process)
        assert got == 0, said
        assert "192.0.2.1" in said
        assert {arrival.peer for arrival in sink.arrivals} == {"127.0.0.3"}
        nothing_in_hand(looker)
        with Warmup(Config.from_file(path)) as wm:
            story = "\n".join(wm.explain("192.0.2.1:alpha").lines)
        assert "192.0.2.1" in story
        assert looker.rows("SELECT max(used) FROM windows w JOIN lanes l ON l.id = w.lane "
                           "WHERE l.source = '192.0.2.1'") == [(0,)]  # fmt: skip

    sources = {"192.0.2.1": {"ehlo": "a.example.net"}, "127.0.0.3": {"ehlo": "b.example.net"}}
    play(tmp_path, act, sources=sources)


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """A database of a later program: every command ends with 78 and says what to do."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        with sqlite3.connect(tmp_path / "db" / "w.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        for argv in (["run"], ["status"], ["db", "upgrade"]):
            got, said = await end(await start(path, *argv))
            assert got == 78, (argv, said)
            assert "newer than this program" in said
            assert "Traceback" not in said
        assert not sink.arrivals

    play(tmp_path, act)


def test_a_full_disk_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    """When the database cannot grow it stops with 74 and sends nothing more; with room again it goes on."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        files = [path.stat().st_size for path in (tmp_path / "db").iterdir()]
        room = max(files) + 64 * 1024

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        got, said = await end(await start(path, "run", "--until-empty", preexec_fn=limited))
        assert got == 74, said
        assert "Traceback" not in said
        before = len(sink.arrivals)
        assert before < 20
        sending = looker.sending()
        got, said = await end(await start(path, "run", "--until-empty"))
        assert got == 0, said
        copies = sink.copies()
        assert len(copies) == 20
        assert sum(copies.values()) - 20 <= len(sending)
        nothing_in_hand(looker)

    play(tmp_path, act)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("target = 0", 78, "target"),
        ("target = 3000\ncolour = 'red'", 78, "colour"),
        ("target = ", 78, "warmup.toml"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, line: str, code: int, words: str) -> None:
    """A mistake in the file ends the command with 78, its place and no traceback."""

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        path.write_text(path.read_text("utf-8").replace('"target" = 3000', line), "utf-8")
        got, said = await end(await start(path, "run"))
        assert got == code, said
        assert words in said
        assert "Traceback" not in said
        assert not sink.arrivals

    play(tmp_path, act)


def test_an_answer_that_never_comes_costs_one_message_its_turn_only(tmp_path: Path) -> None:
    """A peer that takes a message and hangs up without an answer: it goes again later, the others at once."""
    hung: set[str] = set()

    def answer(stage: str, sender: str) -> Answer | None:
        if stage != "dot" or not sender.startswith("b-alpha-3@") or sender in hung:
            return None
        hung.add(sender)
        return Answer(b"250 2.0.0 Ok", close=True)  # cut off before the end of the line

    async def act(sink: Sink, path: Path, looker: Looker) -> None:
        got, said = await end(await start(path, "run", "--until-empty"))
        assert got == 0, said
        copies = sink.copies()
        assert copies.pop("b-alpha-3@list.example.net") == 2
        assert set(copies.values()) == {1}
        ids = {arrival.message_id for arrival in sink.arrivals if arrival.sender in hung}
        assert len(ids) == 1
        nothing_in_hand(looker)

    play(tmp_path, act, sink=Sink(list(PROVIDERS), answer=answer))
