"""The names of documents: each once in a request, of few characters.

The API takes letters, digits, single spaces, hyphens, parentheses and square brackets, 1 to 200 of them, and refuses
a request in which two documents have the same name. (It takes underscores as well, though it does not say so.)
"""

from typing import Final

NAME_CHARS_MAX: Final = 200
UNTITLED: Final = "document"

_ALLOWED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -()[]_")
_SUFFIX_CHARS: Final = 8


class DocumentNames:
    """Gives the documents of one request their names."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, title: str | None) -> str:
        """The name for a document with this title: the title itself where it will do and is not taken."""
        wanted = _cleaned(title or UNTITLED) or UNTITLED
        name, number = wanted, 1
        while name.lower() in self._taken:
            number += 1
            name = f"{wanted[: NAME_CHARS_MAX - _SUFFIX_CHARS]} {number}"
        self._taken.add(name.lower())
        return name


def _cleaned(title: str) -> str:
    if title and len(title) <= NAME_CHARS_MAX and _ALLOWED.issuperset(title) and title == " ".join(title.split()):
        return title
    plain = "".join(character if character in _ALLOWED else " " for character in title)
    return " ".join(plain.split())[:NAME_CHARS_MAX].rstrip()
