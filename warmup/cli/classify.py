"""``warmup classify``: what a server's reply means, and the rule that says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from warmup.cli.options import config_option, format_option

if TYPE_CHECKING:
    from warmup.model import Verdict
    from warmup.providers import Classifier, Directory

__all__ = ["classify"]

LINE_MAX = 64 * 1024
"""Octets of a line of JSON; a reply is read up to 8,000 characters anyhow."""

STAGES = ("connect", "greeting", "ehlo", "starttls", "mail", "rcpt", "data", "dot")

DATA = 65


@click.command()
@click.argument("reply", metavar="REPLY | -")
@click.option(
    "--provider", default="other", metavar="NAME", help="Its id, one of its domains, or an MX name."
)
@click.option(
    "--stage", type=click.Choice(STAGES), default="rcpt", show_default=True, help="The command it answered."
)
@config_option
@format_option()
def classify(reply: str, provider: str, stage: str, config: Path | None, format: str) -> int | None:
    r"""Say what a server's reply means, what is done about it, and which rule says so.

    With - and --format json it reads lines from standard input, each an object with "reply" and, where
    known, "provider" and "stage", and writes one line for each as it comes. A line that cannot be read is
    answered with {"error": ...}; the exit code is 65 then.

    Rules of your own are used where --config names a file, or $WARMUP_CONFIG does.
    """
    from warmup.cli.output import emit
    from warmup.errors import UsageError

    if reply == "-" and format != "json":
        raise UsageError.of("-", "is read as lines of JSON", "add --format json")
    directory, classifier = _rules(config)
    if reply == "-":
        return _stream(directory, classifier, provider, stage)
    code, text = _split(reply)
    if code is None:
        wrong = f"{reply[:60]!r} does not begin with a code of three digits"
        raise UsageError.of("REPLY", wrong, 'write it whole, in quotes: "421 4.7.28 ..."')
    recognised = _provider(directory, provider)
    if recognised is None:
        from difflib import get_close_matches

        known = [*directory.providers, *directory.aliases]
        near = get_close_matches(provider.lower(), known, n=1)
        mend = f'did you mean "{near[0]}"?' if near else "name a provider, a domain or an MX; or leave it out"
        raise UsageError.of("--provider", f"{provider[:60]!r} is nobody's", mend)
    verdict = _verdict(classifier, recognised, code, text, stage)
    if format == "json":
        emit(_facts(verdict, recognised), "json")
    else:
        emit(_told(verdict, recognised, classifier))
    return None


def _rules(config: Path | None) -> tuple[Directory, Classifier]:
    """The shipped rules, or with them those of a configuration that is named."""
    import os

    from warmup.providers import Classifier, Directory

    if config is None and not os.environ.get("WARMUP_CONFIG"):
        return Directory.default(), Classifier.default()
    from warmup.cli.opening import load_config

    loaded = load_config(config)
    directory = Directory.default().extended(loaded.providers)
    return directory, Classifier.default().extended(loaded.replies, directory=directory)


def _split(reply: str) -> tuple[int | None, str]:
    r"""Code and text of a reply as a server wrote it; ``\n`` may stand for the end of a line."""
    text = reply.replace("\\r", "").replace("\\n", "\n").lstrip()
    code, rest = text[:3], text[3:]
    if not (code.isascii() and code.isdigit()) or rest[:1].isalnum():
        return None, text
    return int(code), rest.removeprefix("-") if rest[:1] == "-" else rest.lstrip(" ")


def _provider(directory: Directory, name: str) -> str | None:
    """A provider's id, from one of its names, domains or MX names; ``other`` for a domain of nobody's."""
    word = name.strip().lower().removesuffix(".")
    if word in ("", "other"):
        return "other"
    if word in directory:
        return directory.resolve(word)
    found = directory.by_domain(word) or directory.by_mx([word])
    return found or ("other" if "." in word else None)


def _verdict(classifier: Classifier, provider: str, code: int, text: str, stage: str) -> Verdict:
    from warmup.model import Stage
    from warmup.providers import parse_reply

    return classifier.classify(provider, parse_reply(code, text), Stage(stage))


def _facts(verdict: Verdict, provider: str) -> dict[str, Any]:
    from warmup.timing import SECOND

    return {
        "category": verdict.category.value,
        "scope": verdict.scope.value,
        "reaction": verdict.reaction.value,
        "rule": verdict.rule,
        "outcome": verdict.outcome.value,
        "retry_after_s": verdict.retry_after // SECOND,
        "pause_s": verdict.pause // SECOND,
        "finding": verdict.finding or None,
        "provider": provider,
    }


def _told(verdict: Verdict, provider: str, classifier: Classifier) -> dict[str, Any]:
    from warmup.config.spans import write_span
    from warmup.model import Category, Reaction

    told: dict[str, Any] = {
        "category": verdict.category.value,
        "scope": verdict.scope.value,
        "reaction": verdict.reaction.value,
        "outcome": verdict.outcome.value,
        "retry after": write_span(verdict.retry_after) if verdict.retry_after else "the retry schedule",
        "pause": write_span(verdict.pause) if verdict.pause else "none",
    }
    if verdict.reaction is Reaction.STOP_PROVIDER:
        told["outcome"] = "deferred: it is about the sender, and the message is kept"
    if verdict.category is Category.AUTH_FAILURE:
        told["pause"] = "1h, then longer while it lasts, 12h at most"
    if verdict.finding:
        told["finding"] = verdict.finding
    told |= {"provider": provider, "rule": verdict.rule}
    rule = classifier.rule(verdict.rule)
    if rule is not None:
        told["source"] = rule.source or "the code alone"
        if rule.example:
            told["example"] = rule.example
    return told


def _stream(directory: Directory, classifier: Classifier, provider: str, stage: str) -> int:
    """Answer each line as it comes; 65 where one could not be read."""
    import sys

    from warmup.cli.output import emit

    code = 0
    for number, line in enumerate(_lines(), 1):
        if not line.strip():
            continue
        answer = _answer(line, directory, classifier, provider, stage)
        if "error" in answer:
            code = DATA
            answer["line"] = number
        emit(answer, "json")
        sys.stdout.flush()
    return code


def _lines() -> Iterator[bytes]:
    """Lines of standard input, the blank ones too; of one that is longer than any reply, the beginning."""
    import sys

    stream = sys.stdin.buffer
    while line := stream.readline(LINE_MAX):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(LINE_MAX)
        yield line


def _answer(
    line: bytes, directory: Directory, classifier: Classifier, provider: str, stage: str
) -> dict[str, Any]:
    import json

    try:
        asked = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        if len(line) == LINE_MAX and not line.endswith(b"\n"):
            return {"error": f"is longer than {LINE_MAX:,} octets"}
        return {"error": "is no JSON"}
    if not isinstance(asked, dict):
        return {"error": 'is no object: write {"provider": ..., "reply": ..., "stage": ...}'}
    reply, name, at = asked.get("reply"), asked.get("provider"), asked.get("stage")
    if not isinstance(reply, str):
        return {"error": '"reply" is missing, or is no text'}
    if at is not None and at not in STAGES:
        return {"error": f'"stage" is none of {", ".join(STAGES)}'}
    if name is not None and not isinstance(name, str):
        return {"error": '"provider" is no text'}
    number, text = _split(reply)
    if number is None:
        return {"error": '"reply" does not begin with a code of three digits'}
    # A provider that nobody knows has the rules for everybody.
    recognised = _provider(directory, provider if name is None else name) or "other"
    return _facts(_verdict(classifier, recognised, number, text, stage if at is None else at), recognised)
