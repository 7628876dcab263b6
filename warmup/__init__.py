"""Warm up e-mail sending IPs and keep them warm.

The names below are the public face. They are loaded when first used: planning needs neither a
database nor a network, and does not pay for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warmup.app import Warmup
    from warmup.config import Config
    from warmup.errors import WarmupError
    from warmup.model import Divert, Grant, LaneKey, Reply, Stage, Verdict, Wait
    from warmup.plan import Plan, plan

__version__ = "0.1.0"

__all__ = [
    "Config",
    "Divert",
    "Grant",
    "LaneKey",
    "Plan",
    "Reply",
    "Stage",
    "Verdict",
    "Wait",
    "Warmup",
    "WarmupError",
    "plan",
]

_HOMES = {
    "Config": "warmup.config",
    "Divert": "warmup.model",
    "Grant": "warmup.model",
    "LaneKey": "warmup.model",
    "Plan": "warmup.plan",
    "Reply": "warmup.model",
    "Stage": "warmup.model",
    "Verdict": "warmup.model",
    "Wait": "warmup.model",
    "Warmup": "warmup.app",
    "WarmupError": "warmup.errors",
    "plan": "warmup.plan",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'warmup' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
