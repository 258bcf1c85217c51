"""What went wrong, as data: the same shape for a provider's error and for one of our own."""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras

FailureKind: TypeAlias = Literal[
    "invalid_request",
    "not_translatable",
    "context_too_long",
    "content_filtered",
    "authentication",
    "permission",
    "payment",
    "not_found",
    "too_large",
    "rate_limited",
    "quota",
    "overloaded",
    "timeout",
    "server",
]


class Failure(Struct, frozen=True, omit_defaults=True):
    """One error, ready for any dialect's `encode_error`.

    `status` is HTTP (a provider's own when it came from one); `code` a stable machine word; `param` the field
    that was wrong; `retry_after_s` how long to wait, where known; `raw_type` the provider's own type word
    in dialect `origin`. `message` never holds a secret or an internal address.
    """

    kind: FailureKind
    status: int
    code: str
    message: str
    param: str | None = None
    retry_after_s: float | None = None
    origin: str | None = None
    raw_type: str | None = None
    extras: Extras = NO_EXTRAS
