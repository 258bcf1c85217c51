"""Nova's bodies: nearly those of Converse, with what Converse keeps apart for one vendor where Nova itself has it.

Converse lays `additionalModelRequestFields` over the body that it makes for the model; here that is done by hand. What
InvokeModel is told in headers (metadata, tier, guardrails) cannot stand in a body. The output's limit has two names.
"""

from typing import Final

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded, PathSaid
from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Ended, Event, Metered
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import NO_USAGE, Usage
from keywright.dialects import bedrock_converse
from keywright.dialects.bedrock_converse.event_reader import EventReader
from keywright.dialects.bedrock_converse.request_decode import request_of
from keywright.dialects.bedrock_converse.request_encode import body_of
from keywright.dialects.bedrock_converse.response import answer_node
from keywright.dialects.bedrock_converse.stream_writer import EventWriter
from keywright.dialects.bedrock_converse.verbatim import without_foreign
from keywright.dialects.bedrock_converse.wire import Node
from keywright.dialects.bedrock_invoke.tap import EventTap
from keywright.dialects.bedrock_invoke.wire import (
    METRICS,
    Shape,
    fields_of,
    metrics_of,
    parsed,
    rendered,
    sets,
    shaped,
)
from keywright.dialects.fields import WrongFieldError

SCHEMA_VERSION: Final = "messages-v1"
OLD_LIMIT: Final = "max_new_tokens"

_MEMBERS: Final = frozenset({"messages", "system", "inferenceConfig", "toolConfig", "additionalModelRequestFields"})
_UNSAYABLE: Final = {
    "outputConfig": Loss("format", "Nova's own body has no form of the answer", "meaning"),
    "requestMetadata": Loss("metadata", "InvokeModel is told metadata in a header"),
    "serviceTier": Loss("service_tier", "InvokeModel is told the tier in a header"),
    "guardrailConfig": Loss("guardrailConfig", "InvokeModel is told of guardrails in headers", "meaning"),
}
_CONVERSE_KNOWS: Final = frozenset({"messages", "system", "toolConfig", "inferenceConfig", "schemaVersion"})
_INFERENCE: Final = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})
_COUNTED: Final = {
    "cacheReadInputTokens": "cacheReadInputTokenCount",
    "cacheWriteInputTokens": "cacheWriteInputTokenCount",
}
_EVENTS: Final = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


def decode_request(body: bytes, said: PathSaid) -> Request:
    """The request that `body` is.

    Raises:
        WrongFieldError: a member is missing or of the wrong type.
    """
    node = fields_of(body)
    inference = node.get("inferenceConfig")
    additional: JsonObject = {key: value for key, value in node.items() if key not in _CONVERSE_KNOWS}
    converse: JsonObject = {key: node[key] for key in ("messages", "system", "toolConfig") if key in node}
    if isinstance(inference, dict):
        inference = dict(inference)
        if OLD_LIMIT in inference and "maxTokens" not in inference:
            inference["maxTokens"] = inference.pop(OLD_LIMIT)
        converse["inferenceConfig"] = {key: value for key, value in inference.items() if key in _INFERENCE}
        rest = {key: value for key, value in inference.items() if key not in _INFERENCE}
        if rest:
            additional["inferenceConfig"] = rest
    elif inference is not None:
        raise WrongFieldError("inferenceConfig", "an object")
    if additional:
        converse["additionalModelRequestFields"] = additional
    return shaped(request_of(converse, said), SHAPE.name)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks `model` for what `request` says, and what could not be said."""
    losses: list[Loss] = []
    node = body_of(request, model, abilities, losses)
    losses += [loss for field, loss in _UNSAYABLE.items() if field in node]
    losses += [
        Loss(field, "Nova's own body has no such field") for field in node if field not in _MEMBERS | _UNSAYABLE.keys()
    ]
    body: JsonObject = {"schemaVersion": SCHEMA_VERSION}
    body |= {field: value for field, value in node.items() if field in _MEMBERS}  # type: ignore[misc]  # JSON or Raw
    additional = body.pop("additionalModelRequestFields", None)
    if isinstance(additional, dict):
        for field, value in additional.items():
            present = body.get(field)
            both = isinstance(present, dict) and isinstance(value, dict)
            body[field] = {**present, **value} if both else value  # type: ignore[dict-item]  # both are dicts
    return Encoded(rendered(body), tuple(losses))


def encode_response(response: Response, request: Request) -> Encoded:
    """The answer that says `response`: as Converse's, with InvokeModel's names of cached tokens and without metrics."""
    del request
    losses: list[Loss] = []
    node = answer_node(response, losses)
    del node["metrics"]
    usage = node["usage"]
    if isinstance(usage, dict):
        node["usage"] = {_COUNTED.get(field, field): value for field, value in usage.items()}
    return Encoded(rendered(node), tuple(losses))


class Reader:
    """Chunks, each an object of one event of Converse, to canonical events."""

    def __init__(self) -> None:
        self._events = EventReader()
        self._over = False

    def read(self, chunk: bytes) -> list[Event]:
        """The events that one chunk is."""
        if self._over:
            return []
        node = parsed(chunk)
        kind = next((key for key in node if key in _EVENTS), None)
        inner: Json = node.get(kind) if kind is not None else None
        if kind is None or not isinstance(inner, dict):
            return []
        reader = self._events
        try:
            events = reader.read(kind, inner)
        except WrongFieldError as error:
            raise UpstreamMalformedError(f"a chunk is wrong: {error}") from None
        if reader.finished and reader.metered:
            self._over = True
            events += [*reader.closed(), Ended()]
        return events

    def end(self) -> list[Event]:
        """The events still owed when the stream has ended."""
        if self._over:
            return []
        if not self._events.finished:
            raise UpstreamBrokeError("the stream ended before the message did", answered=self._events.started)
        self._over = True
        return [*self._events.closed(), Ended()]


class Writer:
    """Canonical events to chunks."""

    def __init__(self, request: Request) -> None:
        del request
        self._events = EventWriter()
        self._usage: Usage = NO_USAGE
        self.losses = self._events.losses

    def write(self, event: Event) -> list[bytes]:
        """The chunks that `event` lets out."""
        if isinstance(event, Metered):
            self._usage = event.usage
        chunks: list[Node] = [{kind: node} for kind, node in self._events.write(event)]
        if isinstance(event, Ended):
            chunks[-1][METRICS] = metrics_of(self._usage)
        return [rendered(chunk) for chunk in chunks]


SHAPE: Final = Shape(
    name="nova",
    asks=sets("messages", "messages schemaVersion", "messages inferenceConfig", "messages toolConfig"),
    answers=sets("output"),
    chunks=tuple(frozenset({kind}) for kind in sorted(_EVENTS)),
    limit=("inferenceConfig", "maxTokens"),
    decode_request=decode_request,
    encode_request=encode_request,
    decode_response=bedrock_converse.decode_response,
    encode_response=encode_response,
    reader=Reader,
    writer=Writer,
    tap=lambda: EventTap(Reader(), Writer),
    locate=bedrock_converse.locate,
    without_foreign=without_foreign,
)
