"""The positive control: a secret planted in every kind of place. A sweep that does not find each of them proves
nothing.
"""

import io
import json
import secrets
import sqlite3
import tarfile
import zipfile
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tools.canary.haystack import packed
from tools.canary.needles import pieces

FOLDER: Final = "control"
PIECES: Final = 5
"""A value and four parts of it."""


def draw() -> str:
    """A secret to plant, that has the parts which are searched for."""
    value = ""
    while len(set(pieces(value))) < PIECES:
        value = f"sk-canary-{secrets.token_urlsafe(40)}"
    return value


def plant(folder: Path, value: str) -> tuple[str, ...]:
    """Write `value` into files below `folder`, one for each kind of place. Their names."""
    folder.mkdir(parents=True)
    raw, line = value.encode(), f"2026-01-01 ERROR header {value} refused\n".encode()
    files: dict[str, bytes] = {
        "plain.log": line,
        "first-half.log": raw[: len(raw) * 2 // 3],
        "last-half.log": raw[len(raw) // 2 :],
        "reversed.log": raw[::-1],
        "utf-16.log": value.encode("utf-16-le"),
        "hex.log": raw.hex().encode(),
        "hex-capitals.log": raw.hex().upper().encode(),
        "url.log": b"GET /x?key=" + quote(value, safe="").encode(),
        "error.json": json.dumps({"error": {"message": f"no such key: {value}"}}).encode(),
        "trace.json": json.dumps({"attributes": json.dumps({"http.authorization": f"Bearer {value}"})}).encode(),
        "metrics.txt": f'calls_total{{key="{value}"}} 1\n'.encode(),
        "core.dump": b"\x7fELF" + bytes(range(256)) * 40 + raw + bytes(4096),
        "cut.spool": bytes(8192) + line[:40] + bytes(100) + raw,
        "backup.gz": packed(line),
        "two-members.gz": packed(b"nothing") + packed(line),
    }
    for before in range(3):
        files[f"base64-{before}.log"] = b64encode(b"x" * before + raw)
        files[f"base64url-{before}.log"] = urlsafe_b64encode(b"x" * before + raw)
    with io.BytesIO() as packed_folder:
        with tarfile.open(fileobj=packed_folder, mode="w:gz") as archive:
            member = tarfile.TarInfo("inner.log")
            member.size = len(line)
            archive.addfile(member, io.BytesIO(line))
        files["folder.tar.gz"] = packed_folder.getvalue()
    with io.BytesIO() as zipped:
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive_of_files:
            archive_of_files.writestr("inner.log", line)
        files["files.zip"] = zipped.getvalue()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return (*files, *_databases(folder, value))


def _databases(folder: Path, value: str) -> tuple[str, ...]:
    """A row, a row that was deleted, one that goes over many pages, and one that is in the log beside only."""
    names = ("row.db", "deleted.db", "long.db")
    for name in names:
        with sqlite3.connect(folder / name) as connection:
            connection.execute("PRAGMA secure_delete=OFF")
            connection.execute("CREATE TABLE notes (text TEXT)")
            text = "x" * 4080 + value + "x" * 9000 if name == "long.db" else value
            connection.execute("INSERT INTO notes VALUES (?)", (text,))
            connection.commit()
            if name == "deleted.db":
                connection.execute("DELETE FROM notes WHERE text != ''")
        connection.close()
    connection = sqlite3.connect(folder / "waiting.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.execute("INSERT INTO notes VALUES (?)", (value,))
    connection.commit()
    (folder / "copied.db-wal").write_bytes((folder / "waiting.db-wal").read_bytes())
    connection.close()
    return (*names, "copied.db-wal")
