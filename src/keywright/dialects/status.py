"""What kind of failure an HTTP status tells, where the body tells nothing better."""

from typing import Final

from keywright.core.failure import FailureKind

_KINDS: Final[dict[int, FailureKind]] = {
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    424: "server",  # the model failed
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


def kind_of(status: int) -> FailureKind:
    """The kind of a failure with `status`; 0, or any other that is no error's, tells of a server's."""
    return _KINDS.get(status) or ("invalid_request" if 400 <= status < 500 else "server")
