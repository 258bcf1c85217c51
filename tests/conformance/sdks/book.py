"""What the ledger says of a call whose name the SDK does not tell."""

import contextlib
import sqlite3

from keywright.core.entry import Entry
from tests.gateway import Gateway, until


class Book:
    """The gateway's ledger, opened before a call. An entry may be written after the client has its answer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._before = self._last()

    def entry(self) -> Entry:
        """The entry of the first call since then."""
        assert until(lambda: self._last() != self._before), "no call was written down"
        return self._gateway.entry(self._last())

    def _last(self) -> str:
        """The name of the last call that was written down; empty before the first."""
        self._gateway.run(self._gateway.house.ledger.flush())
        with contextlib.closing(sqlite3.connect(self._gateway.folder / "test.db")) as database:
            row = database.execute("SELECT id FROM entries ORDER BY started_us DESC, id DESC LIMIT 1").fetchone()
        return "" if row is None else str(row[0])
