"""Bytes of an upstream into one answer after another: llhttp, and what a gateway must refuse beyond it. Does no IO.

llhttp without its leniencies refuses bare LF, folded lines, spaces before colons, control bytes in values, doubled or
signed lengths, length beside transfer-encoding, bad chunk sizes and bare line ends in chunks (test_hostile.py holds all
of that, so an upgrade that weakens it is seen). It is more lenient than a gateway may be about: any `transfer-encoding`
but exactly `chunked` (it would read to the end of the connection, or take `gzip, chunked` for `chunked`), versions 0.9
and 2.0, RTSP, empty lines before an answer, statuses 000-099 and 600-999, trailing blanks in values, and the number and
size of everything.

llhttp copies each piece of body once; the pieces of one feeding are joined and handed on once, so that a read with
forty chunks is one call. `on_body` is bound to a list's `append`: no Python frame per chunk.
"""

from collections.abc import Callable
from typing import Final

import httptools

from keywright.core.http import Header
from keywright.transport.settings import PoolSettings

_H: Final = ord("H")
_BODYLESS: Final = frozenset({204, 304})
_REMOVED: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"content-length"),
    }
)
_KEPT_WHEN_NAMED: Final = frozenset({b"close", b"keep-alive"})
"""Words in `connection:` that are not names of further headers to remove."""

_AFTER_LENGTHLESS_END: Final = (b"\n\n", b"\r\n\r\n\r\n", b"\r")
"""How a read ends that holds line breaks beyond the empty line that ends a head, the last chunk or trailers."""

KEEP_ALIVE_DIGITS_MAX: Final = 5


class AnswerReader:
    """Reads one answer at a time: `expect` it, `feed` it, look.

    `begun`: a byte of it has come. `status`: 0 until its head is complete, interim answers skipped. `complete`: its
    end has come. `keeps`: both sides keep the connection after it. `ends_by_closing`: only the end of the connection
    ends its body. `length`: its content-length, None where it says none. `announced_s`: how long the upstream says it
    keeps an idle connection, where it says.
    """

    __slots__ = (
        "_body_bytes",
        "_framed_by",
        "_framing_bytes",
        "_head_only",
        "_headers",
        "_interims",
        "_named",
        "_parser",
        "_pieces",
        "_refusal",
        "_settings",
        "announced_s",
        "begun",
        "complete",
        "ends_by_closing",
        "keeps",
        "length",
        "on_body",
        "status",
    )

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._headers: list[Header] = []
        self._named: list[bytes] = []
        self._pieces: list[bytes] = []
        self.on_body: Callable[[bytes], None] = self._pieces.append
        self.announced_s: float | None = None
        self.length: int | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = False
        self.begun = self.complete = self.keeps = self.ends_by_closing = False
        self.status = 0
        self._framed_by = b""
        self._framing_bytes = self._body_bytes = self._interims = 0
        self._refusal = ""

    def expect(self, *, head_only: bool) -> None:
        """The next answer. Only after one that was complete, intact and followed by nothing."""
        self._head_only = head_only
        self.begun = self.complete = self.keeps = self.ends_by_closing = False
        self.status = 0
        self.length = None
        self._framed_by = b""
        self._framing_bytes = self._body_bytes = self._interims = 0
        self._headers.clear()
        self._named.clear()

    def feed(self, data: bytes) -> str | None:
        """Read on. What is wrong with the answer, in words, or None. Nothing is fed after something was wrong.

        An answer can be complete and wrong: something follows it. Then it is good, and its connection is not.
        """
        in_head = not self.status
        if in_head:
            if not self.begun:
                self.begun = True
                if data[0] != _H:
                    return "it does not begin with HTTP/"
            room = self._settings.head_bytes_max - self._framing_bytes
            if len(data) > room and data.find(b"\r\n\r\n", 0, room) < 0:
                return "too long a head"
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return "it switches protocols"
        except httptools.HttpParserError as error:
            return self._refusal or str(error)
        if self._pieces or (in_head and self.status):
            self._framing_bytes = 0
            return None
        self._framing_bytes += len(data)
        if not in_head and self._framing_bytes > self._settings.framing_bytes_max:
            return "too long a chunk extension or trailer"
        return None

    def headers(self) -> tuple[Header, ...]:
        """Those of the head that is complete: names in lower case, without hop-by-hop and framing headers."""
        if self._named:
            named = frozenset(self._named) - _KEPT_WHEN_NAMED
            return tuple(header for header in self._headers if header[0] not in named)
        return tuple(self._headers)

    def body(self) -> bytes:
        """The body that the last feeding brought."""
        pieces = self._pieces
        if not pieces:
            return b""
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._body_bytes += len(piece)
        return piece

    @property
    def too_long(self) -> bool:
        """Whether more body has come than any answer may have."""
        return self._body_bytes > self._settings.body_bytes_max

    def ended_exactly(self, data: bytes, piece: bytes) -> bool:
        """Whether the answer that is complete ended with the last byte of `data`, which was fed last and brought
        `piece`. llhttp tells of all that follows but line breaks, which it skips.
        """
        if piece and self._framed_by == b"content-length":
            return data.endswith(piece)
        return not data.endswith(_AFTER_LENGTHLESS_END)

    def close(self) -> None:
        """Nothing will be fed any more: break the cycle of references with the parser."""
        del self._parser

    # Called by the parser, within `feed`. What these raise ends the parsing.

    def on_message_begin(self) -> None:
        """An answer begins, interim or real."""
        if self.complete:
            self._refuse("an answer follows the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or, within a body, a trailer, which is dropped."""
        if self.status:
            return
        name = name.lower()
        if name in _REMOVED:
            self._framing_header(name, value.strip())
        else:
            self._headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        """A head is complete."""
        parser = self._parser
        status = parser.get_status_code()
        version = parser.get_http_version()
        if version != "1.1" and (version != "1.0" or self._framed_by == b"transfer-encoding"):
            self._refuse(f"version {version}")
        if not 100 <= status <= 599:
            self._refuse(f"status {status}")
        if len(self._headers) > self._settings.headers_max:
            self._refuse("too many headers")
        if status < 200:
            self._interim(status)
            return
        self.status = status
        self.keeps = parser.should_keep_alive()
        self.ends_by_closing = not self._framed_by and status not in _BODYLESS
        if self._head_only:
            self.complete = True
            self._refuse("an answer to HEAD ends here, whatever its length says")

    def on_message_complete(self) -> None:
        """An answer, interim or real, has ended."""
        if self.status:
            self.complete = True

    def _framing_header(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._framed_by = name
            self.length = int(value)
        elif name == b"transfer-encoding":
            if self._framed_by or value.lower() != b"chunked":
                self._refuse("a transfer-encoding other than chunked")
            self._framed_by = name
        elif name == b"connection" and value not in _KEPT_WHEN_NAMED:
            self._named += (word.strip().lower() for word in value.split(b","))
        elif name == b"keep-alive":
            digits = value.partition(b"timeout=")[2].partition(b",")[0]
            if digits.isdigit() and len(digits) <= KEEP_ALIVE_DIGITS_MAX:
                self.announced_s = float(digits)

    def _interim(self, status: int) -> None:
        """A 1xx answer: forgotten."""
        if status == 101:
            self._refuse("it switches protocols")
        self._interims += 1
        if self._interims > self._settings.interim_max:
            self._refuse("too many interim answers")
        self._headers.clear()
        self._named.clear()
        self._framed_by = b""
        self.length = None

    def _refuse(self, why: str) -> None:
        """Stop the parser."""
        self._refusal = why
        raise ValueError(why)
