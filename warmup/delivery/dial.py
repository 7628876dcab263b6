"""From a route to a greeted connection: addresses, sockets, greeting, EHLO, STARTTLS."""

from __future__ import annotations

import asyncio
import enum
import errno
import ipaddress
import os
import socket
import ssl
from contextlib import suppress

import attrs
from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPException, SMTPResponseException, SMTPTimeoutError
from aiosmtplib.response import SMTPResponse

from warmup.contracts import Host, Route
from warmup.delivery import SourceUnavailable
from warmup.delivery.replies import expected, outcome_at, read_reply
from warmup.delivery.sessions import Lost, Session, TimeLimits
from warmup.delivery.targets import Lookup, forbidden, is_loopback, system_lookup
from warmup.errors import UnavailableError
from warmup.model import Outcome, Reply, Stage

__all__ = ["Dialler", "NoSession", "TlsPolicy"]

ADDRESSES_MAX = 5
"""Addresses that one attempt tries; RFC 5321 section 5.1 asks for two at least."""

# Not in Python's socket module before 3.12. With it the kernel chooses the local port when it knows
# the remote end, so that one source address does not run out of ports at some 28,000 connections.
_IP_BIND_ADDRESS_NO_PORT = 24

_SOURCE_ERRORS = (errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT)


class TlsPolicy(enum.StrEnum):
    """Whether a conversation is encrypted.

    ``may``: where the server offers it; any certificate will do, and where the handshake fails the
    message goes in clear (RFC 7435). ``require``: encrypted or not sent; any certificate. ``verify``:
    encrypted, and the certificate is valid for the MX host's name. ``never``: in clear.
    """

    MAY = "may"
    REQUIRE = "require"
    VERIFY = "verify"
    NEVER = "never"


class NoSession(Exception):
    """No connection came about; carries what an attempt reports."""

    def __init__(self, stage: Stage, reply: Reply, outcome: Outcome, host: str) -> None:
        super().__init__(str(reply))
        self.stage = stage
        self.reply = reply
        self.outcome = outcome
        self.host = host

    @classmethod
    def unreachable(cls, text: str, host: str, stage: Stage = Stage.CONNECT) -> NoSession:
        """Nobody answered, so the code is 0 and the delivery waits."""
        return cls(stage, Reply(0, "", text), Outcome.DEFERRED, host)

    @classmethod
    def refused(cls, stage: Stage, reply: Reply, host: str) -> NoSession:
        """The server answered, and the answer was no."""
        return cls(stage, reply, outcome_at(stage, reply.code), host)


class _HandshakeFailed(Exception):
    """TLS did not come about; the connection is of no use any more."""


@attrs.define(kw_only=True)
class Dialler:
    """Opens connections.

    Attributes:
        policy: Whether conversations are encrypted.
        limits: Time limits.
        lookup: Finds the addresses of a host that comes without any.
        loopback_only: Dial nothing but this machine.
        allow_private: Dial also what DNS says of private and loopback addresses.
        trust: Context that certificates are verified with under ``verify``; None: the system's.
    """

    policy: TlsPolicy = TlsPolicy.MAY
    limits: TimeLimits = attrs.field(factory=TimeLimits)
    lookup: Lookup = system_lookup
    loopback_only: bool = False
    allow_private: bool = False
    trust: ssl.SSLContext | None = None
    _context: ssl.SSLContext | None = attrs.field(default=None, init=False)

    async def open(self, source: str, ehlo: str, route: Route) -> Session:
        """Connect to the first server of a route that will talk, from a source.

        Hosts are tried in the order of the route, and their addresses in the order given; a refusal in
        the greeting or to EHLO also leads on to the next (RFC 5321 section 5.1).

        Raises:
            NoSession: No server would. It holds the first answer that had a code, or the last failure.
            SourceUnavailable: The source's address cannot be bound on this machine.
            UnavailableError: Only loopback may be dialled, and an address was another.
        """
        told: NoSession | None = None
        tried = 0
        for host in route.hosts:
            try:
                addresses = await self._addresses(host, source)
            except NoSession as failure:
                told = told if told is not None and told.reply.code else failure
                continue
            for address in addresses:
                if tried == ADDRESSES_MAX:
                    break
                tried += 1
                try:
                    return await self._dial(source, ehlo, host, address)
                except NoSession as failure:
                    told = told if told is not None and told.reply.code else failure
        raise told or NoSession.unreachable("the route has no hosts", "")

    async def _addresses(self, host: Host, source: str) -> list[str]:
        """Addresses of a host that may be dialled from a source."""
        trusted = bool(host.addresses)
        found = host.addresses
        if not trusted:
            try:
                found = await self.lookup(host.name)
            except OSError as error:
                raise NoSession.unreachable(f"{host.name} has no address: {error}", host.name) from None
        try:
            version = ipaddress.ip_address(source).version
        except ValueError:
            raise SourceUnavailable(source, "it is not an IP address") from None
        fitting = [text for text in found if ipaddress.ip_address(text).version == version]
        if not fitting:
            raise NoSession.unreachable(
                f"{host.name} has no IPv{version} address, and the source {source} reaches no other",
                host.name,
            )
        allowed = []
        why = None
        for address in fitting:
            if self.loopback_only and not is_loopback(address):
                raise UnavailableError(
                    f"{host.name} is {address}: under a clock that is not the system's, mail goes to "
                    "loopback addresses only (route the domain to 127.0.0.0/8, or use the system clock)"
                )
            why = None if trusted or self.allow_private else forbidden(address)
            if why is None:
                allowed.append(address)
        if not allowed:
            raise NoSession.unreachable(f"{host.name} is {fitting[-1]}: {why}", host.name)
        return allowed

    async def _dial(self, source: str, ehlo: str, host: Host, address: str) -> Session:
        encrypt = self.policy is not TlsPolicy.NEVER
        try:
            return await self._greeted(source, ehlo, host, address, encrypt)
        except _HandshakeFailed as failure:
            label = _label(host, address)
            if self.policy is not TlsPolicy.MAY:
                text = f"no TLS: {failure}"
                raise NoSession(Stage.STARTTLS, Reply(0, "4.7.5", text), Outcome.DEFERRED, label) from None
            return await self._greeted(source, ehlo, host, address, encrypt=False)

    async def _greeted(self, source: str, ehlo: str, host: Host, address: str, encrypt: bool) -> Session:
        label = _label(host, address)
        name = ehlo or _literal(source)
        sock = _bound(source, address, label)
        try:
            async with asyncio.timeout(self.limits.connect):
                await asyncio.get_running_loop().sock_connect(sock, (address, host.port))
        except TimeoutError:
            sock.close()
            raise NoSession.unreachable(f"no connection within {self.limits.connect:g} s", label) from None
        except OSError as error:
            sock.close()
            raise NoSession.unreachable(f"no connection: {_words(error)}", label) from None
        except BaseException:
            sock.close()
            raise
        smtp = SMTP(sock=sock, local_hostname=name, start_tls=False, timeout=None)
        session = Session(smtp=smtp, host=label, tls=False, limits=self.limits)
        try:
            await self._greeting(smtp, label)
            await self._introduce(session, name)
            if encrypt:
                await self._encrypt(session, name, host)
        except Lost as lost:
            raise NoSession.unreachable(str(lost), label, Stage.EHLO) from None
        except BaseException:
            session.close()
            raise
        return session

    async def _greeting(self, smtp: SMTP, label: str) -> None:
        try:
            await smtp.connect(timeout=self.limits.greeting)
        except SMTPResponseException as error:
            raise NoSession.refused(Stage.GREETING, read_reply(error.code, error.message), label) from None
        except SMTPTimeoutError:
            text = f"no greeting within {self.limits.greeting:g} s"
            raise NoSession.unreachable(text, label, Stage.GREETING) from None
        except (SMTPException, OSError) as error:
            text = f"the connection was lost before the greeting: {error}"
            raise NoSession.unreachable(text, label, Stage.GREETING) from None

    async def _introduce(self, session: Session, name: str) -> None:
        """EHLO; after a 5yz HELO, which servers from before 1995 understand (RFC 5321 section 4.1.4)."""
        smtp = session.smtp
        code, message = await session.exchange(b"EHLO " + name.encode("ascii"), self.limits.ehlo)
        if expected(Stage.EHLO, code):
            smtp.last_ehlo_response = SMTPResponse(code, message)  # aiosmtplib reads the offers out of it
            session.introduced(smtp.esmtp_extensions)
            return
        if code >= 500 and smtp.is_connected:
            second = await session.exchange(b"HELO " + name.encode("ascii"), self.limits.ehlo)
            if expected(Stage.EHLO, second[0]):
                smtp.last_helo_response = SMTPResponse(*second)
                session.introduced({})
                return
        raise NoSession.refused(Stage.EHLO, read_reply(code, message), session.host)

    async def _encrypt(self, session: Session, name: str, host: Host) -> None:
        """STARTTLS where it is offered, and EHLO again inside (RFC 3207 section 4.2)."""
        smtp = session.smtp
        compulsory = self.policy is not TlsPolicy.MAY
        if not smtp.supports_extension("starttls"):
            if compulsory:
                reply = Reply(0, "4.7.4", "TLS is required, and the server does not offer it")
                raise NoSession(Stage.STARTTLS, reply, Outcome.DEFERRED, session.host)
            return
        try:
            await smtp.starttls(
                server_hostname=host.name, tls_context=self._tls(), timeout=self.limits.starttls
            )
        except SMTPResponseException as error:
            reply = read_reply(error.code, error.message)
            if reply.code == 421 or compulsory or reply.code == 0:
                raise NoSession(Stage.STARTTLS, reply, Outcome.DEFERRED, session.host) from None
            return  # 454 and the like: the server thought better of it, the conversation goes on in clear
        except (SMTPException, OSError, ValueError) as error:
            raise _HandshakeFailed(str(error)) from None
        session.tls = True
        await self._introduce(session, name)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            if self.policy is TlsPolicy.VERIFY:
                self._context = self.trust or ssl.create_default_context()
            else:
                # Whoever can read the line can also take STARTTLS out of it, so there is nothing to
                # gain by insisting on a certificate here, and much mail to lose.
                self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                self._context.check_hostname = False
                self._context.verify_mode = ssl.CERT_NONE
        return self._context


def _label(host: Host, address: str) -> str:
    shown = f"[{address}]" if host.name == address else f"{host.name}[{address}]"
    return f"{shown}:{host.port}"


def _words(error: OSError) -> str:
    """What the operating system would say; asyncio puts words of its own into ``strerror``."""
    return os.strerror(error.errno) if error.errno else str(error)


def _literal(source: str) -> str:
    """An address as a name after EHLO, for want of a better one (RFC 5321 section 4.1.3)."""
    return f"[IPv6:{source}]" if ":" in source else f"[{source}]"


def _bound(source: str, address: str, label: str) -> socket.socket:
    """A socket whose local end is the source's address.

    Raises:
        SourceUnavailable: The address is not on this machine, or may not be used.
        NoSession: The machine is out of sockets or ports.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise NoSession.unreachable(f"no socket: {error.strerror}", label) from None
    try:
        sock.setblocking(False)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
    except OSError as error:
        sock.close()
        if error.errno in _SOURCE_ERRORS:
            raise SourceUnavailable(source, error.strerror or str(error)) from None
        raise NoSession.unreachable(f"no local port: {error.strerror}", label) from None
    return sock
