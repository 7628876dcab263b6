"""Fixtures of the engine's tests; the tools themselves stand in ``engine_house``."""

from engine_house import database_url, furnished, house, postgres

__all__ = ["database_url", "furnished", "house", "postgres"]
