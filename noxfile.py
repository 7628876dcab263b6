"""Everything that has to hold before a change lands; ``nox`` alone runs the default sessions."""

from __future__ import annotations

import sys

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "architecture", "docs", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = [RUNNING, *(version for version in ("3.11", "3.12", "3.13") if version != RUNNING)]

BENCHMARKS = ["planner", "steady", "forecast", "reputation", "replies", "enqueue", "release"]


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install the project and dependency groups, with uv or with pip."""
    requirements = [line for group in groups for line in nox.project.dependency_groups(PROJECT, group)]
    session.install(*(["-e", "."] if project else []), *requirements)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, banned calls, formatting."""
    install(session, "lint", project=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    install(session, "types", "test")
    session.run("mypy")


@nox.session
def architecture(session: nox.Session) -> None:
    """Imports run down only, and the pure rooms stay pure."""
    install(session, "lint")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site; a warning is an error, and nothing is fetched."""
    install(session, "docs")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests and the examples in the docs, on every Python that is found."""
    install(session, "test")
    arguments = session.posargs or ["-n", "auto", "--dist", "loadfile"]
    session.run("pytest", *arguments, env={"HYPOTHESIS_PROFILE": "ci"})


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The tests with the oldest dependencies that pyproject.toml allows."""
    requirements = nox.project.dependency_groups(PROJECT, "test")
    session.install("--resolution", "lowest-direct", "-e", ".[postgres]")
    session.install(*requirements)
    session.run("pytest", *(session.posargs or ["-n", "auto", "--dist", "loadfile"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure; one JSON object a line."""
    install(session)
    for name in session.posargs or BENCHMARKS:
        session.run("python", f"benchmarks/{name}.py")
