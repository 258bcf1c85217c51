"""Every exception that crosses a room's wall.

KeywrightError
├── RefusedError                 the call is answered with its `failure`; nothing more was or will be sent upstream
│   └── NotTranslatableError     400, names every field that the provider cannot be told
├── UpstreamError                one attempt at one provider failed; says whether repeating it is safe
│   ├── ConnectFailedError       no connection: refused, unresolved, TLS not verified, address not allowed
│   ├── UpstreamTimeoutError     a deadline passed: connect, first_byte, idle or total
│   ├── UpstreamBrokeError       the connection ended or reset before the answer was complete
│   ├── UpstreamMalformedError   the answer is not HTTP that we accept, or not the dialect it should be
│   ├── ProviderError            the provider answered with an error
│   └── CredentialLapsedError    there is no valid credential to ask with, and none could be had; nothing was sent
├── ConfigError                  `keywright.toml` or the environment is wrong: where, what, and what to do
├── SecretError                  a secret reference cannot be resolved: which reference and why, never the value
│   ├── SecretAbsentError        there is no such secret, version or field
│   ├── SecretDeniedError        its store does not let us
│   └── SecretReadOnlyError      its store cannot be written or listed, or not by us
├── RotationError                a step of a rotation failed; says whether it may do better later
├── StoreError                   the database cannot be opened, migrated or written
├── SourceError                  another server, or a file, does not tell what a command asked it for: prices, figures
└── ChangeRefusedError           what an administrator asks for cannot be: absent, taken, contradictory, not theirs
"""

from typing import Literal, TypeAlias

from keywright.core.failure import Failure
from keywright.core.loss import Loss

ConnectCause: TypeAlias = Literal["unreachable", "name", "address", "tls", "proxy", "busy", "stopping"]
"""`name`: it does not resolve. `address`: it may not be connected to. `busy`: all connections are in use."""

Phase: TypeAlias = Literal["connect", "first_byte", "idle", "total"]


ChangeFault: TypeAlias = Literal["not_found", "conflict", "invalid", "forbidden", "stale"]
"""`conflict`: what is there stands against it. `stale`: it was changed since it was read."""


class KeywrightError(Exception):
    """The root of all of these."""


class RefusedError(KeywrightError):
    """The call is answered with `failure`. `rule` names what decided it."""

    def __init__(self, failure: Failure, rule: str = "") -> None:
        super().__init__(f"{failure.status} {failure.code}: {failure.message}")
        self.failure = failure
        self.rule = rule or failure.code


class NotTranslatableError(RefusedError):
    """The request says something that the provider cannot be told."""

    def __init__(self, losses: tuple[Loss, ...]) -> None:
        fields = "; ".join(f"{loss.path}: {loss.why}" for loss in losses)
        super().__init__(
            Failure(
                kind="not_translatable",
                status=400,
                code="not_translatable",
                message=f"this request cannot be carried to that provider: {fields}",
                param=losses[0].path if losses else None,
            )
        )
        self.losses = losses


class UpstreamError(KeywrightError):
    """One attempt failed. `answered`: whether any byte of an answer had arrived.

    `sent`: whether any byte of the request may have reached the provider (then it may have been billed). `spent`: the
    request cannot be sent again, whatever was wrong; whoever sent it sets that.
    """

    def __init__(self, message: str, *, sent: bool = True, answered: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.answered = answered
        self.spent = False


class ConnectFailedError(UpstreamError):
    """No connection was made; nothing was sent. `cause` says why in a word that names no address."""

    def __init__(self, message: str, cause: ConnectCause = "unreachable") -> None:
        super().__init__(message, sent=False)
        self.cause = cause


class UpstreamTimeoutError(UpstreamError):
    """A deadline passed."""

    def __init__(self, phase: Phase, after_s: float, *, sent: bool = True, answered: bool = False) -> None:
        super().__init__(f"{phase} deadline of {after_s:g} s passed", sent=sent, answered=answered)
        self.phase = phase


class UpstreamBrokeError(UpstreamError):
    """The connection ended before the answer did."""


class UpstreamMalformedError(UpstreamError):
    """The answer breaks HTTP/1.1, a limit, or the dialect that was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message, answered=True)


class ProviderError(UpstreamError):
    """The provider answered with an error, before or within its stream."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.status} {failure.code}: {failure.message}", answered=True)
        self.failure = failure


class CredentialLapsedError(UpstreamError):
    """The credential has run out and could not be renewed. The message says why, for the operator and no client."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class ConfigError(KeywrightError):
    """The configuration is wrong."""


class SecretError(KeywrightError):
    """A secret cannot be had."""


class SecretAbsentError(SecretError):
    """There is no such secret."""


class SecretDeniedError(SecretError):
    """Its store does not let us."""


class SecretReadOnlyError(SecretError):
    """Its store cannot be written or listed."""


class RotationError(KeywrightError):
    """A step of a rotation failed. `passing`: it may do better in a while, by itself."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class StoreError(KeywrightError):
    """The database cannot serve."""


class UnansweredError(StoreError):
    """The connection to the database broke before it answered: what was to be written may be written, or not."""


class SourceError(KeywrightError):
    """What a command wants to read elsewhere cannot be had, or is not what it should be. Nothing was changed."""


class ChangeRefusedError(KeywrightError):
    """Nothing was changed, or shown. `field`: what of the request it is about, "" for all of it."""

    def __init__(self, kind: ChangeFault, message: str, field: str = "") -> None:
        super().__init__(message)
        self.kind: ChangeFault = kind
        self.message = message
        self.field = field
