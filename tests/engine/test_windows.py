"""Windows follow each other, whatever zone the plan speaks of next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warmup.engine.windows import WINDOW_MIN, next_window
from warmup.plan.calendar import window_at
from warmup.testing.strategies import zones
from warmup.timing import DAY, HOUR

START = 20_000 * DAY


@given(
    begin=st.integers(0, 10_000 * DAY),
    story=st.lists(st.tuples(zones(), st.integers(0, 60 * HOUR)), min_size=1, max_size=12),
)
def test_windows_never_overlap(begin: int, story: list[tuple[str, int]]) -> None:
    """However the zone is edited: each holds the present, begins after the last, and is a day long."""
    now, last_end = START + begin, None
    for zone, passed in story:
        window = next_window(zone, now, last_end)
        if last_end is not None and now < last_end:
            assert window is None or window.starts_at >= last_end
        if window is not None:
            assert last_end is None or window.starts_at >= last_end
            assert window.starts_at <= now < window.ends_at
            plain = window_at(zone, now)
            assert window.ends_at == plain.ends_at or window.length >= WINDOW_MIN
            assert 0 < window.length <= 48 * HOUR
            last_end = window.ends_at
        now += passed


@given(zone=zones(), at=st.integers(0, 10_000 * DAY), back=st.integers(1, 40 * DAY))
def test_a_closed_window_is_never_opened_again(zone: str, at: int, back: int) -> None:
    """A clock put back finds no window until the last one's end has passed."""
    first = next_window(zone, START + at, None)
    assert first is not None
    earlier = first.ends_at - back
    again = next_window(zone, earlier, first.ends_at)
    assert again is None
    after = next_window(zone, first.ends_at, first.ends_at)
    assert after is not None and after.starts_at == first.ends_at
