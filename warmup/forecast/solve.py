"""Questions the other way round: how many IPs for a volume, which start, how much can be promised.

A question about a volume takes it that lanes make a step each day: their caps are used, or the
ramp's clock is the calendar. Then caps depend on steps, IPs and target alone, and rise with each:

* with the step, because a curve never falls (what a curve promises), nor do its parts: the split
  among providers is house-monotone, and so is rounding a weekday's part down;
* with an IP's share, for the same reasons, the curve's own cap among them;
* with the number of IPs *of a fixed share*, because each adds its caps to the others'.

With more capacity on some days and less on none, mail that could keep its deadlines still does. So
halving is right for the step, for the target of a fixed number of IPs, and for the number of IPs at
the largest share that is of use. It is not right for the number of IPs that divide one target: two
thin lanes may carry less than one. There every number is tried, up to a bound.

Every answer is checked by running the plan forward.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from warmup.errors import PlanError
from warmup.forecast.binding import run_from, shortfall
from warmup.forecast.question import (
    WEEK,
    Answer,
    Binding,
    Frame,
    check_day,
    check_whole,
    mailing,
    many_ips,
    week_of,
)
from warmup.plan import Plan
from warmup.plan.build import TARGET_MAX
from warmup.plan.demand import Demand
from warmup.plan.formulas import STEP_MAX
from warmup.plan.halving import first_holding
from warmup.plan.mix import seats
from warmup.plan.sources import SOURCES_MAX

__all__ = [
    "SCAN_MAX",
    "how_many_ips",
    "most_on",
    "when_to_start",
]

SCAN_MAX = 200
"""IPs that are tried one by one where no shorter way is right."""

DEADLINE_MAX = 60

_DAY = timedelta(days=1)


def how_many_ips(frame: Frame, volume: int, by: date, start: date, deadline: int = 0) -> Answer:
    """The fewest IPs that send a volume a day from a day on.

    The volume is asked for on seven days, scaled by their weekday weights and not on days of rest. The
    plan's target may have to be above it: by a few, because parts are rounded, or by more, where a
    curve that scales with the share is still on its way.

    Args:
        frame: Curve, mix and calendar.
        volume: Deliveries a day, on a weekday with the full weight.
        by: The first day on which it shall go, in the plan's zone.
        start: The first day of the ramp.
        deadline: Whole days that each delivery may wait.

    Raises:
        PlanError: A figure is out of range, or nothing is sent on that day.
    """
    _check(frame, volume, by, start, deadline)
    wanted = week_of(frame, volume, by, deadline)
    share = frame.share(_last_step(frame, by, start, deadline))

    def works(ips: int, target: int) -> bool:
        return not run_from(frame.plan(target, ips, start), wanted, by, deadline).totals["overflow"]

    def carries(ips: int) -> bool:
        """Whether caps are enough where nothing may wait; a quick look before the plan is run."""
        if deadline:
            return True
        made = frame.plan(_rounded_up(frame, volume, ips), ips, start)
        sizes = {source.share: source.address for source in made.sources}
        counts = Counter(source.share for source in made.sources)
        return all(
            need
            <= sum(
                counts[size] * made.caps(address, max(1, frame.steps(start, on, provider)), on)[provider]
                for size, address in sizes.items()
            )
            for provider, row in wanted.streams[0].arrivals.items()
            for on, need in ((wanted.date_of(index), need) for index, need in enumerate(row))
        )

    if share is None:
        tried = range(1, min(SCAN_MAX, volume) + 1)
        found = next(
            (ips for ips in tried if carries(ips) and works(ips, _rounded_up(frame, volume, ips))), 0
        )
        least, most = 1, _rounded_up(frame, volume, found)
        if not found:
            return _no_ips(frame, volume, by, start, deadline, frame.plan(volume, 1, start), wanted)
    else:
        # What may wait is not what may pile up: the IPs together carry the volume itself.
        least, limit = -(-volume // share), min(SOURCES_MAX, TARGET_MAX // share)
        enough, open_ = _enough(frame, wanted, share, start, deadline)
        top = min(max(least, enough), limit)
        if not open_ or least > limit or (enough > limit and not works(limit, limit * share)):
            return _no_ips(frame, volume, by, start, deadline, frame.plan(top * share, top, start), wanted)
        found = first_holding(least, top, lambda ips: works(ips, ips * share))
        most = found * share
    target = first_holding(max(volume, found), max(most, volume, found), lambda target: works(found, target))
    made = frame.plan(target, found, start)
    if found == 1:
        binding = Binding(code="none", message="One IP is enough, and there is no smaller number.")
    elif share is not None and found == least and works(found - 1, (found - 1) * share):
        binding = _too_little(frame, volume, found - 1, share, f"with {many_ips(found - 1)}")
    else:
        fewer = frame.plan(target if share is None else (found - 1) * share, found - 1, start)
        binding = shortfall(frame, fewer, wanted, by, deadline, f"with {many_ips(found - 1)}")
    return Answer(
        question="ips",
        found=True,
        text=f"{many_ips(found)}, planned with --target {target}, send{'s' if found == 1 else ''} "
        f"{volume:,} a day from {by} on when {'it starts' if found == 1 else 'they start'} on {start}.",
        facts={
            "ips": found,
            "target": target,
            "volume": volume,
            "by": by.isoformat(),
            "start": start.isoformat(),
            "deadline": deadline,
        },
        binding=binding,
        plan=made,
        notes=_notes(frame, volume, target, found, start, wanted, by, deadline),
    )


def _too_little(frame: Frame, volume: int, ips: int, share: int, when: str) -> Binding:
    """What binds where mail can wait through the week that is asked about, but would pile up after it."""
    limited = share == frame.per_ip
    cause = "an IP shall carry no more" if limited else f"{frame.curve_name} gives an IP no more by then"
    return Binding(
        code="share" if limited else "curve",
        message=f"{when[:1].upper()}{when[1:]}, {ips * share:,} of {volume:,} can go a day, "
        f"{share:,} from each: {cause}.",
        have=ips * share,
        need=volume,
    )


def _enough(frame: Frame, wanted: Demand, share: int, start: date, deadline: int) -> tuple[int, bool]:
    """IPs of a share that send each day's mail on the first day within its deadline on which one can.

    Also whether there always is such a day; mail that has none is left out of the number.
    """
    one = frame.plan(share, 1, start)
    most, always = 1, True
    for stream in wanted.streams:
        for provider, row in stream.arrivals.items():
            caps = []
            for index in range(len(row) + deadline):
                on = wanted.date_of(index)
                caps.append(one.caps("ip-1", max(1, frame.steps(start, on, provider)), on)[provider])
            going = [0] * len(caps)
            for index, need in enumerate(row):
                if need:
                    day = next((day for day in range(index, index + deadline + 1) if caps[day]), None)
                    if day is None:
                        always = False
                    else:
                        going[day] += need
            most = max(most, *(-(-need // cap) for need, cap in zip(going, caps, strict=True) if cap), 1)
    return most, always


def _no_ips(
    frame: Frame, volume: int, by: date, start: date, deadline: int, most: Plan, wanted: Demand
) -> Answer:
    ips = len(most.sources)
    return Answer(
        question="ips",
        found=False,
        text=f"No number of IPs sends {volume:,} a day from {by} on with {frame.curve_name} from {start}.",
        facts={
            "ips": None,
            "target": None,
            "volume": volume,
            "by": by.isoformat(),
            "start": start.isoformat(),
            "deadline": deadline,
        },
        binding=shortfall(frame, most, wanted, by, deadline, f"with {many_ips(ips)}"),
        notes=(
            "Start earlier, or limit what an IP shall carry: then more of them can be asked for."
            if ips == 1
            else "Start earlier, or choose a curve that grows faster.",
        ),
    )


def when_to_start(frame: Frame, volume: int, on: date, ips: int, deadline: int = 0) -> Answer:
    """The latest first day with which a volume goes on a day and those after it.

    Args:
        frame: Curve, mix and calendar.
        volume: Deliveries a day, on a weekday with the full weight.
        on: The first day on which it shall go.
        ips: How many IPs start, all on the same day.
        deadline: Whole days that each delivery may wait.

    Raises:
        PlanError: A figure is out of range, or nothing is sent on that day.
    """
    _check(frame, volume, on, on, deadline)
    check_whole("ips", ips, SOURCES_MAX)
    wanted = week_of(frame, volume, on, deadline)
    earliest = max(on - STEP_MAX * _DAY, date(1970, 1, 2))
    share = frame.share(STEP_MAX)
    highest = _rounded_up(frame, volume, ips) if share is None else ips * share

    def works(start: date, target: int) -> bool:
        return not run_from(frame.plan(target, ips, start), wanted, on, deadline).totals["overflow"]

    facts: dict[str, object] = {"volume": volume, "on": on.isoformat(), "ips": ips, "deadline": deadline}
    if share is None and not works(earliest, highest):
        # Many IPs with a small part of a small provider may need a larger target than rounding explains.
        highest = first_holding(highest, TARGET_MAX, lambda target: works(earliest, target))
    if highest < max(volume, ips) or not works(earliest, highest):
        warm = frame.plan(max(highest, ips), ips, earliest)
        return Answer(
            question="start",
            found=False,
            text=f"{many_ips(ips)} cannot send {volume:,} a day on {on}, however early the ramp starts.",
            facts={"start": None, "target": None, **facts},
            binding=_too_little(frame, volume, ips, share, "even when warm")
            if share is not None and works(earliest, max(highest, ips))
            else shortfall(frame, warm, wanted, on, deadline, "even when warm"),
            notes=("More IPs carry more.",),
        )
    top = min(highest, TARGET_MAX)
    # A later start is a smaller number of steps: of the days counted back from the last one, the first
    # that works.
    back = first_holding(0, (on - earliest).days, lambda days: works(on - days * _DAY, top))
    start = on - back * _DAY
    target = first_holding(max(volume, ips), top, lambda target: works(start, target))
    late = frame.plan(top, ips, start + _DAY)
    if back:
        binding = shortfall(frame, late, wanted, on, deadline, "a day later")
    else:
        binding = Binding(code="none", message="The first day of the ramp carries it.")
    return Answer(
        question="start",
        found=True,
        text=f"Start on {start} at the latest, {_days(back)} before, with --target {target}.",
        facts={"start": start.isoformat(), "days_before": back, "target": target, **facts},
        binding=binding,
        plan=frame.plan(target, ips, start),
        notes=_notes(frame, volume, target, ips, start, wanted, on, deadline),
    )


def most_on(
    frame: Frame, on: date, start: date, ips: int, *, target: int | None = None, deadline: int = 0
) -> Answer:
    """The most that can be promised for a day: in all, and for each provider alone.

    The whole is split by the mix, so that one provider may bind it while others have room.

    Args:
        frame: Curve, mix and calendar.
        on: The day on which the mail is there.
        start: The first day of the ramp.
        ips: How many IPs.
        target: What they share once warm; without one, all that the curve gives them.
        deadline: Whole days after that day by whose end it has to be gone.

    Raises:
        PlanError: A figure is out of range, nothing is sent on that day, or the curve needs a target.
    """
    _check(frame, 1, on, start, deadline)
    check_whole("ips", ips, SOURCES_MAX)
    check_whole("target", target, TARGET_MAX)
    if target is None:
        share = frame.share(_last_step(frame, on, start, deadline))
        if share is None:
            raise PlanError.of(
                "target",
                f"missing: {frame.curve_name} grows with it",
                "say what the IPs shall carry once warm",
            )
        target = min(TARGET_MAX, ips * share)
    elif target < ips:
        raise PlanError.of("target", f"{target:,} a day is too little for {many_ips(ips)}", "raise it")
    made = frame.plan(target, ips, start)
    open_all = mailing(frame, TARGET_MAX, on, deadline)
    caps = {
        found.provider: sum(found.caps)
        for found in run_from(made, open_all, on, deadline, days=deadline + 1).providers
    }

    def fits(number: int) -> bool:
        parts = seats(number, frame.mix.weights)
        return all(part <= caps[name] for part, name in zip(parts, frame.mix.providers, strict=True))

    room = sum(caps.values())
    most = first_holding(1, room + 1, lambda number: not fits(number)) - 1
    over = seats(most + 1, frame.mix.weights)
    tight = [
        name for name, part in zip(frame.mix.providers, over, strict=True) if part > caps[name]
    ]  # the split is house-monotone: just one part rises with the whole
    short = mailing(frame, most + 1, on, deadline)
    binding = shortfall(frame, made, short, on, deadline, "with one more", only=tight[0])
    until = f" until {on + deadline * _DAY}" if deadline else ""
    return Answer(
        question="promise",
        found=most > 0,
        text=f"{most:,} on {on}{until}, split by the mix {frame.mix.name}.",
        facts={
            "most": most,
            "providers": caps,
            "sum": room,
            "on": on.isoformat(),
            "start": start.isoformat(),
            "ips": ips,
            "target": target,
            "deadline": deadline,
        },
        binding=binding,
        plan=made,
        notes=(f"Whatever the mix, the lanes hold {room:,}: {room - most:,} more for the others.",)
        if room > most
        else (),
    )


def _check(frame: Frame, volume: int, on: date, start: date, deadline: int) -> None:
    check_whole("volume", volume, TARGET_MAX)
    check_whole("deadline", deadline, DEADLINE_MAX, least=0)
    check_day(frame, "by", on)
    if start > on:
        raise PlanError.of("start", f"{start} is after {on}", "start on that day or before")
    if (on - start).days > STEP_MAX:
        raise PlanError.of("start", f"{start} is more than ten years before {on}", "start later")


def _last_step(frame: Frame, on: date, start: date, deadline: int) -> int:
    """The highest step that a lane reaches in the week that is asked about."""
    last = on + (WEEK - 1 + deadline) * _DAY
    return max(1, *(frame.steps(start, last, provider) for provider in frame.mix.providers))


def _rounded_up(frame: Frame, volume: int, ips: int) -> int:
    """A target above a volume by more than rounding can take from its parts."""
    return min(TARGET_MAX, volume + ips * (len(frame.mix.providers) + 1))


def _notes(
    frame: Frame, volume: int, target: int, ips: int, start: date, wanted: Demand, on: date, deadline: int
) -> tuple[str, ...]:
    """Why the target is above the volume, where it is."""
    if target == max(volume, ips):
        return ()
    less = shortfall(
        frame, frame.plan(target - 1, ips, start), wanted, on, deadline, f"with --target {target - 1}"
    )
    return (f"The target is above {volume:,} a day. {less.message}",)


def _days(number: int) -> str:
    return f"{number:,} day{'' if number == 1 else 's'}"
