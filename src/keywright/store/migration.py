"""Bringing a database to the newest revision, whoever else starts at the same moment.

A look first: a database at the newest revision costs one query, and Alembic (which takes longer to import than to run)
is not even loaded. Otherwise the write lock is taken, the look repeated, and all missing migrations run in that one
transaction: a second process waits, then finds nothing left to do; a failure leaves the database as it was.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from keywright.core.errors import StoreError
from keywright.store.address import Address
from keywright.store.engine import WRITE
from keywright.store.schema import REVISION

FOLDER: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "alembic_version"


def migrate(engine: Engine, address: Address) -> None:
    """Apply what is missing.

    Raises:
        StoreError: the database belongs to a newer version, or to another program.
        sqlalchemy.exc.SQLAlchemyError: it cannot be read or written.
    """
    with engine.connect() as connection:
        if _revision(connection, address) == REVISION:
            return
    with engine.execution_options(**WRITE).begin() as connection:
        if _revision(connection, address) != REVISION:
            _upgrade(connection)


def _revision(connection: Connection, address: Address) -> str | None:
    """The database's revision, None when it is empty."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
        return None if found is None else _known(str(found), address)
    if tables:
        raise StoreError(
            f"the database {address} belongs to another program (it has the table {tables[0]!r}): "
            "name a file of Keywright's own"
        )
    return None


def _known(revision: str, address: Address) -> str:
    if revision > REVISION or not revision.isdigit():
        raise StoreError(
            f"the database {address} is at revision {revision}, this version of Keywright knows revisions up to "
            f"{REVISION}: run the newer version that wrote it, or restore a backup from before"
        )
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 100 ms that only a new or old database pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
