"""The nouns: frozen records that every room speaks in. They check themselves and do nothing."""

from warmup.model.decision import Decision, Divert, Grant, Limit, Wait, WaitReason
from warmup.model.evidence import WindowEvidence
from warmup.model.lane import OTHER, EgressSource, Lane, LaneKey, Learned, Ledger, Standing, Watch
from warmup.model.message import DeliveryState, Envelope, Submission
from warmup.model.policy import (
    Declaration,
    LaneLimits,
    OnUnknown,
    RampClock,
    RetrySchedule,
    SendingHours,
    Stream,
)
from warmup.model.reply import Attempt, Category, Outcome, Reaction, Reply, Scope, Stage, Verdict
from warmup.model.report import Report, ReportKind, Taken
from warmup.model.window import PARTS, Shape, Window

__all__ = [
    "OTHER",
    "PARTS",
    "Attempt",
    "Category",
    "Decision",
    "Declaration",
    "DeliveryState",
    "Divert",
    "EgressSource",
    "Envelope",
    "Grant",
    "Lane",
    "LaneKey",
    "LaneLimits",
    "Learned",
    "Ledger",
    "Limit",
    "OnUnknown",
    "Outcome",
    "RampClock",
    "Reaction",
    "Reply",
    "Report",
    "ReportKind",
    "RetrySchedule",
    "Scope",
    "SendingHours",
    "Shape",
    "Stage",
    "Standing",
    "Stream",
    "Submission",
    "Taken",
    "Verdict",
    "Wait",
    "WaitReason",
    "Watch",
    "Window",
    "WindowEvidence",
]
