"""One daemon a name, and a database that is what it says it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_house import START, House, furnish

from warmup.errors import StoreError, TemporaryError
from warmup.model import Reply, Stage
from warmup.store import Database, Node, Witness, create_or_upgrade, get_meta
from warmup.timing import HOUR, SimulatedClock

HOLDER = """
import sys
from warmup.store import Database, Node
node = Node(Database(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    database = Database(database_url)
    create_or_upgrade(database, "simulated")
    yield furnish(database, SimulatedClock(START))
    database.close()


def url_of(house: House) -> str:
    return house.database.url.render_as_string(hide_password=False)


def test_a_second_daemon_is_refused(house: House) -> None:
    """A name is held once, other names are free, and what was given up may be taken again."""
    first = Node(house.database, "mx1")
    other = Database(url_of(house))
    with pytest.raises(TemporaryError, match="'mx1'") as refused:
        Node(other, "mx1")
    assert refused.value.exit_code == 75
    Node(other, "mx2").release()
    first.release()
    first.release()
    Node(other, "mx1").release()
    other.close()


def test_a_killed_daemon_holds_nothing(house: House) -> None:
    """``kill -9`` frees the name at once: nobody has to remove a lock by hand."""
    worker = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url_of(house), "mx1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout is not None and worker.stdout.readline() == "held\n"
        with pytest.raises(TemporaryError):
            Node(house.database, "mx1")
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
    for _ in range(200):  # the server notices within moments
        try:
            Node(house.database, "mx1").release()
            return
        except TemporaryError:
            continue
    pytest.fail("the name is still held")


# The witness


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def witness_of(house: House, state: Path, machine: str = "m1", node: str = "here") -> Witness:
    return Witness(house.database, state, machine, node)


def start(house: House, state: Path, **words: str) -> Witness:
    witness = witness_of(house, state, **words)
    witness.begin()
    return witness


def send(house: House, count: int) -> None:
    """Spend units: the middle of the day, and as much as it lets go."""
    house.submit(*[f"u{number}@gmail.com" for number in range(count)])
    house.clock.advance(12 * HOUR)
    assert house.send()


def refused(witness: Witness, match: str) -> None:
    """Nothing is released; an operator's word changes that."""
    with pytest.raises(TemporaryError, match=match) as error:
        witness.begin()
    assert error.value.exit_code == 75
    assert "warmup resume --after-restore" in str(error.value)
    witness.begin(accept=True)
    witness.begin()


def test_starts_follow_each_other(house: House, state: Path) -> None:
    """Each start is another incarnation, known to the database and to the witness."""
    names = [witness_of(house, state).begin() for _ in range(3)]
    assert len(set(names)) == 3
    path = witness_of(house, state).path
    assert json.loads(path.read_text())["incarnation"] == names[-1]
    assert house.database.read(lambda c: get_meta(c, "incarnation")) == names[-1]
    assert path.parent == state  # outside of the database's folder


def test_units_that_were_given_back_are_no_trouble(house: House, state: Path) -> None:
    """A crash after grants were given back is a crash like any other: the next start is not refused."""
    witness = start(house, state)
    house.submit("a@gmail.com", "b@gmail.com")
    house.clock.advance(12 * HOUR)
    grants = house.release()
    witness.follow()
    house.settle(grants, Reply(0, "", "connection refused"), Stage.CONNECT)

    assert witness_of(house, state).complaint() is None
    witness_of(house, state).begin()


def test_a_restored_file_is_not_trusted(tmp_path: Path, state: Path) -> None:
    """Yesterday's copy of the file in today's place would send again: it sends nothing."""
    path = tmp_path / "warmup.db"
    database = Database(f"sqlite:///{path}")
    create_or_upgrade(database, "simulated")
    house = furnish(database, SimulatedClock(START))
    start(house, state)
    database.write(lambda c: None)
    database.close()
    shutil.copy(path, tmp_path / "backup.db")

    database = Database(f"sqlite:///{path}")
    house = furnish(database, SimulatedClock(START))
    start(house, state)
    send(house, 3)
    database.close()
    for left in tmp_path.glob("warmup.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.db", path)

    database = Database(f"sqlite:///{path}")
    refused(witness_of(furnish(database, SimulatedClock(START)), state), "older copy|later start")
    database.close()


def test_a_ledger_that_lost_units_is_not_trusted(house: House, state: Path) -> None:
    """A backup from within the same start is told by what it does not remember."""
    witness = start(house, state)
    send(house, 3)
    witness.follow()
    house.database.write(lambda c: c.exec_driver_sql("UPDATE reservations SET state = 'voided'"))
    house.database.write(lambda c: c.exec_driver_sql("UPDATE windows SET used = 0, accepted = 0"))
    refused(witness_of(house, state), "remembers")


def test_another_machines_witness_is_not_trusted(house: House, state: Path) -> None:
    """A database that was carried to another machine together with its witness stays silent there."""
    start(house, state)
    refused(witness_of(house, state, machine="m2"), "another machine")


def test_a_lost_witness_is_not_made_up(house: House, state: Path) -> None:
    """Before anything was sent a missing witness is a first start; afterwards it is a question."""
    start(house, state)
    shutil.rmtree(state)
    start(house, state)
    send(house, 1)
    shutil.rmtree(state)
    refused(witness_of(house, state), "missing")


def test_a_damaged_witness_is_not_guessed_at(house: House, state: Path) -> None:
    """A witness that cannot be read is no witness; the operator's word makes a new one."""
    witness = start(house, state)
    witness.path.write_text("{")
    refused(witness_of(house, state), "cannot be read")


def test_two_copies_do_not_both_send(house: House, state: Path) -> None:
    """A copy that was started on the same machine takes the witness; the first one stops."""
    first = start(house, state)
    start(house, state)
    with pytest.raises(TemporaryError, match="later start of a copy"):
        first.follow()


def test_nodes_have_witnesses_of_their_own(house: House, state: Path) -> None:
    """Two machines that share a server do not take each other for restored copies."""
    first = start(house, state, node="here")
    second = start(house, state, machine="m2", node="there")
    first.follow()
    second.follow()
    assert first.path != second.path
    start(house, state, node="here")
    second.follow()


def test_a_witness_that_cannot_be_written_stops_the_start(house: House) -> None:
    """What cannot be recorded is not sent: exit code 74, and the mend."""
    with pytest.raises(StoreError, match="state_dir") as failed:
        witness_of(house, Path("/proc/warmup")).begin()  # a file system without room for anything
    assert failed.value.exit_code == 74


def test_a_crash_between_database_and_witness_is_a_start(
    house: House, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is written first: a power cut before the witness followed refuses nobody."""
    start(house, state)
    cut: Callable[..., None] = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(Witness, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            witness_of(house, state).begin()
    witness_of(house, state).begin()
