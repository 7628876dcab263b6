"""Where a delivery may go from where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmup.errors import IllegalTransition
from warmup.model import DeliveryState
from warmup.release.machine import FINAL, TABLE, WAITING, Event, move

PAIRS = [(state, event) for state in DeliveryState for event in Event]


def test_the_table_is_whole() -> None:
    """Every state is in the table, every event is used, and nothing leads out of a final state."""
    assert set(TABLE) == set(DeliveryState)
    assert {event for arrows in TABLE.values() for event in arrows} == set(Event)
    assert {"sent", "bounced", "expired", "cancelled"} == FINAL
    assert all(not TABLE[state] for state in FINAL)
    assert {"queued", "deferred"} == WAITING


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_move(state: DeliveryState, event: Event) -> None:
    """A move is in the table, or it is refused by name and the table is as it was."""
    if event in TABLE[state]:
        assert move(state, event) is TABLE[state][event]
        return
    with pytest.raises(IllegalTransition, match=rf"{state}.*{event}"):
        move(state, event)


def test_the_table_cannot_be_changed() -> None:
    """Nobody adds an arrow at run time."""
    with pytest.raises(TypeError):
        TABLE[DeliveryState.SENT] = {}  # type: ignore[index]


def test_sending_is_reached_only_through_a_lease() -> None:
    """MAIL goes out only for a delivery that holds a unit and a claim; every wait leads there."""
    into = [state for state, arrows in TABLE.items() if DeliveryState.SENDING in arrows.values()]
    assert into == [DeliveryState.LEASED]
    into = [state for state, arrows in TABLE.items() if DeliveryState.LEASED in arrows.values()]
    assert set(into) == WAITING


def test_every_state_reaches_an_end() -> None:
    """From anywhere there is a way to a final state, and every state can be reached."""
    for start in DeliveryState:
        seen, edge = {start}, [start]
        while edge:
            for state in TABLE[edge.pop()].values():
                if state not in seen:
                    seen.add(state)
                    edge.append(state)
        assert seen & FINAL
        if start is DeliveryState.QUEUED:
            assert seen == set(DeliveryState)


@given(events=st.lists(st.sampled_from(list(Event)), max_size=30))
def test_final_states_stay(events: list[Event]) -> None:
    """Whatever happens in whatever order, once a delivery has come to its end it stays there."""
    state, ended = DeliveryState.QUEUED, None
    for event in events:
        try:
            state = move(state, event)
        except IllegalTransition:
            continue
        assert ended is None
        ended = state if state in FINAL else None
