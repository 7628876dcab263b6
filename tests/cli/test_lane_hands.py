"""Moving, grafting, reporting and transferring at the command line; stories as pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from warmup.app import Warmup
from warmup.cli.lane_picture import page, picture
from warmup.store import findings

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "550 5.7.27 <script>alert(1)</script> \x1b[2J\x00 SPF"


class TestHands:
    def test_step(self, site: Any) -> None:
        """Lanes are moved along their curve, and the story says who and why."""
        site.facts("run", "--once")
        rows = site.facts("lane", "step", "google", "--to", "4", "--note", "newsletter")
        assert rows["step"] == 4
        assert site.facts("lane", "step", "google", "--by", "-1")["step"] == 3
        assert "newsletter" in site.run("explain", "127.0.0.2", "google").stdout
        assert site.run("lane", "step", "google").exit_code == 64
        assert site.run("lane", "step", "google", "--to", "2", "--by", "1").exit_code == 64

    def test_graft(self, site: Any, tmp_path: Path) -> None:
        """A past comes from a CSV file; one with mistakes is refused with each of them."""
        past = tmp_path / "past.csv"
        past.write_text(
            "date,provider,accepted\n" + "".join(f"2026-11-{d},google,400\n" for d in range(20, 30))
        )
        row = site.facts("lane", "graft", "127.0.0.2", "--from", str(past))
        assert (row["lane"], row["step"]) == ("127.0.0.2:google", 3)
        past.write_text("date,provider,accepted\n2026-11-31,google,4\n2026-11-20,google,-1\n2026-11-20\n")
        refused = site.run("lane", "graft", "127.0.0.2", "--from", str(past))
        assert refused.exit_code == 65
        assert all(
            word in refused.stderr for word in (":2: date", ":3: accepted", ":4: the row is too short")
        )
        assert site.run("lane", "graft", "google", "--from", str(past)).exit_code == 64


class TestFeedback:
    def test_counted_once(self, site: Any) -> None:
        """A complaint counts once under its name, on the day of its mail; one about nobody says so."""
        site.submit("x@gmail.com")
        site.facts("run", "--until-empty")
        words = ("feedback", "add", "--kind", "complaint", "--delivery", "1", "--id", "arf-1")
        assert [site.facts(*words)["taken"] for _ in range(2)] == ["counted", "known"]
        on = ("feedback", "add", "--kind", "spam", "--ip", "127.0.0.2", "--provider", "google", "--on")
        assert site.facts(*on, "2026-12-01", "--count", "3", "--id", "seed-1")["taken"] == "counted"
        assert site.run(*on, "2026-11-01", "--id", "seed-2").exit_code == 65
        ahead = site.run(*on, "2027-12-01", "--id", "seed-3")
        assert ahead.exit_code == 64 and "is after today" in ahead.stderr
        day = site.facts("explain", "127.0.0.2", "google")["days"][0]
        assert (day["evidence"]["complained"], day["evidence"]["placed_spam"]) == (1, 3)
        assert site.run("feedback", "add", "--kind", "spam", "--ip", "127.0.0.2", "--id", "k").exit_code == 64


class TestState:
    def test_there_and_back(self, site: Any, tmp_path: Path) -> None:
        """A file moves an address; it is its owner's alone, and what does not fit says what would."""
        site.facts("run", "--once")
        site.facts("lane", "step", "127.0.0.2", "--to", "5")
        file = tmp_path / "state.json"
        assert site.run("state", "export", str(file), "--ip", "127.0.0.2").exit_code == 0
        assert file.stat().st_mode & 0o777 == 0o600
        site.write(ips=("127.0.0.7",), delivery='transport = "null"')
        refused = site.run("state", "import", str(file))
        assert refused.exit_code == 64 and "--map 127.0.0.2=NEW" in refused.stderr
        moved = ("state", "import", str(file), "--map", "127.0.0.2=127.0.0.7")
        assert "nothing was changed" in site.run(*moved, "--dry-run").stdout
        assert {row["step"] for row in site.facts(*moved)} == {5}
        file.write_text(json.dumps({**json.loads(file.read_text()), "version": 9}))
        assert site.run("state", "import", str(file)).exit_code == 65
        file.write_text("{")
        assert site.run("state", "import", str(file)).exit_code == 65

    def test_from_another_sender(self, site: Any) -> None:
        """A percentage of SES or a start at SendGrid puts an address where that had brought it."""
        site.facts("run", "--once")
        rows = site.facts("state", "import", "--ses-percentage", "40", "--ip", "127.0.0.2")
        assert {row["step"] for row in rows} == {6}  # 1,600 of 4,000: 400 x 1.3^5 = 1,485
        assert {row["standing"] for row in site.facts(
            "state", "import", "--ses-percentage", "100", "--ip", "127.0.0.2")} == {"warm"}  # fmt: skip
        rows = site.facts("state", "import", "--sendgrid-start", "2026-11-30", "--ip", "127.0.0.2")
        assert {row["step"] for row in rows} == {1}
        assert (
            site.run("state", "import", "--sendgrid-start", "2027-01-01", "--ip", "127.0.0.2").exit_code == 64
        )
        rows = site.facts("state", "import", "--ses-percentage", "0", "--ip", "127.0.0.2")
        assert {row["step"] for row in rows} == {1}
        both = site.run("state", "import", "x", "--ses-percentage", "40", "--ip", "127.0.0.2")
        assert both.exit_code == 64 and "FILE --ses-percentage: contradict" in both.stderr
        assert site.run("state", "import", "--ses-percentage", "40").exit_code == 64
        assert site.run("state", "import").exit_code == 64


class TestStory:
    def test_an_address(self, site: Any) -> None:
        """An address alone tells of each lane, and which word says more."""
        site.facts("run", "--once")
        facts = site.facts("explain", "127.0.0.2")
        assert [row["lane"].split(":")[1] for row in facts["lanes"]] == ["google", "yahoo", "other"]
        assert site.run("explain", "127.0.0.2", "--format", "svg").exit_code == 64

    def test_pictures_and_hostile_words(self, site: Any) -> None:
        """What a server said acts neither on the terminal nor on the page; the picture is whole XML."""
        site.facts("run", "--once")
        with Warmup.from_file(site.config) as wm:
            now = wm.clock.now()
            words = {"source": "127.0.0.2", "provider": "google"}
            wm.database.write(lambda c: findings.find(c, now, "auth-spf", HOSTILE, **words))
        for format in ("table", "json", "svg", "html"):
            out = site.run("explain", "127.0.0.2", "google", "--format", format).stdout
            assert "\x1b" not in out and "\x00" not in out
            if format in ("svg", "html"):
                assert "<script" not in out
            if format == "svg":
                assert ElementTree.fromstring(out).tag == f"{SVG}svg"
        story = site.run("explain", "127.0.0.2", "google").stdout
        assert "publish an SPF record" in story.replace("\n      ", " ")
        assert site.facts("status")["findings"][0]["code"] == "auth-spf"
        assert "to mend: auth-spf" in site.run("status").stdout
        assert any(row["check"] == "127.0.0.2:google" and row["level"] == "fail" for row in map(
            json.loads, site.run("doctor", "--format", "json").stdout.splitlines()))  # fmt: skip


def test_a_day_stands_above_itself() -> None:
    """Days without a window are drawn as empty ones, and all panels have the same axis."""
    evidence = {"volume_limited": 3, "complained": 1, "auth_failure": 2}
    words = {"step": 1, "cap": 9, "used": 9, "accepted": 9, "standing": "warm"}
    days = [{"date": f"2026-12-{day:02}", "evidence": evidence, **words} for day in (1, 2, 9)]
    drawn = picture("a lane", days)
    assert "2026-12-05" in drawn and drawn.count("2026-12-05") > 3
    axes = [
        re.findall(r'<text class="m" x="([\d.]+)" y="[\d.]+"[^>]*>2026', part)
        for part in drawn.split("<svg ")
    ]
    assert len({tuple(axis) for axis in axes if axis}) == 1
    assert len(page("a lane", ["told"], days).split("<tr>")) == 5


@pytest.mark.parametrize("words", [("state",), ("feedback",), ("lane", "graft"), ("state", "import")])
def test_help(site: Any, words: tuple[str, ...]) -> None:
    """Each verb says what it is for."""
    assert site.run(*words, "--help").exit_code == 0
