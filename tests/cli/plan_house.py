"""``warmup plan`` run from a test, and a configuration with a database for it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from warmup.cli import main

__all__ = ["house", "run"]


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["plan", *words])
    assert result.exit_code == code, result.output
    return result.stdout_bytes.decode()


def house(folder: Path, target: int = 100, more: str = "") -> Path:
    """A configuration with a database that is there."""
    config = folder / "warmup.toml"
    config.write_text(
        f'[warmup]\ndatabase = "sqlite:///{folder}/data/warmup.db"\nstate_dir = "{folder}/state"\n'
        f'[plan]\ntarget = {target}\nstart = 2026-01-01\nmix = "google=0.5,other=0.5"\n'
        f'[sources."127.0.0.2"]\nehlo = "mx.example.net"\n{more}'
    )
    if not (folder / "data").exists():
        (folder / "data").mkdir()
        assert CliRunner().invoke(main, ["db", "upgrade", "-c", str(config)]).exit_code == 0
    return config
