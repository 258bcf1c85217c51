"""The verbatim lane: what must be known of bytes that pass through, and the edits that they get.

The tap costs next to nothing per chunk: it keeps the chunk and reads what it kept in batches, each frame once, and
of a frame only what it counts. It never keeps more than a batch and the frame that the batch cut.
"""

from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, PLAIN, TEXT, Beyond, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json, JsonObject
from keywright.core.tier import AUTO, asked_tier
from keywright.core.usage import Usage
from keywright.dialects.anthropic.error import failure_of
from keywright.dialects.anthropic.parts import part_of
from keywright.dialects.anthropic.stop import stopped
from keywright.dialects.anthropic.thinking import began_unthinking
from keywright.dialects.anthropic.usage import Counts, counts_of, others_of, usage_of, usage_of_counts
from keywright.dialects.extent import KEPT, SEARCHING, Part, content_extent, holds, joined, tools_extent
from keywright.dialects.members import NONE_REMOVED, WORD, Members, Peeked, members_of, walked
from keywright.dialects.refusal import refused
from keywright.dialects.seal import MARK, without_sealed
from keywright.dialects.sse import Frame, SseDecoder

MODEL_CHARS_MAX: Final = 512
BATCH_CHUNKS_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024

PICTURE_TOKENS_MAX: Final = 8192
"""The most that Anthropic makes of one picture, with room."""

RELIED: Final = frozenset({"model", "stream", "max_tokens"})
_TEXTS: Final = frozenset({"text", "thinking", "redacted_thinking", "tool_use", "tool_result", "server_tool_use"})
"""The blocks that hold nothing but text; of a tool's result what is in it must be text, too."""
_CLIENT_TOOLS: Final = ("custom",)
_EXPLAINED: Final = ("bash_", "text_editor_", "computer_", "memory_")
"""How the types of tools begin that a client runs, but that only Anthropic knows."""
_KEPT: Final = ("container", "thread")
"""Members that refer to what Anthropic keeps."""
_RUNNING: Final = ("mcp_servers", "context_management")
"""Members by which the model is asked more than once."""
_BUDGET: Final = frozenset({"thinking"})

_EXPLAINING: Final = frozenset({"tools", "output_format", "output_config"})
"""Members for which a provider adds instructions to the prompt."""


class _Given(Struct, gc=False):
    """The little of a block of a request that tells whether all of it is text."""

    type: str | None = None
    content: str | list[Part] | None = None


class _Turn(Struct, gc=False):
    content: str | list[_Given] | None = None


class _Delta(Struct):
    """What a frame of a stream generates."""

    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Message(Struct):
    """What the start of a stream tells."""

    model: str | None = None
    usage: JsonObject = {}


class _Block(Struct):
    """The little of a content block that is counted."""

    text: str = ""
    thinking: str = ""
    input: msgspec.Raw = msgspec.Raw()


class _Event(Struct):
    """The little of a frame that is counted."""

    type: str = ""
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: JsonObject | None = None
    error: Json = None


class _Answer(Struct):
    """The little of a whole answer that is counted."""

    type: str = ""
    model: str | None = None
    stop_reason: str | None = None
    usage: Counts | None = None
    content: list[_Block] = []


class _OddAnswer(Struct):
    """The same of an answer whose usage has numbers that are none."""

    type: str = ""
    model: str | None = None
    stop_reason: str | None = None
    usage: JsonObject | None = None
    content: list[_Block] = []


_TURNS: Final = msgspec.json.Decoder(list[_Turn])
_EVENT: Final = msgspec.json.Decoder(_Event)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_ODD_ANSWER: Final = msgspec.json.Decoder(_OddAnswer)
_STRING: Final = msgspec.json.Decoder(str)
_SWITCH: Final = msgspec.json.Decoder(bool | None)
_COUNT: Final = msgspec.json.Decoder(int | None)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of a request, whose path says the model where this API is another's guest.

    Raises:
        RefusedError: 400 `invalid_json` when it is no unambiguous JSON object, `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    values = members.values
    model = stream = output_tokens_max = None
    field = "model"
    try:
        model = said.model or _STRING.decode(values["model"])
        field = "max_tokens"
        if (raw := values.get("max_tokens")) is not None:
            output_tokens_max = _COUNT.decode(raw)
        field = "stream"
        if (raw := values.get("stream")) is not None:
            stream = _SWITCH.decode(raw)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
        _refuse(field, "is missing or of the wrong type")
    if not model or len(model) > MODEL_CHARS_MAX:
        _refuse("model", f"must have 1 to {MODEL_CHARS_MAX} characters")
    if output_tokens_max is None or output_tokens_max < 1:
        _refuse("max_tokens", "must be a whole number of 1 or more")
    return Peeked(
        model,
        stream or said.stream,
        len(body),
        output_tokens_max,
        beyond=beyond(members),
        tier=_tier(members) if "service_tier" in values or "speed" in values else AUTO,
        members=members,
    )


def beyond(members: Members) -> Beyond:
    """What a prompt is beside text: its pictures and files, what is kept, what the provider's own tools may find."""
    values = members.values
    messages = values.get("messages")
    content = TEXT if messages is None or _is_text(messages) else content_extent((messages,), PICTURE_TOKENS_MAX)
    tools = tools_extent(values["tools"], _CLIENT_TOOLS, _EXPLAINED) if "tools" in values else TEXT
    if not values.keys().isdisjoint(_KEPT) and holds(values, _KEPT):
        content = joined(content, KEPT)
    if not values.keys().isdisjoint(_RUNNING) and holds(values, _RUNNING):
        tools = joined(tools, SEARCHING)
    if content is TEXT and tools is TEXT:
        return PLAIN if values.keys().isdisjoint(_EXPLAINING) else TEXT
    return joined(content, tools)


def _is_text(messages: msgspec.Raw) -> bool:
    """Whether the messages are known to be nothing but text."""
    try:
        turns = _TURNS.decode(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    for turn in turns:
        if turn.content.__class__ is list:
            for block in turn.content:
                if block.type not in _TEXTS:
                    return False
                if block.content.__class__ is list:
                    for part in block.content:
                        if part.type != "text":
                            return False
    return True


def _tier(members: Members) -> str:
    return asked_tier(members.value("service_tier", WORD), members.value("speed", WORD))


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name exchanged for `model`, and without other providers' thoughts; all else byte for
    byte. Streams always tell usage.
    """
    if model == peeked.model and MARK not in body:
        return body
    members = members_of(peeked, body, RELIED)
    changes, removed = without_foreign(members)
    changes["model"] = msgspec.json.encode(model)
    return members.edited(changes, removed)


def without_foreign(members: Members) -> tuple[dict[str, bytes], frozenset[str]]:
    """What has to be exchanged, and what to go, so that the API reads no other provider's thoughts.

    Without them a turn of tools may begin without thinking. Then the API takes no budget for more of it.
    """
    raw = members.values.get("messages")
    if raw is None or MARK not in members.body:
        return {}, NONE_REMOVED
    messages = without_sealed(bytes(raw), "content", part_of)
    budgeted = b'"enabled"' in bytes(members.values.get("thinking", b""))
    return {"messages": messages}, _BUDGET if budgeted and _began_unthinking(messages) else NONE_REMOVED


def _began_unthinking(messages: bytes) -> bool:
    try:
        return began_unthinking(msgspec.json.decode(messages))
    except (LookupError, TypeError):
        return False  # they are not as they must be, which the API will say


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    answer: _Answer | _OddAnswer
    try:
        answer = _ANSWER.decode(body)
        usage = None if answer.usage is None else usage_of_counts(answer.usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            answer = _ODD_ANSWER.decode(body)
            usage = None if answer.usage is None else usage_of(answer.usage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Tapped()
    said = answer.usage
    counts = said if isinstance(said, Counts) else None
    return Tapped(
        usage=usage,
        model=answer.model,
        finish=answer.stop_reason,
        output_chars=sum(map(_generated, answer.content)),
        complete=answer.stop_reason is not None,
        tier="" if counts is None else counts.tier,
        others=() if counts is None else others_of(counts),
    )


class Tap:
    """Counts a stream that passes through, untouched."""

    __slots__ = (
        "_batch",
        "_batch_bytes",
        "_blind",
        "_chars",
        "_complete",
        "_failure",
        "_finish",
        "_frames",
        "_model",
        "_open",
        "_usage",
    )

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._frames = SseDecoder()
        self._blind = False
        self._chars = 0
        self._usage: JsonObject | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._failure: Failure | None = None
        self._complete = False
        self._open: int | None = None  # the block that has not ended

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
        counts = None if self._usage is None else counts_of(self._usage)
        return Tapped(
            usage=None if counts is None else usage_of_counts(counts),
            model=self._model,
            finish=self._finish,
            failure=self._failure,
            output_chars=self._chars,
            complete=self._complete or self._finish is not None,
            tier="" if counts is None else counts.tier,
            others=() if counts is None else others_of(counts),
        )

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._chars + self._batch_bytes + self._frames.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a frame."""
        return self._frames.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the block that is open, and the message; None when that has ended."""
        if self._complete or self._finish is not None or self._failure is not None:
            return None
        return stopped(self._open, usage, has_begun=self._model is not None)

    def _look(self) -> None:
        """Read the batch. After the answer's end nothing more is read; after a frame that is too large, sizes are all
        that is counted.
        """
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        if self._blind:
            self._chars += len(batch)
            return
        try:
            for frame in self._frames.feed(batch):
                if self._complete:
                    break
                self._count(frame)
        except UpstreamMalformedError:
            self._blind = True
            self._chars += len(batch)

    def _count(self, frame: Frame) -> None:
        try:
            event = _EVENT.decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # it passes through all the same
        delta = event.delta
        if delta is not None:
            self._chars += len(delta.text) + len(delta.thinking) + len(delta.partial_json)
            self._finish = delta.stop_reason or self._finish
        elif event.content_block is not None:
            self._open = event.index
            self._chars += _generated(event.content_block)
        if event.usage is not None:
            said = {key: value for key, value in event.usage.items() if value is not None}
            self._usage = {**(self._usage or {}), **said}
        if event.message is not None:
            self._model = event.message.model or ""
            self._usage = event.message.usage or self._usage
        match event.type:
            case "content_block_stop":
                self._open = None
            case "message_stop":
                self._complete = True
            case "error":
                self._failure = failure_of({"error": event.error})


def _generated(block: _Block) -> int:
    """How many characters the model wrote in `block`. An empty object of arguments it did not write."""
    arguments = bytes(block.input)
    written = 0 if arguments in (b"", b"{}") else len(arguments.decode(errors="replace"))
    return len(block.text) + len(block.thinking) + written


def _refuse(field: str, why: str) -> NoReturn:
    raise refused("invalid_request", f"{field}: {why}", field)
