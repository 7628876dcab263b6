"""Whether the clock can be believed.

A planner that trusts the wall clock sends day 30's volume on day 3 when the clock jumps. So the
engine compares how far its clock's wall time moved with how much time that clock saw pass. Where
the two differ by more than 15 minutes nothing is released until they agree again or an operator
accepts the new time. Across a restart nothing was seen to pass, so only a step back can be told:
wall time before the last instant the database has seen.
"""

from __future__ import annotations

from warmup.timing import MINUTE, Clock, Instant, Span, format_instant, format_span

__all__ = ["DRIFT_MAX", "ClockWatch"]

DRIFT_MAX: Span = 15 * MINUTE


class ClockWatch:
    """Compares wall time with elapsed time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seen_at: Instant = 0
        self.accept()

    def accept(self) -> None:
        """Believe the clock as it stands."""
        self._wall, self._elapsed = self._clock.now(), self._clock.elapsed()
        self.seen_at = 0

    def complaint(self) -> str | None:
        """Why the clock is not believed; None where it is."""
        now = self._clock.now()
        drift = (now - self._wall) - (self._clock.elapsed() - self._elapsed)
        if abs(drift) > DRIFT_MAX:
            way = "ahead of" if drift > 0 else "behind"
            return (
                f"wall time is {format_span(abs(drift))} {way} the time that passed "
                "(mend the clock, or run: warmup clock accept)"
            )
        if now < self.seen_at - DRIFT_MAX:
            return (
                f"it is {format_instant(now)}, before {format_instant(self.seen_at)}, which this database "
                "has seen already (mend the clock, or run: warmup clock accept)"
            )
        return None
