"""A small installation to run the command on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from warmup.app import Warmup
from warmup.cli import main

CONFIG = """\
# A comment that stays.
[warmup]
node = "test"
[clock]
kind = "scaled"
start = 2026-12-01T12:00:00Z
speed = 200_000
[plan]
target = 4000
curve = "geometric:start=400,growth=1.3"
start = 2026-12-01
pattern = "flat"
ramp = "calendar"
mix = {{ google = 0.5, yahoo = 0.3, other = 0.2 }}
{sources}
[streams.bulk]
deadline = "3d"
[delivery]
{delivery}
"""

FOLD = ",\n "
SOURCE = '[sources."{ip}"]\nehlo = "mx{n}.example.com"\n'


@attrs.frozen
class Site:
    """A configuration, its database, and the command."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "warmup.toml"

    def write(
        self, *, ips: tuple[str, ...] = ("127.0.0.2",), delivery: str = 'transport = "null"', **change: str
    ) -> None:
        """Write the configuration; ``change`` maps a key of it to a whole line in its place."""
        sources = "".join(SOURCE.format(ip=ip, n=n) for n, ip in enumerate(ips, 1))
        lines = CONFIG.format(sources=sources, delivery=delivery).splitlines()
        kept = [change.get(line.split(" =")[0], line) for line in lines]
        self.config.write_text("\n".join(kept) + "\n")

    def run(self, *args: str, input: bytes = b"") -> Result:
        """Run the command in this process."""
        return CliRunner().invoke(main, list(args), input=input)

    def facts(self, *args: str) -> Any:
        """What ``--format json`` prints: one object, or a list of them."""
        result = self.run(*args, "--format", "json")
        assert result.exit_code == 0, result.output
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def process(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        """Run the command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "warmup", *args],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def message(self, name: str, *to: str, subject: str = "hi") -> str:
        """Write a message and return its path."""
        path = self.folder / name
        path.write_text(f"From: a@sender.example\nTo: {FOLD.join(to)}\nSubject: {subject}\n\nbody\n", "utf-8")
        return str(path)

    def submit(self, *to: str, args: tuple[str, ...] = ()) -> list[int]:
        """Queue one message to these; ids."""
        facts = self.facts("submit", self.message("one.eml", *to), *args)
        assert isinstance(facts["ids"], list)
        return facts["ids"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An installation with one address, mail that goes nowhere, and time that runs fast."""
    made = Site(tmp_path)
    made.write()
    monkeypatch.setenv("WARMUP_CONFIG", str(made.config))
    with Warmup.from_file(made.config) as wm:
        wm.upgrade()
    return made
