"""How does the client hear a no? Failure → an error of the client's own dialect."""

import math
from typing import Any

from keywright.core.dialect import Wire
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.pipeline.reserve import Account
from keywright.pipeline.types import Call, Reply


async def refuse(failure: Failure, reply: Reply, account: Account, call: Call, client: Wire[Any, Any]) -> None:
    """The whole answer to a call that is not served."""
    headers: list[Header] = [
        (b"content-type", b"application/json"),
        (b"x-keywright-request-id", call.id.encode()),
        (b"x-keywright-attempts", b"%d" % len(account.attempts.made)),
        *account.limit_headers(),
    ]
    if failure.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(failure.retry_after_s))))
    await reply.whole(failure.status, headers, client.encode_error(failure, call.id))
