"""Real processes of the command, real SMTP on loopback, and a receiver that remembers everything."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
import sqlalchemy as sa

from warmup.app import Warmup
from warmup.demo.receiver import Answer, Answered, Receiver

ENV = {"LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)


@attrs.frozen
class Arrival:
    """One message that the sink took in."""

    phase: int
    peer: str
    provider: str
    sender: str
    recipient: str
    message_id: str
    digest: str


class Sink:
    """Receives for several providers, each on an address of its own, and writes down what it saw.

    A delivery is known by its sender, which is its own: so its MAIL counts even where the connection
    died before RCPT.

    Args:
        providers: Names; ``NAME.example`` is the domain of each.
        answer: Asked at each stage (``mail``, ``rcpt``, ``dot``) with the sender; None: the usual reply.
        think_s: Seconds between the final dot and the reply.
    """

    def __init__(
        self,
        providers: Sequence[str],
        *,
        answer: Callable[[str, str], Answered | None] | None = None,
        think_s: float = 0.0,
    ) -> None:
        self._providers = tuple(providers)
        self._answer = answer or (lambda stage, sender: None)
        self.think_s = think_s
        self._servers: list[asyncio.Server] = []
        self._open: set[Receiver] = set()
        self.phase = 0
        self.routes: dict[str, str] = {}
        self.mails: Counter[tuple[int, str, str, str]] = Counter()
        self.arrivals: list[Arrival] = []
        self.thinking = 0
        self.seen = asyncio.Event()

    async def __aenter__(self) -> Sink:
        loop = asyncio.get_running_loop()
        for number, name in enumerate(self._providers, start=1):
            address = f"127.0.3.{number}"
            desk = _Desk(self, name)
            server = await loop.create_server(lambda desk=desk: Receiver(desk), address, 0, backlog=256)
            self._servers.append(server)
            self.routes[f"{name}.example"] = f"{address}:{server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for receiver in tuple(self._open):
            receiver.hang_up()
        await asyncio.sleep(0)

    def offered(self, phase: int) -> dict[tuple[str, str], set[str]]:
        """Distinct deliveries whose MAIL came in a phase, by peer and provider."""
        found: dict[tuple[str, str], set[str]] = {}
        for then, peer, provider, sender in self.mails:
            if then == phase:
                found.setdefault((peer, provider), set()).add(sender)
        return found

    def copies(self) -> Counter[str]:
        """How often each delivery arrived, by sender."""
        return Counter(arrival.sender for arrival in self.arrivals)

    async def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition about what was seen holds; whether it came to that."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self.seen.clear()
                    await self.seen.wait()
        except TimeoutError:
            return False
        return True


class _Desk:
    """One provider: implements the receiver's policy."""

    def __init__(self, sink: Sink, provider: str) -> None:
        self._sink = sink
        self._provider = provider

    def opened(self, receiver: Receiver) -> Answered:
        self._sink._open.add(receiver)
        return b"220 sink.test ESMTP\r\n"

    def closed(self, receiver: Receiver) -> None:
        self._sink._open.discard(receiver)

    def ehlo(self, receiver: Receiver, verb: bytes) -> Answered:
        return b"250-sink.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"

    def _reply(self, stage: str, receiver: Receiver, usual: bytes) -> Answered:
        said = self._sink._answer(stage, (receiver.sender or b"").decode())
        return usual if said is None else said

    def mail(self, receiver: Receiver) -> Answered:
        sink = self._sink
        sink.mails[sink.phase, receiver.peer[0], self._provider, (receiver.sender or b"").decode()] += 1
        sink.seen.set()
        return self._reply("mail", receiver, b"250 2.1.0 Ok\r\n")

    def rcpt(self, receiver: Receiver, recipient: bytes) -> Answered:
        return self._reply("rcpt", receiver, b"250 2.1.5 Ok\r\n")

    def data(self, receiver: Receiver) -> Answered:
        return b"354 Go ahead\r\n"

    def content(self, receiver: Receiver, content: bytes) -> Answered:
        sink = self._sink
        answered = self._reply("dot", receiver, b"250 2.0.0 Ok: taken\r\n")
        wire = answered if isinstance(answered, bytes) else answered.wire
        if not wire.startswith(b"2"):
            return answered
        found = _MESSAGE_ID.search(content)
        for recipient in receiver.recipients:
            sink.arrivals.append(
                Arrival(
                    phase=sink.phase,
                    peer=receiver.peer[0],
                    provider=self._provider,
                    sender=(receiver.sender or b"").decode(),
                    recipient=recipient.decode(),
                    message_id=found[1].decode() if found else "",
                    digest=hashlib.sha256(content).hexdigest(),
                )
            )
        sink.seen.set()
        return Answer(wire, delay_s=sink.think_s) if sink.think_s else answered

    def other(self, receiver: Receiver, verb: bytes, line: bytes) -> Answered:
        if verb == b"QUIT":
            return Answer(b"221 2.0.0 Bye\r\n", close=True)
        return b"250 2.0.0 Ok\r\n" if verb in (b"RSET", b"NOOP") else b"502 5.5.1 No\r\n"


@attrs.define
class Process:
    """A process of the command."""

    pid: int
    ended: asyncio.Future[int]

    def signal(self, number: int) -> None:
        """Send it a signal; nothing where it has ended already."""
        if not self.ended.done():
            os.kill(self.pid, number)


class Launcher:
    """Starts processes of the command quickly; see ``launcher.py``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pids: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}
        self.log = folder / "processes.log"

    async def __aenter__(self) -> Launcher:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("launcher.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **ENV},
        )
        self._reader = asyncio.create_task(self._read())
        assert await self._pids.get() == 0
        return self

    async def _read(self) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            facts = json.loads(line)
            if "ready" in facts:
                self._pids.put_nowait(0)
            elif "pid" in facts:
                self._ended[facts["pid"]] = asyncio.get_running_loop().create_future()
                self._pids.put_nowait(facts["pid"])
            else:
                self._ended.pop(facts["ended"]).set_result(facts["code"])

    async def start(self, *argv: str) -> Process:
        """Start ``warmup ARGV...``."""
        assert self._child.stdin is not None
        order = json.dumps({"argv": argv, "log": str(self.log)})
        self._child.stdin.write(order.encode() + b"\n")
        pid = await self._pids.get()
        return Process(pid, self._ended[pid])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()
        await self._reader


def toml(value: Any, prefix: str = "") -> str:
    """Write tables as TOML; enough for configurations of tests."""
    if not isinstance(value, Mapping):
        raise TypeError(value)
    lines = [f"{json.dumps(key)} = {_leaf(leaf)}" for key, leaf in value.items() if not _table(leaf)]
    text = "\n".join([f"[{prefix}]", *lines, ""]) if prefix and (lines or not value) else ""
    for key, leaf in value.items():
        if _table(leaf):
            text += toml(leaf, f"{prefix}.{json.dumps(key)}" if prefix else json.dumps(key))
    return text


def _table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _leaf(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else json.dumps(value)


def tables(folder: Path, database: str, providers: Mapping[str, float], **plan: Any) -> dict[str, Any]:
    """A configuration: two sources, providers on loopback, a scaled clock, and a plan."""
    return {
        "warmup": {"database": database, "state_dir": str(folder / "state"), "node": "here"},
        "clock": {"kind": "scaled", "start": "2026-12-01T00:00:00Z", "speed": 1800},
        "plan": {
            "target": 600,
            "curve": "linear:days=3",
            "start": "2026-12-01",
            "ramp": "calendar",
            "pattern": [0, 1, 1] + [0] * 21,
            "mix": dict(providers),
            **plan,
        },
        "sources": {"127.0.0.2": {"ehlo": "a.example.net"}, "127.0.0.3": {"ehlo": "b.example.net"}},
        "providers": {name: {"domains": [f"{name}.example"]} for name in providers},
        "delivery": {"tls": "never", "routes": {}},
    }


def write(path: Path, config: Mapping[str, Any]) -> None:
    """Write a configuration file."""
    path.write_text(toml(config), encoding="utf-8")


def queue_mail(wm: Warmup, counts: Mapping[str, int], *, size: int = 200) -> dict[str, int]:
    """Queue small messages, each with a sender of its own; delivery ids by sender."""
    submissions = []
    senders = []
    for provider, count in counts.items():
        for number in range(count):
            senders.append(f"b-{provider}-{number}@list.example.net")
            body = (f"Number {number} for {provider}. " * 40)[:size]
            content = (
                f"From: list@example.net\nTo: u{number}@{provider}.example\nSubject: {number}\n\n{body}\n"
            )
            submissions.append(
                wm.prepared(
                    content.encode(), sender=senders[-1], recipients=[f"u{number}@{provider}.example"]
                )
            )
    ids = wm.submit_many(submissions)
    return dict(zip(senders, (delivery for (delivery,) in ids), strict=True))


class Looker:
    """Looks into a database from outside, between the lives of its processes."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """The rows of a query."""
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text(statement), values))

    def sending(self) -> set[int]:
        """Deliveries in stage *sending*."""
        return {row[0] for row in self.rows("SELECT id FROM deliveries WHERE state = 'sending'")}
