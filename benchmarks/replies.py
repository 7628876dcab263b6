"""How fast replies are understood. One JSON object a line.

    python benchmarks/replies.py [--replies N] [--rounds N]

Every reply is a text of its own (numbers, addresses and names differ), so that nothing that was
remembered helps. ``replies.classify`` is the meaning alone, ``replies.read`` with the wire's text taken
apart first; ``against`` is a bare loop that folds each text and looks for fifty phrases in it, one by one.
"""

from __future__ import annotations

import argparse
import time

from measure import race, say

from warmup.model import Stage
from warmup.providers import Classifier, parse_reply

PROVIDERS = ("google", "microsoft365", "yahoo", "gmx", "other")
STAGES = (Stage.GREETING, Stage.MAIL, Stage.RCPT, Stage.DOT)


def _texts(count: int) -> list[tuple[str, int, str, Stage]]:
    """So many replies: the examples of all rules, each time with other names, numbers and addresses."""
    examples = [rule.example for rule in Classifier.default().rules]
    made = []
    for index in range(count):
        example = examples[index % len(examples)]
        text = example[4:].replace("user@example.com", f"u{index}@d{index % 9973}.example")
        text = text.replace("192.0.2.1", f"198.51.{index >> 8 & 255}.{index & 255}")
        made.append(
            (PROVIDERS[index % 5], int(example[:3]), f"{text} id={index:x}", STAGES[index // 7 % len(STAGES)])
        )
    return made


def _plain(texts: list[tuple[str, int, str, Stage]]) -> int:
    phrases = sorted({phrase for rule in Classifier.default().rules for phrase in rule.text[:1]})[:50]
    found = 0
    for _, _, text, _ in texts:
        folded = " ".join(text.lower().split())
        for phrase in phrases:
            if phrase in folded:
                found += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the reading of replies.")
    parser.add_argument("--replies", type=int, default=100_000, help="Replies in a round.")
    parser.add_argument("--rounds", type=int, default=5, help="Times each measurement is repeated.")
    options = parser.parse_args()
    begun = time.process_time()
    classifier = Classifier.default()
    say("replies.load", (time.process_time() - begun) * 1e3, "ms", rules=len(classifier.rules))
    texts = _texts(options.replies)
    parsed = [(provider, parse_reply(code, text), stage) for provider, code, text, stage in texts]
    classify = classifier.classify

    def meaning() -> None:
        for provider, reply, stage in parsed:
            classify(provider, reply, stage)

    def reading() -> None:
        for provider, code, text, stage in texts:
            classify(provider, parse_reply(code, text), stage)

    mine, whole, plain = race(options.rounds, meaning, reading, lambda: _plain(texts))
    for name, took in (("classify", mine), ("read", whole)):
        say(
            f"replies.{name}",
            options.replies / took * 60,
            "replies/min",
            at_least=1_000_000,
            each_us=round(took / options.replies * 1e6, 2),
            against=round(plain / options.replies * 1e6, 2),
            ratio=round(took / plain, 2),
        )


if __name__ == "__main__":
    main()
