"""How a sound input is spoilt: at its bytes, or within its JSON."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**70), 1e400, 1.5, "", "x", "\x00", "\ud7ff", "data:,", "-", [], {},
    [[]], [None], {"": ""}, {"type": "text"}, {"type": 1}, [{"type": "new"}], "A" * 5000, [1] * 300,
)  # fmt: skip
TOKENS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"\n\n", b"\r\n", b"data: ", b"event: ",
    b"\x00", b"\xff", b"\xed\xa0\x80", b'{"type":"error"}', b"[DONE]", b"data: [DONE]\n\n", b'"\\ud800"', b"-0",
    b"\xef\xbb\xbf",
)  # fmt: skip
NESTED = 150


def spoil(sound: list[bytes], random: Random) -> bytes:
    """One of `sound` with one to four things wrong in it."""
    body = random.choice(sound)
    for _ in range(random.randint(1, 4)):
        body = random.choice(WAYS)(body, sound, random)
    return body


def _changed(body: bytes, _: list[bytes], random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + bytes([random.randrange(256)]) + body[at + 1 :]


def _cut(body: bytes, _: list[bytes], random: Random) -> bytes:
    start, end = sorted((random.randrange(len(body) + 1), random.randrange(len(body) + 1)))
    return body[:start] + body[end:] if random.random() < 0.7 else body[:end]


def _repeated(body: bytes, _: list[bytes], random: Random) -> bytes:
    start, end = sorted((random.randrange(len(body) + 1), random.randrange(len(body) + 1)))
    return body[:end] + body[start:]


def _spliced(body: bytes, sound: list[bytes], random: Random) -> bytes:
    other = random.choice(sound)
    return body[: random.randrange(len(body) + 1)] + other[random.randrange(len(other) + 1) :]


def _put(body: bytes, _: list[bytes], random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.choice(TOKENS) + body[at:]


def _within(body: bytes, _: list[bytes], random: Random) -> bytes:
    """Another value somewhere within the JSON of a body, or of one line of a stream."""
    lines = body.split(b"\n")
    at = random.randrange(len(lines))
    field, colon, data = lines[at].partition(b"data: ")
    try:
        value = json.loads(data if colon else lines[at])
    except (ValueError, RecursionError):
        return body
    said = json.dumps(_odd_within(value, random)).encode()
    lines[at] = field + colon + said if colon else said
    return b"\n".join(lines)


def _odd_within(value: Any, random: Random) -> Any:
    if isinstance(value, dict | list) and value and random.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = random.choice(keys)
        if random.random() < 0.15:
            del value[key]
        else:
            value[key] = _odd_within(value[key], random)
        return value
    if random.random() < 0.02:
        return _deep(random.randint(1, NESTED))
    return random.choice(ODD)


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


WAYS: tuple[Callable[[bytes, list[bytes], Random], bytes], ...] = (
    _changed, _cut, _repeated, _spliced, _put, _within, _within, _within, _within,
)  # fmt: skip
