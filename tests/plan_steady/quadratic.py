"""Another way to the same answers: a quadratic programme, and trying everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import quadprog
from hypothesis import strategies as st

from warmup.plan.lateness import earliest
from warmup.plan.windows import Batch

SLACK = 1e-7
"""The solver wants an inside; where both walls meet there is none."""


class Case(NamedTuple):
    """One row to be smoothed; the lower curve is attainable."""

    lower: list[int]
    upper: list[int]
    weights: list[int]
    caps: list[int]


@st.composite
def cases(draw: st.DrawFn, days: int = 14, largest: int = 60, dips: bool = True) -> Case:
    """Rows with weekends, empty days, caps that dip and mail that has to go by the end."""
    count = draw(st.integers(1, days))
    row = st.lists(st.one_of(st.just(0), st.integers(0, largest)), min_size=count, max_size=count)
    arrivals = draw(row)
    deadline = draw(st.integers(0, 5))
    weights = draw(st.lists(st.sampled_from([0, 1, 2, 3, 7, 10]), min_size=count, max_size=count))
    if dips:
        cap = st.one_of(st.sampled_from([0, largest // 6, largest]), st.integers(0, 3 * largest))
        caps = draw(st.lists(cap, min_size=count, max_size=count))
    else:
        caps = [count * largest] * count
    held = [cap if weight else 0 for cap, weight in zip(caps, weights, strict=True)]
    upper = list(accumulate(arrivals))
    lower = ([0] * deadline + upper)[:count]
    lower[-1] = upper[-1]
    return Case(list(map(min, lower, earliest(upper, held))), upper, weights, held)


def least(case: Case, low: Sequence[int] | None = None) -> list[float]:
    """Solve one row as a quadratic programme."""
    count = len(case.weights)
    sums = [[float(day <= end) for day in range(count)] for end in range(count)]
    walls = [*zip(sums, case.lower, strict=True)]
    walls += [([-one for one in row], -most) for row, most in zip(sums, case.upper, strict=True)]
    return _solve(walls, case.weights, case.caps, low or [0] * count)


def least_in_runs(
    mail: Sequence[Batch], weights: Sequence[int], caps: Sequence[int], low: Sequence[int]
) -> list[float]:
    """Solve mail with windows: in each run of days goes what has its whole window there."""
    count = len(weights)
    walls = [([-1.0] * count, -sum(some for _, _, some in mail))]
    for begin in range(count):
        for end in range(begin, count):
            run = [float(begin <= day <= end) for day in range(count)]
            walls.append((run, sum(some for first, last, some in mail if begin <= first and last <= end)))
    return _solve(walls, weights, caps, low)


def _solve(
    walls: Sequence[tuple[list[float], int]], weights: Sequence[int], caps: Sequence[int], low: Sequence[int]
) -> list[float]:
    """Minimise the sum of r^2 / w; a wall is factors of the days' releases and what they are at least."""
    days = [day for day, weight in enumerate(weights) if weight]
    found = [0.0] * len(weights)
    if not days:
        return found
    unit = np.eye(len(days))
    rows = np.array([row for row, _ in walls])[:, days]
    bounds = np.array([bound for _, bound in walls], float)
    used = rows.any(axis=1)
    assert (bounds[~used] <= 0).all()
    answer = quadprog.solve_qp(
        np.diag([2 / weights[day] for day in days]),
        np.zeros(len(days)),
        np.vstack([rows[used], unit, -unit]).T,
        np.concatenate([bounds[used], [low[day] for day in days], [-caps[day] for day in days]]) - SLACK,
    )[0]
    for day, release in zip(days, answer, strict=True):
        found[day] = float(release)
    return found


def least_together(
    walls: Sequence[tuple[Sequence[int], Sequence[int]]], caps: Sequence[int], weights: Sequence[int]
) -> list[float] | None:
    """Solve several streams at once, each between walls of its own; None where no release keeps to them."""
    count, many = len(caps), len(walls)
    rows: list[np.ndarray] = []
    bounds: list[float] = []
    for place, (lower, upper) in enumerate(walls):
        for day in range(count):
            sums = np.zeros(many * count)
            sums[place * count : place * count + day + 1] = 1
            rows += [sums, -sums]
            bounds += [lower[day], -upper[day]]
    rows += list(np.eye(many * count))
    bounds += [0] * (many * count)
    for day in range(count):
        total = np.zeros(many * count)
        total[day::count] = 1
        rows.append(-total)
        bounds.append(-caps[day])
    prices = np.kron(np.ones((many, many)), np.diag(2 / np.array(weights, float)))
    try:
        answer = quadprog.solve_qp(
            prices + 1e-5 * np.eye(many * count),
            np.zeros(many * count),
            np.array(rows).T,
            np.array(bounds, float) - SLACK,
        )[0]
    except ValueError:
        return None
    totals: list[float] = answer.reshape(many, count).sum(axis=0).tolist()
    return totals


def schedules(lower: Sequence[int], upper: Sequence[int], caps: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every whole release between two curves and under the caps."""

    def go(day: int, gone: int, row: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if day == len(caps):
            yield row
            return
        for release in range(max(0, lower[day] - gone), min(caps[day], upper[day] - gone) + 1):
            yield from go(day + 1, gone + release, (*row, release))

    yield from go(0, 0, ())
