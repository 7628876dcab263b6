"""``warmup doctor``: what it finds, and that it says how to mend it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from warmup.cli.checkup import Level, has_wal_race, names, written_headers
from warmup.model import EgressSource


def levels(site: Any) -> dict[str, str]:
    import json

    lines = site.run("doctor", "--format", "json").stdout.splitlines()
    return {row["check"]: row["level"] for row in map(json.loads, lines)}


def test_all_well(site: Any) -> None:
    """An installation that works has nothing that fails, and the exit code is 0."""
    result = site.run("doctor")
    assert result.exit_code == 0, result.stdout
    assert "127.0.0.2: can be bound" in result.stdout
    found = levels(site)
    assert "fail" not in found.values()
    assert {"python", "configuration", "zones", "database", "sqlite", "witness", "disk"} <= set(found)


def test_configuration_with_mistakes(site: Any) -> None:
    """Every mistake is a line, and what needs no configuration is looked at all the same."""
    site.config.write_text(site.config.read_text().replace("target", "tarjet").replace("flat", "flatt"))
    result = site.run("doctor")
    assert result.exit_code == 69
    assert result.stdout.count("fail     configuration") >= 2
    assert "python" in result.stdout


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configuration it says how to get one."""
    from click.testing import CliRunner

    from warmup.cli import main

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 69
    assert "warmup init" in result.stdout


def test_database_not_there(site: Any, tmp_path: Path) -> None:
    """A missing database is named with the command that makes it, and none is made."""
    for path in tmp_path.glob("warmup.db*"):
        path.unlink()
    result = site.run("doctor")
    assert result.exit_code == 69
    assert "warmup db upgrade" in result.stdout
    assert not (tmp_path / "warmup.db").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is bound whole on Linux")
def test_address_of_another_host(site: Any) -> None:
    """An address that this host does not have fails, and the others are looked at all the same."""
    site.write(ips=("127.0.0.2", "192.0.2.77"))
    found = levels(site)
    assert (found["127.0.0.2"], found["192.0.2.77"]) == ("ok", "fail")


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("3.6.23", False),
        ("3.7.0", True),
        ("3.40.1", True),
        ("3.44.5", True),
        ("3.44.6", False),
        ("3.45.0", True),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.52.0", False),
    ],
)
def test_sqlite_versions(version: str, affected: bool) -> None:
    """The range of the WAL-reset race is the published one, with its two mended branches."""
    assert has_wal_race(version) is affected


DNS = {
    ("good.example.com", "A"): ["203.0.114.1"],
    ("1.114.0.203.in-addr.arpa", "PTR"): ["Good.example.com."],
    ("moved.example.com", "A"): ["203.0.114.99"],
    ("2.114.0.203.in-addr.arpa", "PTR"): ["host2.isp.example."],
    ("host2.isp.example", "A"): ["203.0.114.2"],
    ("three.example.com", "A"): ["203.0.114.3"],
    ("3.114.0.203.in-addr.arpa", "PTR"): ["host3.isp.example."],
    ("two.example.com", "A"): ["203.0.114.2"],
    ("four.example.com", "A"): ["203.0.114.4"],
    ("six.example.com", "AAAA"): ["2a00:1:0::6"],
    ("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.a.2.ip6.arpa", "PTR"): ["six.example.com."],
}


@pytest.mark.parametrize(
    ("address", "ehlo", "level", "word"),
    [
        ("203.0.114.1", "good.example.com", "ok", "agree"),
        ("2a00:1::6", "six.example.com", "ok", "agree"),
        ("203.0.114.1", "gone.example.com", "fail", "is not in DNS"),
        ("203.0.114.1", "moved.example.com", "fail", "203.0.114.99"),
        ("203.0.114.2", "two.example.com", "warn", "host2.isp.example"),
        ("203.0.114.3", "three.example.com", "fail", "does not lead back"),
        ("203.0.114.4", "four.example.com", "fail", "no name"),
        ("10.0.0.1", "good.example.com", "unknown", "the world"),
    ],
)
def test_names(address: str, ehlo: str, level: Level, word: str) -> None:
    """Name and address have to lead to each other; each way to fail has its own mend."""
    source = EgressSource(address=address, ehlo=ehlo)
    (finding,) = names([source], lambda name, kind: DNS.get((name, kind), []))
    assert finding.level == level
    assert word in finding.text
    assert level == "ok" or finding.mend


def test_names_without_dns() -> None:
    """Where DNS does not answer nothing is held against the names, and it is asked only once."""
    asked = []

    def silent(name: str, kind: str) -> None:
        asked.append((name, kind))

    sources = [EgressSource(address=f"203.0.114.{n}", ehlo="mx.example.com") for n in range(1, 9)]
    found = list(names([*sources, EgressSource(address="127.0.0.2", ehlo="a.example.com")], silent))
    assert {finding.level for finding in found} == {"unknown"}
    assert len(found) == 8
    assert len(asked) == 1


def test_headers_of_this_python() -> None:
    """What is said of this Python is tried on it."""
    assert isinstance(written_headers(), bool)
    if sys.version_info >= (3, 14, 3):
        assert written_headers()
