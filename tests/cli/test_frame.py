"""The command around the commands: help, errors, exit codes, output."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

from warmup.cli import COMMANDS, main
from warmup.cli.init import template
from warmup.cli.output import emit, escape, is_ascii, print_table, progress
from warmup.config import Config
from warmup.errors import ConfigError, DataError, Problem, StoreError, TemporaryError, WarmupError

HEAVY = {"sqlalchemy", "alembic", "asyncio", "rich", "pendulum", "dns", "attr", "cattrs", "warmup.plan"}


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "warmup", *args],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Put a command `probe` into the table that does what the test says; run it."""

    def invoke(act: Callable[[], Any], *args: str, env: dict[str, str] | None = None) -> Any:
        module = ModuleType("warmup_probe")

        @click.command()
        @click.option("--target", type=int)
        def command(target: int | None) -> Any:
            return act()

        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "warmup_probe", module)
        monkeypatch.setitem(COMMANDS, "probe", ("warmup_probe:command", "A probe."))
        return CliRunner().invoke(main, ["probe", *args], env=env)

    return invoke


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


class TestHelp:
    def test_lists_every_command_and_loads_none(self) -> None:
        """`warmup --help` shows the way to everything, fast: no command's module is imported."""
        code = (
            "import sys, warmup.cli as c\n"
            "try: c.main(['--help'])\n"
            "except SystemExit: print('LOADED', *sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for name, (_, line) in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(line[:40])}", done.stdout, re.MULTILINE), name
        loaded = set(done.stdout.rpartition("LOADED")[2].split())
        assert "warmup.cli" in loaded
        assert not loaded & HEAVY
        assert {name for name in loaded if name.startswith("warmup.cli.")} <= {
            "warmup.cli.guard",
            "warmup.cli.output",
        }

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_is_there(self, name: str) -> None:
        """No command in the list is a promise: each can be asked for its own help."""
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, result.output
        assert f"Usage: warmup {name}" in result.output.replace("main ", "warmup ")

    def test_version(self) -> None:
        """The version is one line."""
        assert re.fullmatch(r"warmup \d+\.\d+\.\d+\S*\n", run("--version").stdout)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion(self, shell: str) -> None:
        """Each shell gets a script that asks warmup itself."""
        assert "_WARMUP_COMPLETE" in run("completion", shell).stdout

    def test_completes_commands(self) -> None:
        """Completion knows the commands."""
        done = run(_WARMUP_COMPLETE="bash_complete", COMP_WORDS="warmup st", COMP_CWORD="1")
        assert done.stdout == "plain,status\nplain,state\n"


class TestErrors:
    def test_mistyped_command(self) -> None:
        """A slip of the finger exits 64 and names what was meant."""
        done = run("satus")
        assert done.returncode == 64
        assert done.stderr == (
            'warmup: error: No such command "satus". Did you mean "status"?\ntry: warmup --help\n'
        )
        assert done.stdout == ""

    def test_mistyped_option(self, probe: Callable[..., Any]) -> None:
        """An unknown option exits 64, names the nearest, and says whose help to read."""
        result = probe(lambda: None, "--tarjet", "5")
        assert result.exit_code == 64
        assert "--target" in result.stderr
        assert "probe --help" in result.stderr

    def test_no_command(self) -> None:
        """No command at all is a usage error that shows the help."""
        done = run()
        assert done.returncode == 64
        assert "Commands:" in done.stderr

    def test_one_line_a_problem(self, probe: Callable[..., Any]) -> None:
        """Every problem is a line of its own that can be searched for and counted."""
        found = [Problem("plan.days", "wrong", "mend", "w.toml:3"), Problem("plan.mix", "bad\x1b[2J\nx")]
        result = probe(raising(ConfigError(problems=found)))
        assert result.exit_code == 78
        assert result.stderr == (
            "warmup: error: w.toml:3: plan.days: wrong (mend)\nwarmup: error: plan.mix: bad\\x1b[2J\\nx\n"
        )

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DataError("x"), 65),
            (StoreError("x"), 74),
            (TemporaryError("x"), 75),
            (WarmupError("x"), 70),
            (click.FileError("f", "x"), 74),
            (click.BadParameter("x"), 64),
            (ZeroDivisionError("x"), 70),
            (KeyboardInterrupt(), 130),
            (click.Abort(), 130),
        ],
    )
    def test_exit_codes(self, probe: Callable[..., Any], error: BaseException, code: int) -> None:
        """Scripts can tell failures apart, and nobody sees a traceback."""
        result = probe(raising(error))
        assert result.exit_code == code
        assert "Traceback" not in result.output

    def test_a_bug_says_how_to_see_more(self, probe: Callable[..., Any]) -> None:
        """Our own bug is one line; WARMUP_DEBUG=1 adds the traceback."""
        assert "WARMUP_DEBUG=1" in probe(raising(ZeroDivisionError("x"))).stderr
        assert "Traceback" in probe(raising(ZeroDivisionError("x")), env={"WARMUP_DEBUG": "1"}).stderr

    def test_returned_number_is_the_exit_code(self, probe: Callable[..., Any]) -> None:
        """A command may end with a code of its own."""
        assert probe(lambda: 3).exit_code == 3
        assert probe(lambda: None).exit_code == 0

    def test_broken_pipe_elsewhere_is_a_bug(self, probe: Callable[..., Any]) -> None:
        """A connection that broke is no success."""
        assert probe(raising(BrokenPipeError())).exit_code == 70

    @pytest.mark.parametrize("args", [("--help",), ("completion", "bash")])
    def test_reader_that_leaves(self, args: tuple[str, ...]) -> None:
        """`warmup ... | head -0` is quiet and no failure."""
        read, write = os.pipe()
        os.close(read)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "warmup", *args], stdout=write, stderr=subprocess.PIPE, timeout=60
            )
        finally:
            os.close(write)
        assert (done.returncode, done.stderr) == (0, b"")


class Terminal(io.StringIO):
    """Standard output as a program sees a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


class TestOutput:
    def test_json_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Several facts are a JSON object a line; one is one object; both hold all keys."""
        emit([{"day": date(2026, 12, 1), "text": "é\x1b"}, {"n": None}], "json")
        emit({"a": {1}}, "json")
        lines = capsys.readouterr().out.splitlines()
        assert [json.loads(line) for line in lines] == [
            {"day": "2026-12-01", "text": "é\x1b"},
            {"n": None},
            {"a": [1]},
        ]
        assert all(line.isascii() for line in lines)

    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Tables have a heading, numbers to the right, and no trailing blanks."""
        emit([{"lane": "a:google", "cap": 5}, {"lane": "b", "cap": 1200}], columns=["lane", ("cap", "CAP")])
        assert capsys.readouterr().out == ("lane       CAP\n--------  ----\na:google     5\nb         1200\n")

    def test_object(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One fact is a list of its keys."""
        emit({"state": "queued", "subject": "a\nb"})
        assert capsys.readouterr().out == "state    queued\nsubject  a\\nb\n"

    def test_fits_80_columns(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long somebody's reply is, a line fits, and says that it was cut."""
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        emit([{"id": 1, "reply": "長い" * 60, "other": "x" * 90}])
        out = capsys.readouterr().out
        assert max(len(line) + line.count("長") + line.count("い") for line in out.splitlines()) <= 80
        assert out.count("…") == 2

    def test_empty(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing is said in words to a person, and not at all to a program."""
        emit([], "table", empty="the queue is empty")
        emit([], "json")
        assert capsys.readouterr().out == "the queue is empty\n"

    @pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\u202e", "\x9b31m", "a\r\nb", "\u2028", "\x00"])
    def test_hostile_text(self, hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
        """What a remote server says is shown and does nothing to the terminal."""
        emit([{"reply": hostile}])
        emit({"reply": hostile})
        assert capsys.readouterr().out.replace("\n", "").isprintable()
        assert escape("Grüße, 世界") == "Grüße, 世界"

    def test_c_locale(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the C locale, and on a terminal of another encoding, only ASCII is written."""
        monkeypatch.delenv("PYTHONIOENCODING", raising=False)
        monkeypatch.delenv("PYTHONUTF8", raising=False)
        monkeypatch.setenv("LC_ALL", "C")
        out = Terminal()
        print_table(["reply"], [["é" * 90]], out)
        assert out.getvalue().isascii()
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        assert not is_ascii(out)

    def test_progress_is_silent_in_a_pipe(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A log gets no progress bar."""
        with progress("sending", 3) as advance:
            advance(1)
        assert capsys.readouterr() == ("", "")

    def test_progress_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A person who waits sees how far it has come, on standard error."""
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        with progress("sending", 3) as advance:
            advance(3)
        assert "3/3" in screen.getvalue()


class TestInit:
    def test_template_is_accepted(self) -> None:
        """What init writes is a configuration without a mistake, whatever the addresses."""
        import tomllib

        text = template(ips=("192.0.2.1", "2001:db8::1"), start=date(2026, 12, 1), target=500)
        config = Config.from_dict(tomllib.loads(text))
        assert [(s.address, s.ehlo) for s in config.sources] == [
            ("192.0.2.1", "mx1.example.com"),
            ("2001:db8::1", "mx2.example.com"),
        ]

    def test_writes_and_never_overwrites(self, tmp_path: Path) -> None:
        """A configuration that is there stays, unless --force is said."""
        pytest.importorskip("warmup.app")
        path = tmp_path / "w.toml"
        args = ["init", "-c", str(path), "--ip", "192.0.2.7", "--target", "200", "--start", "2026-12-01"]
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 0, result.output
        assert Config.from_file(path).plan.target == 200
        assert (tmp_path / "warmup.db").exists()
        path.write_text("mine")
        refused = CliRunner().invoke(main, args)
        assert refused.exit_code == 64
        assert "--force" in refused.stderr
        assert path.read_text() == "mine"
        assert CliRunner().invoke(main, [*args, "--force"]).exit_code == 0
        assert sorted(p.suffix for p in tmp_path.iterdir() if p.name.startswith("w.")) == [".toml"]

    @pytest.mark.parametrize(
        ("option", "value", "word"),
        [
            ("--ip", "192.0.2.01", "leading zero"),
            ("--timezone", "Europe/Berln", "Berlin"),
            ("--start", "tomorrow", "2026-12-01"),
            ("--target", "0", "out of range"),
            ("--curve", 'x"', ""),
        ],
    )
    def test_bad_options(self, tmp_path: Path, option: str, value: str, word: str) -> None:
        """A wrong option is refused before anything is written."""
        result = CliRunner().invoke(main, ["init", "-c", str(tmp_path / "w.toml"), option, value])
        assert result.exit_code == 64
        assert word in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_folder_that_is_not_there(self, tmp_path: Path) -> None:
        """A path that cannot be written is named."""
        result = CliRunner().invoke(main, ["init", "-c", str(tmp_path / "no" / "w.toml")])
        assert result.exit_code == 74
        assert "no/w.toml" in result.stderr


def test_commands_name_what_exists() -> None:
    """The table of commands and the modules agree."""
    for target, _ in COMMANDS.values():
        module, _, attribute = target.partition(":")
        if importlib.util.find_spec(module) is not None:
            assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)
