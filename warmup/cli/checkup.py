"""What ``warmup doctor`` looks at. Each check yields findings, and none stops the others."""

from __future__ import annotations

import ipaddress
import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from warmup.config import Config, find_config
from warmup.engine.trouble import mend_for
from warmup.errors import ConfigError, WarmupError
from warmup.model import EgressSource
from warmup.store import HEAD, Database, Witness, check, findings, machine_id
from warmup.store.census import Census, census
from warmup.timing import Clock, SystemClock, format_instant

__all__ = ["Finding", "Level", "examine", "has_wal_race", "names", "written_headers"]

Level: TypeAlias = Literal["ok", "warn", "fail", "unknown"]

Ask: TypeAlias = Callable[[str, str], "list[str] | None"]
"""Asks DNS for a name and a record type: texts, an empty list where there are none, None where
nobody answers."""

SPACE_FAIL = 100 * 1024 * 1024
SPACE_WARN = 1024 * 1024 * 1024
DNS_WAIT_S = 3.0

FILES_SPARE = 64
"""Open files for the database, logs and listeners, beside one for each connection."""


@attrs.frozen
class Finding:
    """One line of the report."""

    level: Level
    check: str
    text: str
    mend: str = ""


def examine(path: Path | None) -> Iterator[Finding]:
    """Look at everything; what cannot be looked at without a configuration is left out."""
    yield from python()
    config, said = configuration(path)
    yield from said
    if config is None:
        return
    yield from clock(config)
    yield from database(config)
    yield from disk(config)
    yield from limits(config)
    yield from sources(config.sources)
    yield from names(config.sources, dns_asker())


# The program and its surroundings


def written_headers() -> bool:
    """Whether this Python refuses to write a header with a line of somebody else's in it.

    Tried rather than read off a version: distributions carry fixes back.
    """
    import email.policy
    from email import message_from_string

    class Verbatim(str):
        name = "X"

        def fold(self, **_: object) -> str:
            return self

    refused = 0
    for write in ("as_string", "as_bytes"):
        message = message_from_string("A: b\n\nc", policy=email.policy.default)
        message["X"] = Verbatim("X: y\nInjected: z\n")
        try:
            getattr(message, write)()
        except Exception:
            refused += 1
    return refused == 2


def python() -> Iterator[Finding]:
    """The interpreter."""
    import platform

    version = f"Python {platform.python_version()}"
    if written_headers():
        yield Finding("ok", "python", version)
        return
    yield Finding(
        "warn",
        "python",
        f"{version} writes line ends in headers as they come (CVE-2024-6923, CVE-2026-1299); warmup refuses "
        "such headers itself, other programs may not",
        "take a newer patch release",
    )


def configuration(path: Path | None) -> tuple[Config | None, list[Finding]]:
    """The file, with every mistake."""
    try:
        found = find_config(path)
        config = Config.from_file(found)
    except ConfigError as error:
        return None, [Finding("fail", "configuration", str(problem)) for problem in error.problems]
    return config, [Finding("ok", "configuration", str(found))]


def clock(config: Config) -> Iterator[Finding]:
    """Time, and the rules of the plan's zone."""
    import zoneinfo
    from importlib import metadata

    if config.clock.kind == "scaled":
        yield Finding(
            "ok", "clock", f"scaled, {config.clock.speed} s in one; sends to loopback or a folder only"
        )
    try:
        version = metadata.version("tzdata")
    except metadata.PackageNotFoundError:
        version = ""
    where = [text for text in zoneinfo.TZPATH if Path(text).is_dir()]
    if not version and not where:
        yield Finding("fail", "zones", "there is no time zone data", "pip install tzdata")
        return
    known = " and ".join([*where[:1], *([f"tzdata {version}"] if version else [])])
    yield Finding("ok", "zones", f"{config.plan.zone}, rules from {known}")


# The database


def has_wal_race(version: str) -> bool:
    """Whether an SQLite has the rare race of WAL resets that can lose a commit between processes.

    In 3.7.0 to 3.51.2, mended in 3.44.6 and 3.50.7 too (https://sqlite.org/wal.html#walresetbug).
    """
    numbers = tuple(int(part) for part in version.split(".")[:3])
    if numbers[:2] == (3, 44):
        return numbers < (3, 44, 6)
    if numbers[:2] == (3, 50):
        return numbers < (3, 50, 7)
    return (3, 7, 0) <= numbers < (3, 51, 3)


def database(config: Config) -> Iterator[Finding]:
    """Its schema, its library, its witness, and the time that it has seen."""
    try:
        held = Database(config.database)
    except WarmupError as error:
        yield Finding("fail", "database", str(error))
        return
    try:
        if held.path is not None and not held.path.exists():
            yield Finding("fail", "database", f"{held.path} is not there", "warmup db upgrade")
            return
        check(held, config.clock.kind)
        counts = held.read(lambda connection: census(connection, (HEAD,)))
        yield Finding(
            "ok", "database", f"{held.label}, schema {counts.schema}, {counts.deliveries} deliveries"
        )
        yield from _library(counts)
        yield from _seen(counts, config)
        yield from witness(config, held)
        yield from to_mend(held)
    except WarmupError as error:
        for problem in error.problems or (error,):
            yield Finding("fail", "database", str(problem))
    finally:
        held.close()


def _library(counts: Census) -> Iterator[Finding]:
    kind, _, version = counts.server.partition(" ")
    if kind == "SQLite" and has_wal_race(version):
        yield Finding(
            "warn",
            "sqlite",
            f"{version} has a rare race (3.7.0 to 3.51.2) when several processes write to one file at once",
            "take SQLite 3.51.3 or later, 3.50.7, or 3.44.6; or PostgreSQL",
        )
    else:
        yield Finding("ok", kind.lower(), version)


def _seen(counts: Census, config: Config) -> Iterator[Finding]:
    from warmup.engine.watch import ClockWatch

    if config.clock.kind != "system":
        return
    system: Clock = SystemClock()
    watch = ClockWatch(system)
    watch.seen_at = counts.seen_at
    complaint = watch.complaint()
    if complaint is not None:
        yield Finding("fail", "clock", complaint)
    else:
        yield Finding("ok", "clock", f"it is {format_instant(system.now())}")


def witness(config: Config, held: Database) -> Iterator[Finding]:
    """Whether the database is the one that this machine knew, and whether that can be told."""
    machine = machine_id()
    complaint = Witness(held, config.state_dir, machine, config.node).complaint()
    if complaint is not None:
        yield Finding(
            "fail", "witness", complaint, "check what was sent, then: warmup resume --after-restore"
        )
    else:
        yield Finding("ok", "witness", f"kept in {config.state_dir}")
    if not machine:
        yield Finding(
            "warn", "witness", "this machine has no id, so a database copied to another cannot be told",
            "make one: systemd-machine-id-setup",
        )  # fmt: skip
    folder = next((one for one in (config.state_dir, *config.state_dir.parents) if one.exists()), Path("/"))
    if not os.access(folder, os.W_OK):
        yield Finding(
            "fail", "witness", f"{folder} cannot be written by this user", "mend state_dir in [warmup]"
        )


def to_mend(held: Database) -> Iterator[Finding]:
    """What providers refused mail for that only a person can mend: such mail waits until it is accepted."""
    for row in held.read(findings.open_findings):
        where = ":".join(part for part in (row.source, row.provider) if part) or "every lane"
        whose = f" for {row.domain}" if row.domain else ""
        text = f"{row.code}{whose}, {row.count} times since {format_instant(row.first_at)}: {row.text}"
        yield Finding("fail", where, text, mend_for(row.code))


def disk(config: Config) -> Iterator[Finding]:
    """Free space where the database and its witness grow."""
    places = [config.state_dir]
    path = Database(config.database).path
    if path is not None:
        places.insert(0, path.parent)
    told = set()
    for place in places:
        there = next((one for one in (place, *place.parents) if one.exists()), Path("/"))
        device = there.stat().st_dev
        if device in told:
            continue
        told.add(device)
        free = shutil.disk_usage(there).free
        level: Level = "fail" if free < SPACE_FAIL else "warn" if free < SPACE_WARN else "ok"
        mend = "" if level == "ok" else "free some: a full disk stops mail, though nothing is lost"
        yield Finding(level, "disk", f"{free // 1024**2:,} MiB free at {there}", mend)


def limits(config: Config) -> Iterator[Finding]:
    """Open files that this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config.delivery.connections + FILES_SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        mend = f"ulimit -n {wanted}, or LimitNOFILE= in the unit"
        yield Finding("warn", "files", f"{soft} may be open, {wanted} may be wanted", mend)


# Addresses and names


def sources(of: Iterable[EgressSource]) -> Iterator[Finding]:
    """Whether mail can leave from each address here."""
    for source in of:
        family = socket.AF_INET6 if ":" in source.address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((source.address, 0))
        except OSError as error:
            yield Finding(
                "fail", source.address, f"cannot be bound here: {error.strerror or error}",
                "ip address add it to this host, or run the command where it is",
            )  # fmt: skip
        else:
            yield Finding("ok", source.address, "can be bound")


def names(of: Iterable[EgressSource], ask: Ask) -> Iterator[Finding]:
    """Whether each EHLO name leads to its address and the address back to a name that agrees.

    Receivers compare the two (RFC 1912 section 2.1; RFC 8601 calls it ``iprev``), and the large ones
    refuse mail where they disagree. Private addresses are left to the person who knows what the
    world sees of them.
    """
    silent = False
    for source in of:
        address = ipaddress.ip_address(source.address)
        check = f"{source.address} {source.ehlo}"
        if address.is_loopback:
            continue
        if not address.is_global:
            yield Finding(
                "unknown", check, "the address is not one that the world sees",
                "see that the public address and the name agree",
            )  # fmt: skip
            continue
        there = None if silent else ask(source.ehlo, "AAAA" if address.version == 6 else "A")
        back = None if silent or there is None else ask(address.reverse_pointer, "PTR")
        if there is None or back is None:
            silent = True
            yield Finding("unknown", check, "DNS does not answer", "try again where it does")
            continue
        yield _agreement(check, source, address, there, [name.rstrip(".").lower() for name in back], ask)


def _agreement(
    check: str,
    source: EgressSource,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    there: list[str],
    back: list[str],
    ask: Ask,
) -> Finding:
    if not back:
        return Finding(
            "fail", check, "the address has no name", f"set its PTR to {source.ehlo}, where you rent it"
        )
    if not any(ipaddress.ip_address(one) == address for one in there):
        leads = f"leads to {', '.join(there)}" if there else "is not in DNS"
        return Finding("fail", check, f"the name {leads}", f"let it lead to {source.address}")
    if source.ehlo in back:
        return Finding("ok", check, "name and address agree")
    kind = "AAAA" if address.version == 6 else "A"
    for name in back:
        if any(ipaddress.ip_address(one) == address for one in ask(name, kind) or ()):
            return Finding(
                "warn", check, f"the address is called {name}, which leads back to it, but EHLO says another",
                f'best set ehlo = "{name}", or the PTR to {source.ehlo}',
            )  # fmt: skip
    return Finding(
        "fail", check, f"the address is called {', '.join(back)}, which does not lead back to it",
        f"set its PTR to {source.ehlo}",
    )  # fmt: skip


def dns_asker() -> Ask:
    """Ask the host's resolvers, each question for three seconds at most."""
    import dns.exception
    import dns.resolver

    def ask(name: str, kind: str) -> list[str] | None:
        try:
            answer = dns.resolver.resolve(name, kind, lifetime=DNS_WAIT_S, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError):
            return None
        return [record.to_text() for record in answer]

    return ask
