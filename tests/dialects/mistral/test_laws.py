"""The laws that every dialect keeps, for Mistral's chat completions."""

import json
from functools import cache

import jsonschema
import msgspec
import yaml
from hypothesis import given, settings
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.message import Part, RedactedThinking, Text, Thinking, ToolCall, ToolResult, Turn
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects import mistral
from keywright.dialects.mistral.ids import outward
from tests.conftest import shared_dir
from tests.laws.strategies import law, requests, responses, streams

dialect: Dialect = mistral
ABLE = Abilities(audio=True, reasoning="effort")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)


@cache
def published() -> jsonschema.Draft202012Validator:
    text = (shared_dir("specs") / "mistral" / "openapi-public-doc.yaml").read_text()
    components = yaml.load(text, Loader=yaml.CSafeLoader)["components"]
    return jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/ChatCompletionRequest", "components": components}
    )


def plain(part: Part) -> Part | None:
    """A part without what Mistral has no place for: ids in their form, sound without its container."""
    match part:
        case RedactedThinking():
            return None
        case Thinking():
            return replace(part, extras={})
        case ToolCall():
            return replace(part, id=outward(part.id))
        case ToolResult():
            return replace(part, call_id=outward(part.call_id))
        case _:
            return part


def spoken(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(kept for part in parts if (kept := plain(part)) is not None)


def as_sent(request: Request) -> dict[str, object]:
    """What of a request must survive: sound says no container here, users are not told of."""
    turns = tuple(replace(turn, parts=spoken(turn.parts)) for turn in request.turns)
    kept = msgspec.to_builtins(replace(request, turns=turns, user=None, extras={}))
    assert isinstance(kept, dict)
    return kept


@law
@given(requests("mistral"))
def test_a_request_survives_the_wire(request: Request) -> None:
    encoded = mistral.encode_request(request, request.model, ABLE)
    sealed = sum(isinstance(part, RedactedThinking) for turn in request.turns for part in turn.parts)
    assert len(encoded.losses) == sealed + (request.user is not None)
    heard = json.dumps(as_sent(mistral.decode_request(encoded.body))).replace("audio/mp3", "audio/wav")
    assert heard.replace('"format": "mp3"', '"format": "wav"') == json.dumps(as_sent(request))


@law
@given(requests("another"))
def test_what_is_sent_is_what_mistral_takes(request: Request) -> None:
    body = json.loads(mistral.encode_request(request, "m", ABLE).body)
    assert not list(published().iter_errors(body))


@law
@given(requests("mistral"))
def test_encoding_is_pure(request: Request) -> None:
    before = msgspec.json.encode(request)
    encoded = mistral.encode_request(request, "m", ABLE)
    assert encoded == mistral.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before


def as_given(response: Response, *, streamed: bool) -> Response:
    """What of an answer survives: of usage that thoughts and cache writes are within the rest; thoughts that follow
    each other in a stream are one, up to one that is signed; a filter's stop is a stop.
    """
    usage = response.usage
    if usage is not None:
        usage = replace(
            usage,
            output=usage.output_total,
            reasoning=0,
            input=usage.input + usage.cache_write_5m,
            cache_write_5m=0,
        )
    choices = tuple(as_choice(choice, streamed=streamed) for choice in response.choices)
    return replace(response, choices=choices, usage=usage)


def as_choice(choice: Choice, *, streamed: bool) -> Choice:
    parts: list[Part] = []
    for part in choice.parts:
        last = parts[-1] if parts else None
        if isinstance(part, RedactedThinking):
            continue
        if streamed and isinstance(part, Thinking) and isinstance(last, Thinking) and not last.signature:
            parts[-1] = replace(last, text=last.text + part.text, signature=part.signature)
        else:
            parts.append(part)
    assert choice.finish is not None
    reason = "stop" if choice.finish.reason == "content_filter" else choice.finish.reason
    return replace(choice, parts=tuple(parts), finish=Finish(reason))


def without_marks(response: Response) -> Response:
    """`response`, where nothing tells how a thought was spelled, nor that no usage was told."""
    choices = tuple(
        replace(choice, parts=tuple(replace(p, extras={}) if isinstance(p, Thinking) else p for p in choice.parts))
        for choice in response.choices
    )
    return replace(response, choices=choices)


def same(heard: Response, told: Response, *, streamed: bool = False) -> bool:
    wanted = as_given(told, streamed=streamed)
    if wanted.usage is None:
        heard = replace(heard, usage=None)
    return without_marks(heard) == wanted


@law
@given(responses("mistral", choices_max=2))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = mistral.encode_response(response, ASKED)
    assert same(mistral.decode_response(encoded.body), response)


def written(events: list[Event]) -> list[bytes]:
    writer = mistral.StreamWriter(ASKED)
    return [writer.write(event) for event in events]


def read(chunks: list[bytes]) -> list[Event]:
    reader = mistral.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


def ordered(response: Response) -> Response:
    """Calls are written when they end, which may be in another order than that in which they began."""
    choices = tuple(
        replace(choice, parts=tuple(sorted(choice.parts, key=lambda p: p.id if isinstance(p, ToolCall) else "")))
        for choice in response.choices
    )
    return replace(response, choices=choices)


@law
@given(streams("mistral", choices_max=2))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    assert same(ordered(fold(read(written(events)))), ordered(fold(events)), streamed=True)


@law
@given(responses("mistral"))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert same(fold(read(written(list(unfold(response))))), response, streamed=True)


@settings(law, max_examples=8)
@given(streams("mistral"))
def test_a_stream_cut_at_any_byte_is_the_stream(events: list[Event]) -> None:
    stream = b"".join(written(events))
    whole = read([stream])
    for cut in range(len(stream)):
        assert read([stream[:cut], stream[cut:]]) == whole
