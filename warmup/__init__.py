"""Warm up e-mail sending IPs and keep them warm."""

from __future__ import annotations

__version__ = "0.1.0"
