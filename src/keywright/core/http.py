"""HTTP towards upstreams, as data."""

from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

Header: TypeAlias = tuple[bytes, bytes]
"""Name and value as they go over the wire. Names of answers are lower case."""


_LABEL: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
_LABEL_CHARACTERS_MAX: Final = 63


def is_label(text: str) -> bool:
    """Whether `text` may be one label of a host's name, so that it cannot make another host of it."""
    return 0 < len(text) <= _LABEL_CHARACTERS_MAX and _LABEL.issuperset(text)


class Origin(Struct, frozen=True):
    """Where a connection goes: scheme, host (name or address, no brackets), port."""

    scheme: Literal["http", "https"]
    host: str
    port: int


class Deadlines(Struct, frozen=True, forbid_unknown_fields=True):
    """How long one call may take. `idle_s`: between two pieces of the answer. `first_byte_s`: from the request
    sent to the answer's head.
    """

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 300.0
    total_s: float = 3600.0


class Reach(Struct, frozen=True, cache_hash=True):
    """How one configured upstream is reached. Made from configuration only, never from a request.

    `ca_file`: PEM file to trust instead of the system's. `proxy`: `http://[user:pass@]host:port`, None for the
    environment's `HTTPS_PROXY`/`HTTP_PROXY`/`NO_PROXY`, "" for none. `private`: the operator wrote this address,
    so private and loopback addresses are allowed for it.
    """

    origin: Origin
    ca_file: str | None = None
    proxy: str | None = None
    private: bool = False
    deadlines: Deadlines = Deadlines()
    connections_max: int = 1024


class Pieces(Protocol):
    """A body that comes piece by piece, once. `length`: how many bytes it has, None when only its end tells."""

    @property
    def length(self) -> int | None: ...

    async def next(self) -> bytes:
        """The next piece, b"" at the end. May be cancelled. Raises whatever keeps the body from coming."""
        ...


class HttpRequest(Struct, frozen=True, gc=False):
    """One request to one upstream. `target` is path and query as sent. Headers without host, content-length,
    transfer-encoding and connection, which the transport owns. `pieces`: the body in place of `body`, sent as it comes.
    `once`: it may have been done even where no answer comes, and must not be done twice; the transport sends it once.
    """

    method: bytes
    target: bytes
    headers: tuple[Header, ...]
    body: bytes = b""
    pieces: Pieces | None = None
    once: bool = False
