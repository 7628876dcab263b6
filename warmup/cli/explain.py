"""``warmup explain``: the journal of a delivery or a lane, as sentences."""

from __future__ import annotations

from pathlib import Path

import click

from warmup.cli.options import config_option, format_option

__all__ = ["explain"]


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="ID | ADDRESS:PROVIDER")
@config_option
@format_option()
def explain(what: tuple[str, ...], config: Path | None, format: str) -> None:
    """Tell what happened to a delivery or a lane, and what it waits for.

    A delivery is named by its id. A lane is named by its address and its provider, as
    192.0.2.1:google or as two words. Times are UTC. Exits with 64 where there is none such.
    """
    from warmup.cli.opening import opened
    from warmup.cli.output import emit
    from warmup.cli.words import stated_instants, wrap

    with opened(config) as wm:
        story = wm.explain(_named(what, wm.config.plan.providers))
    if format == "json":
        emit(stated_instants({"title": story.title, **story.facts, "lines": list(story.lines)}), "json")
        return
    wrap([story.title, *(f"  {line}" for line in story.lines)])


def _named(words: tuple[str, ...], providers: tuple[str, ...]) -> int | str:
    from warmup.cli.words import address, is_address, lane_words
    from warmup.errors import UsageError

    if len(words) == 1 and words[0].isdecimal():
        if len(words[0]) > 18:
            raise UsageError.of("id", f"{words[0]} is no delivery's", "see: warmup queue list")
        return int(words[0])
    if len(words) == 1 and is_address(words[0]):
        source = address(words[0])
        raise UsageError.of(
            "lane", f"{source} has one lane for each provider", f"name one: {source}:{providers[0]}"
        )
    named, provider = lane_words(words, False)
    if named is None:
        raise UsageError.of(
            "lane", f"{words[0]} has no address", f"write ADDRESS:{words[0]}, or a delivery's id"
        )
    return f"{named}:{provider}"
