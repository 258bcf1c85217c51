"""Who answers? Plan → Arrival: candidates in order, each asked with the body as it comes.

A failure is judged as everywhere (`pipeline.upstream`), with one rule more: what cannot be sent again is not. That is a
body of which some has been read from the client already, and a request that may change something at the provider each
time it comes (an upload, a batch, whatever a native path does), unless the provider says that it has not taken it.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.clock import SECOND_US, Clock
from keywright.core.dialect import StreamTap, Tap
from keywright.core.errors import ProviderError, UpstreamError, UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.http import Header, HttpRequest
from keywright.core.redaction import hide_forms_in
from keywright.dialects import WIRES, openai_chat
from keywright.pipeline.ask import ERROR_BYTES_MAX, Upstreams, read_gauge, renewed
from keywright.pipeline.attempts import Attempts
from keywright.pipeline.pass_on import JSON_TYPE
from keywright.pipeline.passage.freight import Freight, gathered
from keywright.pipeline.passage.headers import downward, upward
from keywright.pipeline.passage.opening import Opening, opening_of
from keywright.pipeline.passage.places import address_at, place_at
from keywright.pipeline.passage.taps import stream_tap_of, tap_of
from keywright.pipeline.passage.way import Passing
from keywright.pipeline.redacted import RedactedAnswer
from keywright.pipeline.routes import Credential, Source, Target
from keywright.pipeline.types import Plan
from keywright.pipeline.upstream import Line, persist
from keywright.providers.provider import SigV4
from keywright.transport.retry_after import retry_after_s

READING_METHODS: Final = frozenset({b"GET", b"HEAD", b"OPTIONS"})
HEAD: Final = b"HEAD"
BODY_HEADERS: Final = frozenset({b"content-type", b"content-encoding"})
"""What says how a body is to be read."""
TEXTS: Final = (b"application/json", b"text/")
"""What may repeat what it was sent. Cleared of our key it has another length, so none is told to the client."""
NOT_TAKEN: Final = frozenset({429, 503, 529})
"""Statuses by which a provider says that it did nothing with a request."""


class Shipment(Struct, frozen=True):
    """A call's freight for one target."""

    target: Target
    passing: Passing
    freight: Freight


class Arrival(Struct, frozen=True):
    """An answer that passes through, from its head on. `length`: of its body, where it is known. `stream`: its tap once
    more, where that can end it. `opening`: the beginning of a stream of frames.
    """

    target: Target
    status: int
    headers: tuple[Header, ...]
    length: int | None
    answer: RedactedAnswer
    tap: Tap
    stream: StreamTap | None = None
    opening: Opening | None = None


class PassedError(ProviderError):
    """The provider answered with an error, which the client gets as it came but for what looks like a key: these
    headers, this body (None where it could not be read).
    """

    def __init__(self, failure: Failure, headers: tuple[Header, ...], body: bytes | None) -> None:
        super().__init__(failure)
        self.headers = headers
        self.body = body


async def deliver(plan: Plan, passing: Passing, freight: Freight, attempts: Attempts, line: Line) -> Arrival:
    """The first candidate's answer that is one.

    Raises:
        RefusedError: the request is at fault, or every candidate failed, or the body did not come.
    """
    if any(isinstance(target.source.row.identity, SigV4) for target in plan.targets):
        freight = await gathered(freight, passing.kept_bytes_max)  # a signature is over all of the body
    attempts.targets = plan.targets
    for target in plan.targets:
        arrival = await persist(Shipment(target, passing, freight), ask, attempts, line)
        if arrival is not None:
            return arrival
        if attempts.last is not None and attempts.last.spent:
            break
    raise attempts.refused()


async def ask(shipment: Shipment, attempts: Attempts, upstreams: Upstreams, clock: Clock) -> Arrival:
    """The candidate's answer, from its head on; an error is read whole.

    Raises:
        UpstreamError: there is none that can be passed on.
    """
    began_us, source = clock.ticks_us(), shipment.target.source
    try:
        credential = source.credential
        if credential.renews:
            credential = await renewed(credential)
        attempts.used, attempts.fingerprint = credential, source.credential.fingerprint
        answer = await upstreams.send(source.reach, _request(shipment, credential))
        redacted = RedactedAnswer(answer, credential)
        read_gauge(source, redacted, began_us, clock)
        try:
            return await _arrived(shipment, redacted, clock)
        except BaseException:
            answer.abort()
            raise
    except UpstreamError as error:
        error.spent = _is_spent(error, shipment)
        raise
    finally:
        attempts.waited_us += clock.ticks_us() - began_us


def _is_spent(error: UpstreamError, shipment: Shipment) -> bool:
    """Whether the request may not be sent again, to anybody."""
    passing, freight = shipment.passing, shipment.freight
    if freight.tail is not None and freight.tail.begun:
        return True
    if freight.peek.model or passing.method in READING_METHODS or not error.sent:
        return False
    return not (isinstance(error, ProviderError) and error.failure.status in NOT_TAKEN)


def _request(shipment: Shipment, credential: Credential) -> HttpRequest:
    target, passing = shipment.target, shipment.passing
    source, call = target.source, passing.call
    body = shipment.freight.body(target.model)
    is_native = passing.way.endpoint == "native"
    headers = upward(call.headers, source, call.key, is_native=is_native)
    if shipment.freight.is_json:
        headers = (*(header for header in headers if header[0] not in BODY_HEADERS), JSON_TYPE)
    bare = HttpRequest(passing.method, address_at(target, passing), ())
    own = {name for name, _ in credential.apply(bare, source.reach.origin).headers}
    own.difference_update(name.encode() for name in source.row.passed_headers)  # lists, to which it adds
    headers = tuple(header for header in headers if header[0] not in own)
    request = msgspec.structs.replace(bare, headers=headers, body=body if isinstance(body, bytes) else b"")
    signed = credential.apply(request, source.reach.origin)
    return signed if isinstance(body, bytes) else msgspec.structs.replace(signed, pieces=body)


async def _arrived(shipment: Shipment, answer: RedactedAnswer, clock: Clock) -> Arrival:
    target, passing, freight = shipment.target, shipment.passing, shipment.freight
    is_native = passing.way.endpoint == "native"
    said = dict(answer.headers)
    headers = answer.visible(downward(said, target.source, is_native=is_native))
    is_plain = said.get(b"content-encoding", b"identity") == b"identity"
    if answer.status >= 400:
        body = await _error_body(answer) if is_plain else None
        raise _error(shipment, answer, tuple((name, hide_forms_in(value)) for name, value in headers), body, clock)
    if answer.status >= 300 and answer.status != 304:
        raise UpstreamMalformedError(f"the provider answered {answer.status}, which is not followed")
    kind = said.get(b"content-type", b"") if is_plain else b""
    stream = stream_tap_of(freight.wire, freight.peek, kind)
    tap = stream or tap_of(passing.way.endpoint, freight.wire, kind)
    opening = opening_of(kind)
    may_change = opening is not None or kind.startswith(TEXTS)
    length = None if may_change and passing.method != HEAD else answer.length
    return Arrival(target, answer.status, headers, length, answer, tap, stream, opening)


async def _error_body(answer: RedactedAnswer) -> bytes | None:
    try:
        return hide_forms_in(await answer.read(ERROR_BYTES_MAX))
    except UpstreamError:
        return None  # what its status says, stands


def _error(
    shipment: Shipment, answer: RedactedAnswer, headers: tuple[Header, ...], body: bytes | None, clock: Clock
) -> PassedError:
    spoken = shipment.freight.wire or error_dialect(shipment.target.source, shipment.passing)
    failure = WIRES.get(spoken, openai_chat).decode_error(answer.status, body or b"")
    wait_s = retry_after_s(answer.headers, clock.unix_us() / SECOND_US)
    if wait_s is not None:
        failure = msgspec.structs.replace(failure, retry_after_s=wait_s)
    return PassedError(failure, headers, body)


def error_dialect(source: Source, passing: Passing) -> str:
    """In whose words the provider says errors on this way."""
    there = place_at(source, passing.way) if passing.way.endpoint != "native" else source.row.endpoints[0]
    return there.dialect if there is not None else openai_chat.NAME
