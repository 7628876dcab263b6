"""``python -m warmup``."""

from __future__ import annotations

from warmup.cli import main

if __name__ == "__main__":
    main(prog_name="warmup")
