"""What another sender's automated warm-up has brought an address to, in deliveries a day."""

from __future__ import annotations

from datetime import date

from warmup.errors import UsageError
from warmup.plan.published import published

__all__ = ["SES_FULL", "sendgrid_volume", "ses_volume"]

SES_FULL = 50_000
"""Deliveries a day at the end of Amazon's automatic warm-up of a dedicated IP, which takes 45 days
(https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html)."""

_WHOLE = 1 << 62


def ses_volume(percentage: int, share: int) -> int:
    """Deliveries a day that an SES ``WarmupPercentage`` stands for.

    Amazon's warm-up is linear, so that 40 is day 18 of 45. The percentage is taken of the address's
    share of this plan, and of no more than 50,000 a day: nobody knows what SES really sent.

    Args:
        percentage: 0 to 100, as ``GetDedicatedIp`` of the SES API shows it.
        share: Deliveries a day the address shall carry here.
    """
    return min(share, SES_FULL) * percentage // 100


def sendgrid_volume(started: date, today: date) -> int:
    """Deliveries a day that SendGrid's automated warm-up allows an address of some age.

    Its published table is hourly: a day is 24 times the hour of the last day that is over.

    Raises:
        UsageError: It has not begun yet.
    """
    days = (today - started).days
    if days < 1:
        raise UsageError.of("--sendgrid-start", f"{started} is no day before {today}", "say when it began")
    hour = published("sendgrid").hourly(days, _WHOLE)
    return _WHOLE if hour is None else 24 * hour
