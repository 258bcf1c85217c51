"""Chat-shaped bodies: those of OpenAI's chat completions, as Mistral's larger models and many others take them.

Read and written by the dialect of that API. What differs is small and stands in the tables here: a tool may be demanded
as `any`, and an answer's choice may say `stop_reason` for `finish_reason`.
"""

from typing import Final

import msgspec
from msgspec import Raw

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid
from keywright.core.event import Ended, Event, Metered
from keywright.core.json import Json, JsonObject
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects import openai_chat
from keywright.dialects.bedrock_converse.vendors import vendor_of
from keywright.dialects.bedrock_invoke.tap import EventTap
from keywright.dialects.bedrock_invoke.wire import (
    METRICS,
    Shape,
    fields_of,
    members_of,
    metrics_of,
    parsed,
    rendered,
    sets,
    shaped,
)
from keywright.dialects.openai_chat.verbatim import without_foreign
from keywright.dialects.sse import SseDecoder, data_frame

DEMANDED: Final = {"mistral": Raw(b'"any"')}
"""How vendors spell the demand for some tool, where they do it in another way than OpenAI."""

_REQUIRED: Final = b'"required"'
_BY_PATH: Final = ("model", "stream", "stream_options")
_DONE: Final = b"[DONE]"
_CHUNK: Final = msgspec.json.Decoder(dict[str, Json])


def decode_request(body: bytes, said: PathSaid) -> Request:
    """The request that `body` is.

    Raises:
        RefusedError: 400, naming the field.
    """
    node = fields_of(body)
    if node.get("tool_choice") == "any":
        node["tool_choice"] = "required"
    node |= {"model": said.model, "stream": said.stream}
    return shaped(openai_chat.decode_request(rendered(node)), SHAPE.name)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    encoded = openai_chat.encode_request(request, model, abilities)
    members = members_of(encoded.body)
    for field in _BY_PATH:
        members.pop(field, None)
    if bytes(members.get("tool_choice", b"")) == _REQUIRED:
        members["tool_choice"] = DEMANDED.get(vendor_of(model), Raw(_REQUIRED))
    return Encoded(rendered(members), encoded.losses)


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no chat completion.
        ProviderError: it is an error, though its status was that of a success.
    """
    return openai_chat.decode_response(rendered(_spelled(parsed(body))))


def encode_response(response: Response, request: Request) -> Encoded:
    """The answer that says `response`: its choices tell why they ended by both names."""
    encoded = openai_chat.encode_response(response, request)
    node = _CHUNK.decode(encoded.body)
    return Encoded(rendered(_both(node)), encoded.losses)


class Reader:
    """Chunks of chat completions to canonical events."""

    def __init__(self) -> None:
        self._stream = openai_chat.StreamReader()
        self._ended = False

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is."""
        node = _spelled(parsed(chunk))
        metrics = node.pop(METRICS, None)
        if isinstance(metrics, dict) and "usage" not in node:
            node["usage"] = {
                "prompt_tokens": metrics.get("inputTokenCount"),
                "completion_tokens": metrics.get("outputTokenCount"),
            }
        return self._stream.feed(data_frame(rendered(node)))

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended: no chunk says that it has."""
        return self._stream.end()


class Writer:
    """Canonical events to chunks of chat completions."""

    def __init__(self, request: Request) -> None:
        self._stream = openai_chat.StreamWriter(request)
        self._frames = SseDecoder()
        self._usage: Usage = NO_USAGE
        self._last: JsonObject | None = None
        self.losses = self._stream.losses

    def write(self, event: Event) -> list[bytes]:
        """The chunks that `event` lets out. One is held back: the last tells the usage as Bedrock does."""
        if isinstance(event, Metered):
            self._usage = event.usage
        frames = self._frames.feed(self._stream.write(event))
        chunks = [_both(_CHUNK.decode(frame.data)) for frame in frames if frame.data != _DONE]
        held = [] if self._last is None else [self._last]
        due = held + chunks
        self._last = due.pop() if due else None
        if isinstance(event, Ended) and self._last is not None:
            due.append({**self._last, METRICS: metrics_of(self._usage)})
            self._last = None
        return [rendered(chunk) for chunk in due]


def _choices(node: JsonObject) -> list[JsonObject]:
    choices = node.get("choices")
    return [dict(choice) for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def _spelled(node: JsonObject) -> JsonObject:
    """An answer or a chunk in OpenAI's own words."""
    if "choices" not in node:
        return node
    choices = _choices(node)
    for choice in choices:
        reason = choice.pop("stop_reason", None)
        if reason is not None and choice.get("finish_reason") is None:
            choice["finish_reason"] = reason
    return {**node, "choices": list(choices)}


def _both(node: JsonObject) -> JsonObject:
    """An answer or a chunk with `stop_reason` beside each `finish_reason`."""
    choices = _choices(node)
    for choice in choices:
        choice["stop_reason"] = choice.get("finish_reason")
    return {**node, "choices": list(choices)} if choices else node


SHAPE: Final = Shape(
    name="chat",
    asks=sets("messages", "messages max_tokens", "messages max_completion_tokens", "messages tools"),
    answers=sets("choices"),
    chunks=sets("choices"),
    limit=("max_tokens",),
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=decode_response,
    encode_response=encode_response,
    reader=Reader,
    writer=Writer,
    tap=lambda: EventTap(Reader(), Writer),
    locate=openai_chat.locate,
    without_foreign=without_foreign,
)
