"""A line in front of a lane's connections: so many at once, first come first served.

How many may change at any time: a provider that asks for fewer connections is given fewer from the next
turn on, and nobody who has one is hurried.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType

__all__ = ["Turns"]


class Turns:
    """An asynchronous context manager that is entered by at most so many at once.

    Args:
        most: How many may be inside now; asked whenever it matters. Below 1 counts as 1: whoever has
            come this far is let through one at a time, and told no elsewhere.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._line: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def idle(self) -> bool:
        """Whether nobody is inside or in line."""
        return not (self.taken or self._line)

    async def __aenter__(self) -> Turns:
        if not self._line and self.taken < max(1, self._most()):
            self.taken += 1
            return self
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave()  # it was called at the same moment
            elif turn in self._line:
                self._line.remove(turn)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self.taken -= 1
        self._call()

    def _call(self) -> None:
        while self._line and self.taken < max(1, self._most()):
            turn = self._line.popleft()
            if not turn.cancelled():
                self.taken += 1
                turn.set_result(None)
