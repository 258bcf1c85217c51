"""The token that is used now: had when it is needed, renewed in the last third of its life, replaced when it ends.

There is no timer. Whoever asks when a token is due renews it, one at a time; the others go on with it, as it counts
until it ends. Each secret that is read tells when that will be (`Value.again_s`), so that somebody asks in time,
however long secrets may be kept unread. A key of transit tells nobody: its token has to live longer than `ttl_s` of the
sealed store, or be one that a login replaces. What cannot be renewed, or would be renewed for less than half of the
life that it once had (the server allows no token to live for ever), is replaced by a new login.

A refusal may mean that the token has been revoked, or that no policy allows what is asked: the server says the same of
both. It is told apart by whether the token may still look at itself, and a token that may not is replaced, but not over
and over.
"""

import logging
import math
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.vault.exchange import Asked, Grant
from keywright.vault.backends.vault.login import SignIn
from keywright.vault.backends.vault.refusal import refusal
from keywright.vault.backends.vault.wire import Wire

RENEWED_AT: Final = 2 / 3
"""The part of its life after which a token is renewed."""

WORN_PART: Final = 0.5
"""Of the life that a token had at first: what is renewed for less is worn out."""

PAUSE_S: Final = 1.0
"""Between two tries to renew, and after a login that failed."""

DOUBT_PAUSE_S: Final = 5.0
"""Between two logins that a refusal made necessary."""

_log = logging.getLogger("keywright.vault")


class _Held(Struct, frozen=True):
    """`until_s`, `due_s`: in ticks, when it ends and when it is to be renewed. `first_life_s`: at its login."""

    token: Secret
    renewable: bool
    until_s: float
    due_s: float
    first_life_s: float


class Tokens:
    """Gives tokens. Threads may ask at once; each waits no longer than its own question may take."""

    def __init__(self, sign_in: SignIn, wire: Wire, ticks_s: Callable[[], float]) -> None:
        self._sign_in = sign_in
        self._wire = wire
        self._ticks_s = ticks_s
        self._lock = Lock()
        self._held: _Held | None = None
        self._retry_s = -math.inf
        self._doubt_s = -math.inf
        self._failed: tuple[float, str, type[SecretError]] = (-math.inf, "", SecretError)

    @property
    def again_s(self) -> float | None:
        """After how many seconds the token is to be renewed; None: it does not end."""
        held = self._held
        return None if held is None or math.isinf(held.due_s) else max(held.due_s - self._ticks_s(), 0.0)

    def current(self, asked: Asked) -> Secret:
        """The token to ask with.

        Raises:
            SecretError: there is none, and none can be had.
        """
        held, now_s = self._held, self._ticks_s()
        if held is not None and now_s < held.until_s:
            if now_s >= held.due_s and now_s >= self._retry_s and self._lock.acquire(blocking=False):
                try:
                    return self._renewed(asked, held)
                finally:
                    self._lock.release()
            return held.token
        self._wait(asked)
        try:
            if self._held is None or self._ticks_s() >= self._held.until_s:
                self._enter(asked, began_s=now_s)
            assert self._held is not None
            return self._held.token
        finally:
            self._lock.release()

    def doubted(self, asked: Asked, token: Secret) -> bool:
        """Whether it is worth asking again with the current token, now that the server has refused us with `token`.

        Raises:
            SecretError: a new token was needed, and none can be had.
        """
        self._wait(asked)
        try:
            if self._held is not None and self._held.token != token:
                return True
            if self._ticks_s() < self._doubt_s + DOUBT_PAUSE_S:
                return False
            looked = self._wire.exchange(asked, "GET", "auth/token/lookup-self", token)
            if looked.status == 200:
                return False
            if looked.status != 403:
                raise refusal(asked, self._wire.host, looked)
            self._doubt_s = self._ticks_s()
            self._enter(asked, began_s=self._doubt_s)
            return self._held is not None and self._held.token != token
        finally:
            self._lock.release()

    def _wait(self, asked: Asked) -> None:
        if not self._lock.acquire(timeout=self._wire.left_s(asked)):
            raise self._wire.too_slow(asked)

    def _enter(self, asked: Asked, *, began_s: float) -> None:
        """Sign in. A login that failed while we waited for our turn is not tried once more."""
        failed_s, why, kind = self._failed
        if failed_s > began_s:
            raise kind(f"{asked.about}: {why}")
        try:
            self._hold(*self._sign_in.grant(asked))
        except SecretError as error:
            self._failed = (self._ticks_s(), str(error).removeprefix(f"{asked.about}: "), type(error))
            raise

    def _renewed(self, asked: Asked, held: _Held) -> Secret:
        """A token in place of `held`, or `held` where the server gives none: it still counts."""
        if self._held is not held:
            return self._now(held)
        try:
            if not (held.renewable and self._prolong(asked, held)):
                self._hold(*self._sign_in.grant(asked))
        except SecretError as error:
            self._retry_s = self._ticks_s() + PAUSE_S
            _log.warning("the token for a store of secrets was not renewed: %s", error)
        return self._now(held)

    def _now(self, other: _Held) -> Secret:
        return (self._held or other).token

    def _prolong(self, asked: Asked, held: _Held) -> bool:
        """Whether the server let the token live for long enough."""
        reply = self._wire.exchange(asked, "POST", "auth/token/renew-self", held.token, {})
        if reply.status in (400, 403):
            return False
        if reply.auth is None:
            raise refusal(asked, self._wire.host, reply)
        if reply.auth.lease_duration < held.first_life_s * WORN_PART:
            return False
        self._hold(held.token, reply.auth, held.first_life_s)
        return True

    def _hold(self, token: Secret, grant: Grant, first_life_s: float | None = None) -> None:
        now_s, life_s = self._ticks_s(), grant.lease_duration or math.inf
        self._held = _Held(
            token=token,
            renewable=grant.renewable,
            until_s=now_s + life_s,
            due_s=now_s + max(life_s * RENEWED_AT, PAUSE_S),
            first_life_s=first_life_s or life_s,
        )
