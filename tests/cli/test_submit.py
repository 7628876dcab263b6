"""``warmup submit``: what is printed is queued, and what is not taken is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from warmup.app import Warmup

ONE = b"From: a@b.example\nTo: x@gmail.com\nSubject: s\n\nbody\n"
BOX = b"".join(b"From a@b.example Tue Dec  1 00:00:00 2026\n" + ONE + b"\n" for _ in range(3))


def queued(site: Any) -> int:
    return sum(site.facts("status")["queue"].values())


def test_ids_one_a_recipient(site: Any) -> None:
    """Each message is a JSON line with its file, its ids and its Message-ID."""
    path = site.message("a.eml", "x@gmail.com", "y@yahoo.com")
    facts = site.facts("submit", path)
    assert facts["file"] == path
    assert facts["ids"] == [1, 2]
    assert facts["message_id"] == site.facts("queue", "show", "1")["message_id"]


def test_kinds_of_input(site: Any, tmp_path: Path) -> None:
    """An .eml, an mbox, a Maildir and standard input are all taken."""
    (tmp_path / "box").write_bytes(BOX)
    for part in ("new", "cur", "tmp"):
        (tmp_path / "dir" / part).mkdir(parents=True)
        (tmp_path / "dir" / part / "m").write_bytes(ONE)
    result = site.run(
        "submit", site.message("a.eml", "x@gmail.com"), str(tmp_path / "box"), str(tmp_path / "dir"), "-",
        input=ONE,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert queued(site) == 1 + 3 + 2 + 1
    assert "7 messages queued (7 deliveries)" in result.stderr


def test_envelope_options(site: Any) -> None:
    """Options say what the envelope and the queue shall hold, whatever the headers say."""
    args = (
        "--from",
        "<>",
        "--to",
        "u@gmail.com",
        "--to",
        "v@yahoo.com",
        "--stream",
        "bulk",
        "--engagement",
        "70",
    )
    site.submit("ignored@foo.example", args=(*args, "--deadline", "2h"))
    first, second = site.facts("queue", "list")
    assert [first["recipient"], second["recipient"]] == ["u@gmail.com", "v@yahoo.com"]
    assert (first["sender"], first["stream"], first["engagement"]) == ("", "bulk", 70)
    assert first["deadline"] is not None


def test_a_bad_message_stops_no_other(site: Any, tmp_path: Path) -> None:
    """Of five files three are wrong: two are queued, each other is named with its reason, exit 65."""
    (tmp_path / "empty.eml").write_bytes(b"")
    (tmp_path / "junk.eml").write_bytes(b"\x00\x01 nothing")
    good = [site.message(f"{n}.eml", "x@gmail.com") for n in range(2)]
    bad = [str(tmp_path / name) for name in ("empty.eml", "junk.eml", "gone.eml")]
    result = site.run("submit", good[0], *bad, good[1])
    assert result.exit_code == 65
    assert queued(site) == 2
    for name in bad:
        assert name in result.stderr
    assert "2 messages queued (2 deliveries), 3 refused" in result.stderr


def test_all_or_nothing(site: Any, tmp_path: Path) -> None:
    """With --all-or-nothing one bad message keeps all of them out."""
    (tmp_path / "empty.eml").write_bytes(b"")
    files = (site.message("a.eml", "x@gmail.com"), str(tmp_path / "empty.eml"))
    result = site.run("submit", "--all-or-nothing", *files)
    assert result.exit_code == 65
    assert "0 messages queued (0 deliveries), 1 refused" in result.stderr
    assert queued(site) == 0
    assert site.run("submit", "--all-or-nothing", files[0]).exit_code == 0
    assert queued(site) == 1


def test_a_key_makes_it_safe_to_repeat(site: Any) -> None:
    """The same key again: the same ids, the Message-ID that is queued, and nothing more in the queue."""
    path = site.message("a.eml", "x@gmail.com")
    first, again = (site.facts("submit", path, "--key", "order-1") for _ in range(2))
    assert first == again
    assert queued(site) == 1


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (("--key", "k", "FILE", "FILE"), 64, "--key"),
        (("--stream", "nope", "FILE"), 64, "bulk"),
        (("--engagement", "101", "FILE"), 64, "engagement"),
        (("--deadline", "soon", "FILE"), 64, "2h"),
        (("--deadline", "2026-12-02T00:00:00", "FILE"), 64, "offset"),
        (("--deadline", "2026-11-01T00:00:00Z", "FILE"), 64, "passed"),
        (("--to", "nobody", "FILE"), 65, "nobody"),
        (("-", "-"), 64, "twice"),
        ((), 64, "FILE"),
    ],
)
def test_refusals(site: Any, args: tuple[str, ...], code: int, word: str) -> None:
    """What cannot be used is refused before anything is queued, with its exit code and its mend."""
    path = site.message("a.eml", "x@gmail.com")
    result = site.run("submit", *(path if arg == "FILE" else arg for arg in args), input=ONE)
    assert result.exit_code == code, result.output
    assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert queued(site) == 0


def test_interrupt_says_what_was_queued(site: Any) -> None:
    """Ctrl-C in the middle of an endless mailbox: what was said to be queued is, and no more."""
    process = site.process("submit", "-")
    try:
        message = BOX.decode().partition("\n\nFrom ")[0] + "\n\n"
        process.stdin.write(message * 250)
        process.stdin.flush()
        told = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "interrupted: 200 messages queued" in errors
    assert "Traceback" not in errors
    assert queued(site) == 200
    assert told[-1] == "200  stdin:200\n"


def test_reader_that_leaves(site: Any, tmp_path: Path) -> None:
    """`warmup submit ... | head -1` queues everything all the same."""
    (tmp_path / "box").write_bytes(BOX)
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "warmup", "submit", str(tmp_path / "box")],
            stdout=write, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"3 messages queued (3 deliveries)\n")
    assert queued(site) == 3


def test_hostile_names_do_nothing(site: Any, tmp_path: Path) -> None:
    """A file's name and a message's content cannot act on the terminal."""
    path = tmp_path / "\x1b[2Jx.eml"
    path.write_bytes(b"\x1b[2J")
    result = site.run("submit", str(path))
    assert result.exit_code == 65
    assert "\x1b" not in result.stderr


def test_json_is_one_line_a_message(site: Any, tmp_path: Path) -> None:
    """A program can read the lines as they come."""
    (tmp_path / "box").write_bytes(BOX)
    result = site.run("submit", "--format", "json", str(tmp_path / "box"))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["ids"] for row in rows] == [[1], [2], [3]]
    assert [row["file"].rpartition(":")[2] for row in rows] == ["1", "2", "3"]


def test_interrupt_in_the_middle_of_a_commit(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a batch is on its way to the disk: it gets there, its ids are printed, then it ends."""
    commit = Warmup.submit_many

    def interrupted(self: Warmup, submissions: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return commit(self, submissions)

    monkeypatch.setattr(Warmup, "submit_many", interrupted)
    result = site.run("submit", site.message("a.eml", "x@gmail.com"))
    assert result.exit_code == 130
    assert result.stdout.startswith("1  ")
    assert "interrupted: 1 message queued (1 delivery)" in result.stderr
    assert queued(site) == 1
