"""Connections to whichever database it is. What is one database's own stands in `sqlite.py` and `postgres.py`."""

from typing import Final, assert_never

from sqlalchemy import Engine

from keywright.core.secret import Secret
from keywright.store.address import Address, PostgresAddress, SqliteAddress
from keywright.store.postgres import postgres_engine
from keywright.store.sqlite import create_file, sqlite_engine

CONNECTIONS_MAX: Final = 4
"""In the pool of one process."""
CONNECTION_WAIT_S: Final = 10.0


def engine_for(address: Address, password: Secret | None) -> Engine:
    """An engine for `address`; a SQLite file is made if there is none. Connects to nothing yet.

    Raises:
        StoreError: the file cannot be written, or the driver is not installed.
    """
    match address:
        case SqliteAddress():
            create_file(address)
            return sqlite_engine(address, CONNECTIONS_MAX, CONNECTION_WAIT_S)
        case PostgresAddress():
            return postgres_engine(address, password, CONNECTIONS_MAX, CONNECTION_WAIT_S)
        case _:
            assert_never(address)
