"""Counting an answer that passes through untouched.

`Tap` must cost next to nothing per chunk, so it keeps chunks as they came and reads them in batches of
`TAP_BYTES_MAX`: the data of a batch of frames, joined by commas, is one JSON array and one call of the decoder. The
last event holds the whole answer, pictures and all, and its usage at the very end: so frames are read however large.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.core.tier import tier_of
from keywright.core.usage import Usage
from keywright.dialects.batch import decoded
from keywright.dialects.openai_responses.error import failure_of
from keywright.dialects.openai_responses.finish import decode_finish
from keywright.dialects.openai_responses.stop import Record, stopped
from keywright.dialects.openai_responses.usage import read_usage
from keywright.dialects.sse import SseDecoder

TAP_BYTES_MAX: Final = 16 * 1024
"""How much of a stream is kept unread."""


class _Details(Struct, frozen=True):
    reason: str | None = None


class _Answer(Struct, frozen=True):
    model: str | None = None
    status: str | None = None
    incomplete_details: _Details | None = None
    usage: JsonObject | None = None
    tool_usage: Json = None
    service_tier: Json = None
    background: Json = None
    error: Json = None


class _Item(Struct, frozen=True):
    type: str | None = None


class _Whole(_Answer, frozen=True):
    output: list[_Item] | None = None


class _Event(Struct, frozen=True):
    type: str | None = None
    sequence_number: int | None = None
    output_index: int | None = None
    delta: Json = None
    response: _Answer | None = None
    item: _Item | None = None
    error: Json = None
    code: Json = None
    message: Json = None


_WHOLE: Final = msgspec.json.Decoder(_Whole)
_EVENT: Final = msgspec.json.Decoder(_Event)
_EVENTS: Final = msgspec.json.Decoder(list[_Event])
_PENDING: Final = frozenset(("queued", "in_progress"))
_CALLS: Final = frozenset(("function_call", "custom_tool_call"))
_TEXT_FIELDS: Final = frozenset(("text", "refusal", "arguments", "input", "code"))


def tap_response(body: bytes) -> Tapped:
    """What a whole answer says of itself; what it generated is only counted where it reports no usage."""
    try:
        answer = _WHOLE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    usage = read_usage(answer.usage, answer.tool_usage)
    called = any(item.type in _CALLS for item in answer.output or ())
    chars = 0 if usage is not None or answer.output is None else _chars_in(body)
    failure = failure_of(answer.error) if answer.status == "failed" and answer.error else None
    finish = _finish(answer, called=called)
    complete, tier = answer.output is not None, tier_of(answer.service_tier)
    pending = answer.status in _PENDING and usage is None
    return Tapped(usage, answer.model, finish, failure, chars, complete, tier=tier, pending=pending)


def _finish(answer: _Answer, *, called: bool) -> str | None:
    details: JsonObject | None = None
    if answer.incomplete_details is not None:
        details = {"reason": answer.incomplete_details.reason}
    finish = decode_finish({"status": answer.status, "incomplete_details": details}, called=called)
    return None if finish is None else finish.raw or finish.reason


def _chars_in(body: bytes) -> int:
    try:
        return _said(msgspec.json.decode(body).get("output"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0  # what stands in members that nobody models is not always UTF-8


def _said(value: Json) -> int:
    """How many characters stand in the texts of `value`."""
    if isinstance(value, list):
        return sum(map(_said, value))
    if not isinstance(value, dict):
        return 0
    return sum(
        len(inner) if isinstance(inner, str) and name in _TEXT_FIELDS else _said(inner) for name, inner in value.items()
    )


class Tap:
    """Counts a stream that passes through."""

    __slots__ = (
        "_called",
        "_chars",
        "_complete",
        "_decoder",
        "_failure",
        "_finish",
        "_kept",
        "_kept_bytes",
        "_last",
        "_model",
        "_number",
        "_record",
    )

    def __init__(self, peeked: Peek) -> None:
        del peeked  # usage is always there
        self._decoder = SseDecoder()
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._last: _Answer | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._chars = 0
        self._called = False
        self._complete = False
        self._number = 0  # of the next event
        self._record = Record()

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk` as it came, and pass it on."""
        self._kept.append(chunk)
        self._kept_bytes += len(chunk)
        if self._kept_bytes > TAP_BYTES_MAX:
            self._read()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far. May be called at any time, also after an abort."""
        self._read()
        last = self._last
        usage = None if last is None else read_usage(last.usage, last.tool_usage)
        tier = "" if last is None else tier_of(last.service_tier)
        pending = last is not None and bool(last.background) and usage is None and self._failure is None
        return Tapped(
            usage, self._model, self._finish, self._failure, self._chars, self._complete, tier=tier, pending=pending
        )

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._kept_bytes + self._decoder.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._decoder.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the parts and items that are open, and the answer; None when it has ended."""
        return None if self._complete or self._failure is not None else stopped(self._record, self._number, usage)

    def _read(self) -> None:
        """Count what was kept, and forget it."""
        batch = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        try:
            frames = [frame.data for frame in self._decoder.feed(batch)]
        except UpstreamMalformedError:  # larger than any frame may be: its size is all that is counted
            self._decoder = SseDecoder()
            self._chars += len(batch)
            return
        events = decoded(frames, _EVENT, _EVENTS)
        if len(events) != len(frames):  # some cannot be read, and are not counted
            frames = [data for data in frames if decoded([data], _EVENT, _EVENTS)]
        for event, data in zip(events, frames, strict=True):
            self._count(event, data)
        if events:
            self._number = max(self._number + len(events), (events[-1].sequence_number or 0) + 1)

    def _count(self, event: _Event, data: bytes) -> None:
        if event.delta.__class__ is str:
            self._chars += len(event.delta)
            self._record.more(event.type, event.output_index, event.delta, data)
            return
        self._record.step(event.type, event.output_index, data)
        if event.response is not None:
            self._answer(event.type or "", event.response)
        elif event.item is not None:
            self._called = self._called or event.item.type in _CALLS
        elif event.type == "error" or event.error:
            self._failure = failure_of(event.error or {"code": event.code, "message": event.message})

    def _answer(self, name: str, answer: _Answer) -> None:
        self._last = answer
        self._model = answer.model or self._model
        if name == "response.failed":
            self._failure = failure_of(answer.error or {"code": "server_error"})
        elif name in ("response.completed", "response.incomplete"):
            self._complete = True
            self._finish = _finish(answer, called=self._called)
