"""AWS Signature Version 4: in headers for a request, in the query for a URL that others will use.

Pure: the time is an argument. The rules are Amazon's ("Create a signed AWS API request"), and where they leave a
choice, its Python SDK's: every header is signed but those that proxies change. So the same request has the same
signature here and there, which the tests hold.

A model's id or ARN stands in a path as one segment with everything but `A-Za-z0-9-._~` percent-encoded (`:` is
`%3A`, `/` is `%2F`), as `urllib.parse.quote(id, safe="")` does. The canonical request encodes that path once more
(`%253A`), as it is for every service but S3.
"""

import hmac
import time
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote

from msgspec.structs import replace

from keywright.core.http import Header, HttpRequest, Origin
from keywright.vault.aws.keys import AwsKeys

ALGORITHM: Final = b"AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = b"UNSIGNED-PAYLOAD"

_UNSIGNED: Final = frozenset(
    {
        *(b"baggage", b"connection", b"expect", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te"),
        *(b"traceparent", b"tracestate", b"trailer", b"transfer-encoding", b"upgrade", b"user-agent"),
        b"x-amzn-trace-id",
    }
)
"""Headers that something on the way may change."""


class Signer:
    """Signs with `keys` for one service in one region. The key of the day is derived once a day."""

    __slots__ = ("_credential", "_day", "_key", "_keys", "_scope")

    def __init__(self, keys: AwsKeys, region: str, service: str) -> None:
        self._keys = keys
        self._scope = (region.encode(), service.encode())
        self._credential = keys.access_key_id.encode()
        self._day = b""
        self._key = b""

    def sign(self, request: HttpRequest, origin: Origin, now_s: float) -> HttpRequest:
        """`request`, which goes to `origin`, with `x-amz-date`, `authorization` and the session's token on it."""
        stamp = _stamp(now_s)
        added: tuple[Header, ...] = ((b"x-amz-date", stamp),)
        if self._keys.token is not None:
            added += ((b"x-amz-security-token", self._keys.token.reveal().encode()),)
        names, headers = _canonical_headers((*request.headers, *added, (b"host", _authority(origin))))
        path, _, query = request.target.partition(b"?")
        canonical = b"\n".join(
            (
                request.method,
                quote(_without_dots(path), safe="/~").encode(),
                _sorted(query),
                headers,
                names,
                sha256(request.body).hexdigest().encode(),
            )
        )
        authorization = b"%b Credential=%b/%b, SignedHeaders=%b, Signature=%b" % (
            ALGORITHM,
            self._credential,
            self._scope_of(stamp),
            names,
            self._signature(stamp, canonical),
        )
        return replace(request, headers=(*request.headers, *added, (b"authorization", authorization)))

    def presign(self, method: bytes, origin: Origin, target: bytes, now_s: float, life_s: int) -> bytes:
        """`target` with a query that lets whoever has it send it to `origin`, with an empty body, for `life_s`."""
        stamp = _stamp(now_s)
        path, _, query = target.partition(b"?")
        said = [
            *((name.encode(), value.encode()) for name, value in parse_qsl(query.decode(), keep_blank_values=True)),
            (b"X-Amz-Algorithm", ALGORITHM),
            (b"X-Amz-Credential", b"%b/%b" % (self._credential, self._scope_of(stamp))),
            (b"X-Amz-Date", stamp),
            (b"X-Amz-Expires", b"%d" % life_s),
            (b"X-Amz-SignedHeaders", b"host"),
        ]
        if self._keys.token is not None:
            said.append((b"X-Amz-Security-Token", self._keys.token.reveal().encode()))
        signed = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in said).encode()
        canonical = b"\n".join(
            (
                method,
                quote(_without_dots(path), safe="/~").encode(),
                _sorted(signed),
                b"host:%b\n" % _authority(origin),
                b"host",
                sha256(b"").hexdigest().encode(),
            )
        )
        return b"%b?%b&X-Amz-Signature=%b" % (path, signed, self._signature(stamp, canonical))

    def _scope_of(self, stamp: bytes) -> bytes:
        return b"%b/%b/%b/aws4_request" % (stamp[:8], *self._scope)

    def _signature(self, stamp: bytes, canonical: bytes) -> bytes:
        digest = sha256(canonical).hexdigest().encode()
        text = b"\n".join((ALGORITHM, stamp, self._scope_of(stamp), digest))
        return hmac.digest(self._key_of(stamp[:8]), text, "sha256").hex().encode()

    def _key_of(self, day: bytes) -> bytes:
        if day != self._day:
            key = b"AWS4" + self._keys.secret_access_key.reveal().encode()
            for step in (day, *self._scope, b"aws4_request"):
                key = hmac.digest(key, step, "sha256")
            self._day, self._key = day, key
        return self._key


def _stamp(now_s: float) -> bytes:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s)).encode()


def _canonical_headers(headers: tuple[Header, ...]) -> tuple[bytes, bytes]:
    """The names that are signed, and the block of lines with their values."""
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if lower not in _UNSIGNED:
            trimmed = b" ".join(value.split())
            values[lower] = b"%b,%b" % (values[lower], trimmed) if lower in values else trimmed
    ordered = sorted(values.items())
    lines = b"".join([b"%b:%b\n" % item for item in ordered])
    return b";".join([name for name, _ in ordered]), lines


def _sorted(query: bytes) -> bytes:
    """A query's parameters, encoded as they are, by name and then by value."""
    if not query:
        return b""
    pairs = sorted(pair.partition(b"=")[::2] for pair in query.split(b"&"))
    return b"&".join([b"%b=%b" % pair for pair in pairs])


def _without_dots(path: bytes) -> bytes:
    """`path` as AWS reads it: without `.`, `..` and empty segments."""
    if b"/." not in path and b"//" not in path:
        return path or b"/"
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    end = b"/" if kept and path.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + end


def _authority(origin: Origin) -> bytes:
    """The Host header, as the transport writes it."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    default = 443 if origin.scheme == "https" else 80
    return (host if origin.port == default else f"{host}:{origin.port}").encode("ascii")
