"""Replies that others collected, labelled by hand: how many are understood, and what never may happen.

``replies-seen`` and ``replies-held-out`` were split before any rule was tried on them, ``replies-fresh`` and
``replies-last`` were collected later, each tried once before the rules were mended; see the reference page.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from warmup.model import Category, Stage, Verdict
from warmup.providers import classify, parse_reply

FOLDER = Path(__file__).parent / "data"
SETS = ("seen", "held-out", "fresh", "last")


def load(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / f"replies-{name}.json").read_text("utf-8"))
    return loaded


def meant(row: dict[str, Any], **change: str) -> Verdict:
    text = change.get("reply", row["reply"])
    provider = change.get("provider", row["provider"])
    return classify(provider, parse_reply(int(text[:3]), text[4:]), Stage.RCPT)


@pytest.mark.parametrize("name", SETS)
def test_collected_replies_are_understood(name: str) -> None:
    """At least 98 % of each set is understood; none of it ends in an error."""
    rows = load(name)
    wrong = [(row["category"], meant(row).category, row["reply"]) for row in rows]
    wrong = [entry for entry in wrong if entry[0] != entry[1]]
    assert len(wrong) <= 0.02 * len(rows), wrong


def test_sets_are_sound() -> None:
    """No reply is in two sets, each has a category and a source, and most categories are there."""
    rows = [row for name in SETS for row in load(name)]
    replies = Counter(row["reply"] for row in rows)
    assert replies.most_common(1)[0][1] == 1
    assert all(row["source"] and Category(row["category"]) for row in rows)
    assert len({row["category"] for row in rows}) >= 12
    assert len(rows) >= 530


def test_noise_around_a_reply_changes_little() -> None:
    """Capitals, broken lines, HTML entities and doubled white space leave the meaning as it is."""
    rows = [row for name in SETS for row in load(name)]
    for change in (
        str.swapcase,
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;"),
    ):
        moved = sum(
            meant(row, reply=row["reply"][:4] + change(row["reply"][4:])).category != meant(row).category
            for row in rows
        )
        assert moved <= 0.02 * len(rows)


def test_one_provider_quotes_another() -> None:
    """A gateway that quotes a refusal means it."""
    for quoted, category in [
        ("550 5.1.1 The email account that you tried to reach does not exist.", "invalid_recipient"),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "volume_limited"),
        (
            "550 5.7.1 messages from [192.0.2.1] weren't sent (S3140)",
            "ip_reputation_block",
        ),
    ]:
        reply = f"{quoted[:3]} host mx.example.net[198.51.100.1] said: {quoted} (in reply to RCPT TO command)"
        assert meant({"reply": reply, "provider": "proofpoint"}).category == category
