"""Status, explain, queue and database: what is shown, to people and to programs."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warmup.app import Warmup
from warmup.config import Config
from warmup.store import lanes, queue

PROVIDERS = ("google", "yahoo", "microsoft_consumer", "comcast", "apple", "att", "gmx", "t_online", "orange",
             "mail_ru", "qq", "other")  # fmt: skip
HOSTILE = "\x1b]0;owned\x07 Привет"


def many(site: Any) -> None:
    """Four addresses and twelve providers, with some mail that hostile people wrote."""
    share = ", ".join(f"{name} = {1 / 16 if name != 'other' else 5 / 16}" for name in PROVIDERS)
    site.write(ips=tuple(f"127.0.0.{n}" for n in range(2, 6)), mix=f"mix = {{ {share} }}")
    site.submit("x@gmail.com", "y@yahoo.com")
    path = site.folder / "h.eml"
    path.write_text(f"From: a@sender.example\nTo: z@foo.example\nSubject: {HOSTILE[:4]}\n\nbody\n", "utf-8")
    site.run("submit", str(path))
    site.run("run", "--once")
    with Warmup.from_file(site.config) as wm:
        until = wm.clock.now() + (1 << 50)
        wm.database.write(lambda c: lanes.hold_source(c, "127.0.0.3", until, HOSTILE))
        wm.engine.pause("127.0.0.4", "google", HOSTILE * 5)


LOOKS = (
    ("status",),
    ("status", "--by", "source"),
    ("status", "--by", "provider"),
    ("explain", "1"),
    ("explain", "127.0.0.3", "google"),
    ("explain", "127.0.0.4:google"),
    ("queue", "list"),
    ("queue", "shape"),
    ("queue", "show", "1"),
    ("lane", "list"),
    ("lane", "resume", "google"),
    ("ip", "list"),
    ("clock",),
    ("doctor",),
)


def test_every_line_fits_and_is_harmless(site: Any) -> None:
    """In the C locale with 4 addresses and 12 providers: ASCII, at most 80 columns, nothing that acts."""
    many(site)
    # One process for all: starting Python takes longer than the commands do.
    code = (
        "import sys\n"
        "from warmup.cli import main\n"
        f"for words in {LOOKS!r}:\n"
        "    print('==', *words)\n"
        "    try: main(list(words))\n"
        "    except SystemExit as left: print('LEFT', left.code, file=sys.stderr)\n"
    )
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C", "TERM": "dumb"}
    environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=60)
    assert done.stderr.decode().split() == ["LEFT", "0"] * len(LOOKS)
    lines = done.stdout.decode("ascii").splitlines()
    assert sum(line.startswith("== ") for line in lines) == len(LOOKS)
    for line in lines:
        free = line.startswith(("message_id", "database", "witness"))  # one fact, not a table
        assert len(line) <= 80 or free, line
        assert line.isprintable()


@pytest.mark.parametrize("words", [("status",), ("explain", "1")])
def test_closed_pipe(site: Any, words: tuple[str, ...]) -> None:
    """Whoever reads may leave: no command of these makes noise about it."""
    site.submit("x@gmail.com")
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "warmup", *words], stdout=write, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


class TestStatus:
    def test_before_the_first_run(self, site: Any) -> None:
        """A new installation says what is missing, opens no window, and lists nothing it does not have."""
        result = site.run("status")
        assert result.exit_code == 0
        assert "the first warmup run makes them" in result.stdout
        assert "queue: empty" in result.stdout
        assert site.facts("db", "info")["windows"] == 0

    def test_figures(self, site: Any) -> None:
        """Caps, what is used and what waits are the ledger's, row by row and in sum."""
        site.submit(*(f"u{n}@gmail.com" for n in range(5)), "x@yahoo.com")
        site.run("run", "--until-empty")
        facts = site.facts("status")
        google = next(row for row in facts["rows"] if row["lane"] == "127.0.0.2:google")
        assert google["accepted"] == google["used"] <= google["cap"]
        assert facts["sum"]["cap"] == sum(row["cap"] for row in facts["rows"])
        assert facts["queue"] == {"sent": 6}
        by_source = site.facts("status", "--by", "source")
        assert [row["cap"] for row in by_source["rows"]] == [facts["sum"]["cap"]]
        by_provider = site.facts("status", "--by", "provider")
        assert [row["provider"] for row in by_provider["rows"]] == ["google", "yahoo", "other"]
        assert by_provider["sum"] == facts["sum"]

    def test_a_day_that_nobody_opened(self, site: Any) -> None:
        """While no daemon runs, yesterday's cap is not shown as today's."""
        site.submit("x@gmail.com")
        site.run("run", "--once")
        site.config.write_text(
            site.config.read_text().replace("2026-12-01T12:00:00Z", "2026-12-05T12:00:00Z")
        )
        facts = site.facts("status")
        assert {row["reason"] for row in facts["rows"]} == {"not_opened"}
        assert {row["cap"] for row in facts["rows"]} == {None}
        assert "not running" in site.run("status").stdout


class TestExplain:
    def test_story(self, site: Any) -> None:
        """A delivery and a lane tell what happened; instants in JSON are ISO 8601."""
        site.submit("x@gmail.com")
        site.run("run", "--until-empty")
        assert "accepted" in site.run("explain", "1").stdout
        facts = site.facts("explain", "1")
        assert (facts["state"], facts["wait"]) == ("sent", None)
        assert facts["attempts"][0]["ended_at"].startswith("2026-12-")
        for words in (("127.0.0.2:google",), ("127.0.0.2", "google")):
            assert site.facts("explain", *words)["lane"] == "127.0.0.2:google"

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (("99",), "queue list"),
            (("9" * 40,), "queue list"),
            (("127.0.0.2",), "127.0.0.2:google"),
            (("google",), "ADDRESS:google"),
            (("127.0.0.9:google",), "no lane"),
            (("127.0.0.02:google",), "octal"),
            (("192.0.2.77",), "no address of the plan"),
            (("a", "b", "c"), "ADDRESS PROVIDER"),
            ((), "ID"),
        ],
    )
    def test_what_is_not_there(self, site: Any, words: tuple[str, ...], hint: str) -> None:
        """What does not exist exits with 64 and says how it would be named."""
        site.submit("x@gmail.com")
        result = site.run("explain", *words)
        assert result.exit_code == 64
        assert hint in result.stderr


class TestQueue:
    def test_list_filters(self, site: Any) -> None:
        """State, provider and limit choose; who is cut off by the limit is told."""
        site.submit("a@gmail.com", "b@gmail.com", "c@yahoo.com")
        site.run("queue", "hold", "1")
        assert [row["id"] for row in site.facts("queue", "list")] == [1, 2, 3]
        assert site.facts("queue", "list", "--state", "held")["id"] == 1
        assert site.facts("queue", "list", "--provider", "yahoo")["id"] == 3
        assert "more than 2" in site.run("queue", "list", "--limit", "2").stderr
        assert site.run("queue", "list", "--state", "lost").exit_code == 64
        assert "no such delivery" in site.run("queue", "list", "--provider", "nobody").stdout

    def test_shape(self, site: Any) -> None:
        """What waits is counted by provider and age, and adds up."""
        site.submit("a@gmail.com", "b@gmail.com", "c@yahoo.com")
        google, yahoo = site.facts("queue", "shape")
        assert (google["provider"], google["total"], yahoo["total"]) == ("google", 2, 1)
        assert sum(google["ages"].values()) == 2
        lines = site.run("queue", "shape").stdout.splitlines()
        assert lines[0].split()[:3] == ["provider", "all", "<10min"]
        assert lines[-1].split()[:2] == ["all", "3"]

    def test_hold_unhold_cancel(self, site: Any) -> None:
        """Waiting deliveries are held, released and cancelled; saying it twice is no mistake."""
        site.submit("a@gmail.com", "b@gmail.com")
        assert site.facts("queue", "hold", "1") == {"id": 1, "done": "held"}
        assert site.run("queue", "hold", "1").exit_code == 0
        assert "queue unhold" in site.run("queue", "show", "1").stdout
        assert site.facts("run", "--until-empty")["accepted"] == 1
        assert site.facts("queue", "unhold", "1")["done"] == "deferred"
        assert site.facts("queue", "cancel", "1")["done"] == "cancelled"
        assert site.facts("run", "--until-empty")["accepted"] == 0

    @pytest.mark.parametrize("verb", ["hold", "unhold", "cancel"])
    def test_what_cannot_be_changed(self, site: Any, verb: str) -> None:
        """A delivery that was sent, or is not there, is said so with 65; the others are changed."""
        site.submit("a@gmail.com")
        site.run("run", "--until-empty")
        result = site.run("queue", verb, "1", "7")
        assert result.exit_code == 65
        assert "left sent" in result.stdout
        assert "there is no such delivery" in result.stdout
        assert site.run("queue", verb, "x").exit_code == 64


class TestDatabase:
    def test_info(self, site: Any) -> None:
        """Where it is, what keeps it, and how much it holds."""
        site.submit("a@gmail.com", "b@gmail.com")
        facts = site.facts("db", "info")
        assert (facts["messages"], facts["deliveries"], facts["clock"]) == (1, 2, "scaled")
        assert facts["server"].startswith("SQLite 3.")
        assert facts["size_bytes"] > 0
        assert facts["nodes"] == []
        site.run("run", "--once")
        assert site.facts("db", "info")["nodes"] == ["test"]

    def test_not_there(self, site: Any, tmp_path: Path) -> None:
        """A database that is not there is not made by looking: 78, and how to make it."""
        for path in tmp_path.glob("warmup.db*"):
            path.unlink()
        for words in (("status",), ("db", "info"), ("db", "check"), ("run", "--once"), ("queue", "list")):
            result = site.run(*words)
            assert result.exit_code == 78, words
            assert "warmup db upgrade" in result.stderr
        assert not (tmp_path / "warmup.db").exists()
        assert site.facts("db", "upgrade")["done"] == "created"
        assert site.facts("db", "upgrade")["done"] == "unchanged"

    def test_newer_than_the_program(self, site: Any, tmp_path: Path) -> None:
        """A newer database is left alone (78), and info still says what it is."""
        with sqlite3.connect(tmp_path / "warmup.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        assert site.run("db", "upgrade").exit_code == 78
        assert site.run("status").exit_code == 78
        assert site.facts("db", "info")["schema"] == "9999"

    def test_sound(self, site: Any) -> None:
        """A database that was worked with passes."""
        site.submit(*(f"u{n}@gmail.com" for n in range(20)))
        site.run("run", "--until-empty")
        assert site.facts("db", "check") == {
            "database": f"sqlite:///{site.folder}/warmup.db", "sound": True, "found": []
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("damage", "sentence"),
        [
            ("UPDATE windows SET used = used + 1 WHERE used > 0", "its reservations are"),
            ("UPDATE windows SET cap = peak + 1", "above"),
            (
                "UPDATE deliveries SET state = 'sending', lease_owner = 'a', lease_until = 1; "
                "DELETE FROM reservations",
                "without a unit",
            ),
            ("UPDATE reservations SET state = 'pending'", "holds a pending unit for delivery"),
            ("UPDATE reservations SET state = 'lost'", "there is no state lost"),
            ("UPDATE deliveries SET state = 'lost'", "there is no state lost"),
            ("UPDATE deliveries SET state = 'leased', lease_owner = NULL", "nobody holds it"),
            ("UPDATE deliveries SET state = 'queued'; DELETE FROM bodies", "no content any more"),
            ("DELETE FROM deliveries", "nobody is to receive it"),
            ("UPDATE counters SET value = 0", "the last delivery that was given out"),
            (
                "UPDATE windows SET ends_at = ends_at + 5; "
                "INSERT INTO windows SELECT id + 100, lane, date, zone, "
                "ends_at - 5, ends_at, step, cap, peak, 0, 0, tat, partial, 1, aim FROM windows",
                "overlap",
            ),
        ],
    )
    def test_broken(self, site: Any, tmp_path: Path, damage: str, sentence: str) -> None:
        """Each law that must hold at every moment is checked; a broken one exits with 70."""
        site.submit("a@gmail.com")
        site.run("run", "--until-empty")
        connection = sqlite3.connect(tmp_path / "warmup.db")
        connection.executescript("PRAGMA foreign_keys = OFF;" + damage)
        connection.close()
        result = site.run("db", "check")
        assert result.exit_code == 70
        assert sentence in result.stderr
        assert site.run("db", "check", "--format", "json").exit_code == 70

    def test_damaged_file(self, site: Any, tmp_path: Path) -> None:
        """Octets that a disk ate are found, or the file cannot be read at all; never a traceback."""
        site.submit(*(f"u{n}@gmail.com" for n in range(20)))
        path = tmp_path / "warmup.db"
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        octets = bytearray(path.read_bytes())
        octets[8192:] = os.urandom(len(octets) - 8192)
        path.write_bytes(octets)
        result = site.run("db", "check")
        assert result.exit_code in (70, 74)
        assert "Traceback" not in result.output
        assert "bug" not in result.stderr

    def test_mail_under_way(self, site: Any) -> None:
        """What is leased or being sent at this moment is in order too."""
        site.submit(*(f"u{n}@gmail.com" for n in range(3)))
        config = Config.from_file(site.config)
        with Warmup(config) as wm:
            for domain in ("gmail.com",):
                wm.engine.resolved(domain, [])
            grants = wm.engine.release(10, lambda _: 10).grants
            assert grants
            wm.engine.begin(grants[:1])
            assert site.run("db", "check").exit_code == 0
            assert wm.database.read(lambda c: queue.load(c, [1]))[1].state == "sending"


@pytest.mark.parametrize("damage", [lambda text: "x = ", lambda text: text.replace("target", "tarjet")])
def test_wrong_configuration(site: Any, damage: Callable[[str], str]) -> None:
    """A configuration with a mistake is 78 for every command, with the line of the mistake."""
    site.config.write_text(damage(site.config.read_text()))
    for words in (("status",), ("run",), ("submit", "x"), ("db", "info"), ("ip", "list"), ("lane", "list")):
        result = site.run(*words)
        assert result.exit_code == 78, words
        assert "warmup.toml:" in result.stderr
