"""Which mailbox provider a domain belongs to: by its MX first, by its name while DNS is silent.

The MX decides because domains move: a company's own domain says nothing of Google or Microsoft,
and the domains of several providers have moved to Yahoo's servers. A suffix matches on a label
boundary, the longest one wins. The data is ``data/providers.json``, with its sources.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from warmup.errors import ConfigError, Problem
from warmup.model import OTHER, LaneLimits

__all__ = ["Directory", "Provider"]

SITE_MAX = 200
"""Characters of a site's name; a longer one ends in a digest of the whole."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEYS = frozenset(("connections", "domains", "kind", "messages_per_connection", "mx", "name"))
_KINDS = frozenset(("forwarder", "gateway", "hosting", "mailbox"))
_LIMIT_MAX = 10_000


@attrs.frozen(kw_only=True)
class Provider:
    """What is known of one provider.

    Attributes:
        kind: ``mailbox``, ``hosting``, ``forwarder``, or ``gateway`` (a filter in front of somebody
            else's mailboxes, which is the provider as far as volume and replies are concerned).
        domains: Its own recipient domains.
        mx: ``*.suffix`` for all hosts below a name, or one host's name.
        connections, messages_per_connection: Limits where a source names them.
        sources: Where the facts come from.
    """

    id: str
    name: str = ""
    kind: str = "mailbox"
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    connections: int | None = None
    messages_per_connection: int | None = None
    limits_source: str = ""
    sources: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Directory:
    """The providers that are told apart, with the look-up tables made from them."""

    providers: Mapping[str, Provider]
    aliases: Mapping[str, str] = attrs.field(factory=dict)
    _domains: Mapping[str, str] = attrs.field(init=False, repr=False)
    _hosts: Mapping[str, str] = attrs.field(init=False, repr=False)
    _suffixes: Mapping[str, str] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        domains: dict[str, str] = {}
        hosts: dict[str, str] = {}
        suffixes: dict[str, str] = {}
        for provider in self.providers.values():
            domains.update(dict.fromkeys(provider.domains, provider.id))
            for pattern in provider.mx:
                if pattern.startswith("*."):
                    suffixes[pattern[2:]] = provider.id
                else:
                    hosts[pattern] = provider.id
        object.__setattr__(self, "_domains", domains)
        object.__setattr__(self, "_hosts", hosts)
        object.__setattr__(self, "_suffixes", suffixes)

    @classmethod
    def default(cls) -> Directory:
        """The directory that comes with the program, read at the first call."""
        return _default()

    def __contains__(self, provider: str) -> bool:
        return self.resolve(provider) in self.providers

    def resolve(self, name: str) -> str:
        """The provider's id for an id or another common name of it: ``gmail`` is ``google``."""
        return self.aliases.get(name, name)

    def by_domain(self, domain: str) -> str | None:
        """The provider whose own domain this is (lower case); None where it is nobody's."""
        return self._domains.get(domain)

    def by_mx(self, hosts: Sequence[str]) -> str | None:
        """The provider that answers at these MX names; None where they are nobody's.

        Where the names belong to several providers, the one with most of them is meant; of
        several with as many, the one recognised by the longest name.
        """
        votes: dict[str, tuple[int, int]] = {}
        for host in hosts:
            found = self._match(host.lower().removesuffix("."))
            if found is not None:
                provider, length = found
                count, longest = votes.get(provider, (0, 0))
                votes[provider] = (count + 1, max(longest, length))
        return max(votes, key=lambda provider: (votes[provider], provider)) if votes else None

    def _match(self, host: str) -> tuple[str, int] | None:
        if (exact := self._hosts.get(host)) is not None:
            return exact, len(host)
        suffix = host
        while suffix:
            if (provider := self._suffixes.get(suffix)) is not None:
                return provider, len(suffix)
            suffix = suffix.partition(".")[2]
        return None

    def site(self, domain: str, mx: Sequence[str]) -> str:
        """Name what is suspended, retried and limited as one: the MX set, sorted and folded.

        The part that all names share is written once, ``(a|b).mx.example.net``. Where a domain has
        no MX, or DNS is silent, the domain itself is the site.
        """
        hosts = sorted({host.lower().removesuffix(".") for host in mx} - {""})
        if not hosts:
            return domain
        name = hosts[0] if len(hosts) == 1 else _fold([host.split(".") for host in hosts])
        if len(name) > SITE_MAX:
            digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
            name = f"{name[: SITE_MAX - 17]}~{digest}"
        return name

    def limits(self, provider: str) -> LaneLimits:
        """How many connections, and messages on each, a lane to this provider may hold."""
        known = self.providers.get(self.resolve(provider))
        default = LaneLimits()
        if known is None:
            return default
        return LaneLimits(
            connections=known.connections or default.connections,
            messages_per_connection=known.messages_per_connection or default.messages_per_connection,
        )

    def extended(self, additions: Mapping[str, Mapping[str, Any]]) -> Directory:
        """Make a directory with an operator's own providers, or more about known ones.

        Args:
            additions: By id or common name: ``domains`` and ``mx`` (added to what is known, and taken
                from whoever had them), ``name``, ``kind``, ``connections``, ``messages_per_connection``.
                For ``other``, limits only.

        Raises:
            ConfigError: Something in it is not usable; every mistake is listed with its path.
        """
        problems: list[Problem] = []
        providers = dict(self.providers)
        for name, raw in additions.items():
            given = _checked(name, raw, problems)
            provider = providers.get(self.resolve(name)) or Provider(id=self.resolve(name))
            domains = given.pop("domains", ())
            mx = given.pop("mx", ())
            for other in providers.values():
                if taken := {*domains, *mx} & {*other.domains, *other.mx}:
                    providers[other.id] = attrs.evolve(
                        other,
                        domains=tuple(domain for domain in other.domains if domain not in taken),
                        mx=tuple(pattern for pattern in other.mx if pattern not in taken),
                    )
            provider = providers.get(provider.id, provider)
            providers[provider.id] = attrs.evolve(
                provider, domains=provider.domains + domains, mx=provider.mx + mx, **given
            )
        if problems:
            raise ConfigError(problems=problems)
        return Directory(providers=providers, aliases=self.aliases)


def _fold(hosts: list[list[str]]) -> str:
    """Write the labels that all hosts end in once; at least one label of each stays apart."""
    shared = 0
    while all(len(labels) > shared + 1 for labels in hosts) and len({x[-1 - shared] for x in hosts}) == 1:
        shared += 1
    ends = [".".join(labels[: len(labels) - shared]) for labels in hosts]
    common = ".".join(hosts[0][len(hosts[0]) - shared :])
    return f"({'|'.join(ends)})" + (f".{common}" if common else "")


def _checked(name: str, raw: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The usable part of one addition; what is wrong with the rest goes to the problems."""
    path = f"providers.{name}"
    good: dict[str, Any] = {}
    if _ID.fullmatch(name) is None:
        problems.append(Problem(path, "is no provider id", "use lower-case letters, digits, _ and -"))
    if not isinstance(raw, Mapping):
        problems.append(Problem(path, f"is {raw!r:.60}", "write a table with domains, mx or limits"))
        return good
    for key, value in raw.items():
        here = f"{path}.{key}"
        if key not in _KEYS:
            problems.append(Problem(here, "is unknown", f"known are {', '.join(sorted(_KEYS))}"))
        elif name == OTHER and key not in ("connections", "messages_per_connection"):
            problems.append(
                Problem(here, "cannot be set: other is everybody else", "name a provider of its own")
            )
        elif key in ("domains", "mx"):
            good[key] = _names(here, value, key == "mx", problems)
        elif key in ("connections", "messages_per_connection"):
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LIMIT_MAX:
                problems.append(
                    Problem(here, f"is {value!r:.60}", f"write a whole number from 1 to {_LIMIT_MAX}")
                )
            else:
                good[key] = value
        elif not isinstance(value, str) or (key == "kind" and value not in _KINDS):
            mend = f"write one of {', '.join(sorted(_KINDS))}" if key == "kind" else "write text"
            problems.append(Problem(here, f"is {value!r:.60}", mend))
        else:
            good[key] = value
    return good


def _names(path: str, value: Any, patterns: bool, problems: list[Problem]) -> tuple[str, ...]:
    names: list[str] = []
    example = '["*.mx.example.net"]' if patterns else '["example.net"]'
    if isinstance(value, str) or not isinstance(value, Iterable):
        problems.append(Problem(path, f"is {value!r:.60}", f"write a list: {example}"))
        return ()
    for item in value:
        name = item.lower().removesuffix(".") if isinstance(item, str) else ""
        if patterns and name.startswith("."):
            name = f"*{name}"
        if _HOST.fullmatch(name.removeprefix("*.") if patterns else name) is None:
            problems.append(Problem(path, f"holds {item!r:.60}, which is no host name", f"write {example}"))
        else:
            names.append(name)
    return tuple(dict.fromkeys(names))


@cache
def _default() -> Directory:
    raw = json.loads((Path(__file__).parent / "data" / "providers.json").read_bytes())
    providers: dict[str, Provider] = {}
    for entry in raw["providers"]:
        facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        providers[facts["id"]] = Provider(**facts)
    return Directory(providers=providers, aliases=raw["aliases"])
