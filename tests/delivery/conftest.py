from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import attrs
import pytest

from warmup.contracts import Route
from warmup.model import Attempt, Grant, LaneKey
from warmup.timing import DAY, SystemClock

CONTENT = b"Message-ID: <1@sender.example>\r\n\r\nhello\r\n"


class Courier:
    """What a courier does around a transport: a grant, and begin."""

    def __init__(self) -> None:
        self.began = 0
        self.clock = SystemClock()

    def grant(self, **changes: Any) -> Grant:
        grant = Grant(
            id=1,
            lease=1,
            lane=LaneKey("127.0.0.2", "google"),
            window_ends_at=self.clock.now() + DAY,
            ehlo="mx1.sender.example",
            domain="example.com",
            site="example.com",
            sender="a@sender.example",
            recipient="b@example.com",
            message=1,
            size=len(CONTENT),
        )
        return attrs.evolve(grant, **changes)

    def begin(self, content: bytes | None = CONTENT) -> Callable[[], Awaitable[bytes | None]]:
        async def begin() -> bytes | None:
            self.began += 1
            return content

        return begin

    async def send(
        self, transport: Any, route: Route, content: bytes | None = CONTENT, **changes: Any
    ) -> Attempt:
        if content is not None:
            changes.setdefault("size", len(content))
        return await transport.deliver(self.grant(**changes), route, self.begin(content))


@pytest.fixture
def courier() -> Courier:
    return Courier()


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a real loop, with an end."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(30):
                return await main

        return asyncio.run(bounded())

    return run
