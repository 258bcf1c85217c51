"""How does the client hear it? Delivery → bytes on the client's connection, tapped only to count.

A stream that fails after it began ends with the dialect's own error event; one that has come to what a hard budget
reserved for it ends as an answer that has reached its limit of length, and its upstream is given up. Everything but the
end of the answer is written here; the end goes out when the call has been settled.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from keywright.core.dialect import StreamTap, StreamWriter, Tapped
from keywright.core.entry import Entry
from keywright.core.errors import ProviderError, UpstreamBrokeError, UpstreamError, UpstreamTimeoutError
from keywright.core.event import Event, Failed
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.core.loss import Loss
from keywright.core.money import to_usd
from keywright.core.request import Request
from keywright.dialects import DIALECTS
from keywright.pipeline.cutoff import Cutoff
from keywright.pipeline.redacted import cleared, without_keys
from keywright.pipeline.reserve import Account
from keywright.pipeline.tally import Tally
from keywright.pipeline.types import Call, Delivery, Reply, TranslatedStream, VerbatimStream, Whole
from keywright.pipeline.valve import StreamStoppedError, Valve, let_through

JSON_TYPE: Final = (b"content-type", b"application/json")
NO_CACHE: Final = (b"cache-control", b"no-cache")
LOSS_HEADER_BYTES_MAX: Final = 4096
NOTHING: Final = Request(model="", turns=())
"""The request of a stream that was not decoded: its error event depends on nothing in it."""


async def pass_on(delivery: Delivery, reply: Reply, account: Account, call: Call) -> None:
    """Everything of a stream but its end. A whole answer is only metered: it goes out in `finish`."""
    match delivery:
        case Whole():
            account.used(delivery.tapped)
        case VerbatimStream():
            await _relay(delivery, reply, account, call)
        case TranslatedStream():
            await _render(delivery, reply, account, call)
        case _:
            assert_never(delivery)


async def finish(delivery: Delivery, reply: Reply, account: Account, call: Call) -> None:
    """The end of a stream, or the whole of a whole answer."""
    if isinstance(delivery, Whole):
        headers = [JSON_TYPE, *_headers(delivery, account, call), *_cost(account.entry)]
        await reply.whole(200, headers, delivery.body)
    else:
        await reply.finish()


async def _relay(stream: VerbatimStream, reply: Reply, account: Account, call: Call) -> None:
    answer, piece = stream.answer, b""
    tap, valve, first = _opened(stream, account)
    stopped: Tapped | None = None

    def passing(chunk: bytes) -> bytes:
        nonlocal piece
        passed = tap.feed(chunk) if valve is None else valve.feed(chunk)
        piece = passed or piece
        return passed

    try:
        await reply.start(200, _stream_headers(stream, account, call))
        piece = stream.first if first is None else passing(first)
        await reply.write(piece)
        await reply.relay(answer, passing)
        if valve is not None and (held := valve.end()):
            await reply.write(held)
        tapped = tap.result()
        if tapped.failure is None and not tapped.complete:
            raise UpstreamBrokeError("the stream ended before the answer was complete", answered=True)
    except StreamStoppedError as error:
        answer.abort()
        stopped = error.tapped
        await reply.write(error.last)
    except UpstreamError as error:
        client = DIALECTS[stream.outbound.client.NAME]
        if not piece.endswith(client.STREAM_BREAK):
            await reply.write(client.STREAM_BREAK)  # it broke within a frame: ours must not become part of that
        await _break_off(client.StreamWriter(NOTHING), error, reply, account)
    finally:
        answer.abort()
        settle(account, tap.result(), stopped)


def _opened(stream: VerbatimStream, account: Account) -> tuple[StreamTap, Valve | None, bytes | None]:
    """What counts the stream; what holds it to its reservation, where there is one; and the first piece as it came,
    where that may be beyond it already, for a tap that has not seen it.
    """
    allowance, tap, peek = account.allowance, stream.tap, stream.outbound.peek
    if allowance is None:
        return tap, None, None
    cutoff = Cutoff(allowance)
    if tap.chars_at_most() <= cutoff.chars_max:
        return tap, Valve(tap, cutoff, peek), None
    tap = DIALECTS[stream.outbound.lane.dialect.NAME].Tap(peek)
    return tap, Valve(tap, cutoff, peek), stream.raw


async def _render(stream: TranslatedStream, reply: Reply, account: Account, call: Call) -> None:
    reader, writer, answer, tally = stream.reader, stream.writer, stream.answer, Tally()
    allowance, peek = account.allowance, stream.outbound.peek
    cutoff = None if allowance is None else Cutoff(allowance)
    stopped: Tapped | None = None
    try:
        await reply.start(200, _stream_headers(stream, account, call))
        events: Sequence[Event] = stream.first
        ended = False
        while True:
            events, stopped = let_through(events, tally, cutoff, peek)
            if tally.failure is not None:
                events = without_keys(events)
            if stopped is not None:
                answer.abort()
            piece = b"".join([writer.write(event) for event in events])
            if piece:
                await reply.write(piece)
            if ended or stopped is not None or tally.failure is not None:
                break
            chunk = await answer.chunk()
            ended = not chunk
            events = reader.feed(chunk) if chunk else reader.end()
    except UpstreamError as error:
        await _break_off(writer, error, reply, account)
    finally:
        answer.abort()
        settle(account, tally.tapped(), stopped)


def settle(account: Account, tapped: Tapped, stopped: Tapped | None) -> None:
    """Tell the account what was used; where the stream was `stopped`, what is charged."""
    if stopped is None:
        account.used(tapped)
    else:
        account.stopped(stopped)


async def _break_off(writer: StreamWriter, error: UpstreamError, reply: Reply, account: Account) -> None:
    """Tell the client, within its stream, that no more will come."""
    failure = cleared(failure_of(error))
    account.broke(failure)
    await reply.write(writer.write(Failed(failure)))


def failure_of(error: UpstreamError) -> Failure:
    """What the client is told of an answer that ended by `error` after it began."""
    match error:
        case ProviderError():
            return error.failure
        case UpstreamTimeoutError():
            message = "the provider stopped answering"
            return Failure(kind="timeout", status=504, code="upstream_timeout", message=message)
        case _:
            message = "the provider broke off its answer"
            return Failure(kind="server", status=502, code="upstream_failed", message=message)


def _stream_headers(stream: VerbatimStream | TranslatedStream, account: Account, call: Call) -> list[Header]:
    kind = DIALECTS[stream.outbound.client.NAME].STREAM_TYPE
    return [(b"content-type", kind), NO_CACHE, *_headers(stream, account, call)]


def _headers(delivery: Delivery, account: Account, call: Call) -> list[Header]:
    outbound = delivery.outbound
    headers = [
        *delivery.headers,
        (b"x-keywright-request-id", call.id.encode()),
        (b"x-keywright-model", outbound.target.header),
        (b"x-keywright-attempts", b"%d" % len(account.attempts.made)),
        *account.limit_headers(),
    ]
    losses = outbound.losses + delivery.losses if isinstance(delivery, Whole) else outbound.losses
    if losses:
        headers.append((b"x-keywright-loss", _loss_header(losses)))
    return headers


def _loss_header(losses: tuple[Loss, ...]) -> bytes:
    """Paths and reasons, as visible ASCII of bounded length."""
    text = "; ".join(f"{loss.path}: {loss.why}" for loss in losses)
    safe = "".join(character if " " <= character <= "~" else "?" for character in text)
    return safe[:LOSS_HEADER_BYTES_MAX].encode()


def _cost(entry: Entry | None) -> list[Header]:
    if entry is None:
        return []
    return [(b"x-keywright-cost-usd", to_usd(entry.cost_picodollars).encode())]
