"""The tables. Instants are microseconds UTC in 64-bit integers, states are lower-case words.

What stands where, and why:

* ``deliveries`` is the hot table: small rows, no content. A scan of the queue never touches
  ``bodies``, however large the attachments are; a body is stored once per message.
* ``windows`` is the ledger. Its rows are keyed by lane and window and never by the cap's value,
  so that no edit opens a fresh allowance. ``used`` counts units pending and posted; ``peak`` is
  the largest cap the window ever had, and the database itself refuses ``used > peak``.
* ``reservations`` say which delivery holds which unit: one row per window and delivery, so that
  a second attempt in the same window is free. ``ref`` is the delivery's id, or minus the id of
  the admission where a relay keeps its own queue.
* ``attempts`` and ``journal`` are what ``warmup explain`` reads back; ``evidence`` holds counts by
  lane, site and window, with their denominators.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "admissions",
    "attempts",
    "bodies",
    "counters",
    "deliveries",
    "domains",
    "evidence",
    "journal",
    "lane_sites",
    "lanes",
    "messages",
    "meta",
    "metadata",
    "reservations",
    "sources",
    "windows",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives a rowid only to a column spelled INTEGER, which holds 64 bits there.
Id = BigInteger().with_variant(Integer, "sqlite")
At = BigInteger

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("utf8", Boolean, nullable=False),
    Column("eight_bit", Boolean, nullable=False),
    Column("key", Text, unique=True),
    Column("submitted_at", At, nullable=False),
)

bodies = Table(
    "bodies",
    metadata,
    Column(
        "message", Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("content", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("provider", Text, nullable=False),
    # NULL until the resolver has named the site: nothing is reserved before that.
    Column("site", Text),
    Column("pool", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    # 100 - engagement: the most engaged come first in ascending order, like everything else.
    Column("rank", Integer, nullable=False),
    # A deadline far in the future stands for none, so that NULLs need no special order.
    Column("deadline", At, nullable=False),
    Column("state", Text, nullable=False),
    # When it is to be tried; once its state is final, when it ended.
    Column("due_at", At, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("first_attempt_at", At),
    Column("window", BigInteger),
    Column("pin_source", Text),
    Column("pin_until", At),
    Column("lease", BigInteger, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", At),
    # The next two are how fresh mail is drawn: most engaged first while a lane is ramping, by
    # deadline alone once it is warm.
    Index(
        "ix_deliveries_ramping",
        "pool",
        "provider",
        "priority",
        "rank",
        "deadline",
        "id",
        sqlite_where=text("state = 'queued' AND site IS NOT NULL"),
        postgresql_where=text("state = 'queued' AND site IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_warm",
        "pool",
        "provider",
        "priority",
        "deadline",
        "id",
        sqlite_where=text("state = 'queued' AND site IS NOT NULL"),
        postgresql_where=text("state = 'queued' AND site IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_retry",
        "pool",
        "provider",
        "due_at",
        "id",
        sqlite_where=text("state = 'deferred'"),
        postgresql_where=text("state = 'deferred'"),
    ),
    Index(
        "ix_deliveries_leased",
        "lease_until",
        sqlite_where=text("state IN ('leased', 'sending')"),
        postgresql_where=text("state IN ('leased', 'sending')"),
    ),
    Index(
        "ix_deliveries_unresolved",
        "domain",
        sqlite_where=text("site IS NULL AND state IN ('queued', 'deferred')"),
        postgresql_where=text("site IS NULL AND state IN ('queued', 'deferred')"),
    ),
    Index(
        "ix_deliveries_deadline",
        "deadline",
        sqlite_where=text("deadline < 9000000000000000000 AND state IN ('queued', 'deferred', 'held')"),
        postgresql_where=text("deadline < 9000000000000000000 AND state IN ('queued', 'deferred', 'held')"),
    ),
    Index("ix_deliveries_message", "message"),
)

domains = Table(
    "domains",
    metadata,
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("site", Text),
    Column("resolved_at", At),
    Column("failures", Integer, nullable=False),
    Column("retry_at", At, nullable=False),
    Column("trouble", Text, nullable=False),
    # Its provider or site is another than that which waiting mail was labelled with.
    Column("moved", Boolean, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("address", Text, primary_key=True),
    Column("down_until", At, nullable=False),
    Column("reason", Text, nullable=False),
)

lanes = Table(
    "lanes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cap_limit", BigInteger),
    Column("until", At),
    Column("before_pause", Text),
    Column("backoff_until", At, nullable=False),
    Column("backoff_reason", Text, nullable=False),
    Column("last_used_at", At),
    Column("note", Text, nullable=False),
    # What judgement has learned of the lane, as JSON: nothing is ever looked for inside it.
    Column("learned", Text, nullable=False, server_default=""),
    UniqueConstraint("source", "provider"),
)

lane_sites = Table(
    "lane_sites",
    metadata,
    Column(
        "lane", BigInteger, ForeignKey("lanes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("site", Text, primary_key=True),
    Column("until", At, nullable=False),
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
)

windows = Table(
    "windows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lane", BigInteger, ForeignKey("lanes.id"), nullable=False),
    Column("date", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("starts_at", At, nullable=False),
    Column("ends_at", At, nullable=False),
    Column("step", Integer, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("peak", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("tat", BigInteger, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),
    # How much of the cap goes, where days are to look alike; NULL: as much as the cap allows.
    Column("aim", BigInteger),
    UniqueConstraint("lane", "starts_at"),
    CheckConstraint("used >= 0 AND used <= peak", name="used"),
    CheckConstraint("starts_at < ends_at", name="length"),
    Index(
        "ix_windows_open",
        "lane",
        unique=True,
        sqlite_where=text("NOT closed"),
        postgresql_where=text("NOT closed"),
    ),
)

reservations = Table(
    "reservations",
    metadata,
    Column("window", BigInteger, ForeignKey("windows.id"), primary_key=True, autoincrement=False),
    Column("ref", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("reserved_at", At, nullable=False),
    Column("cap", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", BigInteger, nullable=False),
    Column("lane", BigInteger, nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("started_at", At, nullable=False),
    Column("ended_at", At, nullable=False),
    Column("stage", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("enhanced", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("applied", Boolean, nullable=False),
    Index("ix_attempts_ref", "ref"),
)

evidence = Table(
    "evidence",
    metadata,
    Column(
        "lane", BigInteger, ForeignKey("lanes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("site", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# What became of each sending domain's mail, for a week: trouble of a domain shows on many lanes.
sender_days = Table(
    "sender_days",
    metadata,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", BigInteger, primary_key=True, autoincrement=False),
    Column("domain", Text, primary_key=True),
    Column("attempted", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("deferred", BigInteger, nullable=False),
    Column("blocked", BigInteger, nullable=False),
    Column("invalid", BigInteger, nullable=False),
    Column("complained", BigInteger, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    # The reporter's own name of the event: reported twice, it counts once.
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("lane", BigInteger, nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("ref", BigInteger),
    Column("count", BigInteger, nullable=False),
    Column("occurred_at", At, nullable=False),
    Column("taken_at", At, nullable=False),
    Index("ix_reports_taken", "taken_at"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Text, nullable=False),
    # Whom it is about; empty: every source, every provider.
    Column("source", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("first_at", At, nullable=False),
    Column("last_at", At, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("ended_at", At),
    Index(
        "ix_findings_open",
        "code",
        "source",
        "provider",
        "domain",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", At, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lane", BigInteger),
    Column("ref", BigInteger),
    Column("text", Text, nullable=False),
    Index("ix_journal_lane", "lane", "id"),
    Index("ix_journal_ref", "ref", "id"),
)

admissions = Table(
    "admissions",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("relay_id", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("window", BigInteger),
    # The slot promised to a relay that was told to wait: the k-th asker holds the k-th free one.
    Column("slot_lane", BigInteger),
    Column("slot_at", At),
    Column("asked_at", At, nullable=False),
    Column("pin_source", Text),
    Column("pin_until", At),
    UniqueConstraint("relay_id", "recipient"),
    Index(
        "ix_admissions_slots",
        "slot_lane",
        "slot_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_admissions_granted",
        "window",
        sqlite_where=text("state = 'granted'"),
        postgresql_where=text("state = 'granted'"),
    ),
)
