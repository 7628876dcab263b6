"""The suite's own guard rails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """\
import pytest

@pytest.mark.peer
def test_with_a_peer():
    pytest.skip("smtp-sink is missing")

def test_without():
    pytest.skip("for another reason")
"""


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_a_missing_peer_fails_where_peers_are_required(tmp_path: Path, required: str, code: int) -> None:
    """CI cannot be green because the programs that tests talk to were not there."""
    (tmp_path / "conftest.py").write_text((Path(__file__).parents[1] / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = peer: a peer\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "WARMUP_REQUIRE_PEERS": required},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert ("1 failed, 1 skipped" if code else "2 skipped") in done.stdout
