"""The line in front of a lane's connections."""

from __future__ import annotations

import asyncio

import pytest

from warmup.delivery.turns import Turns


async def stand(turns: Turns, name: int, inside: list[int], go: asyncio.Event) -> None:
    async with turns:
        inside.append(name)
        await go.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_first_come_first_served_and_never_more(run):
    """So many are inside at once, in the order of asking, whether the number falls or rises."""

    async def main() -> None:
        most = [2]
        turns = Turns(lambda: most[0])
        inside: list[int] = []
        gates = [asyncio.Event() for _ in range(7)]
        tasks = [asyncio.create_task(stand(turns, number, inside, gates[number])) for number in range(6)]
        await settle()
        assert inside == [0, 1]
        most[0] = 1
        gates[0].set()
        await settle()
        assert inside == [0, 1]
        gates[1].set()
        await settle()
        assert inside == [0, 1, 2]
        most[0] = 3
        tasks.append(asyncio.create_task(stand(turns, 6, inside, gates[6])))
        await settle()
        assert inside == [0, 1, 2, 3, 4]
        for gate in gates:
            gate.set()
        await asyncio.gather(*tasks)
        assert inside == [0, 1, 2, 3, 4, 5, 6]
        assert turns.idle

    run(main())


@pytest.mark.parametrize("called", [False, True])
def test_who_gives_up_holds_nobody_up(run, called):
    """Somebody who leaves the line, even at the moment of being called, does not keep a place."""

    async def main() -> None:
        turns = Turns(lambda: 1)
        inside: list[int] = []
        gate = asyncio.Event()
        first, second, third = (
            asyncio.create_task(stand(turns, number, inside, gate if number == 0 else asyncio.Event()))
            for number in range(3)
        )
        await settle()
        if called:
            gate.set()
            await asyncio.sleep(0)  # the first leaves and calls the second, which has not run yet
        second.cancel()
        gate.set()
        await settle()
        assert inside == [0, 2]
        third.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        assert turns.idle

    run(main())


def test_nobody_is_shut_out_for_good(run):
    """A number below one lets one through at a time."""

    async def main() -> None:
        turns = Turns(lambda: 0)
        async with turns:
            assert turns.taken == 1

    run(main())
