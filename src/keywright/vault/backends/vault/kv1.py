"""The key-value engine's first version: an entry has no versions, and two that write at once undo each other's change.

What a write replaces is kept in a second field of the same entry, `FIELD.previous`: it is written in the same request,
and needs no permission for another path. Writes of this process come one after another; nothing can be done here about
those of others.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Final

from keywright.core.errors import SecretAbsentError
from keywright.core.secret import Secret
from keywright.vault.backend import Value
from keywright.vault.backends.vault.entry import absent, field_of, is_field, nothing_before
from keywright.vault.backends.vault.exchange import Asked
from keywright.vault.backends.vault.mounts import Spot
from keywright.vault.backends.vault.session import Session
from keywright.vault.reference import Reference

PREVIOUS: Final = ".previous"


class Kv1:
    """The entries of all mounts of this kind."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._writing = Lock()

    def read(self, asked: Asked, spot: Spot, reference: Reference) -> Value:
        """The field, as it is now."""
        if reference.version:
            raise SecretAbsentError(f"{reference}: this engine keeps no versions")
        return Value(field_of(reference, self._entry(asked, spot.whole)))

    def write(self, asked: Asked, spot: Spot, reference: Reference, secret: Secret) -> str:
        """Let the field be `secret`. Nothing is written when it is already."""
        self._wait(asked)
        try:
            data = self._entry_or_none(asked, spot.whole) or {}
            if not is_field(data, reference.field, secret):
                before = data.get(reference.field)
                kept = {name: value for name, value in data.items() if name != reference.field + PREVIOUS}
                beside = {} if before is None else {reference.field + PREVIOUS: before}
                self._put(asked, spot.whole, kept | beside | {reference.field: secret.reveal()})
        finally:
            self._writing.release()
        return ""

    def previous(self, asked: Asked, spot: Spot, reference: Reference) -> Value:
        """What the last write replaced."""
        before = (self._entry_or_none(asked, spot.whole) or {}).get(reference.field + PREVIOUS)
        if not isinstance(before, str) or not before:
            raise nothing_before(asked)
        return Value(Secret(before))

    def forget(self, asked: Asked, spot: Spot, reference: Reference) -> None:
        """Remove what the last write replaced."""
        self._wait(asked)
        try:
            data = self._entry_or_none(asked, spot.whole) or {}
            if data.pop(reference.field + PREVIOUS, None) is not None:
                self._put(asked, spot.whole, data)
        finally:
            self._writing.release()

    def _wait(self, asked: Asked) -> None:
        if not self._writing.acquire(timeout=self._session.left_s(asked)):
            raise self._session.too_slow(asked)

    def _entry(self, asked: Asked, path: str) -> dict[str, object]:
        data = self._entry_or_none(asked, path)
        if data is None:
            raise absent(asked)
        return data

    def _entry_or_none(self, asked: Asked, path: str) -> dict[str, object] | None:
        reply = self._session.ask(asked, "GET", path)
        if reply.status == 404:
            return None
        if reply.status != 200 or reply.data is None:
            raise self._session.refused(asked, reply)
        return reply.data

    def _put(self, asked: Asked, path: str, data: Mapping[str, object]) -> None:
        reply = self._session.ask(asked, "POST", path, data)
        if reply.status not in (200, 204):
            raise self._session.refused(asked, reply)
