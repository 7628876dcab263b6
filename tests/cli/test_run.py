"""``warmup run``: how it ends, and what it says."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from warmup.app import Warmup
from warmup.config import Config
from warmup.store import Node, set_meta
from warmup.testing import ScriptedProvider
from warmup.timing import DAY, SystemClock


def test_until_empty(site: Any) -> None:
    """Everything queued goes, days pass as they have to, and the account says so."""
    site.submit(*(f"u{n}@gmail.com" for n in range(30)), "x@yahoo.com", "y@foo.example")
    facts = site.facts("run", "--until-empty")
    assert facts == {
        "accepted": 32, "deferred": 0, "rejected": 0, "unknown": 0, "waiting": 0, "stopped_by": None
    }  # fmt: skip
    assert site.facts("status")["queue"] == {"sent": 32}
    assert site.run("db", "check").exit_code == 0


def test_a_scaled_clock_goes_on_where_it_was(site: Any) -> None:
    """A second run continues after the last instant of the first, so no day comes twice."""
    site.submit(*(f"u{n}@gmail.com" for n in range(300)))
    site.run("run", "--until-empty")
    seen = site.facts("db", "info")["last_seen"]
    assert seen > "2026-12-02"
    assert site.facts("clock")["now"] >= seen
    site.submit("x@gmail.com")
    assert site.facts("run", "--until-empty")["accepted"] == 1
    assert site.facts("queue", "show", "301")["submitted_at"] >= seen


def test_once_and_verbose(site: Any) -> None:
    """--once tries what may go now and stops; --verbose has a line for each attempt."""
    site.submit("x@gmail.com")
    result = site.run("run", "--once", "--verbose")
    assert result.exit_code == 0
    assert result.stdout == "1 accepted, 0 deferred, 0 rejected, 0 unknown, 0 waiting\n"
    assert "1 x@gmail.com from 127.0.0.2 at null: accepted (accepted) at dot" in result.stderr
    assert result.stderr.startswith("2026-12-01 ")


def test_against_a_server(site: Any) -> None:
    """Over real SMTP: replies are counted by what they mean, and a hostile one does nothing."""

    async def scene() -> tuple[int, str, str]:
        replies = {"rcpt": ["550 5.1.1 no such user \x1b[2J", "450 4.2.1 later", None]}
        async with ScriptedProvider(replies=replies) as mx:
            port = mx.route.hosts[0].port
            site.write(delivery=f'routes = {{ "*" = "127.0.0.1:{port}" }}\ntls = "never"\nconnections = 1')
            site.submit("a@gmail.com", "b@gmail.com", "c@gmail.com")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "warmup", "run", "--until-empty", "-v",
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ,
            )  # fmt: skip
            out, errors = await asyncio.wait_for(process.communicate(), 60)
            assert len(mx.messages) == 2
            return process.returncode or 0, out.decode(), errors.decode()

    code, out, errors = asyncio.run(scene())
    assert code == 0, errors
    assert out == "2 accepted, 1 deferred, 1 rejected, 0 unknown, 0 waiting\n"
    assert "rejected (invalid_recipient) at rcpt" in errors
    assert "\x1b" not in errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stops_in_order(site: Any, number: signal.Signals, code: int) -> None:
    """SIGTERM is an orderly end (0); Ctrl-C is one too and says 130. Both leave a sound database."""
    site.write(speed="speed = 1")
    site.submit(*(f"u{n}@gmail.com" for n in range(300)))
    process = site.process("run", "--verbose")
    try:
        assert "accepted" in process.stderr.readline()
        process.send_signal(number)
        out, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert " accepted, " in out
    assert site.run("db", "check").exit_code == 0


def test_second_daemon(site: Any) -> None:
    """Two daemons of one name never run on one database: the second exits 75."""
    config = Config.from_file(site.config)
    with Warmup(config) as wm:
        node = Node(wm.database, config.node)
        try:
            result = site.run("run", "--once")
        finally:
            node.release()
    assert result.exit_code == 75
    assert "another warmup daemon" in result.stderr


def test_restored_database(site: Any, tmp_path: Path) -> None:
    """A database put back from a backup sends nothing (75) until an operator's word, and then does."""
    site.submit("x@gmail.com", "y@gmail.com")
    backup = (tmp_path / "warmup.db").read_bytes()
    assert site.run("run", "--until-empty").exit_code == 0
    (tmp_path / "warmup.db").write_bytes(backup)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"warmup.db{suffix}").unlink(missing_ok=True)

    refused = site.run("run", "--once")
    assert refused.exit_code == 75
    assert "warmup resume --after-restore" in refused.stderr
    assert site.run("doctor").exit_code == 69
    assert site.run("resume").exit_code == 64

    told = site.run("resume", "--after-restore")
    assert told.exit_code == 0
    assert told.stdout.startswith("was: ")
    assert site.run("run", "--until-empty").exit_code == 0
    assert site.run("resume", "--after-restore").stdout.startswith("the database and its witness agreed")


def test_clock_behind(site: Any, tmp_path: Path) -> None:
    """A clock before what the database has seen releases nothing (75), until it is accepted."""
    site.write(kind='kind = "system"', speed="")
    text = site.config.read_text().replace("start = 2026-12-01T12:00:00Z\n", "")
    site.config.write_text(text.replace("start = 2026-12-01\n", "start = 2020-01-01\n"))
    (tmp_path / "warmup.db").unlink()
    with Warmup.from_file(site.config) as wm:
        wm.upgrade()
        ahead = str(SystemClock().now() + 2 * DAY)
        wm.database.write(lambda connection: set_meta(connection, "seen_at", ahead))
    result = site.run("run", "--once")
    assert result.exit_code == 75
    assert "warmup clock accept" in result.stderr
    assert site.facts("clock")["believed"] is False
    assert "nothing is released" in site.run("status").stdout
    assert site.run("doctor").exit_code == 69
    assert site.run("clock", "accept").exit_code == 0
    assert site.facts("clock")["believed"] is True
    assert site.run("run", "--once").exit_code == 0


def test_clock_speed(site: Any) -> None:
    """--clock-speed hurries a database of a scaled clock, and is refused by one that lives in real time."""
    site.write(speed="speed = 1")
    site.submit(*(f"u{n}@gmail.com" for n in range(20)))
    began = time.monotonic()
    assert site.facts("run", "--until-empty", "--clock-speed", "100000")["accepted"] == 20
    assert time.monotonic() - began < 30
    assert site.run("run", "--once", "--clock-speed", "0").exit_code == 64

    site.write(kind="", speed="")
    site.config.write_text(site.config.read_text().replace("start = 2026-12-01T12:00:00Z\n", ""))
    for path in site.folder.glob("warmup.db*"):
        path.unlink()
    assert site.run("db", "upgrade").exit_code == 0
    refused = site.run("run", "--once", "--clock-speed", "60")
    assert refused.exit_code == 78
    assert "system clock" in refused.stderr


def test_witness_that_cannot_be_read(site: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the witness cannot be read nothing is sent, and the exit code is 75."""
    blocked = tmp_path_factory.mktemp("state") / "file"
    blocked.write_text("")
    site.write(node=f'node = "test"\nstate_dir = "{blocked}/state"')
    site.submit("x@gmail.com")
    result = site.run("run", "--once")
    assert result.exit_code == 75
    assert "witness" in result.stderr
    assert site.facts("status")["queue"] == {"queued": 1}
