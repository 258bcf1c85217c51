"""Which paths and queries may go upstream. Nothing is normalised: what could be read in two ways is refused.

What is authorised here must be what the provider serves, whatever stands between (proxies that decode once more,
servers that collapse slashes or cut at semicolons). So a path holds plain segments only: no dots that lead elsewhere,
no empty segment but a last one, no parameters, and no escape of a character that would mean something if decoded.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from keywright.identity.keystring import PREFIX

PATH_BYTES_MAX: Final = 4096
QUERY_BYTES_MAX: Final = 8192

_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PATH: Final = _UNRESERVED + b"!$&'()*+,=:@/%"
_QUERY: Final = _PATH + b'?;[]{}|^`"<>'
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_MEANINGFUL: Final = frozenset(b"./\\;%?#")
"""What may not stand escaped in a path: decoded, it would be another path."""


def fault_of_path(path: bytes) -> str:
    """Why `path`, which is relative, may not go upstream; "" when it may."""
    if not path or len(path) > PATH_BYTES_MAX:
        return f"a path has 1 to {PATH_BYTES_MAX} bytes"
    if path.translate(None, _PATH):
        return "a path holds letters, digits and -._~!$&'()*+,=:@/ only, all else percent-encoded"
    segments = path.split(b"/")
    if b"" in segments[:-1]:
        return "a path has no empty segment"
    if not {b".", b".."}.isdisjoint(segments):
        return "a path has no dot segments"
    for escape in path.split(b"%")[1:]:
        if len(escape) < 2 or not _HEX.issuperset(escape[:2]):
            return "a percent sign is followed by two hexadecimal digits"
        byte = int(escape[:2], 16)
        if byte < 0x21 or byte > 0x7E or byte in _MEANINGFUL:
            return f"a path may not hold %{escape[:2].decode()}"
    return ""


def fault_of_query(query: bytes) -> str:
    """Why `query` may not go upstream; "" when it may."""
    if len(query) > QUERY_BYTES_MAX:
        return f"a query has at most {QUERY_BYTES_MAX} bytes"
    return "a query holds visible ASCII without # and \\ only" if query.translate(None, _QUERY) else ""


def without_key(query: bytes, presented: str) -> bytes:
    """`query` without each `key=` that holds a key of ours: the one that was presented, or any of our form."""
    if b"key" not in query and b"%" not in query:
        return query
    kept = [part for part in query.split(b"&") if not _is_ours(part, presented)]
    return b"&".join(kept)


def keys_in(query: bytes) -> list[str]:
    """What stands in `query` as `key=`."""
    return [key for part in query.split(b"&") if (key := _key_in(part)) is not None]


def _is_ours(part: bytes, presented: str) -> bool:
    text = _key_in(part)
    return text is not None and (text == presented or text.startswith(PREFIX))


def _key_in(part: bytes) -> str | None:
    name, _, value = part.partition(b"=")
    if unquote_to_bytes(name) != b"key":
        return None
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace").strip()


def holds(target: bytes, presented: str) -> bool:
    """Whether `target` has the key that was presented in it, escaped or not."""
    return presented.encode() in unquote_to_bytes(target)
