"""Worlds of others: how they are found, and what is said of one that is broken."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from warmup.cli import main
from warmup.contracts import Answer, Complaint, Setting, World
from warmup.errors import DataError, UsageError
from warmup.forecast.contest import contest
from warmup.forecast.finding import facts, world_of, worlds
from warmup.forecast.worlds import COMMON, WORLDS
from warmup.model import Category
from warmup.timing import Chance

TIMID = '''
from warmup.contracts import Answer
from warmup.model import Category

class Timid:
    """Takes ten a day."""
    name = "timid"
    summary = "the provider takes ten messages a day"
    ranges = {"most": "takes 10"}
    def begin(self, setting, chance):
        return Ten(setting.start)

class Ten:
    def __init__(self, start):
        self.start, self.day, self.left = start, -1, 0
    def answer(self, at, attempts, age, patience):
        day = (at - self.start) // 86_400_000_000
        if day != self.day:
            self.day, self.left = day, 10
        count = min(attempts, self.left)
        self.left -= count
        if count:
            return Answer(count, Category.ACCEPTED)
        return Answer(min(attempts, patience), Category.VOLUME_LIMITED)

nothing = 3
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with two worlds as entry points, one of which is broken."""
    (tmp_path / "timidworlds.py").write_text(TIMID)
    (tmp_path / "brokenworlds.py").write_text("\n\nraise OSError('no licence')\n")
    about = tmp_path / "timid_worlds-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: timid-worlds\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[warmup.worlds]\ntimid = timidworlds:Timid\ngone = brokenworlds:World\nstrict = timidworlds:Timid\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("timidworlds", "brokenworlds"):
        sys.modules.pop(name, None)


def simulate(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["simulate", *words])
    return result.exit_code, result.output


SHORT = ("--strategy", "naive", "--target", "30", "--days", "5", "--draws", "1")


def test_worlds_of_other_packages_are_found(package: Path) -> None:
    """A world that an installed package brings is named, listed and met like a shipped one."""
    assert worlds() == (*WORLDS, "gone", "timid")
    told = {one.name: one for one in facts()}
    assert told["timid"].summary == "the provider takes ten messages a day"
    assert told["timid"].ranges == {"most": "takes 10"}
    code, text = simulate("--world", "timid", *SHORT)
    assert code == 0, text
    assert "timid" in text


def test_the_name_of_a_shipped_world_is_taken(package: Path) -> None:
    """Another package cannot change what a shipped name means."""
    assert world_of("strict") is WORLDS["strict"]


def test_a_broken_plugin_is_named_and_stops_nobody_else(package: Path) -> None:
    """Who asks for it is told which package is broken and where; who asks for all meets the others."""
    with pytest.raises(
        UsageError, match=r"gone of the package timid-worlds.*no licence \(brokenworlds.py, line 3"
    ):
        world_of("gone")
    code, text = simulate("--list")
    assert code == 0
    assert "no licence" in text


def test_a_module_in_the_working_folder_is_found(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``module:object`` needs no installation: the folder in which the command runs will do."""
    folder = package / "mine"
    folder.mkdir()
    (folder / "mineworlds.py").write_text(TIMID)
    monkeypatch.chdir(folder)
    code, text = simulate("--world", "mineworlds:Timid", *SHORT)
    assert code == 0, text
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timidworlds:nothing", "no name and no begin"),
        ("timidworlds:Ten", "cannot be made: TypeError"),
        ("timidworlds:Tem", "AttributeError"),
        ("timidworlds:", "cannot be loaded"),
        (":Timid", "cannot be loaded"),
        ("nosuchmodule:world", "PYTHONPATH"),
        ("strikt", "did you mean strict?"),
        ("nothing-like-it", "there are lenient, strict"),
    ],
)
def test_what_is_no_world_is_said_to_be_none(package: Path, name: str, said: str) -> None:
    """A name that leads nowhere is named, with what is wrong and what would be right."""
    with pytest.raises(UsageError, match=said) as caught:
        world_of(name)
    assert name in str(caught.value)


def test_shipped_worlds_are_entry_points_too() -> None:
    """Whoever looks worlds up among entry points finds ours."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    named = project["entry-points"]["warmup.worlds"]
    assert {name: EntryPoint(name, place, "warmup.worlds").load() for name, place in named.items()} == dict(
        WORLDS
    )


class Rude:
    """A world whose providers do what a test wants."""

    name = "rude"

    def __init__(self, answer: Callable[[int, int], Any], **more: Callable[..., Any]) -> None:
        self.receive, self.more = answer, more

    def begin(self, setting: Setting, chance: Chance) -> Any:
        rude = self

        class Receiver:
            def answer(self, at: int, attempts: int, age: int, patience: int) -> Any:
                return rude.receive(attempts, patience)

        made = Receiver()
        for name, method in self.more.items():
            setattr(made, name, method)
        return made


def _yes(attempts: int, patience: int) -> Answer:
    return Answer(attempts, Category.ACCEPTED)


def _hasty(attempts: int, patience: int) -> Answer:
    return Answer(attempts, Category.ACCEPTED if attempts == 1 else Category.VOLUME_LIMITED)


def _impossible(attempts: int, patience: int) -> Answer:
    raise ZeroDivisionError("by nothing")


def _leaves(attempts: int, patience: int) -> Answer:
    sys.exit(0)


FUTURE = Complaint(1 << 60, 1)

BROKEN: dict[str, tuple[Rude, str]] = {
    "nothing": (Rude(lambda attempts, patience: None), r"answer\(\) gave None"),
    "a list": (Rude(lambda attempts, patience: [1, Category.ACCEPTED]), "answer"),
    "none": (Rude(lambda attempts, patience: Answer(0, Category.ACCEPTED)), "gave 0 of"),
    "fewer than none": (Rude(lambda attempts, patience: Answer(-5, Category.ACCEPTED)), "gave -5 of"),
    "more than asked": (Rude(lambda attempts, patience: Answer(attempts + 1, Category.ACCEPTED)), "attempts"),
    "a fraction": (Rude(lambda attempts, patience: (1.0, Category.ACCEPTED)), "whole number"),
    "true": (Rude(lambda attempts, patience: (True, Category.ACCEPTED)), "whole number"),
    "a word": (Rude(lambda attempts, patience: (1, "accepted")), "Category"),
    "no patience": (Rude(_hasty), "patience of 1"),
    "an exception": (Rude(_impossible), r"ZeroDivisionError: by nothing \(test_finding.py, line"),
    "an exit": (Rude(_leaves), "SystemExit"),
    "a debt": (Rude(_yes, demand=lambda day: -1), r"demand\(0\) is -1"),
    "half a message": (Rude(_yes, demand=lambda day: 0.5), r"demand\(0\) is 0.5"),
    "no demand": (Rude(_yes, demand=lambda: 3), r"demand\(\) raised TypeError"),
    "complaints of nothing": (Rude(_yes, complaints=lambda now: None), r"complaints\(\) raised TypeError"),
    "complaints of tomorrow": (Rude(_yes, complaints=lambda now: [FUTURE]), "another time"),
    "complaints of nobody": (Rude(_yes, complaints=lambda now: [Complaint(now, 0)]), "people"),
    "more than were sent": (Rude(_yes, complaints=lambda now: [Complaint(now, 999)]), "999 people"),
    "for ever": (Rude(_yes, complaints=lambda now: iter(lambda: Complaint(now, 1), 0)), "people complain"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_world_that_breaks_its_promise_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nonsense from somebody's world ends in one line that names the world and what it did."""
    world, said = BROKEN[name]
    monkeypatch.setattr(sys.modules[__name__], "under_test", world, raising=False)
    found = world_of(f"{__name__}:under_test")
    assert isinstance(found, World)
    with pytest.raises(DataError, match=said) as caught:
        list(contest(found, ["ours"], target=300, days=3, draws=1, seed=1))
    assert f"world {__name__}:under_test" in str(caught.value)


class Same(Rude):
    """A world with one provider for all."""

    def begin(self, setting: Setting, chance: Chance) -> Any:
        return self

    def answer(self, at: int, attempts: int, age: int, patience: int) -> Answer:
        return Answer(attempts, Category.ACCEPTED)


class Locked(Rude):
    """A world whose providers cannot be copied."""

    def begin(self, setting: Setting, chance: Chance) -> Any:
        made = super().begin(setting, chance)
        made.stream = iter(lambda: 0, 1)
        made.file = sys.stderr
        return made


@pytest.mark.parametrize(("world", "said"), [(Same(_yes), "same provider twice"), (Locked(_yes), "deepcopy")])
def test_a_provider_that_cannot_be_had_twice_is_named(
    world: Rude, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run needs a provider of its own, and the oracle a copy of it."""
    monkeypatch.setattr(sys.modules[__name__], "under_test", world, raising=False)
    with pytest.raises(DataError, match=said):
        list(contest(world_of(f"{__name__}:under_test"), ["ours"], target=20, days=3, draws=1, seed=1))


def test_a_world_that_takes_nothing_is_survived() -> None:
    """Where the oracle delivers nothing, so does everybody, and the table says so."""
    refuses = world_of(f"{__name__}:Wall")
    (meeting,) = contest(refuses, ["ours", "naive", "ses"], target=300, days=10, draws=1, seed=1)
    assert meeting.oracle.delivered == 0
    assert {track.delivered for track in meeting.tracks.values()} == {0}


class Wall(Rude):
    """A world that blocks everybody."""

    def __init__(self) -> None:
        super().__init__(
            lambda attempts, patience: Answer(min(attempts, patience), Category.IP_REPUTATION_BLOCK)
        )


def test_the_page_tells_what_is_drawn() -> None:
    """The page about worlds says of each what it is, and the very ranges that are drawn from."""
    page = Path("docs/explanation/simulation.md").read_text("utf-8")
    for kind in WORLDS.values():
        assert f"| `{kind.name}` | {kind.summary} | {'; '.join(kind.ranges.values())} |" in page
    for bounds in COMMON.values():
        assert str(bounds) in page.replace("In all of them ", "")
