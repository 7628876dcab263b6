"""Every error that leaves this library on purpose, and the exit code the command gives it.

One root, small leaves. A leaf also inherits the builtin a Python programmer
would expect. A problem names the field, what is wrong and the mend; several
problems travel in one error, so that a file with five mistakes is reported once.

Exit codes follow ``sysexits.h``: 64 usage, 65 data, 69 unavailable, 70 our own
bug, 74 input/output, 75 try again later, 78 configuration.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

__all__ = [
    "ConfigError",
    "DataError",
    "IllegalTransition",
    "PlanError",
    "Problem",
    "SchemaMismatch",
    "StoreError",
    "TemporaryError",
    "UnavailableError",
    "UsageError",
    "WarmupError",
]


@attrs.frozen
class Problem:
    """One mistake in what a person gave us.

    Attributes:
        field: Where: a path such as ``plan.mix.google``, a header, an option.
        wrong: What is wrong with it, with the value that was seen.
        mend: What to write instead; empty where nothing sensible can be said.
        place: File and line, ``warmup.toml:12``, where the mistake stands in a file.
    """

    field: str
    wrong: str
    mend: str = ""
    place: str = ""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.place, self.field, self.wrong) if part)
        return f"{text} ({self.mend})" if self.mend else text


class WarmupError(Exception):
    """Something went wrong in warmup."""

    exit_code = 70

    def __init__(self, message: str | None = None, *, problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        text = message or "; ".join(map(str, self.problems)) or (type(self).__doc__ or "")
        super().__init__(text)

    @classmethod
    def of(cls, field: str, wrong: str, mend: str = "") -> WarmupError:
        """Build the error around a single problem."""
        return cls(problems=(Problem(field, wrong, mend),))


class UsageError(WarmupError, ValueError):
    """The command or the call was given something it cannot use."""

    exit_code = 64


class DataError(WarmupError, ValueError):
    """A message, an address or a file given to us is not acceptable."""

    exit_code = 65


class PlanError(UsageError):
    """A plan cannot be made from these figures."""


class UnavailableError(WarmupError):
    """A thing this needs is not there."""

    exit_code = 69


class StoreError(WarmupError, OSError):
    """The database could not be read or written; nothing was half done."""

    exit_code = 74


class TemporaryError(WarmupError):
    """Not now: the same call may succeed later, or after an operator's word."""

    exit_code = 75


class ConfigError(WarmupError, ValueError):
    """The configuration is not usable; every mistake found is listed."""

    exit_code = 78


class SchemaMismatch(ConfigError):
    """The database was made by another version of the program, or for another clock."""


class IllegalTransition(WarmupError, AssertionError):
    """A broken invariant: our own bug. The work stops and nothing is written."""
