"""How strategies fare in the shipped worlds: the tables of docs/explanation/simulation.md.

    python benchmarks/simulate.py [--draws N] [--days N] [--target N]... [--world NAME]...
                                  [--strategy NAME]... [--format markdown|json] [--known FILE]

``--format json`` prints a line for each run. ``--known FILE`` takes such lines and does not make those
runs again, but for those of the engine's own judgement: after that was changed, only it is run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from warmup.forecast.contest import ORACLE, Measures, Score, draw_of, measure, summed
from warmup.forecast.finding import world_of
from warmup.forecast.oracle import oracle
from warmup.forecast.simulate import course, run
from warmup.forecast.strategies import strategy_of
from warmup.forecast.worlds import WORLDS

OURS = "ours"
STRATEGIES = (OURS, "naive", "earned", "ses", "sendgrid", "sparkpost", "mailtrap")
Key = tuple[str, str, int, int, int, int]
"""World, strategy, target, days, seed, draw."""


def runs(chosen: argparse.Namespace, known: dict[Key, Measures]) -> Iterator[tuple[Key, Measures]]:
    """Every run that was asked for, made or known."""
    for target in chosen.target:
        laid = course(target, chosen.days, seed=chosen.seed)
        for name in chosen.world:
            world = world_of(name)
            for draw in range(chosen.draws):
                chance = draw_of(world, target, chosen.seed, draw)
                for strategy in (ORACLE, *chosen.strategy):
                    key = (name, strategy, target, chosen.days, chosen.seed, draw)
                    if key in known and strategy != OURS:
                        yield key, known[key]
                    elif strategy == ORACLE:
                        yield key, measure(oracle(laid, world, chance), target)
                    else:
                        receiver = world.begin(laid.setting, chance)
                        track = run(laid, receiver, strategy_of(strategy)(laid), strategy)
                        yield key, measure(track, target)


def read(path: str) -> dict[Key, Measures]:
    """Runs that were made before."""
    found = {}
    for line in Path(path).read_text("utf-8").splitlines():
        row = json.loads(line)
        key = tuple(row.pop(name) for name in ("world", "strategy", "target", "days", "seed", "draw"))
        found[key] = Measures(**row)
    return found  # type: ignore[return-value]


def row(key: Key, found: Measures) -> dict[str, Any]:
    names = ("world", "strategy", "target", "days", "seed", "draw")
    return dict(zip(names, key, strict=True)) | attrs.asdict(found)


def day(reached: float | None) -> str:
    return "never" if reached is None else f"{reached:g}"


def ours(scores: dict[tuple[int, str, str], Score], chosen: argparse.Namespace) -> Iterator[str]:
    """The engine's own judgement, measure by measure."""
    yield "| world | target | delivered | friction | blocked days | 90 % on day | oracle's | false alarms |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for world in chosen.world:
        for target in chosen.target:
            one = scores[target, world, OURS]
            yield (
                f"| {world} | {target:,} | {100 * one.delivered:.1f} % | {100 * one.friction:.2f} % "
                f"| {one.blocked_days} | {day(one.days_to_90)} | {day(one.oracle_days)} "
                f"| {one.false_alarms:g} |"
            )


def compared(
    scores: dict[tuple[int, str, str], Score], chosen: argparse.Namespace, target: int
) -> Iterator[str]:
    """What each strategy delivers, with its friction."""
    yield f"| {target:,} a day | {' | '.join(chosen.strategy)} |"
    yield f"|---|{'--:|' * len(chosen.strategy)}"
    for world in chosen.world:
        cells = []
        for strategy in chosen.strategy:
            one = scores[target, world, strategy]
            cells.append(f"{100 * one.delivered:.0f} / {100 * one.friction:.1f}")
        yield f"| {world} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare strategies in worlds.")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", type=int, action="append")
    parser.add_argument("--world", action="append")
    parser.add_argument("--strategy", action="append")
    parser.add_argument("--format", choices=("markdown", "json"), default="markdown")
    parser.add_argument("--known", metavar="FILE")
    chosen = parser.parse_args()
    chosen.target = chosen.target or [300, 20_000]
    chosen.world = chosen.world or [*WORLDS]
    chosen.strategy = chosen.strategy or [*STRATEGIES]
    known = read(chosen.known) if chosen.known else {}
    grouped: dict[tuple[int, str, str], list[Measures]] = {}
    for key, found in runs(chosen, known):
        world, strategy, target = key[:3]
        grouped.setdefault((target, world, strategy), []).append(found)
        if chosen.format == "json":
            print(json.dumps(row(key, found)), flush=True)
    if chosen.format == "json":
        return
    scores = {
        (target, world, strategy): summed(
            world, strategy, target, chosen.days, found, grouped[target, world, ORACLE]
        )
        for (target, world, strategy), found in grouped.items()
    }
    print(f"{chosen.draws} providers of each world, {chosen.days} days; medians.\n")
    if OURS in chosen.strategy:
        print("\n".join(ours(scores, chosen)))
    for target in chosen.target:
        print("\n" + "\n".join(compared(scores, chosen, target)))


if __name__ == "__main__":
    main()
