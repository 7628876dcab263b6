"""What a single value of the configuration has to be, once for the reader and once for the schema.

A rule reads the raw value (what TOML or a dict gave) and returns what the program works with, or
raises :class:`Mistake`. Nothing is coerced: a port written as text is a mistake, not a port.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import attrs

from warmup.config.spans import SPAN_PATTERN, parse_span
from warmup.plan.words import read_date
from warmup.timing import Instant, Span, from_datetime

__all__ = [
    "Mistake",
    "Rule",
    "address",
    "boolean",
    "choice",
    "codes",
    "day",
    "hostname",
    "instant",
    "integer",
    "name",
    "nearest",
    "span",
    "text",
    "transport",
    "words",
]


class Mistake(ValueError):
    """A value is not what the rule asks for."""

    def __init__(self, wrong: str, mend: str = "") -> None:
        super().__init__(f"{wrong} ({mend})" if mend else wrong)
        self.wrong = wrong
        self.mend = mend


@attrs.frozen(eq=False)  # compared by identity: typing hashes what stands in Annotated
class Rule:
    """Reads one value.

    Attributes:
        read: Raw value to the program's value; raises :class:`Mistake`.
        schema: The same rule as JSON Schema, as far as that can say it.
    """

    read: Callable[[Any], Any]
    schema: dict[str, Any] = attrs.field(factory=dict)


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean "target"?``, or the choices where nothing is near and they are few."""
    names = sorted(known)
    if close := difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6):
        return f'did you mean "{close[0]}"?'
    return f"one of {', '.join(names)}" if names else ""


def shown(value: object) -> str:
    """A value as it stood in the file, shortened, without passwords or what a terminal acts on."""
    quoted = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        quoted = str(value).lower()
    quoted = re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", quoted)
    quoted = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in quoted)
    return quoted if len(quoted) <= 60 else quoted[:57] + "..."


def kind(value: object) -> str:
    """TOML's word for what a value is."""
    for types, word in (
        (bool, "a boolean"),
        (str, "text"),
        (int, "a whole number"),
        (float, "a number with a fraction"),
        (datetime, "a date with a time"),
        (date, "a date"),
        (dict, "a table"),
        (list, "an array"),
    ):
        if isinstance(value, types):
            return word
    return type(value).__name__


def _wrong_type(value: object, wanted: str, mend: str = "") -> Mistake:
    return Mistake(f"must be {wanted}, not {kind(value)}: {shown(value)}", mend)


def integer(least: int, most: int, unit: str = "") -> Rule:
    """A whole number between two bounds, both included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            whole = isinstance(value, float) and value.is_integer()
            mend = f"write {int(value)}" if whole else "write a whole number without quotes"
            raise _wrong_type(value, "a whole number", mend)
        if not least <= value <= most:
            per = f" {unit}" if unit else ""
            raise Mistake(f"{value} is out of range", f"from {least} to {most}{per}")
        return value

    return Rule(read, {"type": "integer", "minimum": least, "maximum": most})


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(value, "true or false", "write true or false, without quotes")
    return value


boolean = Rule(_boolean, {"type": "boolean"})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "text", "put it in quotes")
    if not value.strip():
        raise Mistake("is empty", "leave the key out, or give it a value")
    if not value.isprintable():
        raise Mistake(f"holds a control character: {shown(value)}", "take it out")
    if re.search(r"\$\{\w+\}", value) or re.fullmatch(r"\$\w+", value):
        raise Mistake(
            f"{shown(value)} names an environment variable, and the file is read as it stands",
            "write the value itself; for a PostgreSQL password use PGPASSFILE or PGPASSWORD",
        )
    return value


text = Rule(_text, {"type": "string", "minLength": 1})


def _words(value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise _wrong_type(value, "text or an array of texts", 'write ["first", "second"]')
    return tuple(_text(item) for item in items)


_WORDS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

words = Rule(_words, _WORDS)


def _codes(value: Any) -> tuple[Any, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
        raise _wrong_type(value, "a code or an array of codes", 'write [421, 451] or "4yz"')
    return tuple(items)


_CODE = {"anyOf": [{"type": "integer", "minimum": 400, "maximum": 599}, {"enum": ["4yz", "5yz"]}]}

codes = Rule(_codes, {"anyOf": [*_CODE["anyOf"], {"type": "array", "items": _CODE}]})

_NAME = r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?"


def _name(value: Any) -> str:
    word = _text(value)
    if not re.fullmatch(_NAME, word):
        raise Mistake(
            f"{shown(word)} is not a name",
            "use at most 64 small letters, digits, hyphens, dots and underscores",
        )
    return word


name = Rule(_name, {"type": "string", "pattern": f"^{_NAME}$"})


def choice(*words: str) -> Rule:
    """One of a few words."""

    def read(value: Any) -> str:
        word = _text(value)
        if word not in words:
            raise Mistake(f"{shown(word)} is not known here", nearest(word, words))
        return word

    return Rule(read, {"enum": list(words)})


def _span(value: Any) -> Span:
    if not isinstance(value, str):
        raise _wrong_type(value, "a duration", 'with its unit, in quotes: "30min", "3d"')
    try:
        return parse_span(value)
    except ValueError as error:
        raise Mistake(str(error), 'write it like "90s", "30min", "1h30min" or "3d"') from None


span = Rule(_span, {"type": "string", "pattern": SPAN_PATTERN})


def _day(value: Any) -> date:
    if not isinstance(value, str | date):
        raise _wrong_type(value, "a date", "write it like 2026-12-01")
    return read_date("", value)


day = Rule(_day, {"type": "string", "format": "date"})


def _instant(value: Any) -> Instant:
    mend = "write it with its offset: 2026-12-01T00:00:00Z"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Mistake(f"{shown(value)} is not an instant", mend) from None
    if not isinstance(value, datetime):
        raise _wrong_type(value, "an instant", mend)
    if value.tzinfo is None:
        raise Mistake(f"{value.isoformat()} has no offset from UTC", mend)
    return from_datetime(value)


instant = Rule(_instant, {"type": "string", "format": "date-time"})


def _hostname(value: Any) -> str:
    host = _text(value).lower()
    labels = host.split(".")
    if len(host) > 253 or not all(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", x) for x in labels):
        raise Mistake(f"{shown(value)} is not a host name", "write it like mx1.example.com")
    if len(labels) < 2 or labels[-1].isdigit():
        raise Mistake(
            f"{shown(value)} is not a full host name",
            "receivers look it up (RFC 5321 section 4.1.4): write it like mx1.example.com",
        )
    return host


hostname = Rule(_hostname, {"type": "string", "format": "hostname"})


def _address(value: Any) -> str:
    word = _text(value)
    if "%" in word:
        raise Mistake(f"{shown(word)} has a zone id", "use a global address, without %...")
    try:
        parsed = ipaddress.ip_address(word)
    except ValueError:
        raise Mistake(f"{shown(word)} is not an IP address", _address_mend(word)) from None
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        raise Mistake(f"{shown(word)} is an IPv4 address in an IPv6 coat", f"write {mapped}")
    if parsed.is_multicast or parsed.is_unspecified or parsed.is_link_local or word == "255.255.255.255":
        raise Mistake(f"{shown(word)} is not an address that mail can leave from", "use the host's own")
    return str(parsed)


def _address_mend(word: str) -> str:
    octets = word.split(".")
    if len(octets) == 4 and all(o.isdecimal() and len(o) <= 3 and int(o) <= 255 for o in octets):
        plain = ".".join(str(int(octet)) for octet in octets)
        return f"a leading zero may mean octal: write {plain}"
    if word.isdecimal():
        return 'put the address in quotes: [sources."192.0.2.1"]'
    if "/" in word:
        return "a network is not an address: list its addresses one by one"
    return "write it like 192.0.2.1 or 2001:db8::1"


address = Rule(_address, {"type": "string"})

TRANSPORTS = ("mx", "file", "null")


def _transport(value: Any) -> str:
    word = str(text.read(value))
    if word not in TRANSPORTS:
        from importlib.metadata import entry_points

        brought = sorted(entry_points(group="warmup.transports").names)
        if word not in brought:
            raise Mistake(f"{shown(word)} is no transport here", nearest(word, {*TRANSPORTS, *brought}))
    return word


transport = Rule(_transport, {"type": "string", "examples": list(TRANSPORTS)})
