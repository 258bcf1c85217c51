"""Where the database is: the operator's URL, read."""

from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from msgspec import Struct

from keywright.core.errors import StoreError

MEMORY: Final = "sqlite://"
"""A database that dies with its connection: for tests."""

POSTGRES_FORM: Final = "write postgresql://USER@HOST/DATABASE, or postgresql://USER@/DATABASE?host=/FOLDER for a socket"
SECRET_PARAMETERS: Final = frozenset({"password", "sslpassword"})
OWN_PARAMETERS: Final = frozenset({"user", "dbname"})
"""What stands before the question mark."""


class SqliteAddress(Struct, frozen=True):
    """A SQLite database: its file, or None for one in memory."""

    file: Path | None

    def __str__(self) -> str:
        return "in memory" if self.file is None else str(self.file)


class PostgresAddress(Struct, frozen=True):
    """A database of a PostgreSQL server. `user`, `host` "" and `port` None: what libpq takes then.

    `parameters` are libpq's: `sslmode`, `host` of a socket, `target_session_attrs`.
    """

    user: str
    host: str
    port: int | None
    database: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def file(self) -> None:
        """It is in no file that is ours."""

    def __str__(self) -> str:
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"postgresql://{user}{host}{port}/{quote(self.database, safe='')}"


Address: TypeAlias = SqliteAddress | PostgresAddress


def parsed(url: str) -> Address:
    """The address that `url` names.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for memory; `postgresql://user@host[:port]/database`,
    libpq's parameters behind a question mark.

    Raises:
        StoreError: another scheme, a form that is none of these, or a password in it, which is not repeated.
    """
    if url == MEMORY:
        return SqliteAddress(None)
    scheme, found, rest = url.partition("://")
    match scheme if found else "":
        case "sqlite":
            return _sqlite(url, rest)
        case "postgresql":
            return _postgres(url)
        case other:
            raise StoreError(
                f"the database URL has the scheme {other!r}: write sqlite:///keywright.db (relative), "
                f"sqlite:////var/lib/keywright/keywright.db (absolute) or postgresql://USER@HOST/DATABASE"
            )


def _sqlite(url: str, rest: str) -> SqliteAddress:
    if not rest.startswith("/") or rest == "/" or rest.endswith("/") or "?" in rest:
        raise StoreError(
            f"{url!r} names no database file: three slashes and a relative path (sqlite:///keywright.db), "
            "or four for an absolute one (sqlite:////var/lib/keywright/keywright.db), without parameters"
        )
    return SqliteAddress(Path(rest[1:]))


def _postgres(url: str) -> PostgresAddress:
    try:
        parts = urlsplit(url)
        port = parts.port
        parameters = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:  # it is not told what: it may have been in a password
        raise StoreError(f"the database URL is not one: {POSTGRES_FORM}") from None
    names = {name for name, _ in parameters}
    if parts.password is not None or names & SECRET_PARAMETERS:
        raise StoreError(
            "a password may not stand in the database URL: leave it out, and use [store] password = REF, "
            'as "env:KEYWRIGHT_STORE_PASSWORD"'
        )
    database = unquote(parts.path.removeprefix("/"))
    host = unquote(parts.hostname or "")  # in small letters, so that a folder would not be found: it has its parameter
    is_named = database and "/" not in database + host and not parts.fragment
    if not is_named or names & OWN_PARAMETERS or len(names) < len(parameters):
        raise StoreError(f"{str(_without_query(parts))!r} names no database: {POSTGRES_FORM}")
    return PostgresAddress(unquote(parts.username or ""), host, port, database, parameters)


def _without_query(parts: SplitResult) -> str:
    return parts._replace(query="", fragment="").geturl()
