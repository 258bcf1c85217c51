"""How PostgreSQL is connected to, and what each setting promises. Versions 15 to 18.

Transactions that read see one moment (REPEATABLE READ, READ ONLY: also a standby serves them). Those that write see
what is committed at each statement (READ COMMITTED), and never fail because others wrote meanwhile. Unless they say
that they go beside others, they first take one lock that lasts until they end: code that decides by what it has read
is right without a thought of its own, as on SQLite. What is written often (entries, leases) goes beside, and locks the
rows by which it decides. SERIALIZABLE in place of that lock would fail and repeat the more, the more there is to do.

A server that is away or hangs is noticed by `CONNECT_S`, TCP's own questions and `UNANSWERED_MS`; one that restarted by
a look at each connection before its use (`pool_pre_ping`). `STATEMENT_MS` and `LOCK_MS` end what takes too long, and
`IDLE_IN_TRANSACTION_MS` the transaction of a process that hangs, so that its locks are free. A server that commits
before the disk has it (`synchronous_commit=off`) does not so for us: the ledger forgets what is committed.

The password goes from its `Secret` to the driver at each connection, and is in no URL and no engine.
"""

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from keywright.core.errors import StoreError
from keywright.core.secret import Secret
from keywright.store.address import PostgresAddress
from keywright.store.intent import intent_of

if TYPE_CHECKING:
    import psycopg

CONNECT_S: Final = 5
KEEPALIVE_IDLE_S: Final = 30
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVES_MAX: Final = 3
UNANSWERED_MS: Final = 15_000
STATEMENT_MS: Final = 60_000
LOCK_MS: Final = 5000
IDLE_IN_TRANSACTION_MS: Final = 60_000

WRITER_LOCK: Final = 0x6B65797701
"""The advisory lock of who writes alone: "keyw" 1."""
MIGRATION_LOCK: Final = 0x6B65797702

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""In place of NUL, which PostgreSQL keeps in no text."""

_SESSION: Final = f"""SELECT
set_config('statement_timeout', '{STATEMENT_MS}', false),
set_config('lock_timeout', '{LOCK_MS}', false),
set_config('idle_in_transaction_session_timeout', '{IDLE_IN_TRANSACTION_MS}', false),
set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)"""

_ALONE: Final = f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"


def postgres_engine(
    address: PostgresAddress, password: Secret | None, connections_max: int, connection_wait_s: float
) -> Engine:
    """An engine for `address`. Connects to nothing yet.

    Raises:
        StoreError: the driver is not installed.
    """
    require_driver()
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(address, password),
        paramstyle="format",  # by position, as rows are
        use_native_hstore=False,  # nor asked for
        poolclass=QueuePool,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=connection_wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def require_driver() -> None:
    """Return when PostgreSQL's driver is there.

    Raises:
        StoreError: it is not.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra, loaded when it is used
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs its driver ({error}): pip install 'keywright[postgres]'") from error


def parameters(address: PostgresAddress) -> dict[str, Any]:
    """How `address` is connected to: libpq's parameters without the password. The operator's win."""
    named = {"user": address.user, "host": address.host, "port": address.port, "dbname": address.database}
    return {
        "application_name": "keywright",
        "connect_timeout": CONNECT_S,
        "keepalives_idle": KEEPALIVE_IDLE_S,
        "keepalives_interval": KEEPALIVE_INTERVAL_S,
        "keepalives_count": KEEPALIVES_MAX,
        "tcp_user_timeout": UNANSWERED_MS,
        **{name: value for name, value in named.items() if value},
        **dict(address.parameters),
    }


def conninfo(address: PostgresAddress, password: Secret | None) -> str:
    """What the driver is told; with the password, so it is bound to no name that lives on."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    return make_conninfo(**parameters(address), password=None if password is None else password.reveal())


def connect(address: PostgresAddress, password: Secret | None) -> "psycopg.Connection[Any]":
    """A connection whose session is set up.

    Raises:
        psycopg.Error: there is none to be had.
    """
    import psycopg  # noqa: PLC0415 - an extra, loaded when it is used

    connection = psycopg.connect(conninfo(address, password), autocommit=True)
    try:
        connection.execute(_SESSION)
        connection.autocommit = False
        connection.adapters.register_dumper(str, _text_dumper())
    except BaseException:
        connection.close()
        raise
    return connection


def _text_dumper() -> Any:
    from psycopg.types.string import StrDumper  # noqa: PLC0415

    class SoundTextDumper(StrDumper):
        """Texts without NUL: one within what a client wrote may not keep its entry, or a look-up, from the store."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", REPLACEMENT) if "\0" in obj else obj)

    return SoundTextDumper


def _begin(connection: Connection) -> None:
    import psycopg  # noqa: PLC0415

    intent = intent_of(connection)
    level = psycopg.IsolationLevel
    driver: Any = connection.connection.dbapi_connection
    driver.read_only = True if intent == "read" else None  # as the server has it: a standby says so by itself
    driver.isolation_level = level.REPEATABLE_READ if intent == "read" else level.READ_COMMITTED
    if intent == "write":
        connection.exec_driver_sql(_ALONE)
