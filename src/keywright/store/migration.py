"""Bringing a database to the newest revision, whoever else starts at the same moment.

A look first: a database at the newest revision costs one query, and Alembic (which takes longer to import than to run)
is not even loaded. Otherwise a lock is taken (SQLite's for writing, on PostgreSQL one of our own), the look repeated,
and all missing migrations run in that one transaction: a second process waits, then finds nothing left to do; a failure
leaves the database as it was.
"""

import contextlib
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from keywright.core.errors import StoreError
from keywright.store.address import Address, PostgresAddress
from keywright.store.intent import intending
from keywright.store.postgres import MIGRATION_LOCK
from keywright.store.schema import REVISION
from keywright.store.sqlite import patient

FOLDER: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "alembic_version"
POSTGRES_VERSION_MIN: Final = (15,)
WAIT_S: Final = 600
"""For another process that migrates. A migration itself may take as long as it needs."""


def migrate(engine: Engine, address: Address) -> None:
    """Apply what is missing.

    Raises:
        StoreError: the database belongs to a newer version, or to another program.
        sqlalchemy.exc.SQLAlchemyError: it cannot be read or written.
    """
    with engine.connect() as connection:
        if _revision(connection, address) == REVISION:
            return
    with intending(engine, "write_beside").connect() as connection, _patience(connection), connection.begin():
        if isinstance(address, PostgresAddress):
            _prepare_postgres(connection, address)
        if _revision(connection, address) != REVISION:
            _upgrade(connection)


def _patience(connection: Connection) -> contextlib.AbstractContextManager[None]:
    return patient(connection, WAIT_S) if connection.dialect.name == "sqlite" else contextlib.nullcontext()


def _revision(connection: Connection, address: Address) -> str | None:
    """The database's revision, None when it is empty."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
        return None if found is None else _known(str(found), address)
    if tables:
        raise StoreError(
            f"the database {address} belongs to another program (it has the table {tables[0]!r}): "
            "name a database of Keywright's own"
        )
    return None


def _known(revision: str, address: Address) -> str:
    if revision > REVISION or not revision.isdigit():
        raise StoreError(
            f"the database {address} is at revision {revision}, this version of Keywright knows revisions up to "
            f"{REVISION}: run the newer version that wrote it, or restore a backup from before"
        )
    return revision


def _prepare_postgres(connection: Connection, address: Address) -> None:
    """Take the lock.

    Raises:
        StoreError: the server is too old, or the database keeps other texts than Unicode.
    """
    version = connection.dialect.server_version_info or ()
    if version < POSTGRES_VERSION_MIN:
        raise StoreError(
            f"the server of the database {address} is PostgreSQL {version[0]}: "
            f"Keywright needs {POSTGRES_VERSION_MIN[0]} or newer"
        )
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database {address} has the encoding {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8' "
            "TEMPLATE template0"
        )
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 100 ms that only a new or old database pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
