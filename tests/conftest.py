"""What every test stands on: a home of its own, and how hard properties are searched."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Deadlines measure the machine, and this suite shares its cores with the rest of itself.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_COUNT = itertools.count()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def own_home(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep witnesses and configurations of the person who runs the tests out of it; the folder to use."""
    home = _homes / str(next(_COUNT))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    for name in ("WARMUP_CONFIG", "WARMUP_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Where the peers have been installed, a test that skips for want of one is a failure."""
    report: Any = yield
    if (
        report.skipped
        and item.get_closest_marker("peer") is not None
        and os.environ.get("WARMUP_REQUIRE_PEERS", "") not in ("", "0")
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"WARMUP_REQUIRE_PEERS is set, and this was skipped: {report.longrepr}"
    return report
