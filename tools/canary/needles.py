"""What is looked for: each secret, and pieces of it, in every form in which it might be written down."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct

VALUE_CHARACTERS_MIN: Final = 16
DIFFERENT_MIN: Final = 8
"""A value that is shorter, or has fewer different characters, is a word of a test: it may stand anywhere."""

PIECE_CHARACTERS: Final = 14
"""So many characters of a secret in a row are a leak."""

PIECED_CHARACTERS_MIN: Final = 32
LOOKALIKES: Final = "keywright.core.redaction:_shown"
"""Makes a secret of what only looks like one, for its fingerprint."""

HEAD_BYTES: Final = 8
"""By so many first bytes a needle is found."""

_SPACE: Final = re.compile(r"\s")
_CHANCE: Final = re.compile(
    r"(?=.*\d.*[A-Za-z]|.*[A-Za-z].*\d|.*[a-z].*[A-Z].*[a-z])(?!.*(?:0123|1234|4567|abcd))[A-Za-z0-9+/=_-]+"
)
"""A piece that chance made, and nobody who counts."""


class Born(Struct, frozen=True):
    """A secret that some process held; `site`: the function that made it one."""

    value: str
    site: str


class Needle(Struct, frozen=True):
    """Bytes that may stand nowhere. `form`: how they were written."""

    text: bytes
    form: str
    born: Born


def born_in(folder: Path) -> tuple[Born, ...]:
    """The secrets that the processes of a sweep wrote down, each once; not what a redactor took for one."""
    found: dict[str, Born] = {}
    for file in sorted(folder.glob("*.txt")):
        for line in file.read_text().splitlines():
            value, _, site = line.partition(" ")
            try:
                born = Born(b64decode(value).decode(), site)
            except ValueError:
                continue  # cut: its process was killed, or might write no more
            if site and site != LOOKALIKES:
                found.setdefault(born.value, born)
    return tuple(found.values())


def is_searchable(value: str) -> bool:
    """Whether `value` is long and mixed enough to be a secret wherever it stands."""
    return len(value) >= VALUE_CHARACTERS_MIN and len(set(value)) >= DIFFERENT_MIN


def needles_of(secrets: Iterable[Born]) -> Iterator[Needle]:
    """All forms of all `secrets`."""
    for born in secrets:
        for piece in pieces(born.value):
            for form, text in forms(piece):
                yield Needle(text, form, born)


def pieces(value: str) -> Iterator[str]:
    """The whole of a value; of one that chance made, four parts, so that half of it is found too."""
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= PIECED_CHARACTERS_MIN and _CHANCE.fullmatch(line))
    yield value
    if len(value) >= PIECED_CHARACTERS_MIN and not _SPACE.search(value):
        last = len(value) - PIECE_CHARACTERS
        for start in (len(value) // 4, len(value) // 2, 3 * len(value) // 4, last):
            piece = value[min(start, last) :][:PIECE_CHARACTERS]
            if _CHANCE.fullmatch(piece) and len(set(piece)) >= DIFFERENT_MIN:
                yield piece


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """`text` as it may be written. (UTF-16 is not here: zero bytes are taken out of what is searched.)"""
    raw = text.encode()
    yield "plain", raw
    yield "reversed", text[::-1].encode()
    yield "hexadecimal", raw.hex().encode()
    yield "hexadecimal, capitals", raw.hex().upper().encode()
    for before in range(3):
        part = raw[(3 - before) % 3 :]
        yield f"base64 at {before}", b64encode(part[: len(part) // 3 * 3]).rstrip(b"=")
        yield f"base64url at {before}", b64encode(part[: len(part) // 3 * 3], b"-_").rstrip(b"=")
    for form, escaped in (
        ("percent-encoded", quote(text, safe="")),
        ("JSON", json.dumps(text)[1:-1]),
        ("repr", repr(text)[1:-1]),
    ):
        if escaped != text:
            yield form, escaped.encode()
