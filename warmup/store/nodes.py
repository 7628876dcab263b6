"""One daemon a node name, and the witness that a database is what it says it is.

*Node.* A node's name is held by a lock that the operating system (SQLite: a lock on a file beside
the database) or the server (PostgreSQL: an advisory lock) drops when its holder dies, however it
dies. Two daemons under one name would each recover the other's mail.

*Witness.* A database that was restored from a backup, or copied, does not know what was sent
since: it would send again, and open allowances that are spent. So each start writes a fresh random
incarnation to the database first and then to a small file outside its folder, with the machine's
id and the ledger's running total, which follows while mail is sent. A database that is behind its
witness, a witness of another machine, or none though mail was sent: nothing is released until an
operator says ``warmup resume --after-restore``. (A snapshot of a whole machine brings the witness
back with the database; nothing inside the machine can notice that.)

A process can be killed between the two writes, so the database keeps the incarnation that its
witness showed before, and a witness that shows that one is right, too. The total counts what was
accepted, because that never falls: a unit that is held may be given back. Nodes that share a
database have an incarnation and a witness each.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import IO

import attrs
from sqlalchemy import Connection, text

from warmup.errors import StoreError, TemporaryError
from warmup.store.database import Database
from warmup.store.lanes import ledger_total
from warmup.store.opening import get_meta, set_meta

__all__ = ["ForeignDatabase", "Node", "Witness", "machine_id"]


def machine_id() -> str:
    """An id of this machine; empty where the system has none."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            return Path(path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def _safe(node: str) -> str:
    """A node's name as a part of a file's."""
    return hashlib.sha256(node.encode()).hexdigest()[:12]


class Node:
    """The right to release mail under a node's name, for the life of this object."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self._database = database
        self._file: IO[str] | None = None
        self._connection: Connection | None = None
        if database.is_sqlite:
            self._lock_file()
        else:
            self._lock_server()

    def _taken(self) -> TemporaryError:
        return TemporaryError(
            f"another warmup daemon runs on this database as node {self.name!r} "
            '(stop it, or give this one another name: node = "..." in [warmup])'
        )

    def _lock_file(self) -> None:
        path = self._database.path
        if path is None:  # a database in memory belongs to this process alone
            return
        lock = path.with_name(f"{path.name}.{_safe(self.name)}.lock")
        try:
            handle = lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{lock}: {error.strerror} (the folder of the database must be writable)"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise self._taken() from error
        self._file = handle

    def _lock_server(self) -> None:
        digest = hashlib.sha256(f"warmup node {self.name}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        connection = self._database.session()
        if not connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": number}).scalar():
            connection.close()
            raise self._taken()
        connection.commit()
        self._connection = connection

    def release(self) -> None:
        """Give the name up."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            # The lock belongs to the server's session; a pooled connection would keep it.
            self._connection.detach()
            self._connection.close()
            self._connection = None


@attrs.frozen(kw_only=True)
class _Testimony:
    machine: str
    incarnation: str
    total: int


class ForeignDatabase(TemporaryError):
    """A database is not the one that its witness knows: it was restored, copied, or taken elsewhere."""


class Witness:
    """The file outside the database's folder that remembers what the database should know."""

    def __init__(self, database: Database, folder: Path, machine: str, node: str) -> None:
        self._database = database
        self._machine = machine
        self._keys = f"incarnation of {node}", f"incarnation before of {node}"
        uuid = database.read(lambda connection: get_meta(connection, "uuid")) or "unknown"
        self.path = folder / f"witness-{uuid}-{_safe(node)}.json"

    def _read(self) -> _Testimony | None:
        try:
            data = json.loads(self.path.read_text("utf-8"))
            return _Testimony(
                machine=str(data["machine"]), incarnation=str(data["incarnation"]), total=int(data["total"])
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ForeignDatabase(
                f"the witness {self.path} cannot be read: {error} (see that it is as it was; if it is lost, "
                "check what was sent and run: warmup resume --after-restore)"
            ) from error

    def _write(self, testimony: _Testimony) -> None:
        temporary = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(attrs.asdict(testimony), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise StoreError(
                f"the witness {self.path} cannot be written: {error.strerror} "
                "(make state_dir in [warmup] writable)"
            ) from error

    def complaint(self) -> str | None:
        """Why this database must not release mail; None where all is well."""

        def job(connection: Connection) -> tuple[list[str | None], int]:
            return [get_meta(connection, key) for key in self._keys], ledger_total(connection)

        incarnations, total = self._database.read(job)
        seen = self._read()
        if seen is None:
            return None if total == 0 else f"it has sent mail, but its witness {self.path} is missing"
        if seen.machine != self._machine:
            return f"its witness {self.path} was written by another machine"
        if seen.incarnation not in incarnations:
            return f"its witness {self.path} has seen a later start of it: it is an older copy"
        if total < seen.total:
            return f"it remembers {total} deliveries, its witness {self.path} remembers {seen.total}"
        return None

    def begin(self, *, accept: bool = False) -> str:
        """Start a new incarnation and return it.

        Args:
            accept: An operator has said that the database is to be used as it is.

        Raises:
            ForeignDatabase: The database does not match its witness.
        """
        complaint = self.complaint() if not accept else None
        if complaint is not None:
            raise ForeignDatabase(
                f"nothing is released from {self._database.label}: {complaint} "
                "(a restored or copied database would send again: check what was sent, then run: "
                "warmup resume --after-restore)"
            )
        seen = self._seen_before()
        incarnation = secrets.token_hex(8)

        def job(connection: Connection) -> int:
            for key, value in zip(self._keys, (incarnation, seen), strict=True):
                set_meta(connection, key, value)
            set_meta(connection, "incarnation", incarnation)
            return ledger_total(connection)

        total = self._database.write(job)
        self._write(_Testimony(machine=self._machine, incarnation=incarnation, total=total))
        self._incarnation = incarnation
        return incarnation

    def _seen_before(self) -> str:
        try:
            seen = self._read()
        except ForeignDatabase:
            return ""  # an operator accepted the database without it
        return seen.incarnation if seen is not None else ""

    def check(self) -> None:
        """See that the witness is still this start's own.

        Raises:
            ForeignDatabase: It is gone, or a copy of the database was started on this machine since.
        """
        seen = self._read()
        if seen is None or seen.incarnation != self._incarnation:
            what = "is gone" if seen is None else "belongs to a later start of a copy of it"
            raise ForeignDatabase(
                f"{self._database.label} stops sending: its witness {self.path} {what} "
                "(two copies would send the same mail twice: keep one, then run: "
                "warmup resume --after-restore)"
            )

    def follow(self) -> None:
        """Write down how far the ledger has come.

        Raises:
            ForeignDatabase: The witness is another start's by now.
        """
        self.check()
        total = self._database.read(ledger_total)
        self._write(_Testimony(machine=self._machine, incarnation=self._incarnation, total=total))
