"""Where the database is: the operator's URL, read."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from keywright.core.errors import StoreError

MEMORY: Final = "sqlite://"
"""A database that dies with its connection: for tests."""


class Address(Struct, frozen=True):
    """A SQLite database: its file, or None for one in memory."""

    file: Path | None

    def __str__(self) -> str:
        return "in memory" if self.file is None else str(self.file)


def parsed(url: str) -> Address:
    """The address that `url` names.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for memory.

    Raises:
        StoreError: another scheme, or a form that is none of these. A password in it is not repeated.
    """
    if url == MEMORY:
        return Address(None)
    scheme, found, rest = url.partition("://")
    if not found or scheme != "sqlite":
        raise StoreError(
            f"the database URL has the scheme {scheme if found else ''!r}; this version of Keywright has SQLite only: "
            "write sqlite:///keywright.db (relative) or sqlite:////var/lib/keywright/keywright.db (absolute)"
        )
    if not rest.startswith("/") or rest == "/" or rest.endswith("/") or "?" in rest:
        raise StoreError(
            f"{url!r} names no database file: three slashes and a relative path (sqlite:///keywright.db), "
            "or four for an absolute one (sqlite:////var/lib/keywright/keywright.db), without parameters"
        )
    return Address(Path(rest[1:]))
