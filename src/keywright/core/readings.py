"""How else may a text be read? As what its escapes mean, and as if its lines were not broken.

A key that a server has escaped (`%2B`, `\\u002b`, `&quot;`), or that somebody's terminal has broken in two, stands in
no text as it is. So a text is read in several ways, and what is found in one of them is traced back to the place where
it stands. Most texts have neither an escape nor a second line and are read once.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

DEPTH_MAX: Final = 3
"""So often escapes within escapes are read: an error's JSON within a log's JSON within a URL."""

_ESCAPES: Final = re.compile(
    r"(?:%[89A-Fa-f][0-9A-Fa-f])+|%[0-7][0-9A-Fa-f]"
    r"|(?:\\u[0-9A-Fa-f]{4})+|(?:\\x[0-9A-Fa-f]{2})+|\\[nrt\"'\\/]"
    r"|&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);"
)
_ESCAPE_MARKS: Final = ("%", "\\", "&")
_LINE_END: Final = re.compile(r"\\?\r?\n[ \t]*")
_SHORT: Final = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}


class Token(Struct, frozen=True, gc=False):
    """A piece of a text that is read otherwise: `start` to `end` there are `at` to `past` here."""

    at: int
    past: int
    start: int
    end: int


class Reading(Struct, frozen=True):
    """`text` as it is read; `tokens`: what stands otherwise in `source`, which is None where this is the text itself.

    `is_joined`: its lines are one.
    """

    text: str
    source: "Reading | None" = None
    tokens: tuple[Token, ...] = ()
    is_joined: bool = False

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where what is here from `start` to `end` stands in the text itself."""
        if self.source is None:
            return start, end
        first, last = self._before(start), self._before(end - 1)
        there = start if first is None else first.start if start < first.past else first.end + start - first.past
        past = end if last is None else last.end if end <= last.past else last.end + end - last.past
        return self.source.place(there, past)

    def broken(self, start: int, end: int) -> list[int]:
        """Where within `start` to `end` there is a line end, which is none here."""
        first = bisect_right(self.tokens, start, key=_at)
        return [token.at for token in self.tokens[first : bisect_left(self.tokens, end, key=_at)]]

    def _before(self, place: int) -> Token | None:
        index = bisect_right(self.tokens, place, key=_at)
        return self.tokens[index - 1] if index else None


def readings(text: str) -> Iterator[Reading]:
    """`text` as it is, and in the other ways in which it can be read."""
    reading: Reading | None = Reading(text)
    for _ in range(DEPTH_MAX + 1):
        if reading is None:
            return
        yield reading
        if "\n" in reading.text:
            joined = _read(reading, _LINE_END, lambda _: "", is_joined=True)
            if joined is not None:
                yield joined
        marked = any(mark in reading.text for mark in _ESCAPE_MARKS)
        reading = _read(reading, _ESCAPES, _meaning) if marked else None


def _read(
    source: Reading, pattern: re.Pattern[str], meaning: Callable[[str], str], *, is_joined: bool = False
) -> Reading | None:
    """`source` with `meaning` in the place of what matches `pattern`; None where nothing does."""
    pieces: list[str] = []
    tokens: list[Token] = []
    at = end = 0
    for match in pattern.finditer(source.text):
        plain = meaning(match[0])
        pieces += (source.text[end : match.start()], plain)
        at += match.start() - end
        end = match.end()
        tokens.append(Token(at, at + len(plain), match.start(), end))
        at += len(plain)
    if not tokens:
        return None
    pieces.append(source.text[end:])
    return Reading("".join(pieces), source, tuple(tokens), is_joined)


def _meaning(escape: str) -> str:
    """What an escape stands for."""
    if escape[0] == "%":
        return unquote(escape, errors="replace")
    if escape[0] == "&":
        return unescape(escape)
    if escape[1] == "u":
        units = bytes.fromhex(escape.replace("\\u", ""))
        return units.decode("utf-16-be", errors="replace")
    if escape[1] == "x":
        octets = bytes.fromhex(escape.replace("\\x", ""))
        try:
            return octets.decode()
        except UnicodeDecodeError:
            return octets.decode("latin-1")
    return _SHORT.get(escape, escape[1])


def _at(token: Token) -> int:
    return token.at
