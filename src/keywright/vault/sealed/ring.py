"""The key encryption keys of a sealed store, each shown to be the right one before anything depends on it.

For every key the store has one row, its self-test, that was sealed when the key was first seen. If it does not open,
the key in that place is another one, or the store is damaged: then nothing is read and, above all, nothing is written.

A key that the store has never seen is taken for a new one only if every key that the store's secrets are under is
configured beside it. So a wrong file, or an old key dropped too early, is refused before it splits the store in two.
"""

from collections.abc import Sequence
from typing import Final

from keywright.core.errors import SecretError
from keywright.core.sealed import SELF_TEST
from keywright.vault.kek import Kek
from keywright.vault.sealed.envelope import Random, Slot, seal, unseal
from keywright.vault.sealed.shelf import Shelf

KEKS_MAX: Final = 32
_SAID: Final = b"this key opens what it sealed"


class Ring:
    """`keks` of one tenant: the first seals, the others still open. Several threads may ask at once.

    Raises:
        SecretError: there is no key, or more than `KEKS_MAX`.
    """

    def __init__(self, keks: Sequence[Kek], shelf: Shelf, tenant: str, random: Random) -> None:
        if not 0 < len(keks) <= KEKS_MAX:
            raise SecretError(
                f"a sealed store needs at least one key encryption key, and at most {KEKS_MAX}: see `kek`"
            )
        self._keks = tuple(keks)
        self._shelf = shelf
        self._tenant = tenant
        self._random = random
        self._proven: frozenset[str] = frozenset()

    def first(self) -> Kek:
        """The key that seals.

        Raises:
            SecretError: it cannot be used, or is not the right one.
        """
        return self._proved(self._keks[0])

    def named(self, kek_id: str) -> Kek:
        """The key with that id.

        Raises:
            SecretError: it is not configured, cannot be used, or is not the right one.
        """
        trouble = ""
        for kek in self._keks:
            try:
                found = kek.id == kek_id
            except SecretError as error:
                trouble = f" (another cannot be asked: {error})"
                continue
            if found:
                return self._proved(kek)
        raise SecretError(f"it is sealed under the key {kek_id}, which is not configured: add it to `kek`{trouble}")

    def prove(self) -> None:
        """Nothing, if every key is the right one: the test of a start.

        Raises:
            SecretError: of the first that is not, or cannot be used.
        """
        for kek in self._keks:
            self._proved(kek)

    def _proved(self, kek: Kek) -> Kek:
        if kek.id not in self._proven:
            self._prove(kek)
            self._proven |= {kek.id}  # of two threads one may be forgotten, and proves once more
        return kek

    def _prove(self, kek: Kek) -> None:
        slot = Slot(self._tenant, f"{SELF_TEST}/{kek.id}", 1, SELF_TEST)
        row = self._shelf.newest(slot.tenant, slot.name)
        if row is None:
            self._require_known(kek)
            self._shelf.put(seal(_SAID, slot, kek, self._random))
            row = self._shelf.newest(slot.tenant, slot.name)  # which another process may have put
        try:
            if row is None or unseal(row, slot, kek) != _SAID:
                raise SecretError("it is not there, or says something else")
        except SecretError as error:
            raise type(error)(
                f"the self-test of the key {kek.id} fails: {error}. Nothing is read or written: put the right key in "
                "its place, or restore the database from a backup if it is damaged"
            ) from None

    def _require_known(self, new: Kek) -> None:
        """Nothing, if all keys that secrets are under are configured beside `new`."""
        missing = self._shelf.kek_uses(self._tenant).keys() - {kek.id for kek in self._keks}
        if missing:
            raise SecretError(
                f"the key {new.id} is new to this store, but secrets in it are under {', '.join(sorted(missing))}, "
                "which is not configured: is this the right key? To change keys, put the new one first in `kek` and "
                "leave the old one behind it until all is re-wrapped"
            )
