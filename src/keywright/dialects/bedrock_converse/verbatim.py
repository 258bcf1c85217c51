"""The verbatim lane: what must be known of bytes that pass through. The path names the model, so nothing is exchanged,
unless there are another provider's thoughts, which are taken out (see `dialects.seal`).

The tap costs next to nothing per chunk: it keeps the chunk and reads what it kept in batches, each message once, and
of a message only what it counts. It never keeps more than a batch and the message that the batch cut.
"""

from itertools import pairwise
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, TEXT, Beyond, PathSaid, Peek, Tapped
from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.message import Part
from keywright.core.tier import AUTO, asked_tier
from keywright.core.usage import Usage
from keywright.dialects.aws_error import exception_failure
from keywright.dialects.aws_eventstream import EventStreamDecoder, Message
from keywright.dialects.bedrock_converse.parts import kind_of, part_of
from keywright.dialects.bedrock_converse.stop import stopped
from keywright.dialects.bedrock_converse.usage import usage_of
from keywright.dialects.extent import KEPT, SEARCHING, content_extent, holds, joined, named_tools_extent
from keywright.dialects.members import NONE_REMOVED, Members, Peeked, members_of, walked
from keywright.dialects.refusal import refused
from keywright.dialects.seal import MARK, without_sealed

MODEL_CHARS_MAX: Final = 2048
BATCH_CHUNKS_MAX: Final = 64
BATCH_BYTES_MAX: Final = 64 * 1024

PICTURE_TOKENS_MAX: Final = 16_384
"""The most that a model on Bedrock makes of one picture, with room."""
_CLIENT_TOOLS: Final = ("toolSpec", "cachePoint")
_KEPT: Final = ("promptVariables",)
"""Members that refer to a prompt that Bedrock keeps."""
_EXTRA_FIELD: Final = "additionalModelRequestFields"
_RELIED: Final = frozenset({"inferenceconfig"})
_CONFIG_FIELD: Final = "inferenceConfig"


class _Limits(Struct):
    """The little of `inferenceConfig` that reservations need."""

    maxTokens: int | None = None  # noqa: N815  # the wire's name


class _ResultPart(Struct, gc=False):
    """What of a tool's result is not text."""

    image: Json = None
    document: Json = None
    video: Json = None


class _Result(Struct, gc=False):
    content: list[_ResultPart] = []


class _Given(Struct, gc=False):
    """What of a block of a request is not text."""

    image: Json = None
    document: Json = None
    video: Json = None
    audio: Json = None
    toolResult: _Result | None = None  # noqa: N815  # the wire's name


class _GivenTurn(Struct, gc=False):
    content: list[_Given] = []


class _ToolConfig(Struct):
    """The tools of a request, whatever they are."""

    tools: msgspec.Raw = msgspec.Raw(b"null")


class _Tier(Struct):
    """The service tier that is asked for."""

    type: str | None = None


class _Reasoned(Struct):
    text: str = ""


class _Called(Struct):
    input: str = ""


class Delta(Struct):
    """What a delta generates."""

    text: str = ""
    reasoningContent: _Reasoned | None = None  # noqa: N815  # the wire's name
    toolUse: _Called | None = None  # noqa: N815  # the wire's name


class _Turn(Struct, forbid_unknown_fields=True):
    """A message, to be joined with its neighbour."""

    role: str
    content: list[msgspec.Raw]


class _Event(Struct):
    """The little of an event that is counted."""

    contentBlockIndex: int | None = None  # noqa: N815  # the wire's name
    role: str | None = None
    start: msgspec.Raw = msgspec.Raw()
    delta: Delta | None = None
    stopReason: str | None = None  # noqa: N815  # the wire's name
    usage: Json = None


class _Use(Struct):
    input: msgspec.Raw = msgspec.Raw()


class _ReasonedWhole(Struct):
    reasoningText: _Reasoned | None = None  # noqa: N815  # the wire's name


class _Cited(Struct):
    content: list[_Reasoned] = []


class Block(Struct):
    """The little of a content block that is counted."""

    text: str = ""
    toolUse: _Use | None = None  # noqa: N815  # the wire's name
    reasoningContent: _ReasonedWhole | None = None  # noqa: N815  # the wire's name
    citationsContent: _Cited | None = None  # noqa: N815  # the wire's name


class _Message(Struct):
    content: list[Block] = []


class _Output(Struct):
    message: _Message | None = None


class _Answer(Struct):
    """The little of a whole answer that is counted."""

    output: _Output | None = None
    stopReason: str | None = None  # noqa: N815  # the wire's name
    usage: Json = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_TURNS: Final = msgspec.json.Decoder(list[_Turn])
_LIMITS: Final = msgspec.json.Decoder(_Limits)
_GIVEN: Final = msgspec.json.Decoder(list[_GivenTurn])
_TOOL_CONFIG: Final = msgspec.json.Decoder(_ToolConfig)
_TIER: Final = msgspec.json.Decoder(_Tier)


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of a request.

    Raises:
        RefusedError: 400 `invalid_json` when it is no unambiguous JSON object, `invalid_request` naming the field.
    """
    members = walked(body, frozenset())
    for name in members.values:
        if name != _CONFIG_FIELD and name.casefold() in _RELIED:
            _refuse(name, f"must be written {_CONFIG_FIELD}")
    raw = members.values.get(_CONFIG_FIELD)
    output_tokens_max = None if raw is None else _limit(bytes(raw))
    check_model(said.model)
    extra = bytes(members.values[_EXTRA_FIELD]) if _EXTRA_FIELD in members.values else b""
    if b"max" in extra:  # a second limit, which may be the one that counts
        output_tokens_max = None
    beyond = _beyond(members, extra)
    tier = _tier(members.values["serviceTier"]) if "serviceTier" in members.values else AUTO
    return Peeked(said.model, said.stream, len(body), output_tokens_max, beyond=beyond, tier=tier, members=members)


def _beyond(members: Members, extra: bytes) -> Beyond:
    """What a prompt is beside text: its pictures and files, what is kept, and what the model's own tools may find."""
    values = members.values
    messages = values.get("messages")
    content = TEXT if messages is None or _is_text(messages) else content_extent((messages,), PICTURE_TOKENS_MAX)
    tools = TEXT
    if "toolConfig" in values:
        tools = _tools(values["toolConfig"])
    if b'"tools"' in extra:
        tools = SEARCHING
    if not values.keys().isdisjoint(_KEPT) and holds(values, _KEPT):
        content = joined(content, KEPT)
    return TEXT if content is TEXT and tools is TEXT else joined(content, tools)


def _is_text(messages: msgspec.Raw) -> bool:
    """Whether the messages are known to be nothing but text."""
    try:
        turns = _GIVEN.decode(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    for turn in turns:
        for block in turn.content:
            if not (block.image is block.document is block.video is block.audio is None):
                return False
            for part in block.toolResult.content if block.toolResult is not None else ():
                if not (part.image is part.document is part.video is None):
                    return False
    return True


def _tools(raw: msgspec.Raw) -> Beyond:
    try:
        return named_tools_extent(_TOOL_CONFIG.decode(raw).tools, _CLIENT_TOOLS)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return TEXT  # what is none, Bedrock refuses


def _tier(raw: msgspec.Raw) -> str:
    """The service tier that is asked for. What is none, Bedrock refuses."""
    try:
        return asked_tier(_TIER.decode(raw).type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return AUTO


def _limit(config: bytes) -> int | None:
    """The limit that `inferenceConfig` sets, in which no member may come twice either."""
    if config == b"null":
        return None
    walked(config, frozenset())
    try:
        limit = _LIMITS.decode(config).maxTokens
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse("inferenceConfig.maxTokens", "must be a whole number")
    if limit is not None and limit < 1:
        _refuse("inferenceConfig.maxTokens", "must be a whole number of 1 or more")
    return limit


def check_model(model: str) -> None:
    """Refuse a path whose model's name cannot be one.

    Raises:
        RefusedError: 400 `invalid_request`.
    """
    if not model or len(model) > MODEL_CHARS_MAX:
        _refuse("model", f"must have 1 to {MODEL_CHARS_MAX} characters")


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` without other providers' thoughts, else as it is: the path names the model, and usage always comes."""
    del model
    if MARK not in body:
        return body
    members = members_of(peeked, body, frozenset())
    return members.edited(*without_foreign(members))


def without_foreign(members: Members) -> tuple[dict[str, bytes], frozenset[str]]:
    """What has to be exchanged, and what to go, so that the API reads no other provider's thoughts."""
    messages = members.values.get("messages")
    if messages is None or MARK not in members.body:
        return {}, NONE_REMOVED
    return {"messages": _by_turns(without_sealed(bytes(messages), "content", _part))}, NONE_REMOVED


def _by_turns(messages: bytes) -> bytes:
    """`messages`, neighbours of one role joined: a turn between them may have gone, and speakers must alternate."""
    try:
        turns = _TURNS.decode(messages)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return messages
    if all(one.role != other.role for one, other in pairwise(turns)):
        return messages
    joined: list[_Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1].content += turn.content
        else:
            joined.append(turn)
    return msgspec.json.encode(joined)


def _part(block: Json) -> Part:
    kind, value = kind_of(block, "")
    return part_of(kind, value, block, "")


def tap_response(body: bytes) -> Tapped:
    """What a whole answer tells of itself. Never raises: of a body that cannot be read, nothing is known."""
    try:
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Tapped()
    message = answer.output.message if answer.output is not None else None
    return Tapped(
        usage=usage_of(answer.usage),
        finish=answer.stopReason,
        output_chars=sum(map(generated, message.content)) if message is not None else 0,
        complete=answer.stopReason is not None,
    )


class Counter:
    """Counts events by their content, however they were framed. `block`: the one that is open; `begun`: one came."""

    __slots__ = ("begun", "block", "chars", "complete", "finish", "usage")

    def __init__(self) -> None:
        self.begun = False
        self.block: int | None = None
        self.chars = 0
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.complete = False

    def count(self, payload: bytes) -> None:
        """Take one event. One that cannot be read passes through all the same."""
        try:
            event = _EVENT.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self.begun = True
        if event.delta is not None:
            self.chars += generated_by(event.delta)
            self.block = event.contentBlockIndex
        elif event.stopReason is not None:
            self.finish = event.stopReason
        elif event.usage is not None:
            self.usage = usage_of(event.usage)
            self.complete = True
        elif event.role is None:
            self.block = event.contentBlockIndex if bytes(event.start) else None


class Tap:
    """Counts a stream that passes through, untouched."""

    __slots__ = ("_batch", "_batch_bytes", "_blind", "_counter", "_failure", "_frames")

    def __init__(self, peeked: Peek) -> None:  # usage always comes: nothing to take out again
        del peeked
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._frames = EventStreamDecoder()
        self._counter = Counter()
        self._failure: Failure | None = None
        self._blind = False

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
        counter = self._counter
        return Tapped(
            usage=counter.usage,
            finish=counter.finish,
            failure=self._failure,
            output_chars=counter.chars,
            complete=counter.complete or counter.finish is not None,
        )

    def chars_at_most(self) -> int:
        """An upper bound of the characters in what was fed."""
        return self._counter.chars + self._batch_bytes + self._frames.rest_bytes

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data` end a message of the event stream."""
        return len(data) if self._blind else self._frames.frame_end(data)

    def stop(self, usage: Usage) -> bytes | None:
        """What ends the block that is open, and the answer; None when that has ended."""
        counter = self._counter
        if self._failure is not None or counter.complete or counter.finish is not None:
            return None
        return b"" if self._blind else stopped(counter.block, usage, has_begun=counter.begun)

    def _look(self) -> None:
        """Read the batch. After bytes that are no event stream sizes are all that is counted."""
        batch = b"".join(self._batch)
        self._batch.clear()
        self._batch_bytes = 0
        if self._blind or not batch:
            self._counter.chars += len(batch)
            return
        try:
            for message in self._frames.feed(batch):
                self._take(message)
        except UpstreamMalformedError:
            self._blind = True
            self._counter.chars += len(batch)

    def _take(self, message: Message) -> None:
        failure = exception_failure(message)
        if failure is None:
            self._counter.count(message.payload)
        else:
            self._failure = failure


def generated_by(delta: Delta) -> int:
    """How many characters a delta brings."""
    thought, called = delta.reasoningContent, delta.toolUse
    return (
        len(delta.text)
        + (len(thought.text) if thought is not None else 0)
        + (len(called.input) if called is not None else 0)
    )


def generated(block: Block) -> int:
    """How many characters the model wrote in `block`. An empty object of arguments it did not write."""
    thought = block.reasoningContent.reasoningText if block.reasoningContent is not None else None
    arguments = bytes(block.toolUse.input) if block.toolUse is not None else b""
    return (
        len(block.text)
        + (len(thought.text) if thought is not None else 0)
        + (0 if arguments == b"{}" else len(arguments.decode(errors="replace")))
        + (sum(len(each.text) for each in block.citationsContent.content) if block.citationsContent is not None else 0)
    )


def _refuse(field: str, why: str) -> NoReturn:
    raise refused("invalid_request", f"{field}: {why}", field)
