"""Reading what another server tells: one GET at a time, repeated a few times where it fails in passing.

For what a command asks now and then: a price list, a provider's own figures. A call of a client never comes here.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from keywright.core.errors import ConnectFailedError, UpstreamError, UpstreamTimeoutError
from keywright.core.http import Deadlines, Header, HttpRequest, Reach
from keywright.transport.pool import Pool
from keywright.transport.retry import REPEATABLE_STATUSES, RetrySettings, delay_s
from keywright.transport.retry_after import retry_after_s

RETRY: Final = RetrySettings(attempts_max=5, first_s=0.5, delay_s_max=8.0, retry_after_s_max=60.0)
DEADLINES: Final = Deadlines(connect_s=10.0, first_byte_s=30.0, idle_s=15.0, total_s=60.0)
BYTES_MAX: Final = 16 * 1024 * 1024


class Reply(Struct, frozen=True):
    """The last answer, whatever its status."""

    status: int
    body: bytes


class Reading:
    """Asks by way of `pool`. A server's wish to be left alone is respected; for one longer than `retry` allows nobody
    waits.
    """

    def __init__(
        self,
        pool: Pool,
        retry: RetrySettings = RETRY,
        *,
        now_s: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._retry = retry
        self._now_s = now_s
        self._chance = chance
        self._pause = pause

    async def get(self, reach: Reach, request: HttpRequest) -> Reply:
        """What the server answers.

        Raises:
            UpstreamError: no answer came, as often as it was asked for.
        """
        for attempt in range(1, self._retry.attempts_max + 1):
            asked_s: float | None = None
            failure: UpstreamError | None = None
            reply: Reply | None = None
            try:
                reply, headers = await self._once(reach, request)
                if reply.status not in REPEATABLE_STATUSES:
                    return reply
                asked_s = retry_after_s(headers, self._now_s())
            except UpstreamError as error:
                failure = error
            wait_s = delay_s(self._retry, attempt, asked_s, self._chance)
            if wait_s is None and reply is not None:
                return reply
            if wait_s is None and failure is not None:
                raise failure
            await self._pause(wait_s or 0.0)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, reach: Reach, request: HttpRequest) -> tuple[Reply, tuple[Header, ...]]:
        answer = await self._pool.send(reach, request)
        try:
            return Reply(answer.status, await answer.read(BYTES_MAX)), answer.headers
        finally:
            answer.abort()


def why(error: UpstreamError) -> str:
    """What stood in the way, in words that name no address."""
    match error:
        case ConnectFailedError():
            return f"no connection: {error.cause}"
        case UpstreamTimeoutError():
            return f"no answer in time ({error.phase})"
        case _:
            return "the connection broke, or what came is no HTTP"
