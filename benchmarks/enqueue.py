"""How fast mail is queued durably, against bare ``sqlite3`` that writes the same rows, in one run.

Bare means: the standard library's driver, prepared parameters, the same tables and indexes, the same
``synchronous=FULL``, and nothing checked. Ours takes a message as bytes, checks it, and returns once
it is on disk. Rounds of both alternate; the median ratio is printed.

    python benchmarks/enqueue.py [--messages 3000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warmup.app import Warmup
from warmup.config import Config

BATCH = 50
CALLERS = 8


def message(number: int, size: int = 4096) -> bytes:
    head = (
        f"From: Sender <sender@example.net>\r\nTo: user{number}@gmail.com\r\nSubject: Message {number}\r\n"
        f"Message-ID: <{number}@example.net>\r\nDate: Tue, 01 Dec 2026 00:00:00 +0000\r\n\r\n"
    ).encode()
    line = b"The quick brown fox jumps over the lazy dog, and then it rests a while.\r\n"
    return head + line * ((size - len(head)) // len(line))


def warmup(folder: Path) -> Warmup:
    config = Config.from_dict(
        {
            "warmup": {"database": f"sqlite:///{folder / 'warmup.db'}", "state_dir": f"{folder}-state"},
            "plan": {"target": 1_000_000, "start": "2026-01-01"},
            "sources": {"127.0.0.2": {"ehlo": "mx.example.net"}},
        }
    )
    made = Warmup(config)
    made.upgrade()
    made.engine.resolved("gmail.com", ("gmail-smtp-in.l.google.com",))
    return made


class Bare:
    """The same rows through the standard library alone."""

    def __init__(self, folder: Path) -> None:
        warmup(folder).close()
        self.connection = sqlite3.connect(folder / "warmup.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.number = 0

    def insert(self, contents: list[bytes]) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        for content in contents:
            self.number += 1
            n = self.number
            execute(
                "INSERT INTO messages (id, message_id, sender, stream, subject, size, utf8, eight_bit, "
                "key, submitted_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (n, f"<{n}@example.net>", "sender@example.net", "default", f"Message {n}", len(content), 0, 0,
                 None, 1_790_000_000_000_000),
            )  # fmt: skip
            execute("INSERT INTO bodies (message, content) VALUES (?,?)", (n, content))
            execute(
                "INSERT INTO deliveries (id, message, recipient, domain, provider, site, pool, priority, "
                "rank, deadline, state, due_at, attempts, lease) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (n, n, f"user{n}@gmail.com", "gmail.com", "google", "l.google.com", "default", 5, 100,
                 9_000_000_000_000_000_000, "queued", 1_790_000_000_000_000, 0, 0),
            )  # fmt: skip
        execute("COMMIT")


def rate(count: int, work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def ours_one_by_one(wm: Warmup, contents: list[bytes]) -> None:
    for number, content in enumerate(contents):
        wm.submit(content, sender="sender@example.net", recipients=[f"user{number}@gmail.com"])


def ours_in_batches(wm: Warmup, contents: list[bytes]) -> None:
    for start in range(0, len(contents), BATCH):
        wm.submit_many(
            [
                wm.prepared(content, sender="sender@example.net", recipients=[f"user{number}@gmail.com"])
                for number, content in enumerate(contents[start : start + BATCH])
            ]
        )


def ours_from_threads(wm: Warmup, contents: list[bytes]) -> None:
    parts = [contents[number::CALLERS] for number in range(CALLERS)]
    threads = [threading.Thread(target=ours_one_by_one, args=(wm, part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def show(name: str, value: float, unit: str, against: str | None = None, ratio: float | None = None) -> None:
    line: dict[str, Any] = {"name": name, "value": round(value, 3), "unit": unit}
    if against is not None and ratio is not None:
        line |= {"against": against, "ratio": round(ratio, 3)}
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000, help="messages a round (default 2000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (default 5)")
    options = parser.parse_args()
    contents = [message(number) for number in range(options.messages)]
    few = contents[: options.messages // 2]
    rates: dict[str, list[float]] = {}

    def take(name: str, count: int, work: Callable[[], Any]) -> float:
        found = rate(count, work)
        rates.setdefault(name, []).append(found)
        return found

    with tempfile.TemporaryDirectory(prefix="warmup-bench-") as base:
        bare_folder, our_folder = Path(base) / "bare", Path(base) / "ours"
        bare_folder.mkdir()
        our_folder.mkdir()
        bare, wm = Bare(bare_folder), warmup(our_folder)
        single, batched, shared = [], [], []
        for _ in range(options.rounds):
            one = take("bare one by one", len(few), lambda: [bare.insert([c]) for c in few])
            single.append(take("one by one", len(few), lambda: ours_one_by_one(wm, few)) / one)
            shared.append(take(f"{CALLERS} callers", len(few), lambda: ours_from_threads(wm, few)) / one)
            many = take(
                f"bare batches of {BATCH}",
                len(contents),
                lambda: [bare.insert(contents[at : at + BATCH]) for at in range(0, len(contents), BATCH)],
            )
            mine = take(f"batches of {BATCH}", len(contents), lambda: ours_in_batches(wm, contents))
            batched.append(mine / many)
        wm.close()
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name in ("bare one by one", f"bare batches of {BATCH}"):
        show(f"enqueue, {name}", median[name], "messages/s")
    against = "bare sqlite3, same rows"
    show("enqueue, one by one", median["one by one"], "messages/s", against, statistics.median(single))
    show(
        f"enqueue, {CALLERS} callers one by one",
        median[f"{CALLERS} callers"],
        "messages/s",
        f"{against}, one by one",
        statistics.median(shared),
    )
    show(
        f"enqueue, batches of {BATCH}",
        median[f"batches of {BATCH}"],
        "messages/s",
        against,
        statistics.median(batched),
    )


if __name__ == "__main__":
    main()
