"""Is a key alive? What an answer to a provider's check proves: three verdicts, and unknown never means dead."""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from keywright.providers.provider import Check, Provider, endpoint

Life: TypeAlias = Literal["live", "dead", "unknown"]

BODY_BYTES_READ: Final = 4096
"""How much of an answer is looked at."""


class Verdict(Struct, frozen=True):
    """Whether the key is alive, and why that is said."""

    life: Life
    why: str


def check_of(provider: Provider) -> Check | None:
    """What proves a key of `provider` cheapest; None when nothing free does."""
    if provider.check is not None:
        return provider.check
    models = endpoint(provider, "models")
    return None if models is None else Check(models.path)


def verdict(check: Check, status: int, body: bytes) -> Verdict:
    """What an answer with `status` and the beginning of its `body` proves."""
    text = body[:BODY_BYTES_READ].decode(errors="replace")
    word = next((word for word in check.dead_words if word in text), None)
    if word is not None:
        return Verdict("dead", f"the provider answered {status}, {word}")
    if status in check.dead:
        return Verdict("dead", f"the provider answered {status}")
    if status != 200:
        return Verdict("unknown", f"the provider answered {status}, which proves nothing")
    if not check.said:
        return Verdict("live", "the provider accepts it")
    return _said(check.said, body)


def _said(member: str, body: bytes) -> Verdict:
    try:
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Verdict("unknown", "the provider's answer is none that is known")
    said = bytes(answer.get(member, b""))
    if said == b"true":
        return Verdict("live", "the provider says that it is valid")
    if said == b"false":
        return Verdict("dead", "the provider says that it is not valid")
    return Verdict("unknown", f"the provider does not say {member}")
