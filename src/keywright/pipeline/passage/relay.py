"""How does the client hear it? Arrival → the provider's bytes on the client's connection, tapped only to count."""

import math
from typing import Any

from keywright.core.dialect import Tapped, Wire
from keywright.core.errors import RefusedError, UpstreamError, UpstreamMalformedError
from keywright.core.http import Header
from keywright.pipeline.attempts import OURS
from keywright.pipeline.cutoff import Cutoff
from keywright.pipeline.pass_on import failure_of, settle
from keywright.pipeline.passage.forward import Arrival, PassedError
from keywright.pipeline.passage.way import PassageReply, Passing
from keywright.pipeline.refuse import refuse
from keywright.pipeline.reserve import Account
from keywright.pipeline.valve import StreamStoppedError, Valve


async def relay(arrival: Arrival, passing: Passing, reply: PassageReply, account: Account) -> bool:
    """All of the answer but its end; whether it came to one. There is no way to say in a body of any kind that it did
    not. A stream of a dialect is ended where there is no more in its allowance, as the dialect ends it.
    """
    answer, tap, given, valve = arrival.answer, arrival.tap, 0, _valve(arrival, account)
    opening = arrival.opening
    length = arrival.length if valve is None else None
    stopped: Tapped | None = None

    def counted(chunk: bytes) -> bytes:
        nonlocal given
        given += len(chunk)
        if length is not None and given > length:
            raise UpstreamMalformedError("the answer held the gateway's credential")
        passed = chunk if opening is None else opening.feed(chunk)
        return tap.feed(passed) if valve is None else valve.feed(passed)

    try:
        await reply.begin(arrival.status, [*arrival.headers, *_ours(arrival, account, passing)], length)
        await reply.relay(answer, counted)
        if opening is not None and (rest := opening.end()):
            await reply.write(tap.feed(rest) if valve is None else valve.feed(rest))
        if valve is not None and (held := valve.end()):
            await reply.write(held)
        if length is not None and given < length and passing.method != b"HEAD" and arrival.status != 304:
            raise UpstreamMalformedError("the answer held the gateway's credential")
    except StreamStoppedError as error:
        answer.abort()
        stopped = error.tapped
        await reply.write(error.last)
        return bool(error.last)
    except (UpstreamError, RefusedError) as error:
        account.broke(error.failure if isinstance(error, RefusedError) else failure_of(error))
        return False
    finally:
        answer.abort()
        settle(account, tap.result(), stopped)
    return True


def _valve(arrival: Arrival, account: Account) -> Valve | None:
    """What holds the stream to its reservation; None where there is none, or nothing is known of how it ends."""
    allowance, intent = account.allowance, account.intent
    if arrival.stream is None or allowance is None or intent is None:
        return None
    return Valve(arrival.stream, Cutoff(allowance), intent.peek)


async def tell(
    refused: RefusedError, passing: Passing, reply: PassageReply, account: Account, client: Wire[Any, Any]
) -> None:
    """A no: the provider's own, but for what looks like a key, unless it speaks of our credential; or the gateway's, in
    the client's dialect.
    """
    error = account.attempts.last
    if isinstance(error, PassedError) and _is_its(refused, error) and error.body is not None:
        headers = [*error.headers, *_known(passing, account)]
        if error.failure.retry_after_s is not None and not any(name == b"retry-after" for name, _ in headers):
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.failure.retry_after_s))))
        await reply.whole(error.failure.status, headers, error.body)
    else:
        await refuse(refused.failure, reply, account, passing.call, client)


def _is_its(refused: RefusedError, error: PassedError) -> bool:
    """Whether the call is refused for what the provider said, and the client is whom that concerns."""
    is_last = refused.rule.startswith("upstream:") and refused.failure.status == error.failure.status
    return is_last and error.failure.kind not in OURS


def _known(passing: Passing, account: Account) -> list[Header]:
    return [
        (b"x-keywright-request-id", passing.call.id.encode()),
        (b"x-keywright-attempts", b"%d" % len(account.attempts.made)),
    ]


def _ours(arrival: Arrival, account: Account, passing: Passing) -> list[Header]:
    return [*_known(passing, account), *account.limit_headers(), (b"x-keywright-model", arrival.target.header)]
