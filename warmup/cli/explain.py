"""``warmup explain``: the story of a delivery, a lane or an address, as sentences or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.engine import Story

__all__ = ["explain"]


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="ID | ADDRESS | ADDRESS PROVIDER")
@config_option
@format_option("table", "json", "svg", "html")
def explain(what: tuple[str, ...], config: Path | None, format: str) -> None:
    """Tell what happened to a delivery, a lane or an address, and what it waits for.

    A delivery is named by its id. A lane is named by its address and its provider, as
    192.0.2.1:google or as two words; an address alone tells what its lanes share. svg draws a lane's
    cap, what was accepted, deferred, refused and complained about, and its standing over time; html is a
    page with that picture and the story. Times are UTC. Exits with 64 where there is none such.
    """
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import stated_instants, wrap

    with opened(config) as wm:
        story = wm.explain(_named(what))
    if format in ("svg", "html"):
        _drawn(story, format)
        return
    if format == "json":
        emit(stated_instants({"title": story.title, **story.facts, "lines": list(story.lines)}), "json")
        return
    wrap([story.title, *(f"  {line}" for line in story.lines)])


def _drawn(story: Story, format: str) -> None:
    from warmup.cli.lane_picture import page, picture
    from warmup.cli.output import escape
    from warmup.errors import UsageError

    if "days" not in story.facts:
        raise UsageError.of("--format", f"{format} draws lanes", "name one: ADDRESS PROVIDER")
    days, title = story.facts["days"], escape(story.title)
    # A control character is not even allowed in SVG, escaped or not.
    drawn = (
        picture(title, days) if format == "svg" else page(title, [escape(one) for one in story.lines], days)
    )
    click.echo(drawn, nl=False)


def _named(words: tuple[str, ...]) -> int | str:
    from warmup.cli.words import address, is_address, lane_words
    from warmup.errors import UsageError

    if len(words) == 1 and words[0].isdecimal():
        if len(words[0]) > 18:
            raise UsageError.of("id", f"{words[0]} is no delivery's", "see: warmup queue list")
        return int(words[0])
    if len(words) == 1 and is_address(words[0]):
        return address(words[0])
    named, provider = lane_words(words, False)
    if named is None:
        raise UsageError.of(
            "lane", f"{words[0]} has no address", f"write ADDRESS:{words[0]}, or a delivery's id"
        )
    return f"{named}:{provider}"
