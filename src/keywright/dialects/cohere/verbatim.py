"""The verbatim lane: what must be known of bytes that pass through, and the one value that is exchanged.

The tap keeps chunks and reads what it kept in batches, each frame once, and of a frame only what it counts.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.core.usage import Usage
from keywright.dialects.batch import decoded
from keywright.dialects.cohere.error import streamed_failure
from keywright.dialects.cohere.stop import stopped
from keywright.dialects.cohere.usage import NOT_TOLD, usage_of
from keywright.dialects.extent import messages_extent
from keywright.dialects.members import FLAG, MODEL, TOKENS, Peeked, walked
from keywright.dialects.sse import SseDecoder
from keywright.dialects.whole import patch_whole

BATCH_CHUNKS_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024

RELIED: Final = frozenset({"model", "messages", "documents", "tools", "stream", "max_tokens"})
"""The members that policy acts on, here or after decoding."""


class _Function(Struct):
    arguments: str | None = None


class _Call(Struct):
    function: _Function | None = None


class _Item(Struct):
    text: str | None = None
    thinking: str | None = None


class _Message(Struct):
    """What a frame generates. At the start of a message there are lists in these places."""

    content: _Item | list[Json] | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[Json] | None = None


class _Delta(Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: JsonObject | None = None
    error: Json = None
    error_type: Json = None


class _Event(Struct):
    """The little of a frame that is counted."""

    type: str = ""
    index: int | None = None
    delta: _Delta | None = None


class _WholeMessage(Struct):
    content: list[_Item] | None = None
    tool_plan: str | None = None
    tool_calls: list[_Call] | None = None


class _Answer(Struct):
    """The little of a whole answer that is counted."""

    message: _WholeMessage | None = None
    finish_reason: str | None = None
    usage: JsonObject | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_EVENTS: Final = msgspec.json.Decoder(list[_Event])
_DONE: Final = b"[DONE]"
_DELTAS: Final = frozenset({"content-delta", "tool-call-delta", "tool-plan-delta"})
_ANSWER: Final = msgspec.json.Decoder(_Answer)


def peek(body: bytes, _: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    return Peeked(
        model=members.needed("model", MODEL),
        stream=bool(members.value("stream", FLAG)),
        input_bytes=len(body),
        output_tokens_max=members.value("max_tokens", TOKENS),
        beyond=messages_extent(members.values.get("messages")),
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`; all else byte for byte. Streams always tell usage."""
    return patch_whole(body, peeked, model, RELIED)


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    metering = usage_of(answer.usage)
    message = answer.message
    chars = 0
    if message is not None:
        chars = sum(map(_item_chars, message.content or ())) + len(message.tool_plan or "")
        chars += sum(map(_call_chars, message.tool_calls or ()))
    return Tapped(
        usage=metering.used,
        finish=answer.finish_reason,
        output_chars=chars,
        complete=answer.finish_reason is not None,
        billed=metering.billed,
    )


class Tap:
    """Counts a stream that passes through, untouched."""

    __slots__ = ("_batch", "_batch_bytes", "_begun", "_blind", "_chars", "_end", "_failure", "_frames", "_open")

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._frames = SseDecoder()
        self._blind = False
        self._begun = False
        self._open: dict[str, int | None] = {}  # by the event that ends it, the index of what has begun
        self._chars = 0
        self._end: _Delta | None = None
        self._failure: Failure | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take `chunk`, and give it back."""
        batch = self._batch
        batch.append(chunk)
        self._batch_bytes += len(chunk)
        if len(batch) >= BATCH_CHUNKS_MAX or self._batch_bytes >= BATCH_BYTES_MAX:
            self._look()
        return chunk

    def result(self) -> Tapped:
        """What has been seen so far."""
        self._look()
        end = self._end
        metering = NOT_TOLD if end is None else usage_of(end.usage)
        return Tapped(
            usage=metering.used,
            finish=None if end is None else end.finish_reason,
            failure=self._failure,
            output_chars=self._chars,
            complete=end is not None and self._failure is None,
            billed=metering.billed,
        )

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._batch_bytes + self._frames.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._frames.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends all that is open, and the answer; None when that has ended."""
        if self._end is not None or self._failure is not None:
            return None
        return stopped(self._open, usage, has_begun=self._begun)

    def _look(self) -> None:
        """Read the batch. After the answer's end nothing more is read; after a frame that is too large, sizes are all
        that is counted.
        """
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        if self._end is not None:
            return
        if self._blind:
            self._chars += len(batch)
            return
        try:
            frames = [frame.data for frame in self._frames.feed(batch)]
        except UpstreamMalformedError:
            self._blind = True
            self._chars += len(batch)
            return
        if frames and frames[-1] == _DONE:
            frames.pop()
        for event in decoded(frames, _EVENT, _EVENTS):
            if event.type not in _DELTAS:
                self._step(event)
            if event.delta is not None:
                self._count(event.delta)

    def _step(self, event: _Event) -> None:
        """Note what begins and what ends."""
        what, _, step = event.type.rpartition("-")
        if what == "message":
            self._begun = True
        elif step == "start":
            self._open[f"{what}-end"] = event.index
        elif step == "end":
            self._open.pop(event.type, None)

    def _count(self, delta: _Delta) -> None:
        message = delta.message
        if message is not None:
            self._chars += len(message.tool_plan or "")
            if isinstance(message.content, _Item):
                self._chars += _item_chars(message.content)
            if isinstance(message.tool_calls, _Call):
                self._chars += _call_chars(message.tool_calls)
        elif delta.finish_reason is not None:
            self._end = delta
            if delta.error is not None:
                timeout = delta.finish_reason == "TIMEOUT"
                self._failure = streamed_failure(delta.error, delta.error_type, timeout=timeout)


def _item_chars(item: _Item) -> int:
    return len(item.text or "") + len(item.thinking or "")


def _call_chars(call: _Call) -> int:
    return len(call.function.arguments or "") if call.function is not None else 0
