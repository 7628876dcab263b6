"""The demonstration, played once in short: what it shows is what was counted."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from warmup.app import Warmup
from warmup.cli import main
from warmup.cli.demo import _make_room
from warmup.config import Config
from warmup.demo.page import page
from warmup.demo.play import Watcher, play
from warmup.demo.scenario import Scenario
from warmup.errors import UsageError

DAYS, MESSAGES = 6, 300


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A short demonstration: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "play"
    arguments = ["demo", "--folder", str(folder), "--days", str(DAYS), "--messages", str(MESSAGES)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return folder, result.output


@pytest.fixture
def figures(played):
    return json.loads((played[0] / "figures.json").read_text())


def test_receivers_and_ledger_agree(played, figures):
    """Each lane's ledger holds, day by day, exactly what the receiver of that day accepted."""
    counted = {
        (cell["source"], cell["provider"], cell["date"]): cell["accepted"] for cell in figures["lane_days"]
    }
    with Warmup.from_file(played[0] / "warmup.toml") as wm:
        booked = Counter()
        for record in wm.engine.days():
            key = (record.lane.source, record.lane.provider, record.ledger.window.date.isoformat())
            booked[key] += record.ledger.accepted
            assert record.ledger.used >= record.ledger.accepted
    assert {key: count for key, count in booked.items() if count} == {
        key: count for key, count in counted.items() if count
    }
    assert sum(counted.values()) == figures["accepted"] > 0
    assert figures["lane_days_differing_from_ledger"] == figures["lane_days_beyond_cap"] == 0


def test_nothing_is_lost_changed_or_doubled(figures):
    """Every message was either accepted, once and octet for octet as it was submitted, or waits."""
    assert figures["submitted"] == MESSAGES
    assert figures["intact"] == figures["accepted"]
    assert figures["copies"] == 0
    assert figures["accepted"] + sum(figures["waiting"].values()) == MESSAGES


def test_plan_column_is_the_plan(played, figures):
    """What is called the plan is what the configuration's plan says, for every lane and day."""
    plan = Config.from_file(played[0] / "warmup.toml").plan
    rows = {(row.day, row.ip, row.provider): row.cap for row in plan.rows()}
    shown = {
        (cell["day"], cell["source"], cell["provider"]): cell["planned"] for cell in figures["lane_days"]
    }
    assert shown.items() <= rows.items()
    assert all(cap == 0 for key, cap in rows.items() if key not in shown)
    assert max(cell["day"] for cell in figures["lane_days"]) == DAYS


def test_every_shortfall_has_its_reason(figures):
    """A lane day has a reason if and only if fewer were accepted than planned."""
    for cell in figures["lane_days"]:
        assert bool(cell["reason"]) == (cell["accepted"] < cell["planned"]), cell
        assert cell["accepted"] <= cell["planned"]
    told = " ".join({cell["reason"] for cell in figures["lane_days"]})
    for word in ("blocked", "suspended", "reduced", "volume"):
        assert word in told


def test_explanations_name_the_reason(played, figures):
    """A message that waits says until when and by which limit; the blocked lane tells its whole story."""
    message = "\n".join(figures["explain"]["message"])
    assert "strict" in message
    assert re.search(
        r"now  waits until 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC: .*(cap|tried|pattern|pace)", message
    )
    lane = "\n".join(figures["explain"]["lane"])
    assert "strict: reduced" in lane
    for part in ("suspended for 1 d, until", "the provider said", "back from suspension, reduced to at most"):
        assert part in lane
    assert figures["explain"]["lane"][0] in played[1]


def test_a_provider_that_turns_strict_is_told_right(played, figures):
    """The story names the day, how many were deferred, the step back, and what tomorrow may be."""
    told = "\n".join(figures["explain"]["turned"])
    scenario = Scenario(days=DAYS, messages=MESSAGES)
    turned = f"2027-03-{scenario.turns_on:02}"
    cells = [cell for cell in figures["lane_days"] if cell["provider"] == "changing"]
    first = next(cell for cell in cells if cell["deferred"])
    assert first["date"] >= turned
    assert all(not cell["deferred"] for cell in cells if cell["date"] < turned)
    assert f"{first['source']}:changing" in told
    attempts = first["accepted"] + first["deferred"]
    assert (
        f"accepted {first['accepted']} of {attempts} attempts; {first['deferred']} deferred for volume"
        in told
    )
    assert re.search(r"cap \d+ lowered to \d+ for this window", told)
    assert re.search(r"back from \d+ to \d+ a day: \d+ accepted, then \d+ of \d+ attempts", told)
    assert re.search(r"tomorrow  if today goes well, the cap of 2027-03-\d\d is \d+", told)
    assert "whose provider changed its mind?" in played[1]


def test_commands_go_on_from_there(played, figures):
    """The folder is an installation like any other: status and explain find the time it was left at."""
    config = str(played[0] / "warmup.toml")
    lane = next(cell for cell in reversed(figures["lane_days"]) if cell["blocked"])
    name = f"{lane['source']}:{lane['provider']}"
    found = CliRunner().invoke(main, ["explain", "-c", config, name, "--format", "json"])
    assert found.exit_code == 0, found.output
    facts = json.loads(found.output)
    assert facts["standing"] == "reduced"
    assert [day["accepted"] for day in facts["days"] if day["date"] == lane["date"]] == [lane["accepted"]]
    assert CliRunner().invoke(main, ["status", "-c", config]).exit_code == 0


class _Page(HTMLParser):
    """Sees to it that every element is closed, and collects what is worth knowing."""

    VOID = frozenset(("meta", "br"))

    def __init__(self):
        super().__init__()
        self.open, self.count, self.text = [], Counter(), []
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.count[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.count[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_report_needs_nothing_but_itself(played, figures):
    """The page is well-formed, refers to nothing outside, runs no script, and holds what was counted."""
    page = (played[0] / "report.html").read_text(encoding="utf-8")
    seen = _Page()
    seen.feed(page)
    assert seen.open == []
    assert not seen.attributes & {"src", "href", "srcset", "data", "style", "onclick"}
    assert seen.count["script"] == seen.count["link"] == seen.count["img"] == 0
    assert not re.search(r"https?:|url\(|@import", page)
    assert seen.count["svg"] == 9
    assert seen.count["tr"] == DAYS + 1
    text = " ".join(seen.text)
    for number in (figures["submitted"], figures["accepted"], sum(figures["waiting"].values())):
        assert f"{number:,}" in text
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert all(habit in text for habit in figures["habits"].values())


def test_terminal_is_eighty_columns_wide(played):
    """What is printed fits a terminal of 80 columns, apart from paths, and has a line for each day."""
    folder, output = played
    long = [line for line in output.splitlines() if len(line) > 80 and str(folder) not in line]
    assert long == []
    days = re.findall(r"(?m)^ +(\d+)  20\d\d-\d\d-\d\d +[\d,]+ +[\d,]+ ", output)
    assert [int(day) for day in days] == list(range(1, DAYS + 1))
    assert "--force" not in output


def test_folder_is_not_written_over(played, tmp_path):
    """An earlier demonstration is replaced only when asked to; other people's files never."""
    runner = CliRunner()
    again = runner.invoke(main, ["demo", "--folder", str(played[0])], standalone_mode=False)
    assert isinstance(again.exception, UsageError)
    assert "--force" in str(again.exception)
    letter = tmp_path / "letter.txt"
    letter.write_text("dear all")
    for force in (False, True):
        with pytest.raises(UsageError, match="holds other things"):
            _make_room(tmp_path, force)
    assert letter.read_text() == "dear all"
    with pytest.raises(UsageError, match="is a file"):
        _make_room(letter, False)


def test_force_replaces_a_demo_and_no_more(tmp_path):
    """What the demonstration wrote goes, and a file that somebody put beside it stays."""
    (tmp_path / "warmup.toml").write_text("# Written by `warmup demo`.\n")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "warmup.db").write_text("old")
    _make_room(tmp_path, True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_stopped_before_the_first_day(tmp_path):
    """Who stops while messages are still being submitted finds those that were queued, and a report."""

    async def act():
        stop = asyncio.Event()
        watcher = Watcher(submitted=lambda count: stop.set())
        return await play(Scenario(days=6, messages=600), tmp_path, watcher, stop)

    figures = asyncio.run(act())
    assert not figures.finished
    assert figures.submitted == sum(figures.waiting.values()) == 250
    assert figures.days == ()
    assert figures.message is not None and figures.lane is None
    assert "250" in "".join(page(figures, tmp_path))


def test_interrupt_stops_in_order(tmp_path):
    """Ctrl-C lets conversations end, reports the days that have passed, and exits with 130."""
    folder = tmp_path / "play"
    command = [
        sys.executable,
        "-m",
        "warmup",
        "demo",
        "--folder",
        str(folder),
        "--days",
        "6",
        "--messages",
        "300",
    ]
    environment = {**os.environ, "LC_ALL": "C"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        before = []
        for line in process.stdout:
            before.append(line)
            if line.startswith("  2  2027"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        errors = process.stderr.read()
    assert process.returncode == 130, errors
    assert errors == ""
    assert "Stopped. What follows is what happened until then." in rest
    assert ("".join(before) + rest).isascii()
    found = json.loads((folder / "figures.json").read_text())
    assert not found["finished"]
    assert found["accepted"] + sum(found["waiting"].values()) == 300
    assert found["lane_days_differing_from_ledger"] == 0
    assert (folder / "report.html").exists()
