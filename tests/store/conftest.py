"""Fixtures of the tests of the store: databases of both kinds, and the engine that works on them."""

from __future__ import annotations

import sys
from pathlib import Path

# The real PostgreSQL, and the engine whose clock tests move, are those of the engine's own tests.
sys.path.append(str(Path(__file__).parents[1] / "engine"))

from engine_house import database_url, furnished, house, postgres

__all__ = ["database_url", "furnished", "house", "postgres"]
