"""Lanes and addresses: an operator's hand, and what a slip of it does not do."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from warmup.cli.words import lane_words
from warmup.config import Config
from warmup.errors import UsageError


class TestLaneWords:
    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (("192.0.2.1",), ("192.0.2.1", None)),
            (("google",), (None, "google")),
            (("192.0.2.1", "google"), ("192.0.2.1", "google")),
            (("192.0.2.1:google",), ("192.0.2.1", "google")),
            (("2001:DB8::1",), ("2001:db8::1", None)),
            (("2001:db8:0::1:google",), ("2001:db8::1", "google")),
        ],
    )
    def test_ways_to_name(self, words: tuple[str, ...], named: tuple[str | None, str | None]) -> None:
        """An address, a provider, or both in one word or two, in whatever notation."""
        assert lane_words(words, False) == named

    def test_everything(self) -> None:
        """All lanes are meant only when it is said."""
        assert lane_words((), True) == (None, None)
        for words, everything in (((), False), (("google",), True), (("a", "b", "c"), False)):
            with pytest.raises(UsageError):
                lane_words(words, everything)


class TestLanes:
    def test_pause_and_resume(self, site: Any) -> None:
        """A paused lane sends nothing and says why; resumed, it goes on."""
        site.submit("x@gmail.com", "y@yahoo.com")
        done = site.facts("lane", "pause", "google", "--note", "complaints")
        assert (done["lane"], done["standing"]) == ("127.0.0.2:google", "paused")
        assert site.facts("run", "--once")["accepted"] == 1
        waits = site.facts("explain", "1")["wait"]
        assert (waits["reason"], waits["not_before"]) == ("paused", None)
        assert "complaints" in waits["limit"]
        assert "paused" in site.run("status").stdout
        assert site.facts("lane", "resume", "--all")["standing"] == "ramping"
        assert site.facts("run", "--until-empty")["accepted"] == 1
        assert "none is paused" in site.run("lane", "resume", "--all").stdout

    def test_reset(self, site: Any) -> None:
        """A lane is put at a step, a volume or the end; a higher cap waits unless --now is said."""
        site.facts("run", "--once")
        rows = site.facts("lane", "reset", "127.0.0.2", "--step", "4")
        assert {row["step"] for row in rows} == {4}
        first = site.facts("status")["sum"]["cap"]
        site.facts("lane", "reset", "127.0.0.2", "--step", "4", "--now")
        assert site.facts("status")["sum"]["cap"] > first
        site.facts("lane", "reset", "127.0.0.2:google")
        assert [row["step"] for row in site.facts("lane", "list")] == [1, 4, 4]
        assert site.facts("lane", "reset", "google", "--warm")["standing"] == "warm"

    @pytest.mark.parametrize(
        "words",
        [
            ("pause",),
            ("reset", "google", "--warm", "--step", "3"),
            ("reset", "google", "--step", "0"),
            ("pause", "127.0.0.9"),
            ("pause", "gogle"),
            ("pause", "--all", "google"),
            ("stop", "google"),
        ],
    )
    def test_slips(self, site: Any, words: tuple[str, ...]) -> None:
        """What is not clear is refused with 64 and changes nothing."""
        site.facts("run", "--once")
        before = site.facts("lane", "list")
        assert site.run("lane", *words).exit_code == 64
        assert site.facts("lane", "list") == before


class TestAddresses:
    def test_add(self, site: Any) -> None:
        """A table is added, everything else in the file stays, and the ledger takes the address up."""
        before = site.config.read_text()
        site.config.chmod(0o640)
        facts = site.facts(
            "ip", "add", "127.0.0.3", "--ehlo", "mx9.example.com", "--start", "2026-12-01", "--step", "3"
        )
        assert (facts["address"], facts["ehlo"], facts["declared"]) == (
            "127.0.0.3",
            "mx9.example.com",
            "step 3",
        )
        assert site.config.read_text().startswith(before)
        assert stat.S_IMODE(site.config.stat().st_mode) == 0o640
        assert [path.name for path in site.folder.iterdir() if path.name.startswith(".")] == []
        site.run("run", "--once")
        steps = {row["source"]: row["step"] for row in site.facts("lane", "list")}
        assert steps == {"127.0.0.2": 1, "127.0.0.3": 3}

    def test_shares_change_and_it_is_said(self, site: Any) -> None:
        """Who adds an address is told what becomes of the others' shares."""
        result = site.run("ip", "add", "127.0.0.3", "--ehlo", "mx9.example.com", "--warm")
        assert "the share of 127.0.0.2 falls to 2000 a day" in result.stdout
        assert [row["share"] for row in site.facts("ip", "list")] == [2000, 2000]

    def test_file_as_it_is(self, site: Any, tmp_path: Path) -> None:
        """Windows line ends, a byte order mark, a missing last line end and a link are kept."""
        real = tmp_path / "real.toml"
        real.write_bytes(b"\xef\xbb\xbf" + site.config.read_bytes().rstrip().replace(b"\n", b"\r\n"))
        site.config.unlink()
        site.config.symlink_to(real)
        assert site.run("ip", "add", "127.0.0.3", "--ehlo", "mx9.example.com").exit_code == 0
        assert site.config.is_symlink()
        octets = real.read_bytes()
        assert octets.startswith(b"\xef\xbb\xbf")
        assert octets.count(b"\n") == octets.count(b"\r\n")
        assert len(Config.from_file(site.config).sources) == 2

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (("127.0.0.2", "--ehlo", "mx.example.com"), "there already"),
            (("127.0.0.03", "--ehlo", "mx.example.com"), "octal"),
            (("127.0.0.3", "--ehlo", "mx"), "full host name"),
            (("127.0.0.3", "--ehlo", 'a"\n[plan]'), "ehlo"),
            (("127.0.0.3", "--ehlo", "mx.example.com", "--pool", "A B"), "pool"),
            (("127.0.0.3", "--ehlo", "mx.example.com", "--warm", "--step", "3"), "contradict"),
            (("127.0.0.3", "--ehlo", "mx.example.com", "--start", "soon"), "soon"),
            (("127.0.0.3", "--ehlo", "mx.example.com", "--step", "9999"), "step"),
            (("127.0.0.3", "--ehlo", "mx.example.com", "--share", "0"), "share"),
            (("127.0.0.3",), "--ehlo"),
        ],
    )
    def test_refused_and_unchanged(self, site: Any, words: tuple[str, ...], hint: str) -> None:
        """A table that would not be accepted never reaches the file."""
        before = site.config.read_bytes()
        result = site.run("ip", "add", *words)
        assert result.exit_code == 64, result.output
        assert hint in result.stderr
        assert site.config.read_bytes() == before

    def test_sources_written_another_way(self, site: Any) -> None:
        """A file that cannot take a table at its end is left alone, and it is said what to do."""
        text = site.config.read_text().replace('[sources."127.0.0.2"]\nehlo = "mx1.example.com"\n', "")
        text = 'sources = { "127.0.0.2" = { ehlo = "mx1.example.com" } }\n' + text
        site.config.write_text(text)
        result = site.run("ip", "add", "127.0.0.3", "--ehlo", "mx.example.com")
        assert result.exit_code == 64
        assert "editor" in result.stderr
        assert site.config.read_text() == text

    def test_declare(self, site: Any) -> None:
        """An address that is known is put where the operator says, lane by lane, and the journal tells."""
        site.facts("run", "--once")
        rows = site.facts("ip", "declare", "127.0.0.2", "--volume", "600", "--now")
        assert {row["step"] for row in rows} == {2}
        assert "used to 600 a day" in site.run("explain", "127.0.0.2:google").stdout.replace("\n      ", " ")
        for words in ((), ("--warm", "--step", "2")):
            assert site.run("ip", "declare", "127.0.0.2", *words).exit_code == 64
        refused = site.run("ip", "declare", "127.0.0.8", "--warm")
        assert refused.exit_code == 64
        assert "warmup ip add 127.0.0.8" in refused.stderr
