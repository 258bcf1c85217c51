"""What has been tried for one call: for the ledger, and for the error when none of it led to an answer."""

from typing import Final

from keywright.core.entry import Attempt
from keywright.core.errors import (
    ConnectFailedError,
    CredentialLapsedError,
    NotTranslatableError,
    ProviderError,
    RefusedError,
    UpstreamBrokeError,
    UpstreamError,
    UpstreamMalformedError,
    UpstreamTimeoutError,
)
from keywright.core.failure import Failure, FailureKind
from keywright.core.identity import Tags
from keywright.pipeline.routes import Credential, Target

REQUESTS: Final[frozenset[FailureKind]] = frozenset({"invalid_request", "too_large", "content_filtered"})
"""Failures of the request: every candidate would say the same."""
OURS: Final[frozenset[FailureKind]] = frozenset({"authentication", "permission", "payment", "quota"})
"""Failures of the credential that we used: the client has no part in them."""
THEIRS: Final[frozenset[FailureKind]] = frozenset({"rate_limited", "overloaded", "timeout", "server"})
"""Failures of the provider: they may pass, and another candidate may do better."""


WAIT_S_MIN: Final = 1.0
"""What a client is told to wait at least, when every candidate rests."""


class Attempts:
    """The attempts so far. `waited_us`: microseconds spent waiting for providers, or between two attempts. `used`: what
    the last one was made with, `fingerprint` whose that is. `targets`: the candidates, in order; `tags` those of the
    credential that was tried last.
    """

    __slots__ = ("_opens_s", "fingerprint", "last", "made", "refusal", "tags", "targets", "used", "waited_us")

    def __init__(self) -> None:
        self.made: list[Attempt] = []
        self.last: UpstreamError | None = None
        self.refusal: NotTranslatableError | None = None
        self.waited_us = 0
        self.used: Credential | None = None
        self.fingerprint = ""
        self.targets: tuple[Target, ...] = ()
        self.tags: Tags = ()
        self._opens_s: list[float] = []

    def add(self, target: Target, result: str, status: int = 0, took_us: int = 0) -> None:
        """One more was made."""
        source = target.source
        self.tags = source.tags
        fingerprint = self.fingerprint or source.credential.fingerprint
        self.made.append(Attempt(source.name, target.model, fingerprint, result, status, took_us))

    def add_unasked(self, target: Target, wait_s: float) -> None:
        """A candidate was passed over: its credential is not tried for another `wait_s` seconds."""
        self.fingerprint = ""
        self.add(target, "breaker_open")
        self._opens_s.append(wait_s)

    def add_failed(self, target: Target, error: UpstreamError, took_us: int) -> None:
        """One more was made, and failed."""
        status = error.failure.status if isinstance(error, ProviderError) else 0
        self.add(target, code_of(error), status, took_us)
        self.last = error

    def refused(self) -> RefusedError:
        """What the client is told when no candidate answered."""
        error = self.last
        tried = "; ".join(f"{a.provider}/{a.model}: {a.result}" for a in self.made)
        if error is None:
            if self.refusal is not None and not self.made:
                return self.refusal
            wait_s = max(min(self._opens_s, default=0.0), WAIT_S_MIN)
            return _failed("overloaded", 503, "upstream_failed", f"no candidate can be tried now ({tried})", wait_s)
        if isinstance(error, ProviderError):
            return _provider_failed(error.failure, tried)
        if isinstance(error, UpstreamTimeoutError):
            return _failed("timeout", 504, "upstream_timeout", f"the provider did not answer in time ({tried})")
        if isinstance(error, CredentialLapsedError):
            message = "the gateway's credential for the provider has run out and could not be renewed"
            return _failed("server", 502, "upstream_failed", f"{message} ({tried})")
        return _failed("server", 502, "upstream_failed", f"the provider could not be reached or broke off ({tried})")


def code_of(error: UpstreamError) -> str:
    """One word for what went wrong, safe to show."""
    match error:
        case ProviderError():
            return f"{error.failure.status} {error.failure.code}"
        case UpstreamTimeoutError():
            return f"{error.phase} timeout"
        case UpstreamMalformedError():
            return "malformed answer"
        case UpstreamBrokeError():
            return "connection broke"
        case CredentialLapsedError():
            return "no valid credential"
        case ConnectFailedError():
            return f"connect failed: {error.cause}"
        case _:
            return "failed"


def retry_after_of(error: UpstreamError) -> float | None:
    """How many seconds the provider asked to be left alone, if it did."""
    return error.failure.retry_after_s if isinstance(error, ProviderError) else None


def _provider_failed(failure: Failure, tried: str) -> RefusedError:
    if failure.kind not in OURS | THEIRS:
        return RefusedError(failure, rule="upstream:refused")
    message = "the provider refused the gateway's credential" if failure.kind in OURS else failure.message
    return _failed(failure.kind, failure.status, "upstream_failed", f"{message} ({tried})", failure.retry_after_s)


def _failed(
    kind: FailureKind, status: int, code: str, message: str, retry_after_s: float | None = None
) -> RefusedError:
    failure = Failure(kind=kind, status=status, code=code, message=message, retry_after_s=retry_after_s)
    return RefusedError(failure, rule=f"upstream:{code}")
