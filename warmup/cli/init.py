"""``warmup init``: a commented configuration, and the database it names."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import click

from warmup.errors import ConfigError, StoreError, UsageError

__all__ = ["init", "template"]

FIRST_IP = "192.0.2.1"
"""Of the block that is kept for documentation (RFC 5737): it cannot be somebody's by accident."""

_TEMPLATE = """\
# Configuration of warmup. Every key is explained in the reference, docs/reference/config.md.

[warmup]
# Where the queue and the ledger are kept; a relative file starts from this file's folder.
# Several machines share one: "postgresql://user@host/name" (password in PGPASSFILE).
database = "{database}"
# Where the witness of the database is kept, which tells when the database was restored from a
# backup. Any folder outside the database's own; this is the default:
# state_dir = "~/.local/state/warmup"

[plan]
# Deliveries a day that all addresses together shall carry once they are warm.
target = {target}
# How a cap grows; `warmup plan curves` lists what there is.
curve = "{curve}"
# The first day, in the time zone in which days begin and end.
start = {start}
timezone = "{timezone}"
# When in the day mail goes: flat, office, waking, or 24 weights.
pattern = "waking"
# Weight of each day of the week, Monday first.
# weekdays = [1, 1, 1, 1, 1, 0.5, 0.5]
# What moves an address one step up when a day closes: calendar, sending-day (something was
# sent) or earned (most of the day's cap was used).
ramp = "earned"
# How your recipients spread over the mailbox providers: us, uk, de, fr, pl, b2b, or a table
# [plan.mix] with google = 0.5, yahoo = 0.3, other = 0.2.
mix = "{mix}"

# Every address that mail leaves from. Its EHLO name must resolve to it, and it to the name.
{sources}
# A stream is a class of mail. The stream "default" always exists.
[streams.bulk]
priority = 5  # 0 goes first, 9 last
# deadline = "3d"  # after this it is worthless and expires; never unless set

[delivery]
# mx: straight to the recipient's servers. file: into a folder. null: nowhere.
transport = "mx"
tls = "may"  # encrypt where it is offered; or require, verify, never

# Fixed routes go before DNS:
# [delivery.routes]
# "*" = "smarthost.example:587"
"""

_SOURCE = """\
[sources."{ip}"]
ehlo = "{ehlo}"
# An address that is in use already is declared; one of:
# warm = true    # it carries its whole share
# step = 7       # it stands at this step of the curve
# volume = 2000  # it is used to so many deliveries a day
"""


def template(
    *,
    ips: tuple[str, ...] = (FIRST_IP,),
    ehlo: str = "mx1.example.com",
    target: int = 1000,
    start: date,
    timezone: str = "UTC",
    curve: str = "ses",
    mix: str = "us",
    database: str = "sqlite:///warmup.db",
) -> str:
    """The text of a new configuration."""
    names = [re.sub(r"^([A-Za-z-]+)1\.", rf"\g<1>{n}.", ehlo) for n in range(1, len(ips) + 1)]
    sources = "\n".join(_SOURCE.format(ip=ip, ehlo=name) for ip, name in zip(ips, names, strict=True))
    return _TEMPLATE.format(
        database=database,
        target=target,
        curve=curve,
        start=start,
        timezone=timezone,
        mix=mix,
        sources=sources,
    )


@click.command()
@click.option("--config", "-c", "path", type=click.Path(path_type=Path), default=Path("warmup.toml"),
              show_default=True, metavar="FILE", help="File to write.")  # fmt: skip
@click.option(
    "--ip", "ips", multiple=True, metavar="ADDRESS", help="Address that mail leaves from; repeat it."
)
@click.option("--ehlo", default="", metavar="NAME", help="EHLO name of the first address; else this host's.")
@click.option("--target", type=int, default=1000, show_default=True, help="Deliveries a day once warm.")
@click.option("--start", default="", metavar="DATE", help="First day; today unless given.")
@click.option(
    "--timezone", default="UTC", show_default=True, metavar="ZONE", help="Where days begin and end."
)
@click.option("--curve", default="ses", show_default=True, metavar="CURVE", help="How a cap grows.")
@click.option("--mix", default="us", show_default=True, metavar="PROFILE", help="us, uk, de, fr, pl or b2b.")
@click.option("--database", default="sqlite:///warmup.db", show_default=True, metavar="URL",
              help="Where the queue is kept.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(
    path: Path,
    ips: tuple[str, ...],
    ehlo: str,
    target: int,
    start: str,
    timezone: str,
    curve: str,
    mix: str,
    database: str,
    force: bool,
) -> None:
    """Write a commented warmup.toml and make its database."""
    from warmup.plan.words import read_date
    from warmup.timing import SystemClock, to_datetime

    if path.exists() and not force:
        raise UsageError.of(str(path), "is there already", "name another with --config, or say --force")
    text = template(
        ips=ips or (FIRST_IP,),
        ehlo=ehlo or _host_name(),
        target=target,
        start=read_date("--start", start) if start else to_datetime(SystemClock().now()).date(),
        timezone=timezone,
        curve=curve,
        mix=mix,
        database=database,
    )
    _check(text, path.absolute().parent)
    _write(path, text)
    click.echo(f"wrote {path}")
    if not ips:
        click.echo(f"note: {FIRST_IP} stands for your own address; put it in before you send")

    from warmup.app import Warmup

    with Warmup.from_file(path) as wm:
        click.echo(f"database: {wm.upgrade()}")


def _host_name() -> str:
    name = os.uname().nodename
    return name if "." in name else "mx1.example.com"


def _check(text: str, folder: Path) -> None:
    """Refuse what the configuration would refuse, before there is a file."""
    import tomllib

    from warmup.config import Config

    try:
        Config.from_dict(tomllib.loads(text), base=folder)
    except tomllib.TOMLDecodeError as error:
        raise UsageError.of("", f"an option holds what TOML cannot: {error}", "leave quotes out") from None
    except ConfigError as error:
        raise UsageError(problems=error.problems) from None


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError.of(str(path), f"cannot be written: {error.strerror or error}") from None
