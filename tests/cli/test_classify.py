"""``warmup classify``: what it prints, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from warmup.cli import main


@pytest.fixture(autouse=True)
def without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WARMUP_CONFIG", raising=False)


def run(*args: str, input: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["classify", *args], input=input)


def answers(*lines: Any, args: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    written = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    result = run("--format", "json", "-", *args, input=written)
    return [json.loads(line) for line in result.stdout.splitlines()], result.exit_code


def test_for_people() -> None:
    """A reply's category, scope, reaction, waits, and the rule with its source and its example."""
    result = run("421 4.7.28 Gmail has detected an unusual rate of email", "--provider", "google")
    assert result.exit_code == 0, result.stderr
    told = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert {key: text.strip() for key, text in told.items()} == {
        "category": "volume_limited",
        "scope": "ip",
        "reaction": "pause_provider",
        "outcome": "deferred",
        "retry after": "10min",
        "pause": "10min",
        "provider": "google",
        "rule": "google-unusual-rate",
        "source": "https://support.google.com/a/answer/81126",
        "example": "421 4.7.28 Gmail has detected an unusual rate of email originating from your IP "
        "address 192.0.2.1.",
    }


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("gmail", "google"),
        ("Gmail.com", "google"),
        ("aspmx.l.google.com.", "google"),
        ("example-com.mail.protection.outlook.com", "microsoft365"),
        ("nobody.example", "other"),
        ("other", "other"),
    ],
)
def test_who_said_it(name: str, provider: str) -> None:
    """The provider may be an id, another name of it, one of its domains or an MX name."""
    result = run("550 5.1.1 No such user", "--provider", name, "--format", "json")
    assert json.loads(result.stdout)["provider"] == provider


def test_stage() -> None:
    """Where the words say nothing, the stage does."""
    said = "554 mx.example.com"
    assert (
        json.loads(run(said, "--stage", "greeting", "--format", "json").stdout)["rule"] == "no-service-here"
    )
    assert json.loads(run(said, "--format", "json").stdout)["category"] == "unknown_permanent"


def test_finding() -> None:
    """Trouble in one's own house is named."""
    assert "finding      dmarc" in run("550 5.7.1 rejected per DMARC policy").stdout


def test_lines_of_json() -> None:
    """One line is answered by one line, in order; what is not given is taken from the options."""
    rows, code = answers(
        {"provider": "google", "reply": "421-4.7.28 unusual rate\r\n421 4.7.28 of email", "stage": "dot"},
        {"provider": None, "reply": "550 5.1.1 No such user", "stage": None},
        {"reply": "250 2.0.0 OK"},
    )
    assert code == 0
    assert [row["category"] for row in rows] == ["volume_limited", "invalid_recipient", "accepted"]
    assert {"category", "scope", "reaction", "rule"} <= rows[0].keys()


def test_lines_that_cannot_be_read() -> None:
    """A line that is wrong is answered in its place, and the exit code is 65."""
    rows, code = answers(
        {"reply": "550 No such user"},
        b"not json\n",
        b"[]\n",
        {"reply": 5},
        {"reply": "hello"},
        {"reply": "550 x", "stage": "never"},
        {"reply": "550 x", "provider": 5},
        b'{"reply": "\xff"}\n',
        b"[" * 100_000 + b"\n",
        {"reply": "550 No such user", "provider": "nobody-knows-it"},
    )
    assert code == 65
    assert [("error" in row) for row in rows] == [False] + [True] * 8 + [False]
    assert [row.get("line") for row in rows[1:3]] == [2, 3]


def test_lines_are_counted_as_an_editor_does() -> None:
    """The number of a line that cannot be read counts blank lines too; one that is too long is called so."""
    rows, code = answers(b"\n", b"\n", b"not json\n", {"reply": "550 " + "no such user " * 10_000})
    assert (rows, code) == (
        [{"error": "is no JSON", "line": 3}, {"error": "is longer than 65,536 octets", "line": 4}],
        65,
    )


def test_wrong_words() -> None:
    """What is wrong on the command line is told with its mend."""
    for args, said in [
        (("hello",), "three digits"),
        (("550 x", "--provider", "gogle"), 'did you mean "google"?'),
        (("-",), "--format json"),
    ]:
        result = run(*args)
        assert result.exit_code == 64
        assert said in result.stderr


def test_hostile_text() -> None:
    """Nothing of a reply reaches the terminal as it came."""
    result = run("550 \x1b[2Jhidden\u202etxt")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output


def test_own_rules(tmp_path: Path) -> None:
    """Rules of the configuration come first, and say so."""
    config = tmp_path / "warmup.toml"
    config.write_text(
        """
        [plan]
        target = 100
        start = 2026-12-01
        [sources."192.0.2.1"]
        ehlo = "mx1.example.com"
        [providers.acme]
        mx = ["*.mx.acme.example"]
        [[replies]]
        id = "acme-tuesday"
        provider = "acme"
        codes = "4yz"
        text = "Tuesdays"
        category = "rate_limited"
        retry_after = "2h"
        """
    )
    said = ("450 Not on Tuesdays", "--config", str(config))
    result = run(*said, "--provider", "in.mx.acme.example")
    assert result.exit_code == 0, result.stderr
    assert "acme-tuesday" in result.stdout
    assert "configuration" in result.stdout
    assert "2h" in result.stdout
    assert "unknown-4yz" in run(*said).stdout


def test_a_refusal_for_authentication_says_what_happens() -> None:
    """The message is kept, and the silence is the one that the engine keeps, not a suspension of a day."""
    text = (
        CliRunner()
        .invoke(main, ["classify", "550 5.7.23 SPF validation failed", "--provider", "google"])
        .output
    )
    assert "the message is kept" in text and "1h, then longer while it lasts, 12h at most" in text
