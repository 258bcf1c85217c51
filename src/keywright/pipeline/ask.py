"""What does one candidate say? Outbound → Delivery: one request, and its answer as far as it must be understood.

Nothing has gone to the client yet. Of an answer that is not a stream all has been read and understood, of a stream the
first events: what fails until then, the next attempt can make good.
"""

from typing import Any, Final, Protocol

import msgspec

from keywright.core.clock import SECOND_US, Clock
from keywright.core.counting import CountResponse
from keywright.core.dialect import StreamReader, Tapped
from keywright.core.embedding import EmbedResponse
from keywright.core.errors import (
    CredentialLapsedError,
    ProviderError,
    SecretError,
    UpstreamBrokeError,
    UpstreamError,
    UpstreamMalformedError,
)
from keywright.core.event import Event, Failed, Started
from keywright.core.fold import unfold
from keywright.core.http import Header, HttpRequest, Reach
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects import DIALECTS
from keywright.pipeline.attempts import Attempts
from keywright.pipeline.redacted import RedactedAnswer, cleared, cleared_frame
from keywright.pipeline.routes import Credential, RenewingCredential, Source
from keywright.pipeline.types import Answer, Delivery, Outbound, TranslatedStream, VerbatimStream, Whole
from keywright.transport.rate_limit import exhausted_s
from keywright.transport.retry_after import retry_after_s

WHOLE_BYTES_MAX: Final = 64 * 1024 * 1024
ERROR_BYTES_MAX: Final = 256 * 1024
DIGITS_MAX: Final = 12
ERROR_TYPE: Final = "__type"
"""Where the dialects whose providers name an error's type in a header look for it in the body."""
UNREAD: Final = Tapped()
"""What is learnt from a body that is no answer."""


class Upstreams(Protocol):
    """The connection pool."""

    async def send(self, reach: Reach, request: HttpRequest) -> Answer: ...


async def ask(outbound: Outbound, attempts: Attempts, upstreams: Upstreams, clock: Clock) -> Delivery:
    """The candidate's answer.

    Raises:
        UpstreamError: there is none that can be passed on.
    """
    source, credential = outbound.target.source, outbound.target.source.credential
    sent_us = clock.ticks_us()
    try:
        if credential.renews:
            credential = await renewed(credential)
        attempts.used, attempts.fingerprint = credential, source.credential.fingerprint
        signed = credential.apply(outbound.http, source.reach.origin)
        answer = RedactedAnswer(await upstreams.send(source.reach, signed), credential)
    except BaseException:
        attempts.waited_us += clock.ticks_us() - sent_us
        raise
    read_gauge(source, answer, sent_us, clock)
    try:
        if answer.status != 200:
            attempts.waited_us += clock.ticks_us() - sent_us
            raise await _provider_error(outbound, answer, clock)
        if outbound.peek.stream and not _is_whole(outbound, answer.headers):
            attempts.waited_us += clock.ticks_us() - sent_us
            first = _Chunks(answer, attempts, clock)
            return await (_verbatim_stream if outbound.lane.verbatim else _translated_stream)(outbound, answer, first)
        body = await answer.read(WHOLE_BYTES_MAX)
        attempts.waited_us += clock.ticks_us() - sent_us
        return _whole_as_stream(outbound, answer, body) if outbound.peek.stream else _whole(outbound, answer, body)
    except BaseException:
        answer.abort()
        raise


def read_gauge(source: Source, answer: RedactedAnswer, asked_us: int, clock: Clock) -> None:
    """Take note of what the provider says is left of the credential's limits. `asked_us`: the ticks of the request."""
    source.gauge.told(answer.headers, asked_us)
    if source.has_siblings:
        source.gauge.rest_if_spent(clock)


async def renewed(credential: RenewingCredential) -> Credential:
    """The credential that counts now.

    Raises:
        CredentialLapsedError: it has run out, and no other could be had.
    """
    try:
        return await credential.current()
    except SecretError as error:
        raise CredentialLapsedError(str(error)) from None


async def _provider_error(outbound: Outbound, answer: RedactedAnswer, clock: Clock) -> UpstreamError:
    if answer.status < 400:
        return UpstreamMalformedError(f"the provider answered {answer.status}, which is not followed")
    try:
        body = await answer.read(ERROR_BYTES_MAX)
    except UpstreamError:
        body = b""  # what its status says, stands
    if outbound.lane.error_header:
        told = answer.visible(frozenset((outbound.lane.error_header,)))
        body = _with_error_type(body, told[0][1] if told else None)
    failure = cleared(outbound.lane.dialect.decode_error(answer.status, body))
    now_s = clock.unix_us() / SECOND_US
    wait_s = retry_after_s(answer.headers, now_s)
    if wait_s is None and failure.kind == "rate_limited" and failure.retry_after_s is None:
        wait_s = exhausted_s(answer.headers, now_s)
    return ProviderError(msgspec.structs.replace(failure, retry_after_s=wait_s) if wait_s is not None else failure)


def _with_error_type(body: bytes, told: bytes | None) -> bytes:
    """An error's body with the type that stood in a header: `Type:http://…` there, a member here."""
    try:
        error = msgspec.json.decode(body or b"{}", type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    if told is None or ERROR_TYPE in error:
        return body
    name = told.partition(b":")[0].decode("latin-1")
    return msgspec.json.encode({**error, ERROR_TYPE: name})


def _whole(outbound: Outbound, answer: RedactedAnswer, body: bytes) -> Whole:
    headers = answer.visible(outbound.lane.answered)
    tapped = outbound.lane.dialect.tap_response(body)
    if not tapped.complete and tapped == UNREAD:
        raise UpstreamMalformedError("the provider's answer is none of its dialect")
    if tapped.usage is None and outbound.lane.usage_headers:
        tapped = msgspec.structs.replace(tapped, usage=_usage_in(answer.headers, outbound.lane.usage_headers))
    if outbound.request is None:
        return Whole(outbound, headers, body, tapped)
    response = _completed(outbound.lane.dialect.decode_response(body), outbound)
    if isinstance(response, Response | EmbedResponse) and response.usage is None:
        response = msgspec.structs.replace(response, usage=tapped.usage)
    encoded = outbound.client.encode_response(response, outbound.request)
    return Whole(outbound, headers, encoded.body, tapped, encoded.losses)


def _usage_in(headers: tuple[Header, ...], names: tuple[bytes, bytes]) -> Usage | None:
    """The tokens of prompt and answer that a provider tells in headers; None where it does not."""
    told = dict(headers)
    read, written = (told.get(name, b"") for name in names)
    if not (read.isdigit() and written.isdigit()) or len(read) > DIGITS_MAX or len(written) > DIGITS_MAX:
        return None
    return Usage(input=int(read), output=int(written))


def _completed(answered: Any, outbound: Outbound) -> Any:
    """The answer, or its beginning, with what some providers leave out: its name, its model, when it was made."""
    if not isinstance(answered, CountResponse) and not answered.model:
        answered = msgspec.structs.replace(answered, model=outbound.target.model)
    if isinstance(answered, Response | Started):
        if answered.created_s is None:
            answered = msgspec.structs.replace(answered, created_s=outbound.asked_s)
        if not answered.id:
            answered = msgspec.structs.replace(answered, id=outbound.call_id)
    return answered


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


async def _verbatim_stream(outbound: Outbound, answer: RedactedAnswer, chunks: _Chunks) -> VerbatimStream:
    tap = DIALECTS[outbound.lane.dialect.NAME].Tap(outbound.peek)
    first = raw = b""
    while not first:
        chunk = await chunks.next()
        if not chunk:
            break
        first = tap.feed(chunk)
        raw += chunk
    failure = tap.result().failure
    if failure is not None:
        raise ProviderError(cleared(failure))
    if not first:
        raise UpstreamBrokeError("the stream ended before it began", answered=True)
    first, raw = cleared_frame(first), cleared_frame(raw)
    return VerbatimStream(outbound, answer.visible(outbound.lane.answered), answer, tap, first, raw)


async def _translated_stream(outbound: Outbound, answer: RedactedAnswer, chunks: _Chunks) -> TranslatedStream:
    reader = DIALECTS[outbound.lane.dialect.NAME].StreamReader()
    first: list[Event] = []
    while not first:
        chunk = await chunks.next()
        first = reader.feed(chunk) if chunk else reader.end()
        if not chunk and not first:
            raise UpstreamBrokeError("the stream ended before it began", answered=True)
    for event in first:
        if isinstance(event, Failed):
            raise ProviderError(cleared(event.failure))
    return _translated(outbound, answer, reader, first)


def _whole_as_stream(outbound: Outbound, answer: RedactedAnswer, body: bytes) -> TranslatedStream:
    """Some servers answer whole when asked for a stream: the client gets one all the same."""
    first = list(unfold(outbound.lane.dialect.decode_response(body)))
    return _translated(outbound, answer, _Ended(), first)


def _translated(
    outbound: Outbound, answer: RedactedAnswer, reader: StreamReader, first: list[Event]
) -> TranslatedStream:
    headers = answer.visible(outbound.lane.answered)
    if first and isinstance(first[0], Started):
        first[0] = _completed(first[0], outbound)
    request = outbound.request or outbound.client.decode_request(outbound.http.body, outbound.said)
    writer = DIALECTS[outbound.client.NAME].StreamWriter(request)
    return TranslatedStream(outbound, headers, answer, reader, writer, tuple(first))


class _Ended:
    """The reader of a stream of which nothing more will come."""

    def feed(self, chunk: bytes) -> list[Event]:
        raise UpstreamMalformedError(f"{len(chunk)} bytes came after the end of the answer")

    def end(self) -> list[Event]:
        return []


def _is_whole(outbound: Outbound, headers: tuple[Header, ...]) -> bool:
    """Whether an answer says of itself that it is no stream."""
    if DIALECTS[outbound.lane.dialect.NAME].STREAM_TYPE.startswith(b"application/json"):
        return False  # there streams look like that
    return any(name == b"content-type" and value.startswith(b"application/json") for name, value in headers)
