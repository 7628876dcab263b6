"""Finding a curve by its name: formulas, vendors' tables, your own file, and other people's plugins.

What a preview of the default curve does not need is imported where it is used: the command answers
sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from warmup.errors import DataError, PlanError, WarmupError
from warmup.plan.formulas import SES_SHARE_MAX, Geometric, Linear, Logistic, Ses
from warmup.plan.words import nearest, pairs

if TYPE_CHECKING:
    from warmup.contracts import Curve

__all__ = ["PUBLISHED", "CurveInfo", "curve_info", "known_curves", "parse_curve"]

GROUP = "warmup.curves"
"""Entry points: a callable that takes parameters as text, returns a :class:`~warmup.contracts.Curve`."""

PUBLISHED = (
    "sendgrid",
    "sendgrid-manual",
    "sendgrid-doubling",
    "sparkpost",
    "sparkpost-manual",
    "sparkpost-ui",
    "mailtrap",
    "braze-conservative",
    "braze-moderate",
    "braze-aggressive",
    "salesforce",
    "salesforce-domain",
    "misar",
    "acelle",
    "acelle-by-provider",
    "adobe",
    "responsys",
    "resend-existing",
    "resend-new",
    "highlevel",
    "sendbolt",
    "campaign-deputy",
)
"""Names of the vendors' schedules; the figures and their sources lie in ``data/published.json``."""

TABLE_SUFFIXES = (".csv", ".json", ".txt", ".tsv")

_FORMULAS: dict[str, tuple[Callable[..., Curve], str, str]] = {
    "ses": (
        Ses,
        f"max(1, floor(share x day / 45)), share at most {SES_SHARE_MAX:,}",
        "https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html (the frame; steps: our model)",
    ),
    "linear": (Linear.parse, "linear:days=30, a straight line to the share", "our own"),
    "geometric": (Geometric.parse, "geometric:start=50,growth=1.3, the same growth every day", "our own"),
    "logistic": (Logistic.parse, "logistic:days=45,steepness=6, slow, fast, slow", "our own"),
}


@attrs.frozen
class CurveInfo:
    """What can be said of a curve before it is used.

    Attributes:
        name: What ``--curve`` takes.
        summary: What it does, or what its publisher calls it.
        source: An address, or whose it is.
        caveat: What to know before following it.
        kind: ``formula``, ``published``, ``yours`` or ``plugin``.
        vendor: Who published it.
        unit: What the figures are of: ``day``, ``hour`` or ``stage``.
        subject: What the publisher warms up with it: ``ip``, ``domain`` or ``list``.
        grade: ``first-party``; ``second-hand``: others say that the vendor publishes it;
            ``source-code``: found in a program and not in documentation; ``model``: ours.
        read: The month in which the source was read.
    """

    name: str
    summary: str
    source: str
    caveat: str = ""
    kind: str = "published"
    vendor: str = ""
    unit: str = "day"
    subject: str = "ip"
    grade: str = "first-party"
    read: str = ""


def _plugins() -> dict[str, Callable[[], Callable[..., Curve]]]:
    from importlib.metadata import entry_points

    return {point.name: point.load for point in entry_points(group=GROUP)}


def known_curves() -> tuple[CurveInfo, ...]:
    """List the curves that have a name: formulas, published schedules, then installed plugins."""
    found = [
        CurveInfo(name, summary, source, kind="formula", grade="model")
        for name, (_, summary, source) in _FORMULAS.items()
    ]
    found += [curve_info(name) for name in PUBLISHED]
    found.append(
        CurveInfo(
            "table:FILE", "your own caps: CSV, text or JSON, one a day", "your file", kind="yours", grade=""
        )
    )
    found += [
        CurveInfo(name, "installed plugin", GROUP, kind="plugin", grade="") for name in sorted(_plugins())
    ]
    return tuple(found)


def curve_info(name: str) -> CurveInfo:
    """Return what is known of a published schedule."""
    from warmup.plan.published import about

    facts = about(name)
    said = {
        key: str(facts[key]) for key in ("vendor", "source", "caveat", "unit", "subject", "grade", "read")
    }
    return CurveInfo(name, f"{facts['vendor']}: {facts['title']}", **said)


def parse_curve(value: str | Path | Sequence[int] | Curve, *, base: Path | None = None) -> Curve:
    """Read a curve: ``ses``, ``geometric:start=50,growth=1.3``, ``table:FILE``, a file, a list of caps.

    ``parse_curve(curve.name)`` gives the curve again.

    Args:
        value: The name, the file, the caps, or a curve, which is returned as it is.
        base: Folder that a relative file name starts from; the working directory unless given.

    Raises:
        PlanError: No such curve, parameter or file, or a value out of range.
        DataError: The file is not a table of caps, or its caps fall.
    """
    if isinstance(value, Path):
        return _named(f"table:{value}", base)
    if isinstance(value, str):
        return _named(value.strip(), base)
    from warmup.contracts import Curve

    if isinstance(value, Sequence):
        from warmup.plan import tables

        figures: list[Any] = list(value)
        if any(type(figure) is not int for figure in figures) or not figures:
            raise PlanError.of("curve", "is not a list of whole numbers", "write [50, 100, 200]")
        if problems := tables.faults("curve", "cap", figures):
            raise DataError(problems=problems)
        return tables.Table("caps:" + ",".join(map(str, figures)), tuple(figures))
    if isinstance(value, Curve):
        return value
    raise PlanError.of("curve", f"{value!r} is not a curve", "give the name of one, or a list of caps")


def _named(text: str, base: Path | None) -> Curve:
    name, _, rest = text.partition(":")
    if name == "table" or (name not in _FORMULAS and ("/" in text or text.lower().endswith(TABLE_SUFFIXES))):
        file = Path(rest if name == "table" else text).expanduser()
        if not file.name:
            raise PlanError.of("curve", "table: names no file", "write table:FILE")
        from warmup.plan import tables

        return tables.read_table((base or Path()) / file, f"table:{file}")
    if name == "caps":
        try:
            return parse_curve([int(figure) for figure in rest.split(",")])
        except ValueError as error:
            if isinstance(error, WarmupError):
                raise
            raise PlanError.of("curve", f"{text!r} is not a list of caps", "write caps:50,100,200") from None
    if name in PUBLISHED:
        if rest:
            raise PlanError.of("curve", f"{name} takes no parameters", f"write {name}")
        from warmup.plan.published import published

        return published(name)
    make = _FORMULAS[name][0] if name in _FORMULAS else _load(name)
    return _made(name, make, dict(pairs("curve", rest, "geometric:start=50,growth=1.3")) if rest else {})


def _load(name: str) -> Callable[..., Curve]:
    """Load the maker of a plugin's curve."""
    plugins = _plugins()
    if name not in plugins:
        known = (*_FORMULAS, *PUBLISHED, *plugins)
        raise PlanError.of("curve", f"there is no curve {name!r}", nearest(name, known))
    try:
        return plugins[name]()
    except Exception as error:
        raise PlanError.of("curve", f"the plugin {name} cannot be loaded: {error}", "reinstall it") from error


def _made(name: str, make: Callable[..., Curve], parameters: dict[str, str]) -> Curve:
    """Call a curve's maker; an unknown parameter is a mistake of the person who wrote it."""
    if parameters:
        from inspect import Parameter, signature

        accepted = signature(make).parameters
        open_ended = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in accepted.values())
        unknown = [key for key in parameters if key not in accepted]
        if unknown and not open_ended:
            mend = nearest(unknown[0], accepted) if accepted else f"write {name}"
            raise PlanError.of("curve", f"{name} has no parameter {unknown[0]!r}", mend)
    try:
        return make(**parameters)
    except (TypeError, ValueError) as error:
        if isinstance(error, WarmupError):
            raise
        raise PlanError.of("curve", f"{name}: {error}", "see `warmup plan curves`") from error
