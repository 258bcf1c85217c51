"""What the sealed store needs of a database, asked from a worker thread."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from keywright.core.sealed import Purpose, Rewrapping, SealedSecret


class Shelf(Protocol):
    """Keeps rows and understands none. Every method may block, and raises SecretError when the database cannot serve:
    what was to be written may then be written, or not.
    """

    def newest(self, tenant: str, name: str) -> SealedSecret | None:
        """The version with the highest number."""
        ...

    def at(self, tenant: str, name: str, version: int) -> SealedSecret | None:
        """That version."""
        ...

    def put(self, sealed: SealedSecret) -> bool:
        """Keep `sealed`, and of those before it only the last. False, and nothing is changed: the newest there is not
        the version before it, so somebody else has written.
        """
        ...

    def forget_before(self, tenant: str, name: str, version: int) -> None:
        """Delete what is older than that version."""
        ...

    def names(self, tenant: str, purpose: Purpose) -> tuple[str, ...]:
        """What is kept for `purpose`, each once, sorted."""
        ...

    def kek_uses(self, tenant: str) -> Mapping[str, int]:
        """How many rows each key encryption key has wrapped, by its id; self-tests are not counted."""
        ...

    def not_under(self, tenant: str, kek: str, after: tuple[str, int], limit: int) -> Sequence[SealedSecret]:
        """Up to `limit` of the rows that another key than `kek` has wrapped, behind `after` by name and version;
        without self-tests.
        """
        ...

    def rewrap(self, rewrappings: Sequence[Rewrapping]) -> None:
        """Replace each data key that is still as it was, all or none; the others stay as they are."""
        ...
