"""The same request with the same `Idempotency-Key` is worked at once, and answered alike for a day.

What is kept is an answer that changed something. A refusal is not: nothing was changed, so it may be asked again.
Neither is a secret: of an answer that tells one, the resource without it is kept, and says so.

While a request is worked at, another with its key is told so (409). Should the process die in that time, or the request
fail within it (5xx), the key may be used again after `store.replays.RUNNING_S_MAX`: whether the change was made is then
for the client to look.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from keywright.control.problems import problem
from keywright.control.resources import Problem
from keywright.store.replays import RUNNING, Replays

HEADER: Final = b"idempotency-key"
KEY_CHARACTERS_MAX: Final = 255


class Kept(Struct, frozen=True):
    """An answer: its body as text, and its ETag."""

    body: str
    etag: str = ""


class Answered(Struct, frozen=True):
    """What was answered before."""

    status: int
    kept: Kept


class Once(Struct, frozen=True):
    """One request that is to be worked at once."""

    replays: Replays
    actor: str
    key: str
    digest: str

    async def begin(self, now_s: int) -> Answered | Problem | None:
        """The answer of before, or why there is none to be had; None: it is to be worked at. Raises StoreError."""
        if not 0 < len(self.key) <= KEY_CHARACTERS_MAX or not self.key.isprintable():
            message = f"an Idempotency-Key is a printable text of 1 to {KEY_CHARACTERS_MAX} characters"
            return problem(422, "invalid", message, "idempotency-key")
        earlier = await self.replays.begin(self.actor, self.key, self.digest, now_s)
        if earlier is None:
            return None
        if earlier.digest != self.digest:
            message = "this Idempotency-Key belongs to another request: its path, query or body was different"
            return problem(422, "idempotency_key_reused", message, "idempotency-key")
        if earlier.status == RUNNING:
            message = "the request with this Idempotency-Key is being worked at: ask again in a moment"
            return problem(409, "request_in_progress", message, "idempotency-key")
        return Answered(earlier.status, msgspec.json.decode(earlier.body, type=Kept))

    async def end(self, status: int, kept: Kept) -> None:
        """Keep the answer of success, and forget the request that was refused. Raises StoreError."""
        if status < 300:
            await self.replays.finish(self.actor, self.key, status, msgspec.json.encode(kept).decode())
        elif status < 500:
            await self.replays.forget(self.actor, self.key)


def digest(method: str, target: bytes, query: bytes, body: bytes) -> str:
    """What tells one request from another."""
    parts = (method.encode(), target, query, body)
    return sha256(b"\0".join(str(len(part)).encode() + b":" + part for part in parts)).hexdigest()
