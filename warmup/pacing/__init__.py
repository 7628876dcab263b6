"""How fast within the day: the hours of a cap, and the instant at which each unit may go."""

from warmup.pacing.pace import Pace, burst
from warmup.pacing.spread import due, hours

__all__ = ["Pace", "burst", "due", "hours"]
