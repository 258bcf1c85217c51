"""The key-value engine's second version: each write makes a new version of the whole entry.

A write says which version it has read, and begins anew when that is not the newest any more. `previous` of a field is
its value in the newest version where it was another: a version that was written for another field's sake is passed by.
Whatever is not readable on the way there (deleted, destroyed, dropped by the engine's own bound) ends the search:
what was before it is older than one write. So is it that `forget` destroys every version that holds that one value, and
none older.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from keywright.core.errors import SecretAbsentError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backend import Value
from keywright.vault.backends.vault.entry import absent, field_of, is_field, nothing_before
from keywright.vault.backends.vault.exchange import Asked, Reply
from keywright.vault.backends.vault.mounts import Spot
from keywright.vault.backends.vault.session import Session
from keywright.vault.reference import Reference

WRITES_MAX: Final = 8
"""How often a write is begun before others have won every race."""

VERSIONS_SEARCHED_MAX: Final = 20
"""Twice as many as the engine keeps unless it is told to keep more."""


class _Entry(Struct, frozen=True):
    """`version` 0: there is no entry. `data` None: this version cannot be read any more; `gone` says why."""

    version: int
    data: dict[str, object] | None = None
    gone: str = ""

    def __repr__(self) -> str:
        return f"<entry of version {self.version}>"


class Kv2:
    """The entries of all mounts of this kind."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, asked: Asked, spot: Spot, reference: Reference) -> Value:
        """The field, in the version that `reference` names or the newest."""
        if reference.version and not (reference.version.isascii() and reference.version.isdigit()):
            raise SecretAbsentError(f"{reference}: a version is a number here")
        entry = self._entry(asked, spot, int(reference.version or 0))
        if entry.data is None:
            if not entry.version:
                raise absent(asked)
            raise SecretAbsentError(f"{asked.about}: version {entry.version} {entry.gone}")
        return Value(field_of(reference, entry.data), str(entry.version))

    def write(self, asked: Asked, spot: Spot, reference: Reference, secret: Secret) -> str:
        """Let the field be `secret` in a new version. Nothing is written when it is already."""
        for _ in range(WRITES_MAX):
            entry = self._entry(asked, spot)
            data = entry.data or {}
            if is_field(data, reference.field, secret):
                return str(entry.version)
            reply = self._session.ask(
                asked,
                "POST",
                f"{spot.mount}data/{spot.path}",
                {"options": {"cas": entry.version}, "data": data | {reference.field: secret.reveal()}},
            )
            if reply.status == 200:
                return str((reply.data or {}).get("version", ""))
            if not _lost_race(reply):
                raise self._session.refused(asked, reply)
        raise SecretError(f"{asked.about} was not written: others write it all the time")

    def previous(self, asked: Asked, spot: Spot, reference: Reference) -> Value:
        """The field before its last change."""
        run = self._run(asked, spot, reference.field)
        if not run:
            raise nothing_before(asked)
        return run[0]

    def forget(self, asked: Asked, spot: Spot, reference: Reference) -> None:
        """Destroy the versions that hold the field as it was before its last change."""
        versions = [int(value.version) for value in self._run(asked, spot, reference.field)]
        if not versions:
            return
        reply = self._session.ask(asked, "POST", f"{spot.mount}destroy/{spot.path}", {"versions": versions})
        if reply.status not in (200, 204):
            raise self._session.refused(asked, reply)

    def _run(self, asked: Asked, spot: Spot, field: str) -> list[Value]:
        """The value of the field before its last change, once for each version that holds it, the newest first."""
        newest = self._entry(asked, spot)
        run: list[Value] = []
        for entry in self._older(asked, spot, newest.version):
            text = (entry.data or {}).get(field)
            if not isinstance(text, str) or not text:
                break
            secret = Secret(text)
            if run and run[0].secret != secret:
                break
            if run or not is_field(newest.data or {}, field, secret):
                run.append(Value(secret, str(entry.version)))
        return run

    def _older(self, asked: Asked, spot: Spot, newest: int) -> Iterator[_Entry]:
        for version in range(newest - 1, max(0, newest - 1 - VERSIONS_SEARCHED_MAX), -1):
            yield self._entry(asked, spot, version)

    def _entry(self, asked: Asked, spot: Spot, version: int = 0) -> _Entry:
        """`version` 0: the newest."""
        query = {"version": str(version)} if version else None
        reply = self._session.ask(asked, "GET", f"{spot.mount}data/{spot.path}", query=query)
        told = reply.data or {}
        if reply.status not in (200, 404) or (reply.status == 200 and not told):
            raise self._session.refused(asked, reply)
        metadata, data = told.get("metadata"), told.get("data")
        if not isinstance(metadata, dict):
            return _Entry(0)
        found = metadata.get("version")
        return _Entry(
            version=found if isinstance(found, int) else 0,
            data=data if isinstance(data, dict) else None,
            gone="is destroyed" if metadata.get("destroyed") is True else "is deleted",
        )


def _lost_race(reply: Reply) -> bool:
    return reply.status == 400 and any("check-and-set" in word for word in reply.errors or ())
