"""What is wrong with a configuration, collected so that all of it is told at once."""

from collections.abc import Iterable
from difflib import get_close_matches

from keywright.config.document import Document, Path
from keywright.core.errors import ConfigError


class Faults:
    """Collects faults of one document. A message may name keys, never a value: it may be a misplaced secret."""

    def __init__(self, document: Document, name: str) -> None:
        self._document = document
        self._name = name
        self._found: list[tuple[int, str]] = []

    def add(self, path: Path, message: str) -> None:
        """Note that `message` holds at `path`."""
        self._found.append((self._document.line(path), f"{dotted(path)}: {message}"))

    def raise_if_any(self) -> None:
        """Raise ConfigError with one line `FILE:LINE: KEY: MESSAGE` for each fault, in the file's order."""
        if self._found:
            ordered = dict.fromkeys(sorted(self._found, key=lambda found: found[0]))
            raise ConfigError("\n".join(f"{self._name}:{line}: {message}" for line, message in ordered))


def dotted(path: Path) -> str:
    """`path` as people write it: `providers.openai.api_key[1]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{_written(step)}" if text else _written(step)
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the one of `known` that is most like `word`, or at all of them; empty where there are none."""
    names = sorted(known)
    if not names:
        return ""
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"


def _written(key: str) -> str:
    bare = key.isascii() and key.replace("-", "_").replace("_", "a").isalnum()
    return key if bare else f'"{key}"' if key.isprintable() else ascii(key)
