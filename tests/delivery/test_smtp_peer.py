"""Against a receiver that is not ours: Postfix's smtp-sink."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from contextlib import asynccontextmanager

import pytest

from warmup.contracts import Host, Route
from warmup.delivery.smtp import SmtpTransport
from warmup.model import LaneKey, LaneLimits, Outcome
from warmup.timing import SystemClock

SINK = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/lib/postfix/sbin")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(SINK is None, reason="smtp-sink is missing: apt-get install postfix brings it"),
]


@asynccontextmanager
async def sink(folder, *options):
    """A running smtp-sink that dumps each message into a file; yields a route to it."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    folder.chmod(0o777)
    process = await asyncio.create_subprocess_exec(
        SINK, "-u", "nobody", "-d", f"{folder}/m.", *options, f"inet:127.0.0.1:{port}", "100"
    )
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        yield Route((Host("localhost", port, ("127.0.0.1",)),))
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
def spool(tmp_path_factory):
    """A folder that smtp-sink, which drops its privileges, can write into."""
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix="warmup-sink-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def dumps(folder):
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_sources_content_and_reuse(run, courier, spool):
    """smtp-sink sees each source's address and name, the exact content, and few connections."""
    content = b"Message-ID: <1@sender.example>\r\n\r\n.\r\n..\r\n.x\r\n\xe4 8 bit\r\nend.\r\n"

    async def main():
        async with sink(spool) as route:
            out = SmtpTransport(SystemClock(), limits=lambda lane: LaneLimits(connections=2))
            attempts = await asyncio.gather(
                *(
                    courier.send(
                        out,
                        route,
                        content,
                        id=number,
                        eight_bit=True,
                        recipient=f"r{number}@example.com",
                        lane=LaneKey(f"127.0.0.{2 + number % 4}", "google"),
                        ehlo=f"mx{number % 4}.example",
                    )
                    for number in range(20)
                )
            )
            kept = out.kept
            await out.close()
            return attempts, kept

    attempts, kept = run(main())
    assert all(attempt.outcome is Outcome.ACCEPTED for attempt in attempts)
    assert kept <= 8
    # One file for each message (-d): headers of smtp-sink's own, then the content in line ends of files.
    bodies = dumps(spool)
    assert len(bodies) == 20
    stored = content.replace(b"\r\n", b"\n")
    peers = set()
    for body in bodies:
        assert stored in body
        peers.add((re.search(rb"X-Client-Addr: (\S+)", body)[1], re.search(rb"X-Helo-Args: (\S+)", body)[1]))
    assert peers == {(b"127.0.0.%d" % (2 + n), b"mx%d.example" % n) for n in range(4)}


@pytest.mark.parametrize(
    ("option", "stage", "outcome"),
    [
        (("-r", "rcpt"), "rcpt", Outcome.DEFERRED),
        (("-f", "rcpt"), "rcpt", Outcome.REJECTED),
        (("-r", "."), "dot", Outcome.DEFERRED),
        (("-q", "data"), "data", Outcome.DEFERRED),
        (("-q", "."), "dot", Outcome.UNKNOWN),
    ],
)
def test_refusals(run, courier, spool, option, stage, outcome):
    """smtp-sink's refusals and disconnections come back with their stage and their meaning."""

    async def main():
        async with sink(spool, *option) as route:
            out = SmtpTransport(SystemClock())
            attempt = await courier.send(out, route)
            await out.close()
            return attempt

    attempt = run(main())
    assert (attempt.stage, attempt.outcome) == (stage, outcome)


def test_no_ehlo(run, courier, spool):
    """A server that has no ESMTP at all is served by HELO."""

    async def main():
        async with sink(spool, "-e") as route:
            out = SmtpTransport(SystemClock())
            attempt = await courier.send(out, route)
            await out.close()
            return attempt

    assert run(main()).outcome is Outcome.ACCEPTED
