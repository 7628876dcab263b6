"""The report: one page that needs nothing but itself, for light screens, dark ones and paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from textwrap import wrap

from warmup.demo.figures import REASONS, Figures, LaneDay
from warmup.demo.pictures import Band, Chart, Columns
from warmup.model import LaneKey, Standing
from warmup.timing import DAY, SECOND

__all__ = ["next_commands", "page"]

STORY_LINES = 7
"""Lines of a lane's story that stand open; the others are behind a click."""


def next_commands(config: str, figures: Figures) -> list[tuple[str, str]]:
    """Commands to try on what the demonstration left, each with what it does."""
    commands = [(f"warmup status -c {config}", "lanes, caps and what waits")]
    if figures.message_id is not None:
        commands.append((f"warmup explain -c {config} {figures.message_id}", "why this message waits"))
    if figures.blocked_lane is not None:
        commands.append(
            (f"warmup explain -c {config} {figures.blocked_lane}", "what became of the blocked lane")
        )
    if figures.turned_lane is not None:
        does = "how a lane met a provider that changed its mind"
        commands.append((f"warmup explain -c {config} {figures.turned_lane}", does))
    commands.append((f"warmup queue list -c {config} --state queued", "what is left"))
    commands.append(("warmup plan --target 50000 --ips 2", "a plan for addresses of your own"))
    return commands


def page(figures: Figures, folder: Path) -> Iterator[str]:
    """The page, piece by piece."""
    scenario = figures.scenario
    plan = scenario.plan
    yield _HEAD.format(style=Path(__file__).with_name("page.css").read_text(encoding="utf-8"))
    yield "<header><h1>A warm-up, from the first message on</h1>\n<p>"
    yield (
        f"{figures.played} days of two new addresses, sent over real SMTP to four simulated providers on "
        f"this machine, in {figures.took / SECOND:.0f} seconds. The plan is what the configuration said "
        "before anything was sent; every other figure was counted by the receivers.</p></header>\n"
    )
    yield _numbers(figures)
    yield "<h2>Plan and what the providers accepted</h2>\n"
    yield _figure(
        _everything(figures),
        "Deliveries a day, both addresses together. Dashed: the plan. Point at a day to read its figures.",
        [(f"c{number}", name) for number, name in enumerate(plan.providers, start=1)],
    )
    yield '<div class="two">\n'
    for number, (name, actor) in enumerate(scenario.actors.items()):
        yield f"<section><h3>{escape(name)}</h3><p>{escape(actor.habit)}</p>"
        yield _figure(_provider(figures, name, f"c{number + 1}"), "")
        yield _why(figures.of(provider=name))
        yield "</section>\n"
    yield "</div>\n"
    yield "<h2>The same shape every day</h2>\n"
    yield _figure(
        _hours(figures),
        "Deliveries by the hour (UTC) in which the receivers first saw them, over all lane days that went as "
        "planned. Dashed: the hours that the plan had for them.",
    )
    if figures.blocked_lanes:
        yield "<h2>A block, and the way back</h2>\n<p>A block suspends the lane for 24 hours. It comes back "
        yield "with half the cap, and climbs on from the step of the plan that this is.</p>\n"
        for lane in figures.blocked_lanes:
            yield _lane_figure(figures, lane)
    if figures.turned_lane is not None:
        yield "<h2>A provider changes its mind</h2>\n<p>It deferred what was more than it now takes. The cap "
        yield "fell the same day, the lane stepped back, and it climbs on as the provider lets it.</p>\n"
        yield _lane_figure(figures, figures.turned_lane)
    yield "<h2>In its own words</h2>\n"
    yield _stories(figures)
    yield "<h2>Every day, every provider</h2>\n"
    yield from _table(figures)
    yield "<h2>Go on from here</h2>\n<p>The configuration, the database and these figures lie in "
    yield f"<code>{escape(str(folder))}</code>.</p>\n<dl>"
    for command, does in next_commands("warmup.toml", figures):
        yield f"<dt><code>{escape(command)}</code></dt><dd>{escape(does)}</dd>"
    yield "</dl>\n<details><summary>The configuration</summary><pre>"
    yield escape((folder / "warmup.toml").read_text(encoding="utf-8"))
    yield "</pre></details>\n</main></body></html>\n"


def _numbers(figures: Figures) -> str:
    tiles = (
        (f"{figures.submitted:,}", "messages submitted"),
        (f"{figures.accepted:,}", "accepted"),
        (f"{figures.intact:,}", "of them unchanged to the last octet"),
        (f"{figures.copies:,}", "second copies"),
        (f"{figures.beyond:,}", f"of {len(figures.days):,} lane days beyond their cap"),
        (f"{figures.differing:,}", "lane days on which ledger and receiver differ"),
        (f"{figures.deferred:,}", "deferrals, for volume or by greylisting"),
        (f"{sum(figures.waiting.values()):,}", "still waiting, each with its reason"),
    )
    cells = "".join(f"<div><b>{number}</b><span>{escape(text)}</span></div>" for number, text in tiles)
    return f'<div class="numbers">{cells}</div>\n'


def _figure(chart: Chart, caption: str, legend: Sequence[tuple[str, str]] = ()) -> str:
    """A picture with its caption, and the colours that the caption cannot say."""
    keys = "".join(f'<i class="{style}"></i>{escape(name)} ' for style, name in legend)
    said = f"<figcaption>{keys}<br>{escape(caption)}</figcaption>" if keys else ""
    if caption and not keys:
        said = f"<figcaption>{escape(caption)}</figcaption>"
    return f"<figure>{chart.svg()}{said}</figure>\n"


def _labels(figures: Figures) -> list[str]:
    return [f"{day}" for day in range(1, figures.played + 1)]


def _sums(figures: Figures, what: str, **where: str) -> list[int]:
    sums = [0] * figures.played
    for cell in figures.of(**where):  # type: ignore[arg-type]
        sums[cell.day - 1] += getattr(cell, what)
    return sums


def _everything(figures: Figures) -> Chart:
    providers = figures.scenario.plan.providers
    planned, accepted = _sums(figures, "planned"), _sums(figures, "accepted")
    return Chart(
        title="Accepted a day by provider, and the plan",
        labels=_labels(figures),
        columns=[
            Columns(name=name, values=_sums(figures, "accepted", provider=name), style=f"c{number}")
            for number, name in enumerate(providers, start=1)
        ],
        plan=planned,
        hints=[
            f"day {day}: {done} accepted of {whole} planned"
            for day, (done, whole) in enumerate(zip(accepted, planned, strict=True), start=1)
        ],
    )


def _letters(cells: Sequence[LaneDay], days: int) -> list[str]:
    """For each day the letters of its lanes, each once."""
    letters: list[str] = [""] * days
    for cell in cells:
        if cell.reason and cell.reason not in letters[cell.day - 1]:
            letters[cell.day - 1] += cell.reason
    return letters


def _provider(figures: Figures, name: str, style: str) -> Chart:
    accepted, planned = _sums(figures, "accepted", provider=name), _sums(figures, "planned", provider=name)
    letters = _letters(figures.of(provider=name), figures.played)
    hints = []
    for at, (done, whole) in enumerate(zip(accepted, planned, strict=True)):
        said = "".join(f"; {REASONS[letter]}" for letter in letters[at])
        hints.append(f"day {at + 1}: {done} accepted of {whole} planned{said}")
    return Chart(
        title=f"{name}: accepted a day, and the plan",
        labels=_labels(figures),
        columns=[Columns(name="accepted", values=accepted, style=style)],
        plan=planned,
        letters=letters,
        hints=hints,
        width=470,
        height=190,
    )


def _why(cells: Sequence[LaneDay]) -> str:
    """The letters of a picture, each with the days that bear it."""
    days: dict[str, set[int]] = {}
    for cell in cells:
        if cell.reason:
            days.setdefault(cell.reason, set()).add(cell.day)
    if not days:
        return '<p class="why">All that was planned was accepted, every day.</p>'
    items = "".join(
        f"<li><b>{letter}</b> {escape(REASONS[letter])} ({_runs(sorted(days[letter]))})</li>"
        for letter in REASONS
        if letter in days
    )
    return f'<ul class="why">{items}</ul>'


def _runs(days: Sequence[int]) -> str:
    """Days as text: ``day 3``, ``days 3 to 5, 8``."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"day{'s' if len(days) > 1 else ''} {', '.join(parts)}"


def _hours(figures: Figures) -> Chart:
    return Chart(
        title="Deliveries by hour of the day, and the pattern",
        labels=[f"{hour:02d}" for hour in range(24)],
        columns=[Columns(name="seen", values=figures.hours, style="c1")],
        plan=figures.pattern,
        hints=[
            f"{hour:02d}:00 to {hour + 1:02d}:00: {seen} seen, {due} planned"
            for hour, (seen, due) in enumerate(zip(figures.hours, figures.pattern, strict=True))
        ],
        height=220,
    )


def _lane_figure(figures: Figures, lane: LaneKey) -> str:
    return f"<h3>{escape(str(lane))}</h3>" + _figure(
        _lane(figures, lane),
        "By the day. Dashed: the plan. Line: the cap in force at the end of the day.",
        [("c4", "accepted"), ("sus", "suspended"), ("red", "reduced")],
    )


def _lane(figures: Figures, lane: LaneKey) -> Chart:
    cells = figures.of(source=lane.source, provider=lane.provider)
    first = min(cell.day for cell in cells)
    bands: list[Band] = []
    midnight = figures.scenario.midnight
    for cell in cells:
        if cell.standing is Standing.SUSPENDED and cell.until is not None:
            end = (cell.until - midnight(first - 1)) / DAY
            start, style = end - 1, "sus"
        elif cell.standing is Standing.REDUCED:
            start, end, style = cell.day - first, cell.day - first + 1, "red"
        else:
            continue
        start = max(start, bands[-1].end if bands else 0.0)
        if start < min(end, len(cells)):
            bands.append(Band(start=start, end=min(end, len(cells)), style=style))
    return Chart(
        title=f"The lane {lane}: accepted, cap in force and plan",
        labels=[str(cell.day) for cell in cells],
        columns=[Columns(name="accepted", values=[cell.accepted for cell in cells], style="c4")],
        plan=[cell.planned for cell in cells],
        cap=[cell.cap for cell in cells],
        bands=bands,
        letters=[cell.reason for cell in cells],
        hints=[
            f"day {cell.day}, step {cell.step}: {cell.accepted} accepted, cap {cell.cap}, "
            f"planned {cell.planned}; {cell.standing}"
            for cell in cells
        ],
        height=240,
    )


def _stories(figures: Figures) -> str:
    parts = []
    if figures.message is not None:
        parts.append(f"<h3><code>warmup explain {figures.message_id}</code></h3>\n")
        parts.append(_story(figures.message.title, figures.message.lines, len(figures.message.lines)))
    if figures.lane is not None:
        parts.append(f"<h3><code>warmup explain {figures.blocked_lane}</code></h3>\n")
        parts.append(_story(figures.lane.title, figures.lane.lines, STORY_LINES))
    if figures.turned is not None:
        parts.append(f"<h3><code>warmup explain {figures.turned_lane}</code></h3>\n")
        parts.append(_story(figures.turned.title, figures.turned.lines, len(figures.turned.lines)))
    return "".join(parts) or "<p>Nothing waits, and no lane was blocked.</p>\n"


def _story(title: str, lines: Sequence[str], shown: int) -> str:
    earlier, late = lines[: max(0, len(lines) - shown)], lines[max(0, len(lines) - shown) :]
    text = ""
    if earlier:
        text = (
            f"<details><summary>{len(earlier)} earlier lines</summary><pre>{_pre(earlier)}</pre></details>\n"
        )
    return f"<p><b>{escape(title)}</b></p>\n{text}<pre>{_pre(late)}</pre>\n"


def _pre(lines: Sequence[str]) -> str:
    """Lines as they are printed; long ones are continued under their text."""
    out = []
    for line in lines:
        for part in line.splitlines():
            out += wrap(part, 110, subsequent_indent=" " * 25, break_long_words=False) or [""]
    return escape("\n".join(out))


def _table(figures: Figures) -> Iterator[str]:
    providers = figures.scenario.plan.providers
    yield "<table><thead><tr><th>day</th><th>date</th>"
    yield "".join(f"<th>{escape(name)}</th>" for name in providers)
    yield "<th>together</th></tr></thead><tbody>\n"
    for day in range(1, figures.played + 1):
        cells = figures.of(day=day)
        yield f"<tr><td>{day}</td><td>{cells[0].date}</td>"
        for name in providers:
            mine = figures.of(day=day, provider=name)
            letters = _letters(mine, day)[-1]
            yield f"<td>{_of(mine)}{f' <b>{letters}</b>' if letters else ''}</td>"
        yield f"<td>{_of(cells)}</td></tr>\n"
    yield '</tbody></table>\n<p class="why">Accepted of planned. '
    used = "".join(dict.fromkeys(cell.reason for cell in figures.days))
    yield "; ".join(f"<b>{letter}</b> {escape(text)}" for letter, text in REASONS.items() if letter in used)
    yield ".</p>\n"


def _of(cells: Sequence[LaneDay]) -> str:
    done, planned = sum(cell.accepted for cell in cells), sum(cell.planned for cell in cells)
    return f"{done:,} of {planned:,}" if done != planned else f"{done:,}"


_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A warm-up, from the first message on</title>
<meta name="viewport" content="width=device-width">
<style>
{style}</style></head><body><main>
"""
