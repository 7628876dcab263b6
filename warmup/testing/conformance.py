"""What every plugin has to keep, as checks that its own test suite can call.

Each check raises AssertionError with a sentence about what was broken. They need no test framework.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import attrs

from warmup.contracts import Curve, Route, Transport
from warmup.model import Attempt, Grant, Outcome, Stage

__all__ = ["check_curve", "check_transport"]

CONTENT = (
    b"From: <a@sender.example>\r\nTo: <b@example.com>\r\nMessage-ID: <conformance@sender.example>\r\n"
    b"Date: Tue, 01 Dec 2026 00:00:00 +0000\r\nSubject: conformance\r\n\r\n"
    b".\r\n..\r\n.x\r\nthe end.\r\n"
)


async def check_transport(
    make: Callable[[], Transport],
    grant: Grant,
    route: Route,
    *,
    received: Callable[[], Awaitable[Iterable[bytes]]] | None = None,
) -> None:
    """Check a transport against :class:`warmup.contracts.Transport`.

    Args:
        make: Makes a fresh transport. Whatever it leads to has to accept what it is sent.
        grant: A grant that this transport can act on.
        route: A route for it.
        received: Returns the contents that have arrived so far, where the other end can be asked.

    Raises:
        AssertionError: It broke a rule; the message says which.
    """
    grant = attrs.evolve(grant, size=len(CONTENT))
    transport = make()
    assert isinstance(transport, Transport), "a transport has the methods deliver() and close()"
    began = 0

    async def begin() -> bytes | None:
        nonlocal began
        began += 1
        await asyncio.sleep(0)
        return CONTENT

    async def give_back() -> bytes | None:
        return None

    attempt = await transport.deliver(grant, route, begin)
    _check_attempt(attempt)
    assert attempt.outcome is Outcome.ACCEPTED, f"the first delivery was not accepted: {attempt.reply}"
    assert began == 1, f"begin was awaited {began} times for one attempt; it has to be once"
    assert attempt.mail_written, "an accepted delivery has written MAIL"

    attempt = await transport.deliver(grant, route, give_back)
    _check_attempt(attempt)
    assert attempt.outcome is Outcome.DEFERRED, "where begin returns None the delivery is deferred"
    assert not attempt.mail_written, "where begin returns None no MAIL may go out"

    count = 5
    grants = [attrs.evolve(grant, id=grant.id + number) for number in range(count)]
    attempts = await asyncio.gather(*(transport.deliver(each, route, begin) for each in grants))
    for attempt in attempts:
        _check_attempt(attempt)
        assert attempt.outcome is Outcome.ACCEPTED, f"one of several at once: {attempt.reply}"
    assert began == 1 + count, "begin was not awaited once for each of several deliveries at once"

    if received is not None:
        contents = list(await received())
        assert len(contents) == 1 + count, f"{1 + count} were accepted and {len(contents)} arrived"
        for content in contents:
            assert CONTENT in content or CONTENT.replace(b"\r\n", b"\n") in content, "content was changed"

    class Trouble(Exception):
        pass

    async def fail() -> bytes | None:
        raise Trouble

    try:
        await transport.deliver(grant, route, fail)
    except Trouble:
        pass
    else:
        raise AssertionError("an error of begin has to reach the caller")
    attempt = await transport.deliver(grant, route, begin)
    assert attempt.outcome is Outcome.ACCEPTED, "after an error of begin the transport has to go on working"
    await transport.close()
    await transport.close()


def _check_attempt(attempt: Attempt) -> None:
    assert attempt.started_at <= attempt.ended_at, "an attempt cannot end before it starts"
    code = attempt.reply.code
    assert code == 0 or 200 <= code <= 599, f"{code} is no SMTP code, and not 0 either"
    if attempt.outcome is Outcome.ACCEPTED:
        assert code // 100 == 2, f"accepted with the code {code}"
        assert attempt.stage is Stage.DOT, f"accepted at {attempt.stage}, before the content"
    if attempt.outcome is Outcome.UNKNOWN:
        assert attempt.mail_written, "nothing can be unknown before MAIL"


def check_curve(
    curve: Curve,
    *,
    shares: Iterable[int] = (0, 1, 2, 10, 999, 50_000, 1_000_000),
    steps: int = 120,
    parse: Callable[[str], Curve] | None = None,
) -> None:
    """Check a curve against :class:`warmup.contracts.Curve`.

    Args:
        curve: The curve.
        shares: Shares to try, deliveries a day.
        steps: How many steps to look at.
        parse: Reads a curve's name back, where it should be possible.

    Raises:
        AssertionError: It broke a rule; the message says which.
    """
    assert isinstance(curve, Curve), "a curve has a name and the methods cap() and hourly()"
    assert isinstance(curve.name, str), "a curve's name is text"
    assert curve.name, "a curve has a name"
    for share in shares:
        before = 0
        for step in range(1, steps + 1):
            where = f"step {step} of {curve.name} with a share of {share}"
            cap = curve.cap(step, share)
            assert type(cap) is int, f"{where}: a cap is an int, got {cap!r}"
            assert 0 <= cap <= share, f"{where}: {cap} is not between 0 and the share"
            assert cap >= before, f"{where}: the cap fell from {before} to {cap}"
            assert cap == curve.cap(step, share), f"{where}: asked twice, answered differently"
            hourly = curve.hourly(step, share)
            assert hourly is None or (type(hourly) is int and hourly >= 0), f"{where}: hourly is {hourly!r}"
            before = cap
    if parse is not None:
        again = parse(curve.name)
        assert again.name == curve.name, f"{curve.name!r} was read back as {again.name!r}"
        for share in shares:
            for step in (1, 2, steps):
                assert again.cap(step, share) == curve.cap(step, share), f"{curve.name!r} changed when read"
