"""A greeted connection, and mail transactions over it.

Theory of operation. aiosmtplib keeps the connection, its replies and TLS. Its verbs are not used
beyond that, for reasons that were tried: ``sendmail()`` loses a 421 in mid-RCPT and takes only 250
after the dot; ``mail()`` and ``rcpt()`` send addresses through a header parser; ``data()`` does not say
whether DATA or the content was refused, or how far it had come when the line went dead. That last
difference is all there is between *not sent* and *nobody knows*. So MAIL, RCPT and DATA go out as bytes
of ours, one command at a time, and the content is written by us.

=============================  ==========================  ==================================
what happened                  outcome                     the connection afterwards
=============================  ==========================  ==================================
2yz after the dot              accepted                    kept
4yz, 5yz to MAIL               deferred, rejected          kept
4yz, 5yz to RCPT or DATA       deferred, rejected          kept; RSET before its next use
4yz, 5yz after the dot         deferred, rejected          kept
421 anywhere                   deferred                    closed
no answer, before content      deferred, code 0            closed
no answer, content going out   unknown                     closed
anything out of place          deferred; unknown once      closed
                               the content went out
=============================  ==========================  ==================================
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import attrs
from aiosmtplib.errors import SMTPException, SMTPResponseException, SMTPTimeoutError

from warmup.delivery.replies import expected, outcome_at, read_reply
from warmup.model import Outcome, Reply, Stage

if TYPE_CHECKING:
    from aiosmtplib import SMTP
    from aiosmtplib.protocol import SMTPProtocol

__all__ = ["Lost", "Session", "TimeLimits", "stuffed"]

BLOCK_SIZE = 64 * 1024
"""Octets that are handed to the kernel under one time limit."""

_STRAY = re.compile(rb"\r\n|\r|\n")


@attrs.frozen(kw_only=True)
class TimeLimits:
    """How long a server may take, in seconds of real time.

    The defaults are those of RFC 5321 section 4.5.3.2; it names none for connecting (30 s is Postfix's)
    nor for QUIT, where nothing is at stake any more.
    """

    connect: float = 30.0
    greeting: float = 300.0
    ehlo: float = 300.0
    starttls: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    quit: float = 5.0


class Lost(Exception):
    """The connection is gone or of no use: it broke, went silent, or spoke no SMTP."""


def stuffed(content: bytes) -> bytes:
    """Content as it goes over the wire after DATA: dots doubled, the final dot added.

    Content comes with CRLF line ends. Should a lone CR or LF be left in it, it becomes CRLF here:
    some servers take ``LF . LF`` for the end of the message, and what follows for commands.
    """
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        content = _STRAY.sub(b"\r\n", content)
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


@attrs.define(kw_only=True, eq=False, slots=True)
class Session:
    """One connection that was greeted, introduced and, where it could be, encrypted.

    Attributes:
        smtp: The connection.
        host: Name, address and port of the server, for people.
        tls: Whether the conversation is encrypted.
        limits: Time limits.
        served: Transactions that were begun.
        parked_at: Loop time at which it was last put aside, seconds.
        half_open: A transaction was refused in the middle: RSET is due before the next.
    """

    smtp: SMTP
    host: str
    tls: bool
    limits: TimeLimits
    sized: bool = False
    size_max: int = 0
    utf8: bool = False
    eight_bit: bool = False
    served: int = 0
    parked_at: float = 0.0
    half_open: bool = False
    _writer: asyncio.StreamWriter | None = None

    def introduced(self, extensions: dict[str, str]) -> None:
        """Take in what the server's EHLO offered."""
        self.sized = "size" in extensions
        announced = extensions.get("size", "").strip()
        # A value that is no number says nothing; 0 says that there is no fixed limit (RFC 1870).
        self.size_max = int(announced) if announced.isdecimal() and len(announced) <= 18 else 0
        self.utf8 = "smtputf8" in extensions
        self.eight_bit = "8bitmime" in extensions

    @property
    def usable(self) -> bool:
        """Whether the connection still stands, as far as this end knows."""
        return self.smtp.is_connected

    async def exchange(self, line: bytes, timeout: float) -> tuple[int, str]:
        """Send one line and return the code and the text of the reply, 200 to 599.

        Raises:
            Lost: There was none, or it was no SMTP; the connection is closed.
        """
        try:
            code, message = await self.smtp.execute_command(line, timeout=timeout)
        except SMTPTimeoutError:
            self.close()
            raise Lost(f"no answer within {timeout:g} s") from None
        except SMTPResponseException as error:
            self.close()
            raise Lost(read_reply(-1, error.message).text) from None
        except (SMTPException, OSError) as error:
            self.close()
            raise Lost(f"the connection was lost: {error}") from None
        if not 200 <= code <= 599:
            self.close()
            raise Lost(read_reply(code, message).text)
        return code, message

    async def reset(self) -> bool:
        """Clear a transaction that was refused in the middle; False: the connection is of no use."""
        try:
            code, _ = await self.exchange(b"RSET", self.limits.mail)
        except Lost:
            return False
        self.half_open = False
        if not expected(Stage.MAIL, code):
            self.close()
        return self.usable

    async def transact(self, mail: bytes, rcpt: bytes, content: bytes) -> tuple[Stage, Reply, Outcome]:
        """One message to one recipient: MAIL, RCPT, DATA, content.

        Args:
            mail: The whole MAIL command, without its line end.
            rcpt: The whole RCPT command, without its line end.
            content: What is sent after DATA, not dot-stuffed.
        """
        self.served += 1
        limits = self.limits
        stage = Stage.MAIL
        try:
            code, message = await self.exchange(mail, limits.mail)
            if 200 <= code <= 299:
                stage = Stage.RCPT
                code, message = await self.exchange(rcpt, limits.rcpt)
                if 200 <= code <= 299:
                    stage = Stage.DATA
                    code, message = await self.exchange(b"DATA", limits.data)
                    if code == 354:
                        return await self._content(stuffed(content))
        except Lost as lost:
            return stage, Reply(0, "", str(lost)), Outcome.DEFERRED
        self._settle(stage, code)
        return stage, read_reply(code, message), outcome_at(stage, code)

    async def _content(self, wire: bytes) -> tuple[Stage, Reply, Outcome]:
        protocol = self.smtp.protocol
        if protocol is None or not protocol.is_connected:
            self.close()
            lost = "the connection was lost before the content went out"
            return Stage.DATA, Reply(0, "", lost), Outcome.DEFERRED
        try:
            if len(wire) <= BLOCK_SIZE:
                protocol.write(wire)
                code, message = await protocol.read_response(self.limits.dot)
                early = False
            else:
                code, message, early = await self._blocks(protocol, wire)
        except TimeoutError:
            self.close()
            return Stage.DOT, Reply(0, "", "no answer to the content in time"), Outcome.UNKNOWN
        except SMTPResponseException as error:
            self.close()
            return Stage.DOT, read_reply(-1, error.message), Outcome.UNKNOWN
        except (SMTPException, OSError) as error:
            self.close()
            lost = f"the connection was lost while the content was on its way: {error}"
            return Stage.DOT, Reply(0, "", lost), Outcome.UNKNOWN
        reply = read_reply(code, message)
        self._settle(Stage.DOT, reply.code)
        if early:
            # The rest of the content was never sent: to the server it would be commands.
            self.close()
            if reply.code < 400:
                return Stage.DOT, reply, Outcome.UNKNOWN
        return Stage.DOT, reply, outcome_at(Stage.DOT, reply.code)

    async def _blocks(self, protocol: SMTPProtocol, wire: bytes) -> tuple[int, str, bool]:
        """Write long content block by block; a server may answer before the end of it."""
        if self._writer is None:
            # aiosmtplib's protocol has the flow control that a StreamWriter drains by.
            transport = cast(asyncio.WriteTransport, protocol.transport)
            self._writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
        answer = asyncio.ensure_future(protocol.read_response(None))
        try:
            for start in range(0, len(wire), BLOCK_SIZE):
                self._writer.write(wire[start : start + BLOCK_SIZE])
                drained = asyncio.ensure_future(self._writer.drain())
                done, _ = await asyncio.wait(
                    (drained, answer), timeout=self.limits.block, return_when=asyncio.FIRST_COMPLETED
                )
                if answer in done:
                    drained.cancel()
                    await asyncio.gather(drained, return_exceptions=True)
                    code, message = answer.result()
                    return code, message, start + BLOCK_SIZE < len(wire)
                if not done:
                    drained.cancel()
                    raise TimeoutError
                drained.result()
            async with asyncio.timeout(self.limits.dot):
                code, message = await answer
            return code, message, False
        finally:
            if not answer.done():
                answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    def _settle(self, stage: Stage, code: int) -> None:
        """Decide what a reply leaves of the connection (the table above)."""
        if code == 421 or not (200 <= code <= 299 or 400 <= code <= 599):
            self.close()
        elif stage is Stage.DATA and code < 400:
            # 2yz where 354 was due: the two ends no longer agree on whose turn it is.
            self.close()
        elif stage in (Stage.RCPT, Stage.DATA):
            self.half_open = True

    def close(self) -> None:
        """Hang up."""
        self.smtp.close()

    async def farewell(self) -> None:
        """Say goodbye and hang up."""
        if self.usable:
            try:
                await self.exchange(b"QUIT", self.limits.quit)
            except Lost:
                return
        self.close()
