"""SMTP as it leaves, and what comes of every answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct

import attrs
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmup.contracts import Host, Route
from warmup.delivery import SourceUnavailable
from warmup.delivery.sessions import stuffed
from warmup.delivery.smtp import SmtpTransport, TimeLimits
from warmup.errors import UnavailableError
from warmup.model import LaneKey, LaneLimits, Outcome, Stage
from warmup.testing import ScriptedProvider, abort, check_transport, hang_up, slow
from warmup.testing.strategies import addresses, contents
from warmup.timing import SystemClock

CONTENT = b"Message-ID: <1@sender.example>\r\n\r\nhello\r\n"
QUICK = TimeLimits(
    connect=0.3,
    greeting=0.3,
    ehlo=0.3,
    starttls=2,
    mail=0.3,
    rcpt=0.3,
    data=0.3,
    block=0.5,
    dot=0.3,
    quit=0.3,
)


def transport(**options):
    return SmtpTransport(SystemClock(), **options)


def attempt_with(run, courier, replies, *, times=1, **options):
    """Deliver against a script; returns the attempts and the provider."""

    async def main():
        async with ScriptedProvider(replies) as mx:
            out = transport(**options)
            attempts = [await courier.send(out, mx.route, id=number) for number in range(times)]
            await out.close()
            return attempts, mx

    return run(main())


def test_conformance(run, courier):
    """The SMTP transport keeps every rule that a transport has to keep."""

    async def main():
        async with ScriptedProvider() as mx:

            async def received():
                return [message.content for message in mx.messages]

            await check_transport(transport, courier.grant(), mx.route, received=received)

    run(main())


def test_envelope_on_the_wire(run, courier):
    """The receiver sees the bound source, its EHLO name, the exact addresses and the exact content."""
    (attempt,), mx = attempt_with(run, courier, {})
    (message,) = mx.messages
    assert attempt.outcome is Outcome.ACCEPTED
    assert (attempt.reply.code, attempt.reply.enhanced, attempt.reply.text) == (250, "2.0.0", "Ok: queued")
    assert (message.peer, message.ehlo) == ("127.0.0.2", "mx1.sender.example")
    assert mx.connections[0].commands[:3] == [
        "EHLO mx1.sender.example",
        f"MAIL FROM:<a@sender.example> SIZE={len(CONTENT)}",
        "RCPT TO:<b@example.com>",
    ]
    assert message.content == CONTENT
    assert attempt.host.startswith("localhost[127.0.0.1]:")
    assert attempt.mail_written
    assert not attempt.tls


@pytest.mark.parametrize("address", ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"])
def test_each_source_is_seen_by_the_peer(run, courier, address):
    """Mail leaves from the address of its lane, whichever that is."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            await courier.send(out, mx.route, lane=LaneKey(address, "google"), ehlo="")
            await out.close()
            return mx.messages

    (message,) = run(main())
    assert message.peer == address
    assert message.ehlo == f"[{address}]"


def test_source_that_is_not_here(run, courier):
    """A source whose address is not on the machine is told apart from a server that is down."""

    async def main():
        async with ScriptedProvider() as mx:
            with pytest.raises(SourceUnavailable) as caught:
                await courier.send(transport(), mx.route, lane=LaneKey("192.0.2.77", "google"))
            assert caught.value.address == "192.0.2.77"
            assert "ip address add 192.0.2.77" in str(caught.value)
            with pytest.raises(SourceUnavailable):
                await courier.send(transport(), mx.route, lane=LaneKey("an account", "google"))
        assert courier.began == 0

    run(main())


def test_null_sender(run, courier):
    """A bounce leaves with the null reverse-path."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            await courier.send(out, mx.route, sender="")
            await out.close()
            return mx.connections[0].commands[1]

    assert run(main()).startswith("MAIL FROM:<> SIZE=")


@given(sender=addresses(quoted=True), recipient=addresses(quoted=True, utf8=True), content=contents())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_arrive_as_given(run, courier, sender, recipient, content):
    """Whatever valid address and content is given, exactly that arrives, once."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            attempt = await courier.send(
                out, mx.route, content, sender=sender, recipient=recipient, eight_bit=True
            )
            await out.close()
            return attempt, mx.messages

    attempt, (message,) = run(main())
    assert attempt.outcome is Outcome.ACCEPTED
    assert message.mail_from == sender
    assert message.recipients == (recipient,)
    assert message.content == content
    assert "BODY=8BITMIME" in message.mail_parameters
    assert ("SMTPUTF8" in message.mail_parameters) is not recipient.isascii()


def test_nasty_contents(run, courier):
    """Lines of dots, 8-bit octets, a line of a megabyte and a message of many blocks arrive unchanged."""
    nasty = [
        b"",
        b".\r\n",
        b"..\r\n.x\r\n.\r\n\r\n.\r\n",
        bytes(octet for octet in range(256) if octet not in (10, 13)) + b"\r\n",
        b"x" * 1_000_000 + b"\r\n",
        b".\r\n" * 400_000,
    ]

    async def main():
        async with ScriptedProvider(extensions=["8BITMIME"]) as mx:
            out = transport()
            for content in nasty:
                attempt = await courier.send(out, mx.route, content)
                assert attempt.outcome is Outcome.ACCEPTED
            await out.close()
            return mx

    mx = run(main())
    assert [message.content for message in mx.messages] == nasty
    assert len(mx.connections) == 1


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"])
def test_no_smuggling(end):
    """No line end in content can end the message early, whatever a lenient server takes for one."""
    wire = stuffed(b"a: b\r\n\r\nhello" + end + b"MAIL FROM:<evil@example.com>\r\n")
    assert wire.endswith(b"\r\n.\r\n")
    body = wire[:-3]
    assert body.count(b"\r") == body.count(b"\n") == body.count(b"\r\n")
    assert b"\r\n.\r\n" not in body


@pytest.mark.parametrize(
    "address", ["a@example.com> SIZE=1", "a@example.com\r\nDATA", "a b@example.com", "<a@example.com>", ""]
)
def test_address_that_cannot_be_written(run, courier, address):
    """An address that would smuggle something into a command is refused before MAIL."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            attempt = await courier.send(out, mx.route, recipient=address)
            await out.close()
            return attempt, mx

    attempt, mx = run(main())
    assert (attempt.outcome, attempt.reply.code, attempt.mail_written) == (Outcome.REJECTED, 553, False)
    assert not any(command.startswith("MAIL") for command in mx.connections[0].commands)


def test_smtputf8_not_offered(run, courier):
    """A message that needs SMTPUTF8 is refused with 5.6.7 where the server does not offer it."""

    async def main():
        async with ScriptedProvider(extensions=["8BITMIME"]) as mx:
            out = transport()
            attempt = await courier.send(out, mx.route, utf8=True)
            await out.close()
            return attempt

    attempt = run(main())
    assert (attempt.outcome, attempt.stage) == (Outcome.REJECTED, Stage.EHLO)
    assert (attempt.reply.code, attempt.reply.enhanced) == (550, "5.6.7")
    assert not attempt.mail_written
    assert courier.began == 0


def test_8bitmime_not_offered(run, courier):
    """8-bit content goes to a server without 8BITMIME as it is, without the parameter."""

    async def main():
        async with ScriptedProvider(extensions=[]) as mx:
            out = transport()
            await courier.send(out, mx.route, b"a: b\r\n\r\n\xe4\r\n", eight_bit=True)
            await out.close()
            return mx.messages

    (message,) = run(main())
    assert message.mail_parameters == ()
    assert message.content.endswith(b"\xe4\r\n")


@pytest.mark.parametrize(("offer", "accepted"), [("SIZE 10", False), ("SIZE 0", True), ("SIZE", True)])
def test_announced_size(run, courier, offer, accepted):
    """A message over the announced size is refused with 5.3.4 before MAIL; 0 announces no limit."""

    async def main():
        async with ScriptedProvider(extensions=[offer]) as mx:
            out = transport()
            attempt = await courier.send(out, mx.route)
            await out.close()
            return attempt

    attempt = run(main())
    assert (attempt.outcome is Outcome.ACCEPTED) is accepted
    if not accepted:
        assert (attempt.reply.code, attempt.reply.enhanced, attempt.mail_written) == (552, "5.3.4", False)


# Every answer at every stage.

LOST, MUTE = hang_up(), slow("250 too late", 5)


@pytest.mark.parametrize(
    ("stage", "line", "outcome", "code", "written"),
    [
        ("greeting", "554 5.7.1 go away", Outcome.REJECTED, 554, False),
        ("greeting", "421 4.7.0 too many", Outcome.DEFERRED, 421, False),
        ("greeting", LOST, Outcome.DEFERRED, 0, False),
        ("greeting", abort(), Outcome.DEFERRED, 0, False),
        ("greeting", MUTE, Outcome.DEFERRED, 0, False),
        ("greeting", "HTTP/1.1 400 Bad Request", Outcome.DEFERRED, 0, False),
        ("greeting", b"220-" + b"x" * 100_000 + b"\r\n", Outcome.DEFERRED, 0, False),
        ("ehlo", "421 4.3.2 shutting down", Outcome.DEFERRED, 421, False),
        ("ehlo", LOST, Outcome.DEFERRED, 0, False),
        ("mail", "421 4.7.28 slow down", Outcome.DEFERRED, 421, True),
        ("mail", "451 4.3.0 later", Outcome.DEFERRED, 451, True),
        ("mail", "550 5.7.1 blocked", Outcome.REJECTED, 550, True),
        ("mail", LOST, Outcome.DEFERRED, 0, True),
        ("mail", MUTE, Outcome.DEFERRED, 0, True),
        ("rcpt", "421 4.7.28 slow down", Outcome.DEFERRED, 421, True),
        ("rcpt", "450 4.2.2 full", Outcome.DEFERRED, 450, True),
        ("rcpt", "550 5.1.1 who?", Outcome.REJECTED, 550, True),
        ("rcpt", "354 what", Outcome.DEFERRED, 354, True),
        ("rcpt", "99 what", Outcome.DEFERRED, 0, True),
        ("rcpt", "what is this", Outcome.DEFERRED, 0, True),
        ("rcpt", abort(), Outcome.DEFERRED, 0, True),
        ("data", "421 4.7.28 slow down", Outcome.DEFERRED, 421, True),
        ("data", "451 4.3.0 later", Outcome.DEFERRED, 451, True),
        ("data", "554 5.7.1 no", Outcome.REJECTED, 554, True),
        ("data", "250 2.0.0 sure", Outcome.DEFERRED, 250, True),
        ("data", LOST, Outcome.DEFERRED, 0, True),
        ("data", MUTE, Outcome.DEFERRED, 0, True),
        ("dot", "251 2.1.5 forwarded", Outcome.ACCEPTED, 251, True),
        ("dot", "252 2.0.0 hm", Outcome.ACCEPTED, 252, True),
        ("dot", "421 4.7.28 slow down", Outcome.DEFERRED, 421, True),
        ("dot", "451 4.7.1 later", Outcome.DEFERRED, 451, True),
        ("dot", "550 5.7.1 spam", Outcome.REJECTED, 550, True),
        ("dot", "354 more", Outcome.UNKNOWN, 354, True),
        ("dot", "99 what", Outcome.UNKNOWN, 0, True),
        ("dot", "no SMTP at all", Outcome.UNKNOWN, 0, True),
        ("dot", LOST, Outcome.UNKNOWN, 0, True),
        ("dot", abort(), Outcome.UNKNOWN, 0, True),
        ("dot", MUTE, Outcome.UNKNOWN, 0, True),
    ],
    ids=str,
)
def test_every_answer(run, courier, stage, line, outcome, code, written):
    """Every answer keeps its stage, code and text, and only what went out after DATA can be unknown."""
    (attempt, after), mx = attempt_with(run, courier, {stage: [line]}, times=2, time_limits=QUICK)
    assert attempt.stage == stage
    assert attempt.outcome is outcome
    assert attempt.reply.code == code
    assert attempt.mail_written is written
    assert attempt.reply.text
    if isinstance(line, str) and code:
        head, _, text = line.partition(" ")
        assert str(attempt.reply) == line, (head, text)
    assert after.outcome is Outcome.ACCEPTED, "whatever happened, the next delivery gets through"
    assert mx.messages[-1].content == CONTENT


@pytest.mark.parametrize(
    ("stage", "line", "commands"),
    [
        ("mail", "550 5.7.1 no", ["MAIL", "MAIL"]),
        ("rcpt", "550 5.1.1 no", ["MAIL", "RCPT", "RSET", "MAIL"]),
        ("data", "451 4.3.0 no", ["MAIL", "RCPT", "DATA", "RSET", "MAIL"]),
        ("dot", "550 5.7.1 no", ["MAIL", "RCPT", "DATA", "MAIL"]),
    ],
)
def test_refusals_keep_the_connection(run, courier, stage, line, commands):
    """A refusal costs no connection: the next delivery uses the same one, after RSET where it is due."""
    attempts, mx = attempt_with(run, courier, {stage: [line]}, times=2)
    assert attempts[1].outcome is Outcome.ACCEPTED
    assert len(mx.connections) == 1
    seen = [command.split()[0] for command in mx.connections[0].commands[1:]]
    assert seen[: len(commands)] == commands


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_421_ends_the_connection(run, courier, stage):
    """After a 421 anywhere the connection is not used again."""
    _, mx = attempt_with(run, courier, {stage: ["421 4.7.28 slow down"]}, times=2)
    assert len(mx.connections) == 2


def test_helo_after_ehlo_is_refused(run, courier):
    """A server that knows no EHLO is spoken to with HELO, and gets no parameters."""
    (attempt,), mx = attempt_with(run, courier, {"ehlo": ["502 5.5.1 what?"]})
    assert attempt.outcome is Outcome.ACCEPTED
    commands = mx.connections[0].commands
    assert commands[:3] == [
        "EHLO mx1.sender.example",
        "HELO mx1.sender.example",
        "MAIL FROM:<a@sender.example>",
    ]


def test_multiline_reply(run, courier):
    """Of a reply of several lines each is kept, and the enhanced code is taken off each."""
    text = "550-5.1.1 no such user here\n550-5.1.1 try another\n550 5.1.1 see https://example.com"
    (attempt,), _ = attempt_with(run, courier, {"rcpt": [text]})
    assert attempt.reply.enhanced == "5.1.1"
    assert attempt.reply.text == "no such user here\ntry another\nsee https://example.com"


def test_given_back(run, courier):
    """Where begin gives the unit back, no MAIL is sent and the connection stays good."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            attempt = await courier.send(out, mx.route, None)
            commands = list(mx.connections[0].commands)
            await courier.send(out, mx.route)
            await out.close()
            return attempt, commands, mx

    attempt, commands, mx = run(main())
    assert (attempt.outcome, attempt.mail_written) == (Outcome.DEFERRED, False)
    assert commands == ["EHLO mx1.sender.example"]
    assert len(mx.connections) == 1


# Connections.


def test_connection_is_reused(run, courier):
    """Deliveries one after the other share a connection, and close says QUIT."""
    _, mx = attempt_with(run, courier, {}, times=20)
    assert len(mx.messages) == 20
    assert len(mx.connections) == 1
    assert mx.connections[0].commands[-1] == "QUIT"
    assert mx.open == 0


def test_messages_per_connection(run, courier):
    """After its number of messages a connection is closed politely."""
    limits = LaneLimits(connections=1, messages_per_connection=3)
    _, mx = attempt_with(run, courier, {}, times=7, limits=lambda lane: limits)
    counts = [sum(c.startswith("MAIL") for c in each.commands) for each in mx.connections]
    assert counts == [3, 3, 1]
    assert all(each.commands[-1] == "QUIT" for each in mx.connections)


@pytest.mark.parametrize("most", [1, 3])
def test_connections_of_a_lane(run, courier, most):
    """However many deliveries are made at once, a lane never holds more connections than it may."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport(limits=lambda lane: LaneLimits(connections=most, messages_per_connection=4))
            sends = (courier.send(out, mx.route, id=number) for number in range(30))
            attempts = await asyncio.gather(*sends)
            await out.close()
            return attempts, mx

    attempts, mx = run(main())
    assert all(attempt.outcome is Outcome.ACCEPTED for attempt in attempts)
    assert mx.open_max == most
    assert len(mx.messages) == 30


def test_fewer_connections_from_now_on(run, courier):
    """Where a lane may hold fewer connections than before, what is put aside goes before the next mail."""
    limits = {"most": 4}

    async def main():
        async with ScriptedProvider() as mx:
            out = transport(limits=lambda lane: LaneLimits(connections=limits["most"]))
            await asyncio.gather(*(courier.send(out, mx.route, id=number) for number in range(8)))
            before, seen = mx.open, []
            limits["most"] = 1

            async def one(number):
                attempt = await courier.send(out, mx.route, id=number)
                seen.append(mx.open)
                return attempt

            attempts = await asyncio.gather(*(one(number) for number in range(8, 20)))
            limits["most"] = 2
            mx.open_max = 0
            attempts += await asyncio.gather(*(one(number) for number in range(20, 30)))
            most_again = mx.open_max
            await out.close()
            return before, seen, attempts, most_again

    before, seen, attempts, most_again = run(main())
    assert before == 4
    assert seen[:12] == [1] * 12
    assert most_again == 2
    assert all(attempt.outcome is Outcome.ACCEPTED for attempt in attempts)


def test_limit_that_falls_while_all_are_talking(run, courier):
    """Conversations under way end in their own time, and what is too many then says goodbye at once."""
    limits = {"most": 3}

    async def main():
        async with ScriptedProvider(replies={"dot": [slow("250 2.0.0 Ok", 0.05)] * 3}) as mx:
            out = transport(limits=lambda lane: LaneLimits(connections=limits["most"]))
            sends = [asyncio.create_task(courier.send(out, mx.route, id=number)) for number in range(3)]
            while mx.open < 3:
                await asyncio.sleep(0.001)
            limits["most"] = 1
            await asyncio.gather(*sends)
            while mx.open > 1:
                await asyncio.sleep(0.001)
            kept = out.kept
            await out.close()
            return kept, len(mx.messages), [each.commands[-1] for each in mx.connections]

    assert run(main()) == (1, 3, ["QUIT"] * 3)


def test_lane_limit_counts_what_is_put_aside(run, courier):
    """A lane with one connection leaves one site before it goes to the next."""

    async def main():
        async with ScriptedProvider() as one, ScriptedProvider() as two:
            out = transport(limits=lambda lane: LaneLimits(connections=1))
            open_now = []
            for mx in (one, two, one, two):
                await courier.send(out, mx.route)
                open_now.append(out.kept)
            await out.close()
            return open_now, one.connections + two.connections

    open_now, connections = run(main())
    assert open_now == [1, 1, 1, 1]
    assert len(connections) == 4


def test_sites_of_other_have_limits_of_their_own(run, courier):
    """In the provider "other" strangers do not take each other's connections."""

    async def main():
        async with ScriptedProvider() as one, ScriptedProvider() as two:
            out = transport(limits=lambda lane: LaneLimits(connections=1))
            lane = LaneKey("127.0.0.2", "other")
            for mx, site in ((one, "one.example"), (two, "two.example")) * 2:
                await courier.send(out, mx.route, lane=lane, site=site)
            await out.close()
            return len(one.connections), len(two.connections)

    assert run(main()) == (1, 1)


def test_sources_do_not_share_connections(run, courier):
    """A delivery never leaves from another source's kept connection, nor under another EHLO name."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport()
            for address, ehlo in (
                ("127.0.0.2", "a.example"),
                ("127.0.0.3", "b.example"),
                ("127.0.0.2", "c.example"),
            ):
                await courier.send(out, mx.route, lane=LaneKey(address, "google"), ehlo=ehlo)
            await out.close()
            return [(message.peer, message.ehlo) for message in mx.messages]

    assert run(main()) == [("127.0.0.2", "a.example"), ("127.0.0.3", "b.example"), ("127.0.0.2", "c.example")]


def test_idle_connections_are_let_go(run, courier):
    """A connection that nobody uses is closed with QUIT after its idle time."""

    async def main():
        async with ScriptedProvider() as mx:
            out = transport(idle_s=0.05)
            await courier.send(out, mx.route)
            kept = out.kept
            async with asyncio.timeout(5):
                while mx.open:
                    await asyncio.sleep(0.01)
            return kept, out.kept, mx.connections[0].commands[-1]

    assert run(main()) == (1, 0, "QUIT")


def test_kept_connection_that_died(run, courier):
    """A kept connection that the server closed meanwhile costs no delivery."""

    async def main():
        async with ScriptedProvider({"mail": [None, hang_up()]}) as mx:
            out = transport()
            first = await courier.send(out, mx.route, id=1)
            second = await courier.send(out, mx.route, id=2)  # MAIL meets a closed door
            mx.hang_up()
            await asyncio.sleep(0.02)
            third = await courier.send(out, mx.route, id=3)
            await out.close()
            return [each.outcome for each in (first, second, third)], len(mx.messages)

    assert run(main()) == ([Outcome.ACCEPTED] * 3, 3)
    assert courier.began == 3


def test_no_second_mail_after_the_window(run, courier):
    """A kept connection that died at the window's end is not replaced: MAIL would come too late."""

    async def main():
        async with ScriptedProvider({"mail": [None, hang_up()]}) as mx:
            out = transport()
            await courier.send(out, mx.route)
            late = await courier.send(out, mx.route, window_ends_at=courier.clock.now() + 1_000_000)
            await out.close()
            return late, len(mx.connections)

    attempt, connections = run(main())
    assert (attempt.outcome, attempt.reply.code, attempt.mail_written) == (Outcome.DEFERRED, 0, True)
    assert connections == 1


def test_cancelled_delivery_leaves_no_half_spoken_connection(run, courier):
    """A delivery that is cancelled in the middle takes its connection with it."""

    async def main():
        async with ScriptedProvider({"rcpt": [slow("250 ok", 5)]}) as mx:
            out = transport()
            task = asyncio.create_task(courier.send(out, mx.route))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            attempt = await courier.send(out, mx.route)
            await out.close()
            return attempt.outcome, len(mx.connections)

    assert run(main()) == (Outcome.ACCEPTED, 2)


def test_early_refusal_of_long_content(run, courier):
    """A server that refuses long content before its end is heard, and not spoken to any more."""

    async def main():
        said = asyncio.Event()

        async def serve(reader, writer):
            writer.write(b"220 hi\r\n")
            for answer in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
                await reader.readline()
                writer.write(answer)
            await reader.readexactly(1_000)
            writer.write(b"552 5.3.4 too much\r\n")
            await writer.drain()
            await said.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        route = Route((Host("localhost", server.sockets[0].getsockname()[1], ("127.0.0.1",)),))
        out = transport()
        attempt = await courier.send(out, route, b"x" * 70 + b"\r\n" + b"y" * 30_000_000 + b"\r\n")
        said.set()
        kept = out.kept
        await out.close()
        server.close()
        return attempt, kept

    attempt, kept = run(main())
    assert (attempt.outcome, attempt.stage) == (Outcome.REJECTED, Stage.DOT)
    assert str(attempt.reply) == "552 5.3.4 too much"
    assert kept == 0


def test_server_that_stops_reading(run, courier):
    """A server that takes no more of long content is given up, and nobody knows what it kept."""

    async def main():
        done = asyncio.Event()

        async def serve(reader, writer):
            writer.write(b"220 hi\r\n")
            for answer in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
                await reader.readline()
                writer.write(answer)
            await done.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        route = Route((Host("localhost", server.sockets[0].getsockname()[1], ("127.0.0.1",)),))
        out = transport(time_limits=QUICK)
        attempt = await courier.send(out, route, b"y" * 30_000_000 + b"\r\n")
        done.set()
        await out.close()
        server.close()
        return attempt

    attempt = run(main())
    assert (attempt.outcome, attempt.stage, attempt.reply.code) == (Outcome.UNKNOWN, Stage.DOT, 0)


# Hosts and addresses.


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_next_host_and_next_address(run, courier):
    """A host that is down or refuses in its greeting is passed over for the next."""

    async def main():
        async with ScriptedProvider({"greeting": ["421 4.3.2 busy"]}) as busy, ScriptedProvider() as good:
            down = Host("down.example", free_port(), ("127.0.0.1", "127.0.0.9"))
            route = Route((down, busy.host, good.host))
            out = transport()
            attempt = await courier.send(out, route)
            await out.close()
            return attempt, len(busy.connections), len(good.messages)

    attempt, busy, good = run(main())
    assert (attempt.outcome, busy, good) == (Outcome.ACCEPTED, 1, 1)


def test_what_a_server_said_is_kept_over_what_nobody_said(run, courier):
    """Where no host will, the first answer with a code is reported, not the last silence."""

    async def main():
        async with ScriptedProvider({"greeting": ["554 5.7.1 your address is listed"]}) as rude:
            down = Host("down.example", free_port(), ("127.0.0.1",))
            attempt = await courier.send(transport(), Route((down, rude.host, down)))
            assert (attempt.outcome, attempt.stage) == (Outcome.REJECTED, Stage.GREETING)
            assert str(attempt.reply) == "554 5.7.1 your address is listed"
            attempt = await courier.send(transport(), Route((down,)))
            assert (attempt.outcome, attempt.stage, attempt.reply.code) == (
                Outcome.DEFERRED,
                Stage.CONNECT,
                0,
            )
            assert "refused" in attempt.reply.text
            assert not attempt.mail_written

    run(main())
    assert courier.began == 0


def test_private_targets_of_dns_are_not_dialled(run, courier):
    """An MX that leads to this machine or a private network is never connected to."""

    async def main():
        async with ScriptedProvider() as mx:

            async def lookup(name):
                return {"local.example": ("127.0.0.1",), "nat64.example": ("64:ff9b::7f00:1",)}[name]

            port = mx.host.port
            attempt = await courier.send(transport(lookup=lookup), Route((Host("local.example", port),)))
            assert (attempt.outcome, attempt.stage) == (Outcome.DEFERRED, Stage.CONNECT)
            assert "not reachable from the Internet" in attempt.reply.text
            attempt = await courier.send(transport(lookup=lookup), Route((Host("nat64.example", port),)))
            assert "no IPv4 address" in attempt.reply.text
            assert mx.connections == []
            out = transport(lookup=lookup, allow_private=True)
            attempt = await courier.send(out, Route((Host("local.example", port),)))
            assert attempt.outcome is Outcome.ACCEPTED
            await out.close()

    run(main())


def test_loopback_only(run, courier):
    """Under a clock that is not the system's nothing but loopback is dialled, whatever a route says."""
    with pytest.raises(UnavailableError, match="loopback"):
        run(courier.send(transport(loopback_only=True), Route((Host("mx.example", 25, ("192.0.2.1",)),))))
    assert courier.began == 0


def test_silent_address_is_given_up(run, courier):
    """A server that lets nobody in is given up after the time limit for connecting."""

    async def main():
        # A listener whose queue is full answers no SYN; it is the nearest thing to a firewall here.
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen(0)
            port = sock.getsockname()[1]
            crowd = [socket.socket() for _ in range(4)]
            for each in crowd:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            await asyncio.sleep(0.05)
            route = Route((Host("full.example", port, ("127.0.0.1",)),))
            attempt = await courier.send(transport(time_limits=QUICK), route)
            for each in crowd:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.close()
            return attempt

    attempt = run(main())
    assert (attempt.outcome, attempt.reply.code, attempt.mail_written) == (Outcome.DEFERRED, 0, False)


# TLS.


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_context(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def client_context(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("policy", "offered", "certificate", "sent", "encrypted"),
    [
        ("may", True, "other.example", True, True),
        ("may", False, "mx.example", True, False),
        ("never", True, "mx.example", True, False),
        ("require", True, "other.example", True, True),
        ("require", False, "mx.example", False, False),
        ("verify", True, "mx.example", True, True),
        ("verify", True, "other.example", False, False),
        ("verify", False, "mx.example", False, False),
    ],
)
def test_tls_policies(run, courier, authority, policy, offered, certificate, sent, encrypted):
    """Each policy encrypts, insists and verifies as it says, and never sends otherwise."""

    async def main():
        context = server_context(authority, certificate) if offered else None
        async with ScriptedProvider(tls=context, name="mx.example") as mx:
            out = transport(tls=policy, trust=client_context(authority))
            attempt = await courier.send(out, mx.route)
            again = await courier.send(out, mx.route)
            await out.close()
            return attempt, again, mx

    attempt, again, mx = run(main())
    assert (attempt.outcome is Outcome.ACCEPTED) is sent
    assert attempt.tls is encrypted
    assert [message.tls for message in mx.messages] == [encrypted] * (2 * sent)
    assert again.outcome is attempt.outcome
    if sent:
        assert len(mx.connections) == 1
    else:
        assert (attempt.stage, attempt.outcome) == (Stage.STARTTLS, Outcome.DEFERRED)
        assert not attempt.mail_written
        assert courier.began == 0


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", hang_up("220 2.0.0 Ready"), "220 2.0.0 Ready"])
def test_opportunistic_tls_falls_back(run, courier, authority, answer):
    """Where STARTTLS is offered and does not come about, "may" sends in clear and "require" does not."""

    async def main(policy):
        replies = {"ehlo": ["250-scripted.test\n250 STARTTLS"], "starttls": [answer]}
        async with ScriptedProvider(replies) as mx:  # it has no certificate at all
            out = transport(tls=policy, time_limits=attrs.evolve(QUICK, starttls=0.5))
            attempt = await courier.send(out, mx.route)
            await out.close()
            return attempt, mx

    attempt, mx = run(main("may"))
    assert (attempt.outcome, attempt.tls) == (Outcome.ACCEPTED, False)
    assert len(mx.messages) == 1
    attempt, mx = run(main("require"))
    assert (attempt.outcome, attempt.stage) == (Outcome.DEFERRED, Stage.STARTTLS)
    assert mx.messages == []


def test_what_comes_before_the_handshake_is_not_believed(run, courier, authority):
    """Lines that somebody slips in after STARTTLS in clear are not taken for the server's."""

    async def main():
        replies = {"starttls": [b"220 2.0.0 Ready\r\n250 2.1.0 injected\r\n"]}
        async with ScriptedProvider(replies, tls=server_context(authority, "localhost")) as mx:
            out = transport(tls="require")
            attempt = await courier.send(out, mx.route)
            await out.close()
            return attempt, mx

    attempt, mx = run(main())
    assert (attempt.outcome, attempt.tls) == (Outcome.ACCEPTED, True)
    assert [command.split()[0] for command in mx.connections[0].commands].count("EHLO") == 2


@given(st.text(max_size=3_000), st.integers(-5, 1_200))
def test_hostile_replies_become_records(text, code):
    """Any text and any code make a record: bounded, printable as UTF-8, with a code that SMTP knows."""
    from warmup.delivery.replies import read_reply

    reply = read_reply(code, text)
    assert reply.code == 0 or 200 <= reply.code <= 599
    assert len(reply.text) <= 2_000
    assert len(reply.enhanced) <= 10
    reply.text.encode("utf-8", "surrogatepass")
