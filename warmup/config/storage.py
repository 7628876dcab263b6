"""Where things are kept: the database's address, and the folder of its witness."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from warmup.config.rules import Mistake, shown

__all__ = ["absolute", "database_folder", "database_url", "default_state_dir"]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


def database_url(text: str, base: Path) -> str:
    """Return a database's address in the form the store takes, its path absolute.

    Args:
        text: ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
        base: Folder that a relative file is relative to.

    Raises:
        Mistake: It is neither.
    """
    scheme = text.partition("://")[0].lower()
    if text.startswith(_SQLITE):
        name = text.removeprefix(_SQLITE)
        if name in ("", ":memory:") or "mode=memory" in name:
            raise Mistake(f"{shown(text)} is kept in memory", "a queue must outlive the process: name a file")
        if "?" in name:
            raise Mistake(f"{shown(text)} has options", "name the file alone")
        return _SQLITE + str(absolute(name, base))
    if scheme == "sqlite":
        raise Mistake(f"{shown(text)} names no file", 'write "sqlite:///warmup.db", with three slashes')
    if scheme in _POSTGRES:
        try:
            parts = urlsplit(text)
            named = parts.path.strip("/") != "" and (parts.port is None or parts.port > 0)
        except ValueError as error:
            raise Mistake(f"{shown(text)}: {error}", "write postgresql://USER@HOST:PORT/NAME") from None
        if not named:
            raise Mistake(f"{shown(text)} names no database", "write postgresql://USER@HOST/NAME")
        return "postgresql+psycopg" + text[len(scheme) :]
    if "://" not in text:
        raise Mistake(f"{shown(text)} is not a database's address", f'write "sqlite:///{shown(text)[1:-1]}"')
    raise Mistake(f"{shown(scheme)} is not a database we speak to", "sqlite:///FILE or postgresql://...")


def absolute(name: str, base: Path) -> Path:
    """A path as it is meant: ``~`` is the home, and what is relative starts from ``base``.

    Raises:
        Mistake: It starts from the home of somebody who has none.
    """
    try:
        return Path(os.path.normpath(base.absolute() / Path(name).expanduser()))
    except RuntimeError:
        raise Mistake(f"{shown(name)} starts from a home that is not there", "write the whole path") from None


def database_folder(url: str) -> Path | None:
    """The folder of a database file; None where it is a server's."""
    return Path(url.removeprefix(_SQLITE)).parent if url.startswith(_SQLITE) else None


def default_state_dir() -> Path:
    """``$XDG_STATE_HOME/warmup``, or ``~/.local/state/warmup``."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The XDG base directory specification has relative paths ignored.
    return (given if given.is_absolute() else Path.home() / ".local" / "state") / "warmup"
