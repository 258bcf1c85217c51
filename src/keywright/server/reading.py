"""What the edge takes from a request's head: the key, the tags and whether to be strict."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from keywright.core.clock import Clock
from keywright.core.http import Header
from keywright.pipeline.types import Call
from keywright.server.paths import DataPath

TAGS_MAX: Final = 16
TAG_CHARACTERS_MAX: Final = 128
QUERY_BYTES_MAX: Final = 4096

KEY_HEADERS: Final = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
"""Where a key may stand, the first that is there counts. After them, `?key=`."""
TAGS: Final = b"x-keywright-tags"
STRICT: Final = b"x-keywright-strict"
AGENT: Final = b"user-agent"
_READ: Final = frozenset((*KEY_HEADERS, TAGS, STRICT, AGENT))


class Ids:
    """Names for calls: unique within a gateway, and in the order of time."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._count = 0

    def next(self, now_us: int) -> str:
        """A new name. `now_us` Unix microseconds."""
        self._count += 1
        return f"req_{now_us:x}{self._node}{self._count:x}"


def read_call(
    path: DataPath, headers: Sequence[Header], query: bytes, body: bytes, address: str, clock: Clock, ids: Ids
) -> Call:
    """The call that a complete request makes. Nothing in it is checked here."""
    if path.by_body is not None:
        path = path.by_body(path, body)
    found = {name: value for name, value in headers if name in _READ}
    started_us = clock.unix_us()
    return Call(
        id=ids.next(started_us),
        started_us=started_us,
        ticks_us=clock.ticks_us(),
        dialect=_by_agent(path, found.get(AGENT, b"")) if path.agents else path.dialect,
        endpoint=path.endpoint,
        said=path.said,
        key=read_key(found, query),
        address=address,
        headers=headers,
        body=body,
        tags=_tags(found[TAGS]) if TAGS in found else (),
        strict=found.get(STRICT) == b"1",
    )


def _by_agent(path: DataPath, agent: bytes) -> str:
    """The dialect that this client speaks on a path of several."""
    for beginning, dialect in path.agents.items():
        if agent.startswith(beginning):
            return dialect
    return path.dialect


def read_key(found: dict[bytes, bytes], query: bytes) -> str:
    """The key that was presented, "" when none was. `found` has at least the headers of `KEY_HEADERS` that came."""
    for name in KEY_HEADERS:
        value = found.get(name)
        if value:
            text = value.decode("utf-8", "surrogateescape")
            if name == b"authorization":
                scheme, _, text = text.partition(" ")
                if scheme.lower() != "bearer":
                    continue
            text = text.strip()
            if text:
                return text
    if query and len(query) <= QUERY_BYTES_MAX:
        return dict(parse_qsl(query.decode("latin-1"))).get("key", "")
    return ""


def present(headers: Sequence[Header], query: bytes) -> str:
    """The key that a request presents, as `read_key` finds it."""
    return read_key({name: value for name, value in headers if name in _READ}, query)


def _tags(value: bytes) -> tuple[tuple[str, str], ...]:
    """`k=v,k=v`; what is not of that form is left out, and no more than `TAGS_MAX` are kept."""
    pairs = (item.partition("=") for item in value.decode("utf-8", "replace").split(",")[:TAGS_MAX])
    return tuple(
        (name.strip()[:TAG_CHARACTERS_MAX], tag.strip()[:TAG_CHARACTERS_MAX])
        for name, equals, tag in pairs
        if equals and name.strip()
    )
