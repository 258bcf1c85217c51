"""What of the client's headers the provider sees, and what of the provider's the client does.

On a native path all passes but what would betray somebody (credentials, cookies, who forwarded what for whom), what is
ours, and what belongs to one connection. On the others passes what is listed. The answer is asked for as it is, not
compressed: in compressed bytes neither a key nor a usage is found.

A gateway behind this one is led by headers: to another host, with the credentials that it holds. Those that begin as
such a gateway's do pass only where the provider's row lists them.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from keywright.core.http import Header
from keywright.identity.keystring import PREFIX
from keywright.pipeline.routes import Source

PLAIN: Final[Header] = (b"accept-encoding", b"identity")

_OURS: Final = b"x-keywright-"
_CREDENTIALS: Final = frozenset(
    {
        *(b"authorization", b"proxy-authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie", b"cookie2"),
        *(b"x-amz-security-token", b"x-amz-date", b"x-amz-content-sha256", b"x-goog-iam-authorization-token"),
    }
)
_FORWARDED: Final = frozenset(
    {b"forwarded", b"via", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip", b"client-ip"}
)
_FORWARDED_BEGINNINGS: Final = (
    b"x-forwarded-",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-http-method",
    b"x-method-",
)
_LEADING_BEGINNINGS: Final = (b"x-portkey-", b"helicone-", b"x-litellm-", b"x-tfy-", b"cf-aig-")
"""Of the headers by which gateways are told where to send a request, and with whose key."""
_CONNECTION: Final = frozenset(
    {
        *(
            b"host",
            b"content-length",
            b"transfer-encoding",
            b"connection",
            b"keep-alive",
            b"te",
            b"trailer",
            b"upgrade",
        ),
        *(b"expect", b"proxy-connection", b"accept-encoding", b"http2-settings"),
    }
)
_REMOVED: Final = _CREDENTIALS | _FORWARDED | _CONNECTION
_PASSED: Final = frozenset(
    {
        *(b"content-type", b"accept", b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since"),
        b"idempotency-key",
    }
)

_ANSWERED: Final = frozenset(
    {
        *(b"content-type", b"content-disposition", b"content-language", b"content-range", b"accept-ranges", b"etag"),
        *(b"content-encoding", b"last-modified", b"cache-control", b"expires", b"retry-after", b"retry-after-ms"),
    }
)
_NOT_ANSWERED: Final = frozenset(
    {
        *(b"set-cookie", b"set-cookie2", b"www-authenticate", b"authentication-info", b"location", b"refresh"),
        *(
            b"date",
            b"server",
            b"via",
            b"alt-svc",
            b"strict-transport-security",
            b"public-key-pins",
            b"nel",
            b"report-to",
        ),
        *(b"clear-site-data", b"x-powered-by", b"service-worker-allowed"),
    }
)
_NOT_ANSWERED_BEGINNINGS: Final = (
    *(_OURS, b"access-control-", b"cf-", b"x-envoy-", b"content-security-policy"),
    *(b"x-accel-", b"x-sendfile", b"x-lighttpd-", b"surrogate-"),  # a proxy before us would act on these
)
_NOT_ANSWERED_ENDINGS: Final = (b"-organization", b"-organization-id", b"-project", b"-project-id")
"""Whose account it is, is the operator's to know."""


def upward(given: Sequence[Header], source: Source, presented: str, *, is_native: bool) -> tuple[Header, ...]:
    """The headers for a request to `source`, without its credential. `presented`: the client's key, it stays here."""
    fixed = {name.encode(): value.encode("latin-1") for name, value in source.row.headers} | dict(source.headers)
    passed = frozenset(name.encode() for name in source.row.passed_headers)
    key, any_key = presented.encode(), PREFIX.encode()
    kept = [
        (name, value)
        for name, value in given
        if (name in passed or (_may_pass(name) if is_native else name in _PASSED))
        and (name in passed or name not in fixed)
        and key not in value
        and any_key not in value
    ]
    if is_native:
        named = _named_by_connection(given)
        kept = [header for header in kept if header[0] not in named]
    names = {name for name, _ in kept}
    return (*(header for header in fixed.items() if header[0] not in names), *kept, PLAIN)


def downward(names: Iterable[bytes], source: Source, *, is_native: bool) -> frozenset[bytes]:
    """Which of an answer's headers the client sees."""
    if is_native:
        return frozenset(filter(_may_answer, names))
    listed = frozenset(name.encode() for name in source.row.answer_headers)
    return listed | _ANSWERED


def _may_pass(name: bytes) -> bool:
    name = name.replace(b"_", b"-")  # as servers behind a CGI read it
    return name not in _REMOVED and not name.startswith((_OURS, *_FORWARDED_BEGINNINGS, *_LEADING_BEGINNINGS))


def _may_answer(name: bytes) -> bool:
    if name in _NOT_ANSWERED or name.startswith(_NOT_ANSWERED_BEGINNINGS):
        return False
    return not name.endswith(_NOT_ANSWERED_ENDINGS)


def _named_by_connection(given: Sequence[Header]) -> frozenset[bytes]:
    """What the client says is for this connection only."""
    values = [value for name, value in given if name == b"connection"]
    return frozenset(word.strip().lower() for value in values for word in value.split(b","))
