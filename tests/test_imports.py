"""What is loaded when, and who may read a clock."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import warmup

HOUSE = Path(warmup.__file__).parent
HEAVY = ("sqlalchemy", "dns", "alembic", "asyncio", "aiosmtplib", "aiosmtpd", "psycopg", "ssl", "sqlite3")

CLOCKS = {
    ("time", name)
    for name in (
        "clock_gettime",
        "clock_gettime_ns",
        "gmtime",
        "localtime",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "process_time",
        "sleep",
        "time",
        "time_ns",
    )
} | {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("pendulum", "now"),
    ("pendulum", "today"),
    ("utils", "formatdate"),
    ("utils", "localtime"),
    ("utils", "make_msgid"),
}
"""Names through which a module would learn what time it is, or sleep."""

CHANCE = {"random", "uuid"}
"""Modules of chance that is not an argument. (The store names incarnations with ``secrets``.)"""


def loaded(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after some code."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


PLAN = """
from warmup.cli import main
try:
    main(["plan", "--target", "1000", "--curve", "ses", "--days", "5", "--format", "{format}"])
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    "code",
    [
        "import warmup",
        "import warmup; warmup.plan(target=9, curve='ses', ips=['192.0.2.1'], start='2026-12-01').to_dict()",
        "import warmup.pacing, warmup.release.decide, warmup.reputation.standing, warmup.providers",
        PLAN.format(format="json"),
        PLAN.format(format="table"),
        PLAN.format(format="svg"),
    ],
    ids=["import", "plan()", "pure rooms", "plan json", "plan table", "plan svg"],
)
def test_planning_loads_neither_a_database_nor_a_network(code: str) -> None:
    """``import warmup`` and ``warmup plan`` are quick: what they do not need they do not load."""
    modules = loaded(code)
    assert not [name for name in HEAVY if name in modules]


def readers(tree: ast.Module) -> Iterator[str]:
    """Places of a module at which it reads a clock, sleeps, or rolls dice."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in {"time", *CHANCE})
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = (node.module or "").rpartition(".")[2]
            if module in {"time", *CHANCE}:
                yield module
            yield from (f"{module}.{one.name}" for one in node.names if (module, one.name) in CLOCKS)
        elif isinstance(node, ast.Attribute):
            value = node.value
            owner = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
            if (owner, node.attr) in CLOCKS:
                yield f"{owner}.{node.attr}"


def test_one_module_reads_the_clock() -> None:
    """Everybody else is handed the time: looked for in the code itself, however it is spelled."""
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        if places := list(readers(ast.parse(path.read_text("utf-8")))):
            found[path.relative_to(HOUSE).as_posix()] = places
    assert set(found) == {"timing.py"}, found
    assert "time.time_ns" in found["timing.py"]


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import time",
        "import random as dice",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now(UTC)",
        "import datetime\ndatetime.date.today()",
        "import pendulum\npendulum.now()",
        "from email.utils import make_msgid",
        "import email\nemail.utils.formatdate()",
    ],
)
def test_that_check_can_fail(code: str) -> None:
    """Each way to learn the time behind the engine's back is seen."""
    assert list(readers(ast.parse(code)))


def test_the_public_names_are_there() -> None:
    """Everything the package lists can be had, and nothing else looks public."""
    assert warmup.__all__ == sorted(warmup.__all__)
    for name in warmup.__all__:
        assert getattr(warmup, name) is not None
        assert name in dir(warmup)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = warmup.nothing
