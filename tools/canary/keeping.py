"""What tests would throw away is kept: answers, what commands said, folders and databases for a moment."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from os import getpid
from pathlib import Path
from typing import Any, Final

NUMBERS: Final = count(1)


def keep(folder: Path) -> None:
    """From now on keep, below `folder`, what this process of tests gets and makes."""
    import tests.cli.shell
    import tests.client
    import tests.postgres

    folder.mkdir(parents=True, exist_ok=True)
    _note(tests.client.Answer, folder / f"answers-{getpid()}.jsonl")
    _note(tests.cli.shell.Done, folder / f"commands-{getpid()}.jsonl")
    _keep_folders(folder / "folders")
    _keep_databases(tests.postgres.PostgresServer, folder / "postgresql")


def _note(kind: Any, file: Path) -> None:
    """Write down every `kind`, a data class, that is made."""
    make = kind.__init__

    def noting(self: Any, *words: Any, **options: Any) -> None:
        make(self, *words, **options)
        said = {name: _text(getattr(self, name)) for name in kind.__dataclass_fields__}
        with suppress(OSError), file.open("a") as book:  # a test may let its process write no more
            book.write(json.dumps(said, ensure_ascii=False) + "\n")

    kind.__init__ = noting


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _keep_folders(kept: Path) -> None:
    clean = tempfile.TemporaryDirectory.cleanup

    def cleaning(self: Any) -> None:
        if Path(self.name).is_dir():
            _copy(Path(self.name), kept / f"{getpid()}-{next(NUMBERS)}")
        clean(self)

    tempfile.TemporaryDirectory.cleanup = cleaning  # type: ignore[method-assign]


def _copy(source: Path, target: Path) -> None:
    """The files of a folder, not its sockets."""
    for file in source.rglob("*"):
        if file.is_file() and not file.is_symlink():
            there = target / file.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, there)


def _keep_databases(server: Any, kept: Path) -> None:
    """Every row of a database of PostgreSQL, before it is dropped."""
    database = server.database

    @contextmanager
    def keeping(self: Any, *words: Any) -> Iterator[str]:
        with database(self, *words) as url:
            try:
                yield url
            finally:
                _dump(self, url.split("@/")[1].split("?")[0], kept)

    server.database = keeping


def _dump(server: Any, name: str, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    with server.connect(name) as connection, (kept / f"{getpid()}-{name}.txt").open("wb") as file:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            file.write(f"--- {table}\n".encode())
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as rows:
                for row in rows:
                    file.write(row)
