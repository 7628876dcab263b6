"""Many small requests from coroutines, few calls in a thread: how commits are grouped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Generic, TypeVar

from warmup.timing import Clock

__all__ = ["AtOnce", "Batcher"]

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")
T = TypeVar("T")

BATCH_MAX = 256
"""Requests in one call: bounds how long the first waits for the last one's work."""


class AtOnce(Executor):
    """Runs work in the thread that asks for it.

    SQLite's driver hands the interpreter's lock over around every statement, and beside a busy event
    loop a thread waits for it each time: the same commits take a third longer in a thread of their
    own. A local commit stalls the loop for a millisecond or two, which SMTP does not notice.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run it now."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Batcher(Generic[I, R]):
    """Collects requests while a call is under way and hands them over together.

    Args:
        work: Takes requests, returns as many answers; runs in the executor's thread.
        executor: Where the work is done.
        clock: Told to stand still meanwhile.
        linger: Turns of the event loop for which a call waits for company, so that what arrived
            together is written together. No timer: a lone request waits microseconds.
    """

    def __init__(
        self, work: Callable[[Sequence[I]], Sequence[R]], executor: Executor, clock: Clock, linger: int
    ) -> None:
        self._work = work
        self._executor = executor
        self._clock = clock
        self._linger = linger
        self._waiting: list[tuple[I, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: I) -> R:
        """Hand over one request and wait for its answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = loop.create_task(self._flush())
        return await future

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                for _ in range(self._linger):
                    await asyncio.sleep(0)
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                items = [item for item, _ in batch]
                try:
                    with self._clock.busy():
                        answers = await loop.run_in_executor(self._executor, self._work, items)
                except Exception as error:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._task = None
