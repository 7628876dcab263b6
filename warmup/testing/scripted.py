"""An SMTP server that follows a script, for every way in which a receiver can be odd.

``` python
async with ScriptedProvider(replies={"rcpt": ["421 4.7.28 slow down"], "dot": [None, hang_up()]}) as mx:
    attempt = await transport.deliver(grant, mx.route, begin)
assert mx.messages == []
```

For each stage the answers are used up in order; None and the end of the list stand for the usual
answer. Stages: ``greeting``, ``ehlo``, ``helo``, ``starttls``, ``mail``, ``rcpt``, ``data``, ``dot``,
``rset``, ``noop``, ``quit``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TypeAlias

import attrs

from warmup.contracts import Host, Route
from warmup.demo.receiver import Answer, Answered, Receiver
from warmup.timing import Clock, Instant, SystemClock

__all__ = ["Connection", "Line", "Received", "ScriptedProvider", "abort", "hang_up", "slow"]

Line: TypeAlias = "str | bytes | Answer | None"
"""One scripted answer: text (its lines get CRLF), bytes as they are, something special, or the usual."""

STAGES = ("greeting", "ehlo", "helo", "starttls", "mail", "rcpt", "data", "dot", "rset", "noop", "quit")

_USUAL = {
    "greeting": b"220 scripted.test ESMTP\r\n",
    "helo": b"250 scripted.test\r\n",
    "starttls": b"220 2.0.0 Ready to start TLS\r\n",
    "mail": b"250 2.1.0 Ok\r\n",
    "rcpt": b"250 2.1.5 Ok\r\n",
    "data": b"354 Go ahead\r\n",
    "dot": b"250 2.0.0 Ok: queued\r\n",
    "rset": b"250 2.0.0 Ok\r\n",
    "noop": b"250 2.0.0 Ok\r\n",
}


def hang_up(text: str = "") -> Answer:
    """Close the connection, after a last word where one is given."""
    return Answer(_lines(text), close=True)


def abort() -> Answer:
    """Reset the connection (TCP RST) without a word."""
    return Answer(abort=True)


def slow(text: str, seconds: float) -> Answer:
    """Answer after some seconds of the event loop's time."""
    return Answer(_lines(text), delay_s=seconds)


def _lines(text: str) -> bytes:
    return b"".join(line.encode("utf-8", "surrogateescape") + b"\r\n" for line in text.splitlines())


@attrs.frozen(kw_only=True)
class Received:
    """One message as it arrived.

    Attributes:
        peer: Source address of the connection.
        ehlo: The name that the client gave.
        mail_from, mail_parameters: Of the MAIL command.
        recipients: In the order of their commands.
        content: Exactly what came over the wire, with dot-stuffing undone.
        mail_at, dot_at: Instants at which MAIL and the final dot arrived.
        tls: Whether the conversation was encrypted.
        connection: Number of the connection, from 0.
    """

    peer: str
    ehlo: str
    mail_from: str
    mail_parameters: tuple[str, ...]
    recipients: tuple[str, ...]
    content: bytes
    mail_at: Instant
    dot_at: Instant
    tls: bool
    connection: int


@attrs.define
class Connection:
    """One connection, and the commands that came over it (the content of messages left out)."""

    peer: str
    number: int
    commands: list[str] = attrs.field(factory=list)
    open: bool = True
    mail_at: Instant = 0


class ScriptedProvider:
    """Listens on loopback and answers by a script.

    Args:
        replies: Stage to answers.
        clock: Stamps what arrives; the system's by default.
        extensions: What EHLO offers besides STARTTLS, which is offered while ``tls`` is given.
        tls: Server side context.
        address: Where to listen; a port is chosen.
        name: Name in the route, that a certificate is checked against.
    """

    def __init__(
        self,
        replies: Mapping[str, Iterable[Line]] | None = None,
        *,
        clock: Clock | None = None,
        extensions: Iterable[str] = ("SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        name: str = "localhost",
    ) -> None:
        self._script = {stage: deque(lines) for stage, lines in (replies or {}).items()}
        unknown = sorted(set(self._script) - set(STAGES))
        if unknown:
            raise ValueError(f"no such stages: {', '.join(unknown)} (there are: {', '.join(STAGES)})")
        self._clock = clock or SystemClock()
        self._extensions = tuple(extensions)
        self._tls = tls
        self._address = address
        self._name = name
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: dict[Receiver, Connection] = {}
        self.connections: list[Connection] = []
        self.messages: list[Received] = []
        self.open_max = 0

    @property
    def host(self) -> Host:
        """Where it listens."""
        return Host(self._name, self._port, (self._address,))

    @property
    def route(self) -> Route:
        """A route to it, as a static map would give it."""
        return Route((self.host,))

    @property
    def target(self) -> str:
        """``address:port``, for static routes in a configuration."""
        shown = f"[{self._address}]" if ":" in self._address else self._address
        return f"{shown}:{self._port}"

    @property
    def open(self) -> int:
        """Connections that are open now; ``open_max`` is the most there were at once."""
        return len(self._open)

    async def __aenter__(self) -> ScriptedProvider:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._receiver, self._address, 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for receiver in tuple(self._open):
            receiver.hang_up()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Hang up on everybody, as a server does that is restarted."""
        for receiver in tuple(self._open):
            receiver.hang_up()

    def _receiver(self) -> Receiver:
        return Receiver(self, self._tls)

    def _reply(self, stage: str, usual: Answered) -> Answered:
        lines = self._script.get(stage)
        line = lines.popleft() if lines else None
        if line is None:
            return usual
        return _lines(line) if isinstance(line, str) else line

    def _note(self, receiver: Receiver, command: str) -> Connection:
        connection = self._open[receiver]
        connection.commands.append(command)
        return connection

    # The receiver's policy.

    def opened(self, receiver: Receiver) -> Answered:
        connection = Connection(receiver.peer[0], len(self.connections))
        self.connections.append(connection)
        self._open[receiver] = connection
        self.open_max = max(self.open_max, len(self._open))
        return self._reply("greeting", _USUAL["greeting"])

    def closed(self, receiver: Receiver) -> None:
        self._open.pop(receiver).open = False

    def ehlo(self, receiver: Receiver, verb: bytes) -> Answered:
        self._note(receiver, f"{verb.decode()} {receiver.ehlo}")
        if verb == b"HELO":
            return self._reply("helo", _USUAL["helo"])
        offers = [*self._extensions, *(["STARTTLS"] if self._tls and not receiver.tls else [])]
        lines = ["scripted.test", *offers]
        usual = "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}", ""])
        return self._reply("ehlo", usual.encode())

    def mail(self, receiver: Receiver) -> Answered:
        parameters = b"".join(b" " + each for each in receiver.parameters)
        line = b"MAIL FROM:<" + (receiver.sender or b"") + b">" + parameters
        self._note(receiver, line.decode("utf-8", "replace")).mail_at = self._clock.now()
        return self._reply("mail", _USUAL["mail"])

    def rcpt(self, receiver: Receiver, recipient: bytes) -> Answered:
        self._note(receiver, f"RCPT TO:<{recipient.decode('utf-8', 'replace')}>")
        return self._reply("rcpt", _USUAL["rcpt"])

    def data(self, receiver: Receiver) -> Answered:
        self._note(receiver, "DATA")
        return self._reply("data", _USUAL["data"])

    def content(self, receiver: Receiver, content: bytes) -> Answered:
        connection = self._open[receiver]
        answered = self._reply("dot", _USUAL["dot"])
        wire = answered if isinstance(answered, bytes) else answered.wire
        if wire.startswith(b"2"):
            self.messages.append(
                Received(
                    peer=connection.peer,
                    ehlo=receiver.ehlo,
                    mail_from=(receiver.sender or b"").decode("utf-8", "replace"),
                    mail_parameters=tuple(each.decode() for each in receiver.parameters),
                    recipients=tuple(each.decode("utf-8", "replace") for each in receiver.recipients),
                    content=content,
                    mail_at=connection.mail_at,
                    dot_at=self._clock.now(),
                    tls=receiver.tls,
                    connection=connection.number,
                )
            )
        return answered

    def other(self, receiver: Receiver, verb: bytes, line: bytes) -> Answered:
        self._note(receiver, line.decode("utf-8", "replace"))
        if verb == b"QUIT":
            return self._reply("quit", Answer(b"221 2.0.0 Bye\r\n", close=True))
        stage = verb.decode("ascii", "replace").lower()
        if stage == "starttls" and self._tls is None:
            return self._reply(stage, b"502 5.5.1 Not offered\r\n")
        if stage not in _USUAL:
            return b"500 5.5.2 Unknown command\r\n"
        return self._reply(stage, _USUAL[stage])
