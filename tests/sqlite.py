"""SQLite files at the newest revision, copied from one that each test process makes once: a migration costs more than
most tests. (What migrations do: tests/store/test_open.py and tests/store/test_upgrade.py.)
"""

import tempfile
from functools import cache
from pathlib import Path

from keywright.store.address import parsed
from keywright.store.engine import engine_for
from keywright.store.migration import migrate
from keywright.store.sqlite import FILE_MODE


def lay(file: Path) -> str:
    """Make `file`, a database without content. Its URL."""
    return copied(empty(), file)


def copied(content: bytes, file: Path) -> str:
    """Make `file`, a database with the `content` of another that was closed. Its URL."""
    file.write_bytes(content)
    file.chmod(FILE_MODE)
    return f"sqlite:///{file}"


@cache
def empty() -> bytes:
    """The content of a database without content."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        address = parsed(f"sqlite:///{file}")
        engine = engine_for(address, None)
        migrate(engine, address)
        engine.dispose()
        assert list(Path(folder).iterdir()) == [file], "no write-ahead log is left beside it"
        return file.read_bytes()
