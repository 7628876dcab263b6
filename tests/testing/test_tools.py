"""The other tools: strategies, the scripted provider, the conformance suites."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given

from warmup.contracts import Host, Route
from warmup.model import PARTS, Attempt, Grant, LaneKey, Outcome, Reply, Stage
from warmup.pacing import hours
from warmup.testing import ScriptedProvider, check_curve, check_transport
from warmup.testing import strategies as given_by
from warmup.timing import DAY, HOUR

GRANT = Grant(id=1, lease=1, lane=LaneKey("127.0.0.2", "google"), window_ends_at=DAY)
ROUTE = Route((Host("nowhere.example"),))


@given(given_by.addresses(), given_by.addresses(quoted=True, utf8=True))
def test_addresses(plain, wild):
    """Plain addresses are ASCII without a quote; all have one domain under a reserved name."""
    assert plain.isascii()
    assert '"' not in plain
    for address in (plain, wild):
        assert re.search(r"@[a-z0-9.-]+\.(example|test|com|net)$", address)
        assert not re.search(r"[\x00-\x1f\x7f]", address)


@given(given_by.contents())
def test_contents(content):
    """Contents have CRLF line ends, end in one, and carry a Message-ID."""
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert content.endswith(b"\r\n")
    assert content.startswith(b"Message-ID: <")


@given(given_by.windows(), given_by.shapes())
def test_windows_and_shapes(window, shape):
    """Windows are 0 or 21 to 27 hours long; a shape's hours hold the whole of any cap."""
    assert window.length in (0, *(n * HOUR for n in range(21, 28)))
    assert shape.parts(shape.edges[-1]) == PARTS
    assert sum(hours(shape, 1_000)) == 1_000


@given(given_by.lane_keys(), given_by.zones(), given_by.instants())
def test_lanes_zones_instants(lane, zone, instant):
    """Lanes can be read back from their text, zones exist, instants are integers."""
    import zoneinfo

    assert LaneKey.parse(str(lane)) == lane
    assert zoneinfo.ZoneInfo(zone)
    assert type(instant) is int


def test_script_with_a_mistake():
    """A script that names no stage is refused at once."""
    with pytest.raises(ValueError, match="no such stages: rctp"):
        ScriptedProvider({"rctp": ["550 no"]})


def test_pipelined_commands_and_split_dots():
    """The receiver takes commands in one piece or octet by octet, and finds the end in either."""
    wire = (
        b"EHLO a\r\nMAIL FROM:<a@b> SIZE=3\r\nRCPT TO:<c@d>\r\nDATA\r\n"
        b"..\r\n...x\r\n\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<e@f>\r\nDATA\r\n.\r\nRCPT TO:<x@y>\r\nQUIT\r\n"
    )

    async def main(step):
        async with ScriptedProvider(extensions=[]) as mx:
            reader, writer = await asyncio.open_connection("127.0.0.1", mx.host.port)
            for start in range(0, len(wire), step):
                writer.write(wire[start : start + step])
                await asyncio.sleep(0)
            answer = await reader.read()
            writer.close()
            return [line[:3] for line in answer.split(b"\r\n")], mx.messages

    for step in (1, 2, 3, 7, len(wire)):
        codes, messages = asyncio.run(main(step))
        assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"250", b"250", b"354", b"250",
                         b"503", b"221", b""]  # fmt: skip
        assert [message.content for message in messages] == [b".\r\n..x\r\n\r\n", b""]
        assert [message.mail_from for message in messages] == ["a@b", ""]
        assert messages[0].mail_parameters == ("SIZE=3",)


class Faulty:
    """A transport with one fault."""

    def __init__(self, fault):
        self.fault = fault

    async def deliver(self, grant, route, begin):
        content = await begin()
        if self.fault == "begins twice":
            await begin()
        sent = content is not None or self.fault == "sends what was given back"
        return Attempt(
            stage=Stage.RCPT if self.fault == "accepts at RCPT" else Stage.DOT,
            reply=Reply(99 if self.fault == "odd code" else 250 if sent else 0, "", "ok"),
            outcome=Outcome.ACCEPTED if sent else Outcome.DEFERRED,
            mail_written=sent,
            started_at=2 if self.fault == "ends before it starts" else 1,
            ended_at=1,
        )

    async def close(self):
        if self.fault == "cannot be closed":
            raise RuntimeError("no")


@pytest.mark.parametrize(
    "fault",
    [
        "begins twice",
        "sends what was given back",
        "accepts at RCPT",
        "odd code",
        "ends before it starts",
        "cannot be closed",
    ],
)
def test_the_suite_finds_faulty_transports(fault):
    """A transport with a fault does not pass, and one without does."""
    asyncio.run(check_transport(lambda: Faulty(""), GRANT, ROUTE))
    with pytest.raises((AssertionError, RuntimeError)):
        asyncio.run(check_transport(lambda: Faulty(fault), GRANT, ROUTE))


class Line:
    """A curve of so many more a day, with a fault or without."""

    name = "line"

    def __init__(self, fault=""):
        self.fault = fault

    def cap(self, step, share):
        if self.fault == "falls" and step == 50:
            return 0
        if self.fault == "float":
            return min(share, step * 1.0)
        return step * 10 if self.fault == "exceeds" else min(share, step * 10)

    def hourly(self, step, share):
        return -1 if self.fault == "hourly" else None


@pytest.mark.parametrize("fault", ["falls", "float", "exceeds", "hourly"])
def test_the_suite_finds_faulty_curves(fault):
    """A curve with a fault does not pass, and one without does."""
    check_curve(Line(), parse=lambda name: Line())
    with pytest.raises(AssertionError):
        check_curve(Line(fault))
