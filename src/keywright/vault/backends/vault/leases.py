"""Engines that make a secret for whoever asks: each answer is another one, lent for a while.

So that the fields of one belong together (a user and its password), an answer is kept as long as its lease can be
renewed: a read asks for that, which also tells whether the lease still exists, and so is never of a secret that was
revoked behind our back. One that cannot be renewed is read anew, unless it has only just been made. What is replaced is
not revoked: calls in flight use it, and it ends by itself.
"""

import math
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec import Struct

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value
from keywright.vault.backends.vault.entry import absent, field_of, nothing_before
from keywright.vault.backends.vault.exchange import Asked, Reply
from keywright.vault.backends.vault.mounts import Spot
from keywright.vault.backends.vault.session import Session
from keywright.vault.reference import Reference

TOGETHER_S: Final = 2.0
"""Reads of one path within this time are given the same secret."""

WORN_PART: Final = 0.5
"""Of the time that a secret was lent for at first: one that is renewed for less is read anew."""


class _Lease(Struct, frozen=True):
    """`seen_s`, `until_s`: in ticks, when it was made or renewed, and when it ends."""

    data: dict[str, object]
    id: str
    renewable: bool
    first_life_s: float
    seen_s: float
    until_s: float

    def __repr__(self) -> str:
        return "<lease>"


class Leases:
    """The secrets that were lent to us. Threads may ask at once; those that ask for one path take turns."""

    def __init__(self, session: Session, ticks_s: Callable[[], float]) -> None:
        self._session = session
        self._ticks_s = ticks_s
        self._held: dict[str, _Lease] = {}
        self._turns: dict[str, Lock] = {}

    def read(self, asked: Asked, spot: Spot, reference: Reference) -> Value:
        """The field of what is lent at `path` now. `lease_s` is the time for which it is, None where none is told."""
        if reference.version:
            raise SecretAbsentError(f"{reference}: this engine keeps no versions")
        path = spot.whole
        turn = self._turns.setdefault(path, Lock())
        if not turn.acquire(timeout=self._session.left_s(asked)):
            raise self._session.too_slow(asked)
        try:
            lease = self._valid(asked, path) or self._taken(asked, path)
        finally:
            turn.release()
        lease_s = lease.until_s - self._ticks_s()
        return Value(field_of(reference, lease.data), lease_s=None if math.isinf(lease_s) else max(lease_s, 0.0))

    def write(self, _asked: Asked, _spot: Spot, reference: Reference, _secret: Secret) -> str:
        """Never. Raises SecretReadOnlyError."""
        raise SecretReadOnlyError(keeps_none(reference))

    def previous(self, asked: Asked, _spot: Spot, _reference: Reference) -> Value:
        """None. Raises SecretAbsentError."""
        raise nothing_before(asked)

    def forget(self, _asked: Asked, _spot: Spot, _reference: Reference) -> None:
        """Nothing: what is replaced ends by itself."""

    def _valid(self, asked: Asked, path: str) -> _Lease | None:
        lease, now_s = self._held.get(path), self._ticks_s()
        if lease is None or now_s >= lease.until_s:
            return None
        if now_s < lease.seen_s + TOGETHER_S:
            return lease
        return self._renewed(asked, path, lease) if lease.renewable else None

    def _renewed(self, asked: Asked, path: str, lease: _Lease) -> _Lease | None:
        """None: it is not, or not for long enough."""
        try:
            reply = self._session.ask(asked, "POST", "sys/leases/renew", {"lease_id": lease.id})
        except SecretDeniedError:
            return None
        if reply.status != 200 or reply.lease_duration < lease.first_life_s * WORN_PART:
            return None
        return self._hold(path, reply, lease.data, lease.first_life_s)

    def _taken(self, asked: Asked, path: str) -> _Lease:
        reply = self._session.ask(asked, "GET", path)
        if reply.status == 404:
            raise absent(asked)
        if reply.status != 200 or reply.data is None:
            raise self._session.refused(asked, reply)
        return self._hold(path, reply, reply.data, reply.lease_duration)

    def _hold(self, path: str, reply: Reply, data: dict[str, object], first_life_s: float) -> _Lease:
        """What comes without a lease is not kept: it is read as any other secret is."""
        now_s = self._ticks_s()
        life_s = reply.lease_duration if reply.lease_id else math.inf
        lease = _Lease(data, reply.lease_id, reply.renewable, first_life_s, now_s, now_s + life_s)
        if reply.lease_id:
            self._held[path] = lease
        return lease


def keeps_none(reference: Reference) -> str:
    """Why nothing is written there."""
    return f"{reference} cannot be written: its engine makes secrets and keeps none; name a path of a key-value engine"
