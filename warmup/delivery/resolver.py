"""Where mail for a domain goes: by DNS, by a static map, or by the map first and DNS for the rest.

The rules are those of RFC 5321 section 5.1: MX hosts by preference; a domain without any is its own
mail host; a domain whose only MX is "." takes no mail at all (RFC 7505). What cannot be known now is
told apart from what is known to be impossible, because the one waits and the other bounces.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from warmup.contracts import Host, Resolver, Route, Unroutable
from warmup.delivery.targets import Lookup, system_lookup
from warmup.errors import ConfigError, Problem, UnavailableError
from warmup.timing import SECOND, Chance, Clock, Span

if TYPE_CHECKING:
    import dns.asyncresolver
    import dns.resolver

__all__ = ["DnsResolver", "StaticFirst", "StaticResolver", "parse_target"]

HOSTS_MAX = 5
"""MX hosts of a domain that are remembered: an attempt tries no more addresses than that."""

TTL_MIN_S, TTL_MAX_S = 300, 86_400
"""Bounds of how long an answer is remembered, in seconds: 5 minutes to 24 hours."""

CACHE_MAX = 10_000
"""Domains and hosts that are remembered."""


def _unknown(domain: str, why: str) -> Unroutable:
    return Unroutable(f"{domain}: {why}", permanent=False, code=451, enhanced="4.4.3")


@attrs.frozen
class _Kept:
    """A remembered answer: a route, addresses, or the news that there is no way."""

    value: Route | tuple[str, ...] | Unroutable
    until: Span


class DnsResolver:
    """Implements :class:`warmup.contracts.Resolver` by asking name servers.

    Args:
        clock: Answers are remembered by its elapsed time; it stands still while a question is out.
        nameservers: Addresses of name servers; None: those of the system.
        port: Their port.
        timeout_s: Seconds for a question with all its repetitions.
        concurrency: Questions that are out at the same time; a flood of them times out by itself.
        chance: Breaks ties between hosts of the same preference (RFC 5321 asks for it).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        timeout_s: float = 15.0,
        concurrency: int = 50,
        chance: Chance | None = None,
    ) -> None:
        self._clock = clock
        self._nameservers = nameservers
        self._port = port
        self._timeout_s = timeout_s
        self._chance = chance or Chance()
        self._asking = asyncio.Semaphore(concurrency)
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._pending: dict[tuple[str, str], asyncio.Task[_Kept]] = {}
        self._client: dns.asyncresolver.Resolver | None = None

    async def resolve(self, domain: str) -> Route:
        """Return the route of a domain.

        Raises:
            Unroutable: Permanent with 550 5.1.2 (no such domain, or nothing there takes mail) or
                556 5.1.10 (it says that it takes none); temporary with 451 4.4.3 (no answer).
            UnavailableError: The system names no name server.
        """
        literal = _literal(domain)
        if literal is not None:
            return Route((Host(literal),), ttl_s=TTL_MAX_S)
        value = await self._remembered("MX", domain.rstrip("."))
        assert isinstance(value, Route)
        return value

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Addresses of a host, IPv6 after IPv4; made to be the ``lookup`` of a transport.

        Raises:
            OSError: There are none, or there was no answer.
        """
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        try:
            value = await self._remembered("A", host.rstrip("."))
        except Unroutable as error:
            raise OSError(str(error)) from None
        assert isinstance(value, tuple)
        return value

    async def _remembered(self, kind: str, name: str) -> Route | tuple[str, ...]:
        key = (kind, name.lower())
        kept = self._kept.get(key)
        if kept is None or kept.until <= self._clock.elapsed():
            task = self._pending.get(key)
            if task is None:
                # Many deliveries to one domain ask one question.
                task = self._pending[key] = asyncio.create_task(self._find(*key))
                task.add_done_callback(lambda _: self._pending.pop(key, None))
            kept = await asyncio.shield(task)
        if isinstance(kept.value, Unroutable):
            # Raised anew, so that no traceback grows on a remembered one.
            error = kept.value
            raise Unroutable(str(error), permanent=error.permanent, code=error.code, enhanced=error.enhanced)
        return kept.value

    async def _find(self, kind: str, name: str) -> _Kept:
        try:
            async with self._asking:
                with self._clock.busy():
                    value, ttl_s = await (self._route(name) if kind == "MX" else self._hosts(name))
        except Unroutable as error:
            if not error.permanent:
                return _Kept(error, self._clock.elapsed())
            kept = _Kept(error, self._clock.elapsed() + TTL_MIN_S * SECOND)
        else:
            kept = _Kept(value, self._clock.elapsed() + ttl_s * SECOND)
        while len(self._kept) >= CACHE_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[kind, name] = kept
        return kept

    async def _route(self, domain: str) -> tuple[Route, int]:
        answer = await self._ask(domain, "MX")
        if answer is None:
            _, ttl_s = await self._hosts(domain)
            return Route((Host(domain),), ttl_s=ttl_s), ttl_s
        ttl_s = _ttl(answer)
        found = [
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower()) for record in answer
        ]
        named = [(preference, name) for preference, name in found if name not in ("", ".", "@")]
        if not named:
            raise Unroutable(
                f"{domain} says that it takes no mail (null MX)", permanent=True, code=556, enhanced="5.1.10"
            )
        now = self._clock.now()
        named.sort(key=lambda mx: (mx[0], self._chance.draw("mx", domain, mx[1], now)))
        names = tuple(dict.fromkeys(name for _, name in named))
        hosts = tuple(map(Host, names[:HOSTS_MAX]))
        return Route(hosts, mx=tuple(sorted(names)), ttl_s=ttl_s), ttl_s

    async def _hosts(self, name: str) -> tuple[tuple[str, ...], int]:
        found: list[str] = []
        ttl_s = TTL_MAX_S
        silent = None
        for kind in ("A", "AAAA"):
            try:
                answer = await self._ask(name, kind)
            except Unroutable as error:
                if error.permanent:
                    raise
                silent = error
                continue
            if answer is not None:
                found.extend(record.address for record in answer)
                ttl_s = min(ttl_s, _ttl(answer))
        if found:
            return tuple(found), ttl_s
        if silent is not None:
            raise silent
        raise Unroutable(f"{name} has neither MX nor address", permanent=True, code=550, enhanced="5.1.2")

    async def _ask(self, name: str, kind: str) -> Any:
        """Ask one question; None: the name exists and has no such record."""
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            answer = await self._resolver().resolve(
                dns.name.from_text(name), kind, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            raise Unroutable(
                f"{name}: there is no such domain", permanent=True, code=550, enhanced="5.1.2"
            ) from None
        except (
            dns.name.BadEscape,
            dns.name.LabelTooLong,
            dns.name.NameTooLong,
            dns.name.EmptyLabel,
            dns.name.IDNAException,
            UnicodeError,
        ) as error:
            raise Unroutable(
                f"{name!r} is not a domain name: {error}", permanent=True, code=550, enhanced="5.1.2"
            ) from None
        except (dns.exception.DNSException, OSError) as error:
            raise _unknown(name, f"no answer from DNS ({type(error).__name__})") from None
        return answer if answer.rrset is not None else None

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._client is None:
            import dns.asyncresolver
            import dns.resolver

            try:
                client = dns.asyncresolver.Resolver(configure=self._nameservers is None)
            except dns.resolver.NoResolverConfiguration:
                raise UnavailableError(
                    "the system names no name server (write one into /etc/resolv.conf, or give routes)"
                ) from None
            if self._nameservers is not None:
                client.nameservers = list(self._nameservers)
                client.port = self._port
            client.lifetime = self._timeout_s
            client.timeout = min(5.0, self._timeout_s / 2)
            client.use_edns(0, 0, 1232)
            self._client = client
        return self._client


def _ttl(answer: dns.resolver.Answer) -> int:
    """Seconds for which an answer may be remembered: the shortest along its CNAME chain, bounded."""
    return max(TTL_MIN_S, min(TTL_MAX_S, answer.chaining_result.minimum_ttl))


def _literal(domain: str) -> str | None:
    """The address in ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 section 4.1.3).

    Raises:
        Unroutable: The brackets hold no address.
    """
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inside = domain[1:-1]
    if inside[:5].lower() == "ipv6:":
        inside = inside[5:]
    try:
        return str(ipaddress.ip_address(inside))
    except ValueError:
        raise Unroutable(
            f"{domain} holds no IP address", permanent=True, code=550, enhanced="5.1.2"
        ) from None


def parse_target(text: str) -> Host:
    """Read ``host:port``, ``192.0.2.1:25`` or ``[::1]:2525``; without a port it is 25.

    Raises:
        ValueError: It is none of these.
    """
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("write [ADDRESS]:PORT")
        port = rest[1:] or "25"
    elif text.count(":") > 1:
        raise ValueError("write an IPv6 address in brackets: [::1]:25")
    else:
        name, _, port = text.partition(":")
        port = port or "25"
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise ValueError("the port must be a number from 1 to 65535")
    try:
        name = str(ipaddress.ip_address(name))
    except ValueError:
        labels = name.rstrip(".").split(".")
        if text.startswith("[") or not all(
            label.isascii() and label.replace("-", "").replace("_", "").isalnum() and len(label) < 64
            for label in labels
        ):
            raise ValueError("write HOST:PORT or ADDRESS:PORT") from None
    return Host(name.lower().rstrip("."), int(port))


class StaticResolver:
    """Implements :class:`warmup.contracts.Resolver` by a map.

    Addresses that it returns are trusted by the transport, private ones too: an operator wrote them.

    Args:
        routes: Pattern to target. A pattern is a domain, ``.example.com`` for everything below a
            domain (not the domain itself), or ``*`` for all the rest; the longest that fits wins.
            A target is read by :func:`parse_target`; ``"*": "smarthost.example:587"`` is a smarthost.
        lookup: Finds the addresses of targets that are names.

    Raises:
        ConfigError: Some targets or patterns make no sense; all of them are listed.
    """

    def __init__(self, routes: Mapping[str, str], *, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._routes: dict[str, Host] = {}
        self._made: dict[tuple[Host, tuple[str, ...]], Route] = {}
        problems = []
        for pattern, target in routes.items():
            key = pattern.lower().rstrip(".")
            if not key or ("*" in key and key != "*") or "@" in key:
                wrong = f"{pattern!r} is not a pattern"
                problems.append(
                    Problem("delivery.routes", wrong, 'write "example.com", ".example.com" or "*"')
                )
                continue
            try:
                self._routes[key] = parse_target(target)
            except ValueError as error:
                wrong = f"{target!r} is not a target"
                problems.append(Problem(f'delivery.routes."{pattern}"', wrong, str(error)))
        if problems:
            raise ConfigError(problems=problems)

    def target(self, domain: str) -> Host | None:
        """The host that the map gives for a domain; None: the map does not know it."""
        name = domain.lower().rstrip(".")
        found = self._routes.get(name)
        while found is None and "." in name:
            name = name.partition(".")[2]
            found = self._routes.get("." + name)
        return found or self._routes.get("*")

    async def resolve(self, domain: str) -> Route:
        """Return the route that the map gives.

        Raises:
            Unroutable: Temporary, with 451 4.4.4 (the map does not know the domain; it is more likely
                that a line is missing than that mail should bounce) or 451 4.4.3 (the target's name has
                no address).
        """
        host = self.target(domain)
        if host is None:
            raise Unroutable(f"no route is given for {domain}", permanent=False, code=451, enhanced="4.4.4")
        try:
            addresses = await self._lookup(host.name)
        except OSError as error:
            raise _unknown(domain, f"its route {host.name} has no address ({error})") from None
        # Asked for every delivery, and mostly answered alike: an equal route is the same route.
        route = self._made.get((host, addresses))
        if route is None:
            route = Route((attrs.evolve(host, addresses=addresses),), ttl_s=TTL_MIN_S)
            self._made[host, addresses] = route
        return route


class StaticFirst:
    """Asks a map first, and another resolver about what the map does not know.

    Args:
        static: The map.
        rest: Usually a :class:`DnsResolver`.
    """

    def __init__(self, static: StaticResolver, rest: Resolver) -> None:
        self._static = static
        self._rest = rest

    async def resolve(self, domain: str) -> Route:
        """Return the route of a domain.

        Raises:
            Unroutable: As whichever of the two was asked.
        """
        known = self._static.target(domain) is not None
        return await (self._static.resolve(domain) if known else self._rest.resolve(domain))
