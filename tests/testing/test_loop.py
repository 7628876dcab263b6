"""The loop that jumps when all is idle, and only then."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from warmup.testing import SimulatedClock, Stuck, at, run
from warmup.timing import DAY, HOUR, MICROSECOND, SECOND

START = at("2026-12-01")


@pytest.fixture
def clock():
    return SimulatedClock(START)


def test_weeks_pass_in_no_time(clock):
    """A program that sleeps for eight weeks is done at once, and its clock says eight weeks."""
    began = time.monotonic()

    async def main():
        for day in range(1, 57):
            await clock.sleep_until(START + day * DAY)
            assert clock.now() == START + day * DAY

    run(main(), clock)
    assert clock.elapsed() == 56 * DAY
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_order_and_on_the_microsecond(clock):
    """Each sleeper wakes at its own instant, in the order of the instants."""
    wanted = [START + span for span in (1 * MICROSECOND, 7, 1_000_001, HOUR, HOUR + 1, 30 * DAY + 3)]
    woken = []

    async def sleep(instant):
        await clock.sleep_until(instant)
        woken.append((instant, clock.now()))

    async def main():
        await asyncio.gather(*map(sleep, reversed(wanted)))

    run(main(), clock)
    assert woken == [(instant, instant) for instant in wanted]


def test_loop_time_is_elapsed_time(clock):
    """Sleeps and time limits of asyncio run on the clock, and a moved wall clock does not touch them."""

    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3)
        clock.jump(-5 * HOUR)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await loop.create_future()
        return loop.time()

    assert run(main(), clock) == 10
    assert clock.now() == START + 10 * SECOND - 5 * HOUR


def test_wake_ends_a_sleep(clock):
    """A sleeper that is woken goes on at once, without the rest of its sleep having passed."""

    async def main():
        wake = asyncio.Event()
        asyncio.get_running_loop().call_later(60, wake.set)
        await clock.sleep_until(START + DAY, wake)

    run(main(), clock)
    assert clock.elapsed() == 60 * SECOND


def test_a_thread_takes_no_time(clock):
    """While a thread is at work no time passes, however soon the next timer is due."""

    async def main():
        ticks = asyncio.create_task(tick())
        before = clock.now()
        assert await asyncio.to_thread(lambda: time.sleep(0.2) or 42) == 42
        after = clock.now()
        ticks.cancel()
        return after - before

    async def tick():
        while True:
            await asyncio.sleep(3600)

    assert run(main(), clock) == 0


def test_a_reply_over_loopback_takes_no_time(clock):
    """A conversation over TCP inside busy() takes no time; days of timers wait for it."""

    async def echo(reader, writer):
        while line := await reader.readline():
            # A slow server: its answer is on its way in real time, and nothing here is ready.
            await asyncio.to_thread(time.sleep, 0.001)
            writer.write(line)
        writer.close()

    async def main():
        asyncio.get_running_loop().call_later(1, lambda: None)
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        before = clock.now()
        with clock.busy():
            for number in range(200):
                writer.write(b"%d\n" % number)
                async with asyncio.timeout(1):
                    assert await reader.readline() == b"%d\n" % number
        after = clock.now()
        writer.close()
        server.close()
        return after - before

    assert run(main(), clock) == 0


def test_a_foreign_process_takes_no_time(clock):
    """The same with a peer that this loop knows nothing of: a thread with a socket of its own."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        sock, _ = listener.accept()
        with sock:
            while data := sock.recv(100):
                time.sleep(0.002)
                sock.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def main():
        with clock.busy():
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            for _ in range(50):
                writer.write(b"x\n")
                async with asyncio.timeout(1):
                    await reader.readline()
            writer.close()

    run(main(), clock)
    thread.join()
    listener.close()
    assert clock.elapsed() == 0


def test_deadlock_says_so(clock):
    """A program that waits for something nobody will do ends with an error, not with silence."""

    async def main():
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="deadlock"):
        run(main(), clock)


def test_a_timer_inside_busy_says_so(clock):
    """Sleeping inside busy() cannot end, and the error says why."""

    async def main():
        with clock.busy():
            await asyncio.sleep(1)

    with pytest.raises(Stuck, match="stands still"):
        run(main(), clock, patience_s=0.2)
    assert clock.elapsed() == 0


def test_a_foreign_thread_may_still_wake_it(clock):
    """With nothing in flight that the loop knows of, a thread that calls in is waited for a moment."""

    async def main():
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        timer = threading.Timer(0.1, lambda: loop.call_soon_threadsafe(event.set))
        timer.start()
        await event.wait()
        timer.join()

    run(main(), clock)
    assert clock.elapsed() == 0


def test_same_run_twice(clock):
    """Two runs of one program live through the same instants."""

    async def main(clock):
        seen = []

        async def worker(number):
            for _ in range(20):
                await asyncio.sleep(0.1 * number)
                seen.append((number, clock.now()))

        await asyncio.gather(*map(worker, range(1, 6)))
        return seen

    first, second = SimulatedClock(START), SimulatedClock(START)
    assert run(main(first), first) == run(main(second), second)


@pytest.mark.parametrize("text", ["2026-12-01", "2026-12-01 00:00", "2026-12-01T01:00+01:00"])
def test_at(text):
    """Instants are written as dates, in UTC unless an offset is given."""
    assert at(text) == START
