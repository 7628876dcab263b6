"""What must be sent: demand, mix and pattern read from past sends, logs, lists or a description. Pure.

Readers take lines and return values; opening files is somebody else's business.
"""

from __future__ import annotations

from warmup.demand.describing import describe, unheard
from warmup.demand.exim import EximReader
from warmup.demand.history import History, Report
from warmup.demand.learning import LearnedPattern, LearnedWeek, learn_pattern, learn_weekdays
from warmup.demand.mixing import MeasuredMix, MeasuredShare, measure_mix
from warmup.demand.postfix import PostfixReader
from warmup.demand.project import Growth, parse_growth, project
from warmup.demand.recipients import ListReader
from warmup.demand.recognise import read_mx
from warmup.demand.sends import SendsReader
from warmup.demand.sniff import sniff
from warmup.demand.spread import spread

__all__ = [
    "EximReader",
    "Growth",
    "History",
    "LearnedPattern",
    "LearnedWeek",
    "ListReader",
    "MeasuredMix",
    "MeasuredShare",
    "PostfixReader",
    "Report",
    "SendsReader",
    "describe",
    "learn_pattern",
    "learn_weekdays",
    "measure_mix",
    "parse_growth",
    "project",
    "read_mx",
    "sniff",
    "spread",
    "unheard",
]
