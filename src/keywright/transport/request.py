"""A request as bytes. Everything that is the same for each request of a reach is prepared once.

Headers come from configuration, from allow-lists over a client's headers, and from credentials, so each request is
checked here, at the last place before the wire, whatever was checked before: a line break in a value would be a second
header or a second request. Counting the line breaks of the finished head is that check, for all values at once.
"""

from typing import Final

from keywright.core.http import HttpRequest, Origin

BODY_COPIED_BYTES_MAX: Final = 64 * 1024
"""Bodies up to here are joined to the head (one write, one packet); longer ones are written beside it, uncopied."""

NAMES_KNOWN_MAX: Final = 512

_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VISIBLE: Final = bytes(range(0x21, 0x7F))
_METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
_BODY_EXPECTED: Final = frozenset({b"POST", b"PUT", b"PATCH"})
_OWNED: Final = frozenset(
    {
        *(b"host", b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"te", b"trailer"),
        *(b"upgrade", b"expect", b"proxy-connection", b"proxy-authorization"),
    }
)
"""Headers that decide where a request ends or what happens to the connection: the transport's alone."""


def host_name(origin: Origin) -> bytes:
    """The host as it goes over the wire: brackets around IPv6, IDNA where it is not ASCII.

    Raises:
        ValueError: it holds a character that no host has.
    """
    host = origin.host
    if not host or any(character <= " " or character in "/?#@\\\x7f[]%" for character in host):
        raise ValueError(f"{host!r} is not a host")
    return f"[{host}]".encode() if ":" in host else host.encode("ascii" if host.isascii() else "idna")


def authority(origin: Origin) -> bytes:
    """`host[:port]` of a Host header or a URL, without a default port.

    Raises:
        ValueError: the host holds a character that no host has, or the port is none.
    """
    if not 0 < origin.port < 65536:
        raise ValueError(f"{origin.port} is not a port")
    default = 443 if origin.scheme == "https" else 80
    name = host_name(origin)
    return name if origin.port == default else b"%b:%d" % (name, origin.port)


class BodyFraming:
    """How the pieces of one body are written: as they are where its `length` is known, in chunks where it is not."""

    __slots__ = ("_left",)

    def __init__(self, length: int | None) -> None:
        self._left = length

    def framed(self, piece: bytes) -> bytes:
        """What to write for `piece`, b"" at the body's end.

        Raises:
            ValueError: the body is longer or shorter than its length said.
        """
        if self._left is None:
            return b"%x\r\n%b\r\n" % (len(piece), piece)
        self._left -= len(piece)
        if self._left < 0 or (self._left and not piece):
            raise ValueError("a request's body is not as long as its length says")
        return piece


class RequestWriter:
    """Writes the requests of one reach. `prefix` goes before each target (absolute form, towards a proxy);
    `proxy_authorization` is sent with each request where a proxy wants one.
    """

    __slots__ = ("_names_known", "_prefix", "_tail", "_tail_lines")

    def __init__(self, origin: Origin, *, prefix: bytes = b"", proxy_authorization: bytes | None = None) -> None:
        self._prefix = prefix
        self._tail = b" HTTP/1.1\r\nhost: %b\r\n" % authority(origin)
        if proxy_authorization is not None:
            self._tail += b"proxy-authorization: %b\r\n" % proxy_authorization
        self._tail_lines = self._tail.count(b"\n")
        self._names_known: set[bytes] = set()

    def write(self, request: HttpRequest) -> tuple[bytes, ...]:
        """What to send at once: one piece, or head and body where the body is long; of a body in pieces, the head.

        Raises:
            ValueError: the method, target or a header cannot be sent as it is; the message never holds a value.
        """
        method, target, body, pieces = request.method, request.target, request.body, request.pieces
        if method not in _METHODS:
            raise ValueError(f"method {method!r} is not one that is sent upstream")
        if target[:1] != b"/" or target.translate(None, _VISIBLE):
            raise ValueError("a target starts with / and holds visible ASCII only")
        parts = [method, b" ", self._prefix, target, self._tail]
        known = self._names_known
        for name, value in request.headers:
            if name not in known:
                self._learn(name)
            parts += (name, b": ", value, b"\r\n")
        lines = self._tail_lines + len(request.headers) + 1
        length = len(body) if pieces is None else pieces.length
        if length is None:
            parts.append(b"transfer-encoding: chunked\r\n")
            lines += 1
        elif length or pieces is not None or method in _BODY_EXPECTED:
            parts.append(b"content-length: %d\r\n" % length)
            lines += 1
        parts.append(b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            raise ValueError("a header's value holds CR, LF or NUL")
        if len(body) > BODY_COPIED_BYTES_MAX:
            return head, body
        return (head + body,) if body else (head,)

    def _learn(self, name: bytes) -> None:
        """Check a header's name once, then remember it (so many names at most)."""
        if not name or not _TOKEN.issuperset(name):
            raise ValueError(f"header name {name!r} is not a token")
        if name.lower() in _OWNED:
            raise ValueError(f"header {name!r} belongs to the transport")
        if len(self._names_known) < NAMES_KNOWN_MAX:
            self._names_known.add(name)
