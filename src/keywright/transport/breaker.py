"""A circuit breaker for one credential at one provider: stop asking who does not answer, and look again in time.

closed → open after several failures in a row, or at once when the provider says how long (429 with Retry-After);
open → half-open when the cool-down has passed: one call is let through, the others still go elsewhere;
half-open → closed by that call's success, or open again for twice as long by its failure.

No timers and no clock of its own: the time comes with each question, and the answer is a comparison of two floats.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

State: TypeAlias = Literal["closed", "open", "half_open"]

_NEVER: Final = float("-inf")


class BreakerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`failures_max` in a row open it, for `cool_down_s` at first and `cool_down_s_max` at most.
    `announced_s_max` bounds what a provider's Retry-After may do. `probe_s`: how long one trial call may be out
    before another is let through.
    """

    failures_max: int = 5
    cool_down_s: float = 5.0
    cool_down_s_max: float = 120.0
    announced_s_max: float = 3600.0
    probe_s: float = 30.0


class Breaker:
    """The state of one credential. Times are seconds of one monotonic clock, the caller's."""

    __slots__ = ("_cool_down_s", "_failures", "_open_until", "_probe_until", "_settings", "_tripped")

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._tripped = False
        self._failures = 0
        self._cool_down_s = settings.cool_down_s
        self._open_until = _NEVER
        self._probe_until = _NEVER

    def state(self, now: float) -> State:
        """For metrics and explanations."""
        if not self._tripped:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def wait_s(self, now: float) -> float:
        """Seconds until the credential may be tried again; 0 when it may be now."""
        return max(0.0, self._open_until - now) if self._tripped else 0.0

    def allow(self, now: float) -> bool:
        """Whether a call may use the credential now. In half-open, True is said to one caller per `probe_s`:
        it reports back with `succeeded` or `failed`, or is forgotten when it does neither.
        """
        if not self._tripped:
            return True
        if now < self._open_until or now < self._probe_until:
            return False
        self._probe_until = now + self._settings.probe_s
        return True

    def succeeded(self, now: float) -> None:
        """A call came back well. One that began before the breaker opened does not close it early."""
        if self._tripped and now < self._open_until:
            return
        self._close()

    def failed(self, now: float, cool_down_s: float | None = None) -> None:
        """A call failed by the provider's fault. `cool_down_s`: what the provider asked for, if it did."""
        if cool_down_s is not None:
            until = now + min(max(cool_down_s, 0.0), self._settings.announced_s_max)
            self._open(max(until, self._open_until))
            return
        if not self._tripped:
            self._failures += 1
            if self._failures >= self._settings.failures_max:
                self._open(now + self._cool_down_s)
        elif now >= self._open_until:  # half-open; while open, late failures are old news
            self._cool_down_s = min(self._cool_down_s * 2, self._settings.cool_down_s_max)
            self._open(now + self._cool_down_s)

    def reset(self) -> None:
        """Nothing is known of the credential any more: it has another key."""
        self._close()

    def _open(self, until: float) -> None:
        self._tripped = True
        self._open_until = until
        self._probe_until = _NEVER

    def _close(self) -> None:
        self._tripped = False
        self._failures = 0
        self._cool_down_s = self._settings.cool_down_s
        self._open_until = _NEVER
        self._probe_until = _NEVER
