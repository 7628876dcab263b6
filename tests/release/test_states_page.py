"""The page of states is drawn from the tables in the code, and cannot fall behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs
import pytest

from warmup.model import DeliveryState, Lane, LaneKey, Standing, Window, WindowEvidence
from warmup.release.machine import FINAL, TABLE, Event
from warmup.reputation import judgement, standing
from warmup.reputation.policy import POLICY
from warmup.reputation.standing import IDLE_DAYS
from warmup.timing import DAY, HOUR

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "states.md"
NOW, LAST = 20_000 * DAY, 4


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def deliveries() -> str:
    """One row for each event, one column for each state that it can meet."""
    states = [state for state in DeliveryState if state not in FINAL]
    rows = [
        [f"`{event}`", *(f"`{TABLE[state][event]}`" if event in TABLE[state] else "" for state in states)]
        for event in Event
    ]
    return table(["event", *(f"`{state}`" for state in states)], rows)


def planned(step: int) -> int:
    return 100 * min(step, LAST)


def standings() -> str:
    """What each event makes of each standing, found out by asking."""
    lane = Lane(id=1, key=LaneKey("192.0.2.1", "google"), step=2, last_used_at=NOW)
    lanes = {
        Standing.RAMPING: lane,
        Standing.WARM: attrs.evolve(lane, standing=Standing.WARM, step=LAST),
        Standing.REDUCED: attrs.evolve(lane, standing=Standing.REDUCED, cap_limit=250),
        Standing.SUSPENDED: attrs.evolve(lane, standing=Standing.SUSPENDED, cap_limit=50, until=NOW),
        Standing.PAUSED: attrs.evolve(lane, standing=Standing.PAUSED, before_pause=Standing.RAMPING),
        Standing.COLD: attrs.evolve(lane, standing=Standing.COLD, step=1),
    }
    assert set(lanes) == set(Standing)

    def seen(one: Lane) -> WindowEvidence:
        window = Window(date(2026, 12, 1), NOW - DAY, NOW)
        return WindowEvidence(window=window, step=one.step, cap=100, attempted=100, accepted=100)

    def turned_away(one: Lane) -> standing.Adjustment:
        return judgement.refuse(one, seen(one), NOW, planned=planned, last_step=LAST, said="no")

    def closed(one: Lane) -> standing.Adjustment | None:
        return judgement.close(one, seen(one), (), NOW, last_step=LAST, planned=planned)

    def closed_at_the_end(one: Lane) -> standing.Adjustment | None:
        climbing = one.standing in (Standing.RAMPING, Standing.REDUCED)
        return closed(attrs.evolve(one, step=LAST - 1)) if climbing else closed(one)

    def idle(one: Lane) -> standing.Adjustment | None:
        return standing.idle(attrs.evolve(one, last_used_at=NOW - IDLE_DAYS * DAY), NOW)

    events: dict[str, Callable[[Lane], standing.Adjustment | None]] = {
        "a full window was used": closed,
        "the same, one step before the end": closed_at_the_end,
        "the provider turns the address away": turned_away,
        f"{POLICY.suspension // HOUR} hours later": lambda one: standing.wake(one, NOW),
        f"{IDLE_DAYS} idle days": idle,
        "`lane pause`": lambda one: standing.pause(one, ""),
        "`lane resume`": lambda one: standing.resume(one, NOW),
        "`lane reset`": lambda one: standing.reset(one, NOW, 1, LAST, ""),
    }
    rows = []
    for name, event in events.items():
        row = [name]
        for one in Standing:
            done = event(lanes[one])
            row.append("" if done is None or done.lane.standing is one else f"`{done.lane.standing}`")
        rows.append(row)
    return table(["event", *(f"`{one}`" for one in Standing)], rows)


@pytest.mark.parametrize(("name", "drawn"), [("deliveries", deliveries), ("standings", standings)])
def test_the_page_shows_what_the_code_does(name: str, drawn: Callable[[], str]) -> None:
    """Whoever reads the page reads the code's own tables."""
    page = PAGE.read_text("utf-8")
    found = re.search(rf"<!-- {name} -->\n\n(.*?)\n\n<!-- end -->", page, re.DOTALL)
    assert found is not None, f"{PAGE} has lost its mark {name}"
    assert found[1] == drawn(), f"put this between the marks of {name}:\n\n{drawn()}\n"


def test_every_word_is_explained() -> None:
    """Each state, event and standing has a row or a sentence of its own on the page."""
    page = PAGE.read_text("utf-8")
    for word in (*DeliveryState, *Event, *Standing):
        assert f"`{word}`" in page
