"""Whether a failed attempt may be repeated, and how long to wait before it. Pure; the pipeline does the repeating."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from keywright.core.errors import CredentialLapsedError, ProviderError, UpstreamError
from keywright.core.failure import FailureKind

TIMER_EARLY_S: Final = 0.005
"""How much too early an event loop's timer may fire: whoever waits to a moment must not come before it."""
REPEATABLE_STATUSES: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
FINAL_KINDS: Final[frozenset[FailureKind]] = frozenset({"quota", "payment", "context_too_long", "content_filtered"})
"""Failures that the next second does not change, whatever status the provider gave them."""


class RetrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`attempts_max` counts the first. The n-th delay is drawn from 0 to `first_s` doubled n times, at most
    `delay_s_max`. A provider's own Retry-After is obeyed up to `retry_after_s_max`; for longer nobody waits.
    """

    attempts_max: int = 3
    first_s: float = 0.25
    delay_s_max: float = 8.0
    retry_after_s_max: float = 30.0


def delay_s(
    settings: RetrySettings, attempt: int, retry_after_s: float | None, random: Callable[[], float]
) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 1), or None: do not repeat.

    Full jitter: each delay is uniform from nothing to the exponential bound, because clients that failed together
    would otherwise return together. A Retry-After is a floor, and gets the first step's jitter on top for the same
    reason. `random` gives numbers from 0 to 1.
    """
    if attempt >= settings.attempts_max:
        return None
    if retry_after_s is not None:
        if retry_after_s > settings.retry_after_s_max:
            return None
        return max(retry_after_s, 0.0) + TIMER_EARLY_S + random() * settings.first_s
    doublings = min(attempt - 1, 32)  # the cap is reached long before; a float must not overflow
    return random() * min(settings.first_s * 2.0**doublings, settings.delay_s_max)


def safe_to_repeat(error: UpstreamError) -> bool:
    """Whether the same request may go to the same provider again, provided nothing has gone to the client.

    Repeating costs money when the first attempt was served, so the provider must have said that it was not, or not
    have had the request at all:

    - nothing was sent (no connection): yes; but not where the credential could not be renewed, for that has its own
      pauses;
    - the request was a stream and has been read, or changes something at the provider each time it is sent: no;
    - the provider answered with an error that passes: 429 and 529 (too much now), 500, 502, 503, 504 (its failure),
      408 (it did not read all of the request), 409 (a lock, in OpenAI's and Anthropic's use): yes, for an error
      answer is not billed. But not where the error's kind says that it will stay: a used-up quota is a 429 too;
    - the connection broke, a deadline passed, or the answer was not HTTP, after something was sent: no. The provider
      may be at work on it, or may have finished. The next candidate may still be asked; that is routing's decision,
      with the cost of both in the ledger.
    """
    if error.spent:
        return False
    if not error.sent:
        return not isinstance(error, CredentialLapsedError)
    if not isinstance(error, ProviderError):
        return False
    return error.failure.status in REPEATABLE_STATUSES and error.failure.kind not in FINAL_KINDS
