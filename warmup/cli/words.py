"""What people type, read; and what the engine says, written: shared by the commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from warmup.timing import Instant

__all__ = [
    "address",
    "complain",
    "exactly_one",
    "is_address",
    "iso",
    "lane_words",
    "say",
    "short_instant",
    "stated_instants",
    "wrap",
]

WIDTH = 80

_INSTANTS = frozenset({"at", "ended_at", "first_at", "last_at", "not_before", "started_at", "until"})


def is_address(text: str) -> bool:
    """Whether a word is an IP address."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address(text: str, field: str = "ADDRESS") -> str:
    """Read an IP address in its canonical form.

    Raises:
        UsageError: It is none that mail could leave from.
    """
    from warmup.config import rules
    from warmup.errors import UsageError

    try:
        return str(rules.address.read(text))
    except rules.Mistake as mistake:
        raise UsageError.of(field, mistake.wrong, mistake.mend) from None


def lane_words(words: tuple[str, ...], everything: bool) -> tuple[str | None, str | None]:
    """Read ``ADDRESS``, ``PROVIDER``, ``ADDRESS PROVIDER`` or ``ADDRESS:PROVIDER``.

    Returns:
        Address and provider; None stands for all of them.

    Raises:
        UsageError: Nothing is named, and ``everything`` was not said either; or too much.
    """
    from warmup.errors import UsageError

    if everything and words:
        raise UsageError.of("--all", f"contradicts {' '.join(words)}", "say one of them")
    if not everything and not words:
        raise UsageError.of("lane", "none is named", "name an ADDRESS, a PROVIDER, both, or say --all")
    if len(words) > 2:
        raise UsageError.of("lane", f"{len(words)} words", "write ADDRESS PROVIDER")
    if not words:
        return None, None
    if len(words) == 2:
        return address(words[0]), words[1]
    word = words[0]
    if is_address(word):
        return address(word), None
    source, colon, provider = word.rpartition(":")
    if colon and provider and (is_address(source) or "." in source):
        return address(source), provider
    if colon or word.replace(".", "").isdigit():
        return address(word), None  # says what is wrong with it
    return None, word


def exactly_one(needed: bool, **given: Any) -> None:
    """Check options of which at most one, or exactly one, may be given.

    Raises:
        UsageError: There are more, or none where one is needed.
    """
    from warmup.errors import UsageError

    # A name in capitals is an argument's; 0 is a value like others.
    spelled = {name: name if name.isupper() else f"--{name.replace('_', '-')}" for name in given}
    names = list(spelled.values())
    said = [spelled[name] for name, value in given.items() if value is not None and value is not False]
    if len(said) > 1:
        raise UsageError.of(" ".join(said), "contradict each other", "give one of them")
    if needed and not said:
        raise UsageError.of("option", f"none of {', '.join(names)} is given", "give one of them")


def iso(instant: Instant | None) -> str | None:
    """Write an instant for programs: ISO 8601, UTC."""
    from warmup.timing import to_datetime

    return None if instant is None else to_datetime(instant).isoformat().replace("+00:00", "Z")


def short_instant(instant: Instant, now: Instant) -> str:
    """Write an instant of today as ``09:30``, another one as ``12-02 00:00``; rounded up to the minute."""
    from warmup.timing import MINUTE, to_datetime

    then, today = to_datetime(-(-instant // MINUTE) * MINUTE), to_datetime(now)
    return then.strftime("%H:%M" if then.date() == today.date() else "%m-%d %H:%M")


def stated_instants(facts: Any) -> Any:
    """The engine's facts with their instants as text, however deep they lie."""
    if isinstance(facts, dict):
        return {
            key: iso(value) if key in _INSTANTS and isinstance(value, int) else stated_instants(value)
            for key, value in facts.items()
        }
    if isinstance(facts, list | tuple):
        return [stated_instants(one) for one in facts]
    return facts


def say(text: str, *, err: bool = False) -> None:
    """Print a line of which parts may be somebody else's; nothing in it acts on the terminal."""
    click.echo(_shown(text, err=err), err=err)


def _shown(text: str, *, err: bool = False) -> str:
    import sys

    from warmup.cli.output import escape, is_ascii

    shown = escape(text)
    if is_ascii(sys.stderr if err else sys.stdout):
        shown = shown.encode("ascii", "backslashreplace").decode()
    return shown


def complain(text: str) -> None:
    """Say on standard error what is wrong with one of several things; the command goes on."""
    say(f"warmup: error: {text}", err=True)


def wrap(lines: Iterable[str], indent: str = "    ") -> None:
    """Print lines, folded to the terminal's width or to 80 columns where there is none."""
    import shutil
    import sys
    import textwrap

    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    for line in lines:
        for part in line.split("\n"):
            lead = part[: len(part) - len(part.lstrip())]
            folded = textwrap.wrap(
                _shown(part), max(40, width), subsequent_indent=lead + indent, break_on_hyphens=False
            )
            for piece in folded or [""]:
                click.echo(piece)
