"""A world of somebody else's, held to what worlds promise while it runs.

Each answer is looked at as it comes: a figure that cannot be would else end in a table that means
nothing. What cannot be seen in a single answer is left to :func:`warmup.testing.check_world`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from warmup.contracts import Answer, Complaint, Receiver, Setting
from warmup.errors import DataError, WarmupError
from warmup.forecast.simulate import BLOCKED, DEFERRED
from warmup.model import Category
from warmup.timing import Chance, Instant, Span

__all__ = ["Guarded", "place_of"]

MEND = "warmup.testing.check_world tries what a world promises"

_STOPPING = DEFERRED | BLOCKED


def place_of(error: BaseException) -> str:
    """Where an error was raised, as `` (world.py, line 7)``; empty where nobody knows."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or at.tb_frame.f_code.co_filename.startswith("<"):
        return ""
    return f" ({at.tb_frame.f_code.co_filename.rpartition('/')[2]}, line {at.tb_lineno})"


def _broken(name: str, wrong: str) -> WarmupError:
    return DataError.of(f"world {name}", wrong, MEND)


def _raised(name: str, what: str, error: BaseException) -> WarmupError:
    return _broken(name, f"{what} raised {type(error).__name__}: {error}{place_of(error)}")


def _call(name: str, what: str, act: Callable[..., Any], *words: Any) -> Any:
    try:
        return act(*words)
    except (Exception, SystemExit) as error:
        raise _raised(name, what, error) from error


class Guarded:
    """A world that is looked at while it runs.

    Args:
        asked: What it was asked for with: a name, or ``module:object``; errors name it so.
        name: What it calls itself.
        world: The world.
    """

    def __init__(self, asked: str, name: str, world: Any) -> None:
        self.asked, self.name, self._world = asked, name, world
        self._last: object = None

    @property
    def summary(self) -> str:
        """What it says of itself in a sentence; empty where it says nothing."""
        said = getattr(self._world, "summary", "")
        return said if isinstance(said, str) else ""

    @property
    def ranges(self) -> Mapping[str, str]:
        """What it says of its parameters."""
        said = getattr(self._world, "ranges", None)
        return {str(key): str(text) for key, text in said.items()} if isinstance(said, Mapping) else {}

    def begin(self, setting: Setting, chance: Chance) -> Receiver:
        """A provider, guarded.

        Raises:
            DataError: It made none.
        """
        made = _call(self.asked, "begin()", self._world.begin, setting, chance)
        if not callable(getattr(made, "answer", None)):
            raise _broken(self.asked, f"begin() gave {made!r:.60}, which has no answer()")
        if made is self._last:
            raise _broken(self.asked, "begin() gave the same provider twice; every run needs one of its own")
        self._last = made
        return _GuardedReceiver(self.asked, setting.start, made)


class _GuardedReceiver:
    def __init__(self, asked: str, start: Instant, receiver: Any) -> None:
        self._asked, self._start, self._receiver = asked, start, receiver
        self._accepted = self._complained = 0
        # The simulation looks whether these two are there, as it does with an unguarded one.
        if getattr(receiver, "demand", None) is not None:
            self.demand = self._demand
        if getattr(receiver, "complaints", None) is not None:
            self.complaints = self._complaints

    def __deepcopy__(self, memo: dict[int, Any]) -> _GuardedReceiver:
        copied = _call(self._asked, "a deepcopy of its provider", copy.deepcopy, self._receiver, memo)
        twin = _GuardedReceiver(self._asked, self._start, copied)
        twin._accepted, twin._complained = self._accepted, self._complained
        return twin

    def answer(self, at: Instant, attempts: int, age: Span, patience: int) -> Answer:
        try:
            said = self._receiver.answer(at, attempts, age, patience)
        except (Exception, SystemExit) as error:
            raise _raised(self._asked, "answer()", error) from error
        if not isinstance(said, tuple) or [*map(type, said)] != [int, Category]:
            raise _broken(self._asked, f"answer() gave {said!r:.80}, and not a whole number and a Category")
        count, category = said
        if not 1 <= count <= attempts:
            raise _broken(self._asked, f"answer() gave {count} of {attempts} attempts")
        if category is Category.ACCEPTED:
            self._accepted += count
        elif count > patience and category in _STOPPING:
            raise _broken(
                self._asked, f"answer() refused {count} at a time ({category}), with a patience of {patience}"
            )
        return Answer(count, category)

    def _demand(self, day: int) -> int:
        wanted = _call(self._asked, "demand()", self._receiver.demand, day)
        if type(wanted) is not int or wanted < 0:
            raise _broken(
                self._asked, f"demand({day}) is {wanted!r:.60}, and not a whole number of 0 or more"
            )
        return wanted

    def _complaints(self, now: Instant) -> list[Complaint]:
        found: list[Complaint] = []
        try:
            for one in self._receiver.complaints(now):
                self._check(one, now)
                found.append(one)
        except DataError:
            raise
        except (Exception, SystemExit) as error:
            raise _raised(self._asked, "complaints()", error) from error
        return found

    def _check(self, one: object, now: Instant) -> None:
        if not isinstance(one, tuple) or [*map(type, one)] != [int, int] or one[1] < 1:
            raise _broken(self._asked, f"complaints() gave {one!r:.80}, and not an instant and people")
        if not self._start <= one[0] <= now:
            raise _broken(self._asked, "complaints() tells of a message of another time than the run's")
        self._complained += one[1]
        if self._complained > self._accepted:
            raise _broken(self._asked, f"{self._complained} people complain of {self._accepted} messages")
