"""The receiving end of SMTP, lean: enough of RFC 5321 for simulated providers, and no more.

One :class:`Receiver` is one connection. What is answered is decided by a :class:`Policy`; the
receiver knows only in which order commands may come, and how content is framed. It takes pipelined
commands, and it is strict about line ends: only ``CRLF . CRLF`` ends a message.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol, TypeAlias, cast

import attrs

__all__ = ["Answer", "Answered", "Policy", "Receiver"]

LINE_MAX = 4_096
"""Octets of a command line; RFC 5321 section 4.5.3.1.4 asks for 512, extensions add to it."""

CONTENT_MAX = 64 * 1024 * 1024
"""Octets of one message that are taken in."""

_END = b"\r\n.\r\n"
_BAD_ORDER = b"503 5.5.1 Bad sequence of commands\r\n"


@attrs.frozen
class Answer:
    """A reply with something special about it.

    Attributes:
        wire: What is sent, byte for byte; may be nothing.
        delay_s: Seconds of the event loop's time before it is sent.
        close: Hang up after it was sent.
        abort: Reset the connection instead of closing it in good order.
    """

    wire: bytes = b""
    delay_s: float = 0.0
    close: bool = False
    abort: bool = False


Answered: TypeAlias = bytes | Answer


class Policy(Protocol):
    """Answers commands. Each answer is whole lines; a code below 400 lets the conversation go on."""

    def opened(self, receiver: Receiver) -> Answered:
        """Somebody connected: the greeting."""
        ...

    def ehlo(self, receiver: Receiver, verb: bytes) -> Answered:
        """EHLO or HELO came; the name is in ``receiver.ehlo``."""
        ...

    def mail(self, receiver: Receiver) -> Answered:
        """MAIL came; ``receiver.sender`` and ``receiver.parameters`` are set."""
        ...

    def rcpt(self, receiver: Receiver, recipient: bytes) -> Answered:
        """RCPT came; the recipient is added where the answer is positive."""
        ...

    def data(self, receiver: Receiver) -> Answered:
        """DATA came; 354 asks for the content."""
        ...

    def content(self, receiver: Receiver, content: bytes) -> Answered:
        """The final dot came; the content has its dots unstuffed."""
        ...

    def other(self, receiver: Receiver, verb: bytes, line: bytes) -> Answered:
        """STARTTLS, RSET, NOOP, QUIT or something unknown came."""
        ...

    def closed(self, receiver: Receiver) -> None:
        """The connection is gone."""
        ...


class Receiver(asyncio.Protocol):
    """One connection to a simulated provider.

    Attributes:
        peer: The client's address and port.
        ehlo: The name it gave, empty before that.
        tls: Whether the conversation is encrypted.
        sender, parameters, recipients: Of the transaction that is open.
        transactions: How many MAIL commands were accepted on this connection.
    """

    def __init__(self, policy: Policy, context: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._scanned = 0
        self._in_content = False
        self._held = False
        self._upgrade: asyncio.Task[None] | None = None
        self.peer: tuple[str, int] = ("", 0)
        self.ehlo = ""
        self.tls = False
        self.sender: bytes | None = None
        self.parameters: tuple[bytes, ...] = ()
        self.recipients: list[bytes] = []
        self.transactions = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.peer = transport.get_extra_info("peername")[:2]
        self._answer(self._policy.opened(self))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._policy.closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._held:
            self._work()

    def hang_up(self, *, abort: bool = False) -> None:
        """Close the connection from this end."""
        if self._transport is not None:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()

    def _work(self) -> None:
        """Take what has arrived, command by command, until something is missing."""
        while not self._held and self._transport is not None and not self._transport.is_closing():
            if self._in_content:
                if not self._take_content():
                    return
                continue
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > LINE_MAX:
                    self._answer(Answer(b"500 5.5.2 Line too long\r\n", close=True))
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            self._command(line)

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"RCPT" and line[4:9].upper() == b" TO:<":
            if self.sender is None:
                self._answer(_BAD_ORDER)
                return
            recipient, _ = _path(line[9:])
            answered = self._policy.rcpt(self, recipient)
            if _positive(answered):
                self.recipients.append(recipient)
            self._answer(answered)
        elif verb == b"MAIL" and line[4:11].upper() == b" FROM:<":
            if self.sender is not None:
                self._answer(b"503 5.5.1 Nested MAIL command\r\n")
                return
            self.sender, self.parameters = _path(line[11:])
            answered = self._policy.mail(self)
            if _positive(answered):
                self.transactions += 1
            else:
                self.clear()
            self._answer(answered)
        elif verb == b"DATA" and len(line) == 4:
            if not self.recipients:
                self._answer(_BAD_ORDER)
                return
            answered = self._policy.data(self)
            self._in_content = _wire(answered)[:3] == b"354"
            self._scanned = 0
            self._answer(answered)
        elif verb in (b"EHLO", b"HELO"):
            self.clear()
            self.ehlo = line[5:].decode("ascii", "replace")
            self._answer(self._policy.ehlo(self, verb))
        else:
            verb = line.split(b" ", 1)[0].upper()
            if verb in (b"RSET", b"STARTTLS"):
                self.clear()
            answered = self._policy.other(self, verb, line)
            if verb == b"STARTTLS" and self._context is not None and _wire(answered)[:3] == b"220":
                self._start_tls(self._context, _wire(answered))
            else:
                self._answer(answered)

    def clear(self) -> None:
        """Forget the transaction that is open."""
        self.sender = None
        self.parameters = ()
        self.recipients = []

    def _take_content(self) -> bool:
        """Take the content off the buffer where its end has come; whether it had."""
        buffer = self._buffer
        if buffer.startswith(b".\r\n"):
            content = b""
            del buffer[:3]
        else:
            end = buffer.find(_END, self._scanned)
            if end < 0:
                # The end may lie across two reads, so the last four octets are looked at again.
                self._scanned = max(0, len(buffer) - len(_END) + 1)
                if len(buffer) > CONTENT_MAX:
                    self._answer(Answer(b"552 5.3.4 Too much\r\n", close=True))
                return False
            content = bytes(buffer[: end + 2])
            del buffer[: end + 5]
            if content.startswith(b"."):
                content = content[1:]
            content = content.replace(b"\r\n.", b"\r\n")
        self._in_content = False
        answered = self._policy.content(self, content)
        self.clear()
        self._answer(answered)
        return True

    def _answer(self, answered: Answered) -> None:
        if type(answered) is bytes:
            if self._transport is not None:
                self._transport.write(answered)
            return
        answer = cast(Answer, answered)
        if answer.delay_s > 0:
            self._held = True
            asyncio.get_running_loop().call_later(answer.delay_s, self._late, answer)
        else:
            self._send(answer)

    def _late(self, answer: Answer) -> None:
        self._held = False
        self._send(answer)
        self._work()

    def _send(self, answer: Answer) -> None:
        if self._transport is not None and answer.wire:
            self._transport.write(answer.wire)
        if answer.close or answer.abort:
            self.hang_up(abort=answer.abort)

    def _start_tls(self, context: ssl.SSLContext, wire: bytes) -> None:
        assert self._transport is not None
        # Reading stops before the client can know that it may begin: its first TLS record must not
        # arrive here as if it were a command. What it sent too early in clear is thrown away.
        self._transport.pause_reading()
        self._held = True
        self._buffer.clear()
        self._transport.write(wire)
        self._upgrade = asyncio.get_running_loop().create_task(self._upgraded(context))

    async def _upgraded(self, context: ssl.SSLContext) -> None:
        assert self._transport is not None
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport, self, context, server_side=True
            )
        except (OSError, ssl.SSLError):
            self.hang_up(abort=True)
            return
        self._transport = cast(asyncio.Transport, transport)
        self.tls = True
        self.ehlo = ""
        self._held = False
        self._work()


def _wire(answered: Answered) -> bytes:
    return answered if isinstance(answered, bytes) else answered.wire


def _positive(answered: Answered) -> bool:
    return _wire(answered)[:1] in (b"2", b"3")


def _path(rest: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Split ``addr> SIZE=1 BODY=8BITMIME`` into the address and the parameters."""
    path, _, parameters = rest.rpartition(b">")
    return path, tuple(parameters.split())
