"""Tools for tests, ours and other people's.

A clock and a loop that jump, servers that follow a script, Hypothesis strategies, and conformance
suites for plugins. Nothing in the library imports it, so it may import anything.
``warmup.testing.strategies`` needs Hypothesis installed, and the rest does not.
"""

from __future__ import annotations

from warmup.testing.clocks import Chance, ScaledClock, SimulatedClock, SystemClock, at
from warmup.testing.conformance import check_curve, check_transport
from warmup.testing.loop import SimulatedLoop, Stuck, run
from warmup.testing.scripted import Connection, Received, ScriptedProvider, abort, hang_up, slow
from warmup.testing.worlds import check_world

__all__ = [
    "Chance",
    "Connection",
    "Received",
    "ScaledClock",
    "ScriptedProvider",
    "SimulatedClock",
    "SimulatedLoop",
    "Stuck",
    "SystemClock",
    "abort",
    "at",
    "check_curve",
    "check_transport",
    "check_world",
    "hang_up",
    "run",
    "slow",
]
