"""Who answers? Plan → Delivery: candidates in order, each tried until it answers or trying again makes no sense.

Nothing has gone to the client while this step runs, so everything here may be repeated: the whole body of an answer
that is not a stream, or the first events of one that is, have been read and understood before a `Delivery` is
returned.

What follows a failure depends on whose it is. The request's own (400, 413, filtered content): the client gets it,
no other candidate would do better. The provider's (5xx, 429, resets, time): the same candidate again if that is
safe and promises something, then the next. Our credential's (401, 402, 403), a missing model, too long a prompt:
the next candidate at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.errors import NotTranslatableError, ProviderError, RefusedError, UpstreamError
from keywright.pipeline.ask import Upstreams, ask
from keywright.pipeline.attempts import OURS, REQUESTS, THEIRS, Attempts, retry_after_of
from keywright.pipeline.estimated import estimated
from keywright.pipeline.routes import Target
from keywright.pipeline.translate import Translator
from keywright.pipeline.types import Delivery, Plan
from keywright.transport.retry import RetrySettings, delay_s, safe_to_repeat


class Aimed(Protocol):
    """A request for one target."""

    @property
    def target(self) -> Target: ...


Aim = TypeVar("Aim", bound=Aimed)
Answered = TypeVar("Answered")
Ask: TypeAlias = Callable[[Aim, Attempts, Upstreams, Clock], Awaitable[Answered]]
"""Asks one target once. Raises UpstreamError when there is no answer that can be passed on."""


class Line(Struct, frozen=True):
    """What this step works with. `random` gives a number in [0, 1); `pause` waits for so many seconds."""

    upstreams: Upstreams
    retry: RetrySettings
    clock: Clock
    random: Callable[[], float]
    pause: Callable[[float], Awaitable[None]]


async def deliver(plan: Plan, translator: Translator, attempts: Attempts, line: Line) -> Delivery:
    """The first candidate's answer that is one. Tokens that no candidate can count are estimated.

    Raises:
        RefusedError: the request is at fault, or every candidate failed (`upstream_failed`, `upstream_timeout`).
        NotTranslatableError: no candidate can be told what the request says.
    """
    attempts.targets = plan.targets
    for target in plan.targets:
        try:
            outbound = translator.outbound(target)
        except NotTranslatableError as error:
            attempts.refusal = attempts.refusal or error
            continue
        delivery = await persist(outbound, ask, attempts, line)
        if delivery is not None:
            return delivery
    if plan.admitted.intent.endpoint == "count" and not attempts.made:
        return estimated(plan, translator)
    raise attempts.refused()


async def persist(outbound: Aim, asking: Ask[Aim, Answered], attempts: Attempts, line: Line) -> Answered | None:
    """One candidate's answer, after it was asked as often as makes sense; None when it has none for us.

    Raises:
        RefusedError: the request is at fault, by what the provider says.
    """
    target, clock = outbound.target, line.clock
    breaker, number, is_mended = target.source.breaker, 0, False
    while number < line.retry.attempts_max:
        number += 1
        began_us = clock.ticks_us()
        if not breaker.allow(began_us / SECOND_US):
            attempts.add_unasked(target, breaker.wait_s(began_us / SECOND_US))
            return None
        try:
            answered = await asking(outbound, attempts, line.upstreams, clock)
        except asyncio.CancelledError:
            attempts.add(target, "cancelled", took_us=clock.ticks_us() - began_us)
            raise
        except UpstreamError as error:
            now_us = clock.ticks_us()
            attempts.add_failed(target, error, now_us - began_us)
            if not is_mended and await _mended(target, error, attempts):
                attempts.waited_us += clock.ticks_us() - now_us
                number, is_mended = number - 1, True
                continue
            _judge(target, error, now_us / SECOND_US)
            if isinstance(error, ProviderError) and error.failure.kind in REQUESTS:
                raise RefusedError(error.failure, rule="upstream:refused") from error
            wait_s = delay_s(line.retry, number, retry_after_of(error), line.random)
            if wait_s is None or not safe_to_repeat(error) or _has_spare(target, error, attempts, now_us / SECOND_US):
                return None
            await line.pause(wait_s)
            attempts.waited_us += clock.ticks_us() - now_us
        else:
            now_us = clock.ticks_us()
            breaker.succeeded(now_us / SECOND_US)
            attempts.add(target, "ok", 200, now_us - began_us)
            return answered
    return None


def _has_spare(target: Target, error: UpstreamError, attempts: Attempts, now_s: float) -> bool:
    """Whether it is the credential's limit that is reached, and another of the same model can be tried at once."""
    if not isinstance(error, ProviderError) or error.failure.kind != "rate_limited":
        return False
    later = attempts.targets[attempts.targets.index(target) + 1 :]
    return any(one.name == target.name and one.source.breaker.wait_s(now_s) == 0 for one in later)


async def _mended(target: Target, error: UpstreamError, attempts: Attempts) -> bool:
    """Whether the credential was refused and there is another key for it now: somebody has just replaced it."""
    credential, used = target.source.credential, attempts.used
    if not credential.renews or used is None or error.spent:
        return False
    if not isinstance(error, ProviderError) or error.failure.kind != "authentication":
        return False
    return await credential.mended(used)


def _judge(target: Target, error: UpstreamError, now_s: float) -> None:
    """Tell the credential's breaker whose failure it was."""
    breaker = target.source.breaker
    if isinstance(error, ProviderError) and error.failure.kind not in THEIRS | OURS:
        breaker.succeeded(now_s)
    else:
        breaker.failed(now_s, retry_after_of(error))
