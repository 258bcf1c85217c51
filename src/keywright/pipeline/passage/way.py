"""What a path that passes through is, and what the edge received of a call to it."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from keywright.core.http import Header, Pieces
from keywright.pipeline.types import Call, Reply
from keywright.providers.provider import EndpointKind


class Way(Struct, frozen=True):
    """What a path that passes through is.

    `dialect`: whose clients call it, and in whose words errors are said. `model`: whether the body names one, as JSON
    or as a form: it `must`, it `may`, or `never` does; on a `native` path the provider's own endpoint says it. `tail`:
    what the path has behind the beginning that the provider's row knows; `sibling`: the word that it has in place of
    that one's last. `provider`: that of a native path. `fault`: why the path is refused, "" when it is not.
    """

    endpoint: EndpointKind
    dialect: str
    model: Literal["must", "may", "never", "native"]
    tail: bytes = b""
    sibling: str = ""
    provider: str = ""
    fault: str = ""


class Passing(Struct, frozen=True, eq=False):
    """A call whose body is still to come: `call.body` is empty, `body` gives it. `kept_bytes_max`: how much of it may
    be kept, where it must be known before it goes on.
    """

    call: Call
    way: Way
    method: bytes
    query: bytes
    body: Pieces
    kept_bytes_max: int


class PassageReply(Reply, Protocol):
    """The client's side of such a call. `begin` stands in place of `start`, `broke` in place of `finish`."""

    async def begin(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        """The head of an answer whose body follows by `write` and `relay`. `length`: of the body, where it is known;
        none may follow where the request or the status has none.
        """
        ...

    async def broke(self) -> None:
        """The answer ends here, and the client must see that it is not whole."""
        ...
