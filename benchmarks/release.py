"""Release and deliver, all laws on, against a bare loop over aiosmtplib and against Postfix, in one run.

Messages of 4 KiB with one recipient each go to a sink in another process over the same number of
connections. The bare loop calls aiosmtplib's ``mail``, ``rcpt`` and ``data`` with ready bytes and
keeps nothing. Ours reserves, leases, marks, sends, records, all durably. Postfix drains a queue of
its own that was held; it is skipped where it is not installed (then the sink is Python's, too).
What each promises after a crash differs: Postfix syncs a file a message and logs every delivery.

    python benchmarks/release.py [--messages 2000] [--connections 20] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import aiosmtplib
from enqueue import message, show

from warmup.app import Warmup
from warmup.config import Config
from warmup.timing import SystemClock, to_datetime

HOST = "127.0.0.1"
POSTFIX_LIMIT_S = 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


@contextmanager
def sink(port: int) -> Iterator[str]:
    """A sink in another process: Postfix's own where it is installed."""
    binary = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is not None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command, name = [binary, *user, "-c", f"{HOST}:{port}", "1000"], "smtp-sink"
        command.remove("-c")  # its counter would write to the terminal
    else:
        command, name = [sys.executable, __file__, "--sink", str(port)], "the Python sink"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield name
    finally:
        process.terminate()
        process.wait()


async def serve_sink(port: int) -> None:
    """Take everything and keep nothing."""
    from warmup.demo.world import SimulatedProvider, World

    world = World(SystemClock(), providers=[SimulatedProvider("sink", host=HOST, port=port)], keep="none")
    async with world:
        await asyncio.Event().wait()


async def bare(port: int, contents: list[bytes], connections: int) -> float:
    """The loop that does nothing but send."""
    work = iter(list(enumerate(contents)))
    clients = [
        aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False, source_address=("127.0.0.2", 0))
        for _ in range(connections)
    ]
    for client in clients:
        await client.connect()

    async def send(client: aiosmtplib.SMTP) -> None:
        for number, content in work:
            await client.mail("sender@example.net")
            await client.rcpt(f"user{number}@gmail.com")
            await client.data(content)

    started = time.perf_counter()
    await asyncio.gather(*(send(client) for client in clients))
    took = time.perf_counter() - started
    for client in clients:
        await client.quit()
    return len(contents) / took


def ours(port: int, contents: list[bytes], connections: int, folder: Path) -> float:
    """The engine with a durable queue: from the first release to the last recorded outcome."""
    yesterday = to_datetime(SystemClock().now()) - timedelta(days=1)
    config = Config.from_dict(
        {
            "warmup": {"database": f"sqlite:///{folder / 'warmup.db'}", "state_dir": f"{folder}-state"},
            "plan": {
                "target": 1_000_000_000,
                "curve": f"table:{_table(folder)}",
                "start": yesterday.date().isoformat(),
                "pattern": "flat",
                "mix": {"google": 0.9, "other": 0.1},
            },
            "sources": {"127.0.0.2": {"ehlo": "mx.example.net", "warm": True}},
            "delivery": {"routes": {"*": f"{HOST}:{port}"}, "tls": "never", "connections": connections},
            "providers": {"google": {"connections": connections, "messages_per_connection": 10_000}},
        }
    )
    wm = Warmup(config)
    wm.upgrade()
    wm.engine.resolved("gmail.com", ())
    wm.submit_many(
        [
            wm.prepared(content, sender="sender@example.net", recipients=[f"user{number}@gmail.com"])
            for number, content in enumerate(contents)
        ]
    )
    first = last = 0.0
    count = 0

    def settled(*_: object) -> None:
        nonlocal first, last, count
        last = time.perf_counter()
        first = first or last
        count += 1

    started = time.perf_counter()
    asyncio.run(wm.run(until_empty=True, on_settled=settled))
    wm.close()
    if count != len(contents):
        raise SystemExit(f"{count} of {len(contents)} were delivered")
    return count / (last - started)


def _table(folder: Path) -> Path:
    path = folder / "curve.txt"
    path.write_text("1000000000\n")
    return path


class Postfix:
    """A Postfix of our own: its own configuration, queue and ports; ended by its own command."""

    def __init__(self, folder: Path, sink_port: int) -> None:
        self.folder, self.port = folder, free_port()
        config, queue = folder / "etc", folder / "queue"
        config.mkdir()
        queue.mkdir()
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": queue,
            "data_directory": folder / "data",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "maillog_file": folder / "maillog",
            "maillog_file_prefixes": folder,
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "relayhost": f"[{HOST}]:{sink_port}",
            "smtp_tls_security_level": "none",
            "default_process_limit": "100",
            "smtp_destination_concurrency_limit": "20",
            "default_destination_concurrency_limit": "20",
            "initial_destination_concurrency": "20",
            "qmgr_message_active_limit": "40000",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_restrictions": "static:HOLD",
        }
        (folder / "data").mkdir()
        (config / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        master = Path("/usr/share/postfix/master.cf.dist").read_text()
        lines = [
            f"{HOST}:{self.port} inet n - n - - smtpd" if line.startswith("smtp      inet") else line
            for line in master.splitlines()
        ]
        # No chroot: the queue's folder holds no copies of the system's files.
        fixed = [line.replace("  y  ", "  n  ", 1) if "unix" in line.split()[1:2] else line for line in lines]
        (config / "master.cf").write_text("\n".join(fixed) + "\n")
        subprocess.run(["chown", "postfix", str(folder / "data")], check=True)
        folder.chmod(0o755)

    def call(self, *words: str) -> None:
        command = [words[0], "-c", str(self.folder / "etc"), *words[1:]]
        subprocess.run(command, check=True, capture_output=True)

    def drain(self, contents: list[bytes], connections: int) -> float:
        """Fill the hold queue, let it go, and measure from the word to the last delivery."""
        self.call("postfix", "start")
        try:
            wait_for(self.port)
            asyncio.run(bare(self.port, contents, connections))
            self._wait_files("hold", len(contents))
            started = time.perf_counter()
            self.call("postsuper", "-H", "ALL")
            self.call("postqueue", "-f")
            self._wait_empty()
            return len(contents) / (time.perf_counter() - started)
        finally:
            self.call("postfix", "stop")

    def _files(self, *queues: str) -> int:
        return sum(len(names) for queue in queues for _, _, names in os.walk(self.folder / "queue" / queue))

    def _wait_files(self, queue: str, count: int) -> None:
        end = time.perf_counter() + POSTFIX_LIMIT_S
        while self._files(queue) < count:
            if time.perf_counter() > end:
                raise SystemExit("Postfix did not take the messages in")
            time.sleep(0.02)

    def _wait_empty(self) -> None:
        end = time.perf_counter() + POSTFIX_LIMIT_S
        while self._files("hold", "incoming", "active", "deferred", "maildrop"):
            if time.perf_counter() > end:
                raise SystemExit("Postfix did not drain its queue")
            time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000, help="messages a round (default 2000)")
    parser.add_argument("--connections", type=int, default=20, help="connections (default 20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (default 3)")
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink is not None:
        asyncio.run(serve_sink(options.sink))
        return
    contents = [message(number) for number in range(options.messages)]
    postfix = os.geteuid() == 0 and shutil.which("postfix", path="/usr/sbin") is not None
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "postfix": []}
    port = free_port()
    with sink(port) as name, tempfile.TemporaryDirectory(prefix="warmup-bench-") as base:
        Path(base).chmod(0o755)  # Postfix runs as a user of its own
        for number in range(options.rounds):
            folder = Path(base) / f"round-{number}"
            folder.mkdir()
            rates["bare"].append(asyncio.run(bare(port, contents, options.connections)))
            rates["ours"].append(ours(port, contents, options.connections, folder))
            if postfix:
                own = Path(base) / f"postfix-{number}"
                own.mkdir()
                rates["postfix"].append(Postfix(own, port).drain(contents, options.connections))
    show(f"release, bare aiosmtplib into {name}", statistics.median(rates["bare"]), "messages/s")
    ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["bare"], strict=True))
    mine = statistics.median(rates["ours"])
    show("release and deliver", mine, "messages/s", "bare loop over aiosmtplib, same connections", ratio)
    if postfix:
        show("release, Postfix draining a held queue", statistics.median(rates["postfix"]), "messages/s")
        ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["postfix"], strict=True))
        show("release and deliver", mine, "messages/s", "Postfix draining a held queue of its own", ratio)
    else:
        print("Postfix is not installed (or this is not root): not compared", file=sys.stderr)


if __name__ == "__main__":
    main()
