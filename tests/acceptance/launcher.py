"""Starts ``warmup`` over and over without paying for its imports each time.

Reads one JSON object a line: ``{"argv": [...], "log": FILE}``. For each it forks a process of its own
that runs the command, and says ``{"pid": N}``; when one ends, ``{"ended": N, "code": N}``, negative for
a signal. At the end of its input it kills what still runs.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys


def _preload() -> None:
    """Import whatever `warmup run` will need, and touch nothing: no thread, no connection, no clock."""
    import asyncio  # noqa: F401

    import aiosmtplib  # noqa: F401
    import psycopg  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg
    import sqlalchemy.dialects.sqlite  # noqa: F401

    import warmup.app
    import warmup.cli.run
    import warmup.config.reader
    import warmup.daemon.worker
    import warmup.delivery.resolver
    import warmup.delivery.smtp  # noqa: F401


def _command(argv: list[str], log: str) -> int:
    """The life of one process: the same as that of the console script."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
    sys.argv = ["warmup", *argv]
    from warmup.cli import main

    try:
        main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.stdout.flush()
    return 0


def _say(**facts: int) -> None:
    print(json.dumps(facts), flush=True)


def main() -> None:
    """Serve until the input ends."""
    _preload()
    alive: set[int] = set()
    told, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.set_wakeup_fd(bell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _say(ready=1)
    rest = b""
    while True:
        ready, _, _ = select.select([0, told], [], [])
        if told in ready:
            os.read(told, 4096)
            for pid in tuple(alive):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    alive.discard(pid)
                    _say(ended=pid, code=os.waitstatus_to_exitcode(status))
        if 0 in ready:
            read = os.read(0, 65536)
            if not read:
                break
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(told)
                    os.close(bell)
                    code = 70
                    try:
                        code = _command(order["argv"], order["log"])
                    finally:
                        os._exit(code)
                alive.add(pid)
                _say(pid=pid)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
