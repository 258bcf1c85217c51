"""What is measured: a program that can be prepared and started, and, once it runs, the calls that it answers."""

import http.client
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from bench.errors import BenchError
from bench.process import HOST

PROBE_S: Final = 10.0
CHARS_SHOWN: Final = 400
ANSWER_BYTES_MAX: Final = 65_536

Lane: TypeAlias = Literal["chat", "tools", "tools-back", "stream", "stream-translated", "open"]
"""A kind of traffic.

chat: OpenAI client, OpenAI upstream, a whole answer. tools: OpenAI client, Anthropic upstream, a tool call; tools-back:
the other way round. stream, stream-translated: as chat and tools, in frames. open: a stream that says little for long.
A target that cannot translate relays the upstream's own dialect on those lanes: the same bytes from the same upstream.
"""


class Call(Struct, frozen=True):
    """One POST of JSON to 127.0.0.1. `expected` occurs in the right answer."""

    port: int
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    expected: bytes = b""


class Target(Struct, frozen=True):
    """A running program. `pid` is the root of its processes; None where its cost is not looked at."""

    name: str
    pid: int | None
    calls: Mapping[Lane, Call]


Start: TypeAlias = Callable[[], AbstractContextManager[Target]]
"""Starts a prepared program, gives it once it listens, and ends it."""


class Program(Struct, frozen=True):
    """Something to measure. `prepare` gets an empty folder and does all that is done once, before any start."""

    name: str
    prepare: Callable[[Path], Start]


def raw_request(call: Call) -> bytes:
    """The bytes of `call` on the wire, keep-alive."""
    fields = {"host": f"{HOST}:{call.port}", "content-type": "application/json", **dict(call.headers)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {call.path} HTTP/1.1\r\n{lines}content-length: {len(call.body)}\r\n\r\n".encode() + call.body


def require_answer(name: str, call: Call) -> None:
    """Make `call` once. Raises BenchError when the answer is not the right one."""
    try:
        status, answer = post(call)
    except OSError as error:
        raise BenchError(f"{name} does not answer {call.path}: {error}") from error
    if status != 200 or call.expected not in answer:
        shown = answer[:CHARS_SHOWN].decode("utf-8", "replace")
        raise BenchError(f"{name} answers {call.path} with {status}: {shown}")


def post(call: Call) -> tuple[int, bytes]:
    """Status and the answer, as far as what is expected in it. Raises OSError when there is no answer."""
    connection = http.client.HTTPConnection(HOST, call.port, timeout=PROBE_S)
    try:
        connection.request("POST", call.path, call.body, {"content-type": "application/json", **dict(call.headers)})
        response = connection.getresponse()
        answer = b""
        while piece := response.read1(ANSWER_BYTES_MAX):
            answer += piece
            if len(answer) > ANSWER_BYTES_MAX or (call.expected and call.expected in answer):
                break
        return response.status, answer
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
