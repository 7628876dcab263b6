"""Which addresses mail may be sent to.

Anybody may point the MX of a domain at ``127.0.0.1``, at a router of ours or at a private
host, and have us knock there. So an address that DNS gave is looked at before it is dialled,
and exactly the address that was looked at is dialled: there is no second look-up in between.
``ipaddress.is_global`` alone does not do, because IPv6 has several ways to wrap an IPv4 address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

__all__ = ["Lookup", "forbidden", "is_loopback", "system_lookup"]

Lookup: TypeAlias = Callable[[str], Awaitable[tuple[str, ...]]]
"""Host name to addresses, in the order to try; an address stands for itself.

Raises OSError where nothing was found.
"""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: a route to the embedded IPv4 address
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215: for local use, by definition


def forbidden(address: str) -> str | None:
    """Say why an address that came out of DNS may not be dialled; None: it may.

    Refused are loopback, private, link-local, shared, reserved, unspecified and multicast addresses,
    the same behind IPv4-mapped and NAT64 addresses, and all of 6to4 and Teredo, behind which no mail
    server lives any more (RFC 7526).
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "it is not an IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return forbidden(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return forbidden(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
        if ip in _NAT64_LOCAL:
            return "it is a NAT64 address for local use"
        if ip.sixtofour is not None:
            return "it is a 6to4 address"
        if ip.teredo is not None:
            return "it is a Teredo address"
    if ip.is_multicast:
        return "it is a multicast address"
    if not ip.is_global:
        return "it is not reachable from the Internet"
    return None


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own, also when it is wrapped in IPv6."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped.is_loopback
    return ip.is_loopback


async def system_lookup(name: str) -> tuple[str, ...]:
    """Look a host up as the operating system does (``/etc/hosts``, then DNS)."""
    try:
        return (str(ipaddress.ip_address(name)),)
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long; the codec speaks before the resolver
        raise OSError(f"{name!r} is not a host name: {error}") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
