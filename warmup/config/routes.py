"""Names of domains and servers: the static routes, and what a provider is recognised by."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from warmup.config.rules import Mistake, Rule, kind, shown
from warmup.errors import ConfigError, Problem

__all__ = ["domains", "routes", "suffixes"]

_DOMAIN = re.compile(
    r"\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,126}"
)
_TARGET = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})")
_TARGET_MEND = 'write host:port, such as "smarthost.example:587" or "[2001:db8::1]:25"'


def _routes(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Mistake(f"must be a table, not {kind(value)}: {shown(value)}", '"*" = "smarthost.example:587"')
    read: dict[str, str] = {}
    problems = []
    for key, target in value.items():
        try:
            read[_domain(key)] = _target(target)
        except Mistake as mistake:
            problems.append(Problem(f"routes.{key}", mistake.wrong, mistake.mend))
    if problems:
        raise ConfigError(problems=problems)
    return read


def _domain(key: str) -> str:
    """``*``, ``example.com`` or ``.example.com`` (everything below)."""
    domain = key.lower()
    if key != "*" and not _DOMAIN.fullmatch(domain):
        raise Mistake(f"{shown(key)} is not a domain", 'write "*", "example.com" or ".example.com"')
    return domain


def _target(target: Any) -> str:
    if not isinstance(target, str) or (match := _TARGET.fullmatch(target)) is None:
        raise Mistake(f"{shown(target)} is not a server", _TARGET_MEND)
    if not 1 <= int(match["port"]) <= 65535:
        raise Mistake(f"{shown(target)} has no such port", "from 1 to 65535")
    if match["six"]:
        try:
            ipaddress.IPv6Address(match["six"])
        except ValueError:
            raise Mistake(f"{shown(target)} is not a server", _TARGET_MEND) from None
    elif not _is_host(match["host"]):
        raise Mistake(f"{shown(target)} is not a server", _TARGET_MEND)
    return target


def _is_host(host: str) -> bool:
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return bool(ipaddress.IPv4Address(host))
        except ValueError:
            return False
    return all(re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", p) for p in host.split("."))


routes = Rule(
    _routes,
    {"type": "object", "additionalProperties": {"type": "string", "pattern": r":[0-9]{1,5}$"}},
)


def _names(value: Any, example: str, suffixes: bool) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise Mistake(f"must be an array, not {kind(value)}: {shown(value)}", f'write ["{example}"]')
    for item in value:
        name = item.removeprefix("*") if suffixes and isinstance(item, str) else item
        if (
            not isinstance(name, str)
            or not _DOMAIN.fullmatch(name.lower())
            or (name[0] == "." and not suffixes)
        ):
            raise Mistake(f"holds {shown(item)}, which is no host name", f'write ["{example}"]')
    return tuple(item.lower() for item in value)


_ARRAY = {"type": "array", "items": {"type": "string"}}

domains = Rule(lambda value: _names(value, "example.net", suffixes=False), _ARRAY)
suffixes = Rule(lambda value: _names(value, "*.mx.example.net", suffixes=True), _ARRAY)
