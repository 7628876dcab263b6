"""Another way to the same answers: a quadratic programme, and trying everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import quadprog
from hypothesis import strategies as st

from warmup.plan.flows import Flow, flow_class
from warmup.plan.lateness import earliest

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


def least(case: Case, low: Sequence[int] | None = None, others: Sequence[int] | None = None) -> list[float]:
    """Solve one row as a quadratic programme."""
    count = len(case.weights)
    days = [day for day, weight in enumerate(case.weights) if weight]
    found = [0.0] * count
    if not days:
        return found
    beside = np.array([others[day] if others else 0 for day in days], float)
    weights = np.array([case.weights[day] for day in days], float)
    sums = np.array([[float(day <= end) for day in days] for end in range(count)])
    held = sums.any(axis=1)
    unit = np.eye(len(days))
    walls = np.vstack([sums[held], -sums[held], unit, -unit])
    bounds = np.concatenate(
        [
            np.array(case.lower, float)[held],
            -np.array(case.upper, float)[held],
            [low[day] if low else 0 for day in days],
            [-case.caps[day] for day in days],
        ]
    )
    answer = quadprog.solve_qp(np.diag(2 / weights), -2 * beside / weights, walls.T, bounds - SLACK)[0]
    for day, release in zip(days, answer, strict=True):
        found[day] = float(release)
    return found


def least_together(
    flows: Sequence[Flow], caps: Sequence[int], weights: Sequence[int], patience: int
) -> list[float] | None:
    """Solve several streams at once as a quadratic programme; None where not everything can be met."""
    count, many = len(caps), len(flows)
    rows: list[np.ndarray] = []
    bounds: list[float] = []
    for place, flow in enumerate(flows):
        curves = flow_class((flow,), count, patience)
        for day in range(count):
            sums = np.zeros(many * count)
            sums[place * count : place * count + day + 1] = 1
            rows += [sums, -sums]
            bounds += [curves.due[day], -curves.upper[day]]
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
