"""The transport and the resolver that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from warmup.config import DeliveryConfig
from warmup.contracts import Resolver, Transport
from warmup.delivery.files import FileTransport, NullTransport
from warmup.delivery.resolver import DnsResolver, StaticFirst, StaticResolver
from warmup.delivery.smtp import SmtpTransport
from warmup.errors import UnavailableError
from warmup.model import LaneKey, LaneLimits
from warmup.timing import Clock

__all__ = ["make_network"]

NOWHERE = "127.0.0.1:25"
"""Route of a transport that dials nobody: DNS need not be asked, the domain names the provider."""


def make_network(
    delivery: DeliveryConfig, clock: Clock, limits: Callable[[LaneKey], LaneLimits]
) -> tuple[Transport, Resolver]:
    """Build what a configuration asks for.

    Args:
        delivery: How mail leaves.
        clock: Whose time stamps attempts; one that is not the system's sends to loopback only.
        limits: Connection limits of a lane.

    Raises:
        UnavailableError: No installed package brings the transport.
    """
    dns = DnsResolver(clock)
    if delivery.transport in ("file", "null") and not delivery.routes:
        resolver: Resolver = StaticResolver({"*": NOWHERE})
    elif not delivery.routes:
        resolver = dns
    else:
        static = StaticResolver(delivery.routes)
        resolver = static if "*" in delivery.routes else StaticFirst(static, dns)
    if delivery.transport == "null":
        return NullTransport(clock), resolver
    if delivery.transport == "file" and delivery.folder is not None:
        return FileTransport(clock, delivery.folder), resolver
    if delivery.transport == "mx":
        transport = SmtpTransport(
            clock,
            tls=delivery.tls,
            limits=limits,
            loopback_only=clock.kind != "system",
            lookup=dns.addresses,
        )
        return transport, resolver
    return _extension(delivery.transport, clock), resolver


def _extension(name: str, clock: Clock) -> Transport:
    found = list(entry_points(group="warmup.transports", name=name))
    if not found:
        raise UnavailableError(
            f"no installed package brings the transport {name!r} (install it, or use mx, file or null)"
        )
    transport: Transport = found[0].load()(clock)
    return transport
