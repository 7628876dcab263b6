"""Whose recipient: the provider of a domain or of the host that took the mail, remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from warmup.content.address import shown
from warmup.errors import DataError, Problem
from warmup.model import OTHER
from warmup.providers import Directory

__all__ = ["Recogniser", "domain_of", "read_mx"]

KNOWN_MAX = 200_000
MX_DOMAINS_MAX = 1_000_000
MX_HOSTS_MAX = 20

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)


def domain_of(address: str) -> str | None:
    """The domain of an address, lower case and in A-labels; None where it has none that can be one."""
    domain = address.rpartition("@")[2].strip().lower().removesuffix(".")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return domain if _DOMAIN.fullmatch(domain) else None


class Recogniser:
    """Finds a recipient's provider: by the host that answered, then by the domain's MX, then by its name.

    Args:
        directory: The providers that are told apart.
        mx: MX names by domain, where somebody looked them up; nothing is asked of DNS here.
    """

    def __init__(self, directory: Directory, mx: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.directory = directory
        self._mx = mx or {}
        self._known: dict[tuple[str, str], str | None] = {}

    def provider(self, recipient: str, host: str = "") -> str | None:
        """The provider's id, ``other`` where nobody knows the domain; None where it can be no domain.

        Args:
            recipient: An address, or a domain.
            host: The name of the server that took the mail, where a log says so.
        """
        key = (recipient.rpartition("@")[2], host)
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[key] = self._look_up(key[0], host)
            return found

    def _look_up(self, text: str, host: str) -> str | None:
        domain = domain_of(text)
        if domain is None:
            return None
        by_host = self.directory.by_mx((host,)) if host else None
        by_mx = self.directory.by_mx(self._mx.get(domain, ())) if by_host is None else by_host
        return by_mx or self.directory.by_domain(domain) or OTHER


def read_mx(lines: Iterable[str], name: str = "mx") -> dict[str, tuple[str, ...]]:
    """Read MX names by domain: a domain and its hosts on a line, parted by spaces, commas or tabs.

    A preference (``10``) before a host, a final dot, empty lines and ``#`` comments are allowed; a
    domain may have several lines. So the output of a loop of ``dig +short MX`` can be used.

    Raises:
        DataError: A line has no host, or there are more than a million domains.
    """
    found: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        domain = domain_of(words[0])
        hosts = tuple(word.lower().removesuffix(".") for word in words[1:] if not word.isdigit())
        if domain is None or "@" in words[0] or not hosts:
            if len(problems) < 20:
                problems.append(
                    Problem("mx", f"{shown(line.strip())} is no domain with its MX hosts",
                            "write: example.com aspmx.l.google.com", place=f"{name}:{number}")
                )  # fmt: skip
            continue
        if domain not in found and len(found) >= MX_DOMAINS_MAX:
            wrong = f"holds more than {MX_DOMAINS_MAX:,} domains"
            problems.append(Problem("mx", wrong, "leave some out", place=name))
            break
        found[domain] = (found.get(domain, ()) + hosts)[:MX_HOSTS_MAX]
    if problems:
        raise DataError(problems=problems)
    return found
