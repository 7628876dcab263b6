"""What every world has to keep, as a check that its own test suite can call.

It raises AssertionError with a sentence about what was broken, and needs no test framework::

    from warmup.testing import check_world
    check_world(mine.world)
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from warmup.contracts import Answer, Complaint, Receiver, Setting, World
from warmup.forecast.simulate import BLOCKED, DEFERRED, course
from warmup.model import Category
from warmup.timing import DAY, HOUR, MINUTE, Chance, Instant

__all__ = ["check_world"]

HOURS = range(8, 20)
GREYLIST_AGE = 30 * MINUTE


def check_world(
    world: World, *, targets: Iterable[int] = (300, 5_000), days: int = 20, seeds: Iterable[int] = (1, 2, 3)
) -> None:
    """Check a world against :class:`warmup.contracts.World` and :class:`warmup.contracts.Receiver`.

    Args:
        world: The world.
        targets: Targets to try, deliveries a day.
        days: How many days to live through.
        seeds: Which providers to draw.

    Raises:
        AssertionError: It broke a rule; the message says which.
    """
    assert isinstance(world, World), "a world has a name and the method begin()"
    assert isinstance(world.name, str), "a world's name is text"
    assert world.name.strip(), "a world has a name"
    assert world.name.isprintable(), "a world's name can be printed"
    assert isinstance(getattr(world, "summary", ""), str), "a world's summary is text"
    assert isinstance(getattr(world, "ranges", {}), Mapping), "a world's ranges are a mapping"
    for target in targets:
        setting = course(target, days).setting
        for seed in seeds:
            where = f"{world.name}, target {target}, seed {seed}"
            _check_draw(world, setting, Chance(seed), where)


def _check_draw(world: World, setting: Setting, chance: Chance, where: str) -> None:
    first, second = world.begin(setting, chance), world.begin(setting, chance)
    assert isinstance(first, Receiver), f"{where}: begin() returns an object with the method answer()"
    assert first is not second, f"{where}: begin() returned the same object twice; each run needs its own"
    # The same mail four times: in bulk, in bulk again, with little patience, and message by message.
    bulk = _live(first, setting, where, patience=1 << 30, most=1 << 30)
    again = _live(second, setting, where, patience=1 << 30, most=1 << 30)
    assert bulk == again, f"{where}: the same chance and the same mail were answered differently"
    hasty = _live(world.begin(setting, chance), setting, where, patience=3, most=1 << 30)
    assert bulk == hasty, f"{where}: what is answered depends on how patient the caller is"
    single = _live(world.begin(setting, chance), setting, where, patience=1, most=1)
    for day, (ours, theirs) in enumerate(zip(bulk, single, strict=True)):
        assert ours == theirs, (
            f"{where}: day {day} depends on how attempts are bundled: {ours} in bulk, {theirs} one by one"
        )
    _check_copy(world, setting, chance, where)


def _live(
    receiver: Receiver, setting: Setting, where: str, *, patience: int, most: int
) -> list[dict[str, int]]:
    """Send a growing volume; what was answered on each day. Every third hour, refused mail comes back."""
    found = []
    told = 0
    for day in range(setting.days):
        counts: dict[str, int] = {}
        volume = min(setting.target, 24 << min(day, 20)) // len(HOURS)
        for hour in HOURS:
            at = setting.start + day * DAY + hour * HOUR
            age = GREYLIST_AGE if hour % 3 == 0 else 0
            _ask(receiver, at, volume, age, patience, most, counts, where)
            told += _hear(receiver, at, setting, where)
        found.append(counts)
    accepted = sum(counts.get(Category.ACCEPTED, 0) for counts in found)
    told += _hear(receiver, setting.start + (setting.days + 365) * DAY, setting, where)
    assert told <= accepted, f"{where}: {told} complaints about {accepted} messages"
    if hasattr(receiver, "demand"):
        for day in range(setting.days):
            wanted = receiver.demand(day)
            assert type(wanted) is int, f"{where}: demand({day}) is {wanted!r}, no whole number"
            assert wanted >= 0, f"{where}: demand({day}) is {wanted}"
    return found


def _ask(
    receiver: Receiver,
    at: Instant,
    volume: int,
    age: int,
    patience: int,
    most: int,
    counts: dict[str, int],
    where: str,
) -> None:
    left = volume
    while left:
        asked = min(left, most)
        run = receiver.answer(at, asked, age, patience)
        assert isinstance(run, Answer), f"{where}: answer() returns an Answer, got {run!r}"
        attempts, category = run
        assert type(attempts) is int, f"{where}: {attempts!r} attempts is no whole number"
        assert 1 <= attempts <= asked, f"{where}: {attempts} of {asked} attempts were answered"
        assert isinstance(category, Category), f"{where}: {category!r} is no Category"
        assert category not in DEFERRED | BLOCKED or attempts <= patience, (
            f"{where}: {attempts} were refused in one run ({category}), with a patience of {patience}"
        )
        counts[category] = counts.get(category, 0) + attempts
        left -= attempts


def _hear(receiver: Receiver, now: Instant, setting: Setting, where: str) -> int:
    tell = getattr(receiver, "complaints", None)
    people = 0
    for complaint in () if tell is None else tell(now):
        assert isinstance(complaint, tuple), f"{where}: complaints() gives Complaint, got {complaint!r}"
        one = Complaint(*complaint)
        assert setting.start <= one.accepted_at <= now, (
            f"{where}: a complaint about a message of another time ({one.accepted_at})"
        )
        assert one.people >= 1, f"{where}: a complaint of {one.people} people"
        people += one.people
    return people


def _check_copy(world: World, setting: Setting, chance: Chance, where: str) -> None:
    """A copy goes its own way: an oracle looks ahead with it."""
    original, witness = world.begin(setting, chance), world.begin(setting, chance)
    half = setting.start + setting.days // 2 * DAY
    begun = Setting(start=setting.start, days=setting.days // 2, target=setting.target)
    _live_part(original, begun, where)
    _live_part(witness, begun, where)
    twin = copy.deepcopy(original)
    expected: dict[str, int] = {}
    _ask(witness, half + HOUR, setting.target, 0, 1 << 30, 1 << 30, expected, where)
    # The twin is pushed hard; what it learns must stay its own.
    _ask(twin, half, 3 * setting.target, 0, 1 << 30, 1 << 30, {}, where)
    found: dict[str, int] = {}
    _ask(original, half + HOUR, setting.target, 0, 1 << 30, 1 << 30, found, where)
    assert found == expected, (
        f"{where}: what was sent to a deepcopy changed the original: {found} instead of {expected}"
    )


def _live_part(receiver: Receiver, setting: Setting, where: str) -> None:
    for day in range(setting.days):
        for hour in HOURS:
            at = setting.start + day * DAY + hour * HOUR
            _ask(receiver, at, min(setting.target, 24 << min(day, 20)) // 12, 0, 1 << 30, 1 << 30, {}, where)
