"""Which paths pass through: the exact list, beside that of the data plane, and `/native/{provider}/`.

Here a path is only told apart and looked at for what may not go upstream; where it goes is `pipeline.passage`'s to say.
"""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from keywright.core.http import Header
from keywright.dialects import WIRES
from keywright.pipeline.passage.address import fault_of_path, fault_of_query
from keywright.pipeline.passage.way import Way
from keywright.providers.provider import EndpointKind
from keywright.server.paths import DataPath

NATIVE: Final = b"/native/"
OPENAI: Final = "openai_chat"
MISTRAL: Final = "mistral"

_GET: Final = frozenset({b"GET", b"HEAD"})
_POST: Final = frozenset({b"POST"})
_DELETE: Final = frozenset({b"DELETE"})
_ALL: Final = _GET | _POST | _DELETE | {b"PUT", b"PATCH", b"OPTIONS"}


class RawPath(DataPath, frozen=True, kw_only=True):
    """A path that passes through: with which methods, and what it is."""

    methods: frozenset[bytes]
    way: Way

    @property
    def allow(self) -> Header:
        """The header that names the methods."""
        return b"allow", b", ".join(sorted(self.methods))


class _Row(Struct, frozen=True):
    """A path of the table: its endpoint, what it has behind that one's own path (or in place of the last word of that),
    and whether the body names a model.
    """

    endpoint: EndpointKind
    tail: bytes = b""
    model: Literal["must", "may", "never"] = "never"
    methods: frozenset[bytes] = _POST
    sibling: str = ""


_PATHS: Final[dict[bytes, _Row]] = {
    b"/v1/moderations": _Row("moderations", model="may"),
    b"/v1/images/generations": _Row("images", b"/generations", "may"),
    b"/v1/images/edits": _Row("images", b"/edits", "may"),
    b"/v1/images/variations": _Row("images", b"/variations", "may"),
    b"/v1/audio/speech": _Row("speech", model="must"),
    b"/v1/audio/transcriptions": _Row("transcriptions", b"/transcriptions", "must"),
    b"/v1/audio/translations": _Row("transcriptions", b"/translations", "must"),
    b"/v1/ocr": _Row("ocr", model="must"),
    b"/v1/responses/compact": _Row("responses_items", b"/compact", "must"),
    b"/v1/files": _Row("files", methods=_GET | _POST),
    b"/v1/uploads": _Row("files", sibling="uploads"),
    b"/v1/batches": _Row("batches", methods=_GET | _POST),
}

_ITEMS: Final[dict[bytes, dict[bytes, _Row]]] = {
    b"/v1/files/": {
        b"": _Row("files", methods=_GET | _DELETE),
        b"content": _Row("files", methods=_GET),
    },
    b"/v1/uploads/": {
        b"parts": _Row("files", sibling="uploads"),
        b"complete": _Row("files", sibling="uploads"),
        b"cancel": _Row("files", sibling="uploads"),
    },
    b"/v1/batches/": {
        b"": _Row("batches", methods=_GET),
        b"cancel": _Row("batches"),
    },
    b"/v1/responses/": {
        b"": _Row("responses_items", methods=_GET | _DELETE),
        b"cancel": _Row("responses_items"),
        b"input_items": _Row("responses_items", methods=_GET),
    },
}
"""What lies below a path: an id, and perhaps a word behind it."""

_PREFIXES: Final = {b"/openai": OPENAI, b"/mistral": MISTRAL}
_OTHERS: Final = b"anthropic-version"
"""Whoever sends this header means other files than those of these paths."""


def raw_path(target: bytes, query: bytes, headers: Sequence[Header]) -> RawPath | None:
    """The path that `target` is, when it passes through; None when it does not. One that may not go upstream is one
    too: its way says so.
    """
    if target.startswith(NATIVE):
        return _native(target[len(NATIVE) :], query)
    dialect, path = _spoken(target, headers)
    row, below = _PATHS.get(path), b""
    if row is None:
        row, below = _item(path)
    if row is None or (row.model == "never" and path is target and any(name == _OTHERS for name, _ in headers)):
        return None
    fault = (below and fault_of_path(below[1:])) or fault_of_query(query)
    way = Way(row.endpoint, dialect, row.model, row.tail + below, row.sibling, fault=fault)
    return RawPath(dialect if dialect in WIRES else OPENAI, row.endpoint, methods=row.methods, way=way)


def _native(rest: bytes, query: bytes) -> RawPath:
    provider, _, tail = rest.partition(b"/")
    fault = fault_of_path(rest) or fault_of_path(tail) or fault_of_query(query)
    way = Way("native", "native", "native", tail, provider=provider.decode("latin-1"), fault=fault)
    return RawPath(OPENAI, "native", methods=_ALL, way=way)


def _spoken(target: bytes, headers: Sequence[Header]) -> tuple[str, bytes]:
    """The dialect of the client, and the path without the prefix that says so."""
    for prefix, dialect in _PREFIXES.items():
        if target.startswith(prefix + b"/"):
            return dialect, target[len(prefix) :]
    is_mistral = any(name == b"user-agent" and value.startswith(b"mistral-client") for name, value in headers)
    return MISTRAL if is_mistral else OPENAI, target


def _item(path: bytes) -> tuple[_Row | None, bytes]:
    """The row of a path that names something below another, and what it has behind the endpoint's own path."""
    for base, words in _ITEMS.items():
        if path.startswith(base):
            name, slash, word = path[len(base) :].partition(b"/")
            if name and bool(slash) == bool(word):
                return words.get(word), path[len(base) - 1 :]
    return None, b""
