"""The store: SQLAlchemy Core, synchronous, on SQLite or PostgreSQL. The only room that speaks SQL."""

from sqlalchemy import Connection

from warmup.store import (
    admissions,
    domains,
    draws,
    findings,
    history,
    journal,
    lanes,
    queue,
    reports,
    retention,
    transfer,
)
from warmup.store.database import Database
from warmup.store.nodes import ForeignDatabase, Node, Witness, machine_id
from warmup.store.opening import HEAD, check, create_or_upgrade, get_meta, revision, set_meta

__all__ = [
    "HEAD",
    "Connection",
    "Database",
    "ForeignDatabase",
    "Node",
    "Witness",
    "admissions",
    "check",
    "create_or_upgrade",
    "domains",
    "draws",
    "findings",
    "get_meta",
    "history",
    "journal",
    "lanes",
    "machine_id",
    "queue",
    "reports",
    "retention",
    "revision",
    "set_meta",
    "transfer",
]
