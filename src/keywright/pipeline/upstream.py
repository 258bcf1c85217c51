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
from typing import Final, Protocol

import msgspec

from keywright.core.clock import Clock
from keywright.core.dialect import StreamReader, Tapped
from keywright.core.entry import Attempt
from keywright.core.errors import (
    NotTranslatableError,
    ProviderError,
    RefusedError,
    UpstreamBrokeError,
    UpstreamError,
    UpstreamMalformedError,
    UpstreamTimeoutError,
)
from keywright.core.event import Event, Failed
from keywright.core.failure import Failure, FailureKind
from keywright.core.fold import unfold
from keywright.core.http import Header, HttpRequest, Reach
from keywright.pipeline.routes import Target
from keywright.pipeline.translate import Translator
from keywright.pipeline.types import Answer, Delivery, Outbound, Plan, TranslatedStream, VerbatimStream, Whole
from keywright.transport.retry import RetrySettings, delay_s, safe_to_repeat
from keywright.transport.retry_after import retry_after_s

WHOLE_BYTES_MAX: Final = 64 * 1024 * 1024
ERROR_BYTES_MAX: Final = 256 * 1024
REQUESTS: Final[frozenset[FailureKind]] = frozenset({"invalid_request", "too_large", "content_filtered"})
"""Failures of the request: every candidate would say the same."""
OURS: Final[frozenset[FailureKind]] = frozenset({"authentication", "permission", "payment", "quota"})
"""Failures of the credential that we used: the client has no part in them."""
THEIRS: Final[frozenset[FailureKind]] = frozenset({"rate_limited", "overloaded", "timeout", "server"})
"""Failures of the provider: they may pass, and another candidate may do better."""
UNREAD: Final = Tapped()
"""What is learnt from a body that is no answer."""
SECONDS_US: Final = 1_000_000
"""Microseconds in a second."""


class Upstreams(Protocol):
    """The connection pool."""

    async def send(self, reach: Reach, request: HttpRequest) -> Answer: ...


class Line(msgspec.Struct, frozen=True):
    """What this step works with. `random` gives a number in [0, 1); `pause` waits for so many seconds."""

    upstreams: Upstreams
    retry: RetrySettings
    clock: Clock
    random: Callable[[], float]
    pause: Callable[[float], Awaitable[None]]


class Attempts:
    """What has been tried so far, for the ledger and for the error when all of it failed."""

    def __init__(self) -> None:
        self.made: list[Attempt] = []
        self.last: UpstreamError | None = None
        self.refusal: NotTranslatableError | None = None
        self.waited_us = 0


async def deliver(plan: Plan, translator: Translator, attempts: Attempts, line: Line) -> Delivery:
    """The first candidate's answer that is one.

    Raises:
        RefusedError: the request is at fault, or every candidate failed (`upstream_failed`, `upstream_timeout`).
        NotTranslatableError: no candidate can be told what the request says.
    """
    for target in plan.targets:
        try:
            outbound = translator.outbound(target)
        except NotTranslatableError as error:
            attempts.refusal = attempts.refusal or error
            continue
        delivery = await _persist(outbound, attempts, line)
        if delivery is not None:
            return delivery
    raise _all_failed(attempts)


async def _persist(outbound: Outbound, attempts: Attempts, line: Line) -> Delivery | None:
    """One candidate's answer, after as many tries as make sense; None when it has none for us."""
    breaker = outbound.target.source.breaker
    for number in range(1, line.retry.attempts_max + 1):
        began_us = line.clock.ticks_us()
        if not breaker.allow(began_us / SECONDS_US):
            attempts.made.append(_attempt(outbound.target, "breaker_open", 0, 0))
            return None
        try:
            delivery = await _ask(outbound, attempts, line)
        except asyncio.CancelledError:
            took_us = line.clock.ticks_us() - began_us
            attempts.made.append(_attempt(outbound.target, "cancelled", 0, took_us))
            raise
        except UpstreamError as error:
            now_us = line.clock.ticks_us()
            attempts.made.append(_attempt(outbound.target, code_of(error), _status_of(error), now_us - began_us))
            attempts.last = error
            _judge(outbound.target, error, now_us / SECONDS_US)
            if isinstance(error, ProviderError) and error.failure.kind in REQUESTS:
                raise RefusedError(error.failure, rule="upstream:refused") from error
            wait_s = delay_s(line.retry, number, _retry_after_of(error), line.random)
            if wait_s is None or not safe_to_repeat(error):
                return None
            await line.pause(wait_s)
            attempts.waited_us += line.clock.ticks_us() - now_us
        else:
            now_us = line.clock.ticks_us()
            breaker.succeeded(now_us / SECONDS_US)
            attempts.made.append(_attempt(outbound.target, "ok", 200, now_us - began_us))
            return delivery
    return None


async def _ask(outbound: Outbound, attempts: Attempts, line: Line) -> Delivery:
    """Ask once, and read as much as must be understood before the client may hear of it."""
    source = outbound.target.source
    http = outbound.http
    signed = HttpRequest(http.method, http.target, source.credential.apply(http.headers), http.body)
    began_us = line.clock.ticks_us()
    try:
        answer = await line.upstreams.send(source.reach, signed)
    finally:
        attempts.waited_us += line.clock.ticks_us() - began_us
    try:
        if answer.status != 200:
            raise await _provider_error(outbound, answer, line.clock)
        if outbound.peek.stream and not _is_whole(answer.headers):
            first = _Chunks(answer, attempts, line.clock)
            return await (_verbatim_stream if outbound.lane.verbatim else _translated_stream)(outbound, answer, first)
        began_us = line.clock.ticks_us()
        body = await answer.read(WHOLE_BYTES_MAX)
        attempts.waited_us += line.clock.ticks_us() - began_us
        return _whole_as_stream(outbound, answer, body) if outbound.peek.stream else _whole(outbound, answer, body)
    except BaseException:
        answer.abort()
        raise


async def _provider_error(outbound: Outbound, answer: Answer, clock: Clock) -> UpstreamError:
    if answer.status < 400:
        return UpstreamMalformedError(f"the provider answered {answer.status}, which is not followed")
    try:
        body = outbound.target.source.credential.redact(await answer.read(ERROR_BYTES_MAX))
    except UpstreamError:
        body = b""  # what its status says, stands
    failure = outbound.lane.dialect.decode_error(answer.status, body)
    wait_s = retry_after_s(answer.headers, clock.unix_us() / SECONDS_US)
    return ProviderError(msgspec.structs.replace(failure, retry_after_s=wait_s) if wait_s is not None else failure)


def _whole(outbound: Outbound, answer: Answer, body: bytes) -> Whole:
    headers = _answered(outbound, answer.headers)
    tapped = outbound.lane.dialect.tap_response(body)
    if not tapped.complete and tapped == UNREAD:
        raise UpstreamMalformedError("the provider's answer is none of its dialect")
    if outbound.request is None:
        return Whole(outbound, headers, body, tapped)
    response = outbound.lane.dialect.decode_response(body)
    encoded = outbound.client.encode_response(response, outbound.request)
    return Whole(outbound, headers, encoded.body, tapped, encoded.losses)


class _Chunks:
    """The first chunks of a stream, and the time that was spent waiting for them."""

    def __init__(self, answer: Answer, attempts: Attempts, clock: Clock) -> None:
        self._answer = answer
        self._attempts = attempts
        self._clock = clock

    async def next(self) -> bytes:
        began_us = self._clock.ticks_us()
        chunk = await self._answer.chunk()
        self._attempts.waited_us += self._clock.ticks_us() - began_us
        return chunk


async def _verbatim_stream(outbound: Outbound, answer: Answer, chunks: _Chunks) -> VerbatimStream:
    tap = outbound.lane.dialect.Tap(outbound.peek)
    first = b""
    while not first:
        chunk = await chunks.next()
        if not chunk:
            break
        first = tap.feed(chunk)
    failure = tap.result().failure
    if failure is not None:
        raise ProviderError(failure)
    if not first:
        raise UpstreamBrokeError("the stream ended before it began", answered=True)
    return VerbatimStream(outbound, _answered(outbound, answer.headers), answer, tap, first)


async def _translated_stream(outbound: Outbound, answer: Answer, chunks: _Chunks) -> TranslatedStream:
    reader = outbound.lane.dialect.StreamReader()
    first: list[Event] = []
    while not first:
        chunk = await chunks.next()
        first = reader.feed(chunk) if chunk else reader.end()
        if not chunk and not first:
            raise UpstreamBrokeError("the stream ended before it began", answered=True)
    for event in first:
        if isinstance(event, Failed):
            raise ProviderError(event.failure)
    return _translated(outbound, answer, reader, first)


def _whole_as_stream(outbound: Outbound, answer: Answer, body: bytes) -> TranslatedStream:
    """Some servers answer whole when asked for a stream: the client gets one all the same."""
    first = list(unfold(outbound.lane.dialect.decode_response(body)))
    return _translated(outbound, answer, _Ended(), first)


def _translated(outbound: Outbound, answer: Answer, reader: StreamReader, first: list[Event]) -> TranslatedStream:
    headers = _answered(outbound, answer.headers)
    request = outbound.request or outbound.client.decode_request(outbound.http.body)
    writer = outbound.client.StreamWriter(request)
    return TranslatedStream(outbound, headers, answer, reader, writer, tuple(first))


class _Ended:
    """The reader of a stream of which nothing more will come."""

    def feed(self, chunk: bytes) -> list[Event]:
        raise UpstreamMalformedError(f"{len(chunk)} bytes came after the end of the answer")

    def end(self) -> list[Event]:
        return []


def _is_whole(headers: tuple[Header, ...]) -> bool:
    """Whether an answer says of itself that it is no stream."""
    return any(name == b"content-type" and value.startswith(b"application/json") for name, value in headers)


def _answered(outbound: Outbound, headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The provider's own headers that the client may see."""
    answered = outbound.lane.answered
    return tuple([header for header in headers if header[0] in answered])


def _judge(target: Target, error: UpstreamError, now_s: float) -> None:
    """Tell the credential's breaker whose failure it was."""
    breaker = target.source.breaker
    if isinstance(error, ProviderError) and error.failure.kind not in THEIRS | OURS:
        breaker.succeeded(now_s)
    else:
        breaker.failed(now_s, _retry_after_of(error))


def _all_failed(attempts: Attempts) -> RefusedError:
    error = attempts.last
    tried = "; ".join(f"{a.provider}/{a.model}: {a.result}" for a in attempts.made)
    if error is None:
        if attempts.refusal is not None and not attempts.made:
            return attempts.refusal
        return _failed("overloaded", 503, "upstream_failed", f"no candidate can be tried now ({tried})", 1.0)
    if isinstance(error, ProviderError):
        failure = error.failure
        if failure.kind not in OURS | THEIRS:
            return RefusedError(failure, rule="upstream:refused")
        message = "the provider refused the gateway's credential" if failure.kind in OURS else failure.message
        return _failed(failure.kind, failure.status, "upstream_failed", f"{message} ({tried})", failure.retry_after_s)
    if isinstance(error, UpstreamTimeoutError):
        return _failed("timeout", 504, "upstream_timeout", f"the provider did not answer in time ({tried})")
    return _failed("server", 502, "upstream_failed", f"the provider could not be reached or broke off ({tried})")


def _failed(kind: FailureKind, status: int, code: str, message: str, retry_after: float | None = None) -> RefusedError:
    failure = Failure(kind=kind, status=status, code=code, message=message, retry_after_s=retry_after)
    return RefusedError(failure, rule=f"upstream:{code}")


def _attempt(target: Target, result: str, status: int, took_us: int) -> Attempt:
    return Attempt(
        provider=target.source.name,
        model=target.model,
        credential=target.source.credential.fingerprint,
        result=result,
        status=status,
        took_us=took_us,
    )


def code_of(error: UpstreamError) -> str:
    """One word for what went wrong, safe to show."""
    match error:
        case ProviderError():
            return f"{error.failure.status} {error.failure.code}"
        case UpstreamTimeoutError():
            return f"{error.phase} timeout"
        case UpstreamMalformedError():
            return "malformed answer"
        case UpstreamBrokeError():
            return "connection broke"
        case _:
            return "connect failed"


def _status_of(error: UpstreamError) -> int:
    return error.failure.status if isinstance(error, ProviderError) else 0


def _retry_after_of(error: UpstreamError) -> float | None:
    return error.failure.retry_after_s if isinstance(error, ProviderError) else None
