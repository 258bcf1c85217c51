"""The laws that every dialect keeps, for Cohere's chat."""

import json
from functools import cache

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import ArgumentsDelta, Closed, Event, Metered, Opened, SignatureDelta, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import Audio, Document, Part, RedactedThinking, Text, Thinking, Turn
from keywright.core.request import JsonSchemaFormat, Reasoning, Request, Tool, ToolChoice
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import cohere
from tests.conftest import shared_dir
from tests.laws.strategies import law, requests, responses, streams

dialect: Dialect = cohere
ABLE = Abilities(reasoning="budget")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
LOST = (RedactedThinking, Document, Audio)
"""Parts that Cohere cannot be sent: the documents are PDFs."""

BUDGETS = {"low": 2_048, "medium": 8_192, "high": None}


def as_sent(request: Request) -> Request:
    """What is left of a request when its declared losses are taken away."""
    turns = tuple(replace(turn, parts=kept(turn.parts) or (Text(""),)) for turn in request.turns)
    choice, tools = request.tool_choice, request.tools
    if choice is not None and choice.mode == "named":
        tools = tuple(tool for tool in tools if isinstance(tool, Tool) and tool.name in choice.names)
    strict = {tool.strict for tool in tools if isinstance(tool, Tool)}
    if len(strict) > 1:
        tools = tuple(replace(tool, strict=None) for tool in tools)
    effort = None if request.reasoning is None else request.reasoning.effort
    sampling = request.sampling
    return replace(
        request,
        turns=turns,
        tools=tools,
        tool_choice=None if choice is None else chosen(choice),
        sampling=replace(sampling, top_p=0.99) if sampling.top_p == 1 else sampling,
        reasoning=None if effort is None else Reasoning("on", budget_tokens=BUDGETS[effort]),
        format=JsonSchemaFormat(request.format.schema)
        if isinstance(request.format, JsonSchemaFormat)
        else request.format,
        user=None,
    )


def kept(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(part for part in parts if not isinstance(part, LOST))


def chosen(choice: ToolChoice) -> ToolChoice | None:
    match choice.mode:
        case "named" | "required":
            return ToolChoice("required")
        case "none":
            return ToolChoice("none")
        case _:
            return None


def losses_of(request: Request) -> set[str]:
    """The paths of all that cannot be said of a drawn request."""
    paths = {
        f"turns[{index}].parts[{number}]"
        for index, turn in enumerate(request.turns)
        for number, part in enumerate(turn.parts)
        if isinstance(part, LOST)
    }
    choice, tools = request.tool_choice, request.tools
    if choice is not None:
        paths |= {"tool_choice.names"} if choice.mode == "named" else set()
        paths |= {"tool_choice.parallel"} if choice.parallel is False and choice.mode != "none" else set()
    named = choice.names if choice is not None and choice.mode == "named" else None
    shown = [tool for tool in tools if isinstance(tool, Tool) and (named is None or tool.name in named)]
    strict = {tool.strict for tool in shown}
    paths |= {"tools[0].strict"} if len(strict) > 1 and True in strict else set()
    paths |= {"top_p"} if request.sampling.top_p == 1 else set()
    paths |= {"reasoning.effort"} if request.reasoning is not None else set()
    paths |= {"user"} if request.user is not None else set()
    return paths


@law
@given(requests("cohere", signed=False))
def test_a_request_survives_the_wire_but_for_its_declared_losses(request: Request) -> None:
    encoded = cohere.encode_request(request, request.model, ABLE)
    assert {loss.path for loss in encoded.losses} == losses_of(request)
    assert cohere.decode_request(encoded.body) == as_sent(request)


@law
@given(requests("another"))
def test_encoding_is_pure(request: Request) -> None:
    before = msgspec.json.encode(request)
    encoded = cohere.encode_request(request, "m", ABLE)
    assert encoded == cohere.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before


@law
@given(requests("another"))
def test_each_loss_is_found_by_the_client_and_only_content_is_meant(request: Request) -> None:
    encoded = cohere.encode_request(request, "m", ABLE)
    for loss in encoded.losses:
        assert "turns" not in cohere.locate(loss.path, request)
        assert loss.weight == "knob" or loss.path.startswith("turns[")


@law
@given(requests("another"))
def test_thinking_of_another_dialect_is_never_sent(request: Request) -> None:
    sent = json.loads(cohere.encode_request(request, "m", ABLE).body)
    items = [item for message in sent["messages"] for item in message.get("content", "") if isinstance(item, dict)]
    assert all(item["type"] != "thinking" for item in items)


@cache
def official(name: str) -> jsonschema.Draft202012Validator:
    types = json.loads((shared_dir("specs") / "cohere" / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types[name])


@law
@given(requests("another"))
def test_what_is_sent_is_what_cohere_takes(request: Request) -> None:
    body = json.loads(cohere.encode_request(request, "m", ABLE).body)
    for message in body["messages"]:
        official("ChatMessageV2").validate(message)
    for tool in body.get("tools", ()):
        official("ToolV2").validate(tool)


def as_answered(response: Response) -> Response:
    """What is left of an answer: Cohere names no model, and counts cache writes as plain input."""
    usage = response.usage
    if usage is not None:
        usage = replace(usage, input=usage.input + usage.cache_write_5m, cache_write_5m=0)
    choices = tuple(
        replace(choice, parts=kept(choice.parts), finish=worded(choice.finish)) for choice in response.choices
    )
    return replace(response, model="", created_s=None, choices=choices, usage=usage)


def worded(finish: Finish | None) -> Finish | None:
    return Finish("stop") if finish is not None and finish.reason == "content_filter" else finish


@law
@given(responses("cohere", signed=False))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = cohere.encode_response(response, ASKED)
    assert cohere.decode_response(encoded.body) == as_answered(response)
    lost = sum(isinstance(part, RedactedThinking) for part in response.choices[0].parts)
    finish = response.choices[0].finish
    assert len(encoded.losses) == lost + (finish is not None and finish.reason == "content_filter")


@law
@given(responses("another"))
def test_what_is_answered_is_what_coheres_clients_take(response: Response) -> None:
    official("V2ChatResponse").validate(json.loads(cohere.encode_response(response, ASKED).body))


def written(events: list[Event]) -> list[bytes]:
    writer = cohere.StreamWriter(ASKED)
    return [writer.write(event) for event in events]


def read(chunks: list[bytes]) -> list[Event]:
    reader = cohere.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("cohere", signed=False))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    assert fold(read(written(events))) == as_answered(fold(events))


@law
@given(streams("another", choices_max=2))
def test_what_is_streamed_is_what_coheres_clients_take(events: list[Event]) -> None:
    for frame in b"".join(written(events)).decode().split("\n\n"):
        if frame and frame != "data: [DONE]":
            name, _, data = frame.partition("\n")
            said = json.loads(data.removeprefix("data: "))
            assert name == f"event: {said['type']}"
            official("V2ChatStreamResponse").validate(said)


@law
@given(responses("cohere", signed=False))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert fold(read(written(list(unfold(response))))) == as_answered(response)


@settings(law, max_examples=8)
@given(streams("cohere", signed=False), st.sampled_from([b"\n", b"\r\n"]))
def test_a_stream_cut_at_any_byte_is_the_stream(events: list[Event], newline: bytes) -> None:
    stream = b"".join(written(events)).replace(b"\n", newline)
    whole = read([stream])
    for cut in range(len(stream)):
        assert read([stream[:cut], stream[cut:]]) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole


@law
@given(streams("cohere"))
def test_what_was_read_is_well_formed(events: list[Event]) -> None:
    folder = Folder()
    opened: set[int] = set()
    for event in read(written(events)):
        match event:
            case Opened():
                opened.add(event.part)
            case Closed():
                opened.remove(event.part)
            case TextDelta() | ArgumentsDelta() | SignatureDelta():
                assert event.part in opened
            case _:
                pass
        folder.add(event)
    assert folder.ended
    assert not opened


def test_a_plan_and_what_is_billed_survive_whole_and_as_a_stream() -> None:
    plan = Thinking("first this", origin="cohere", extras={"cohere": {"tool_plan": True}})
    used, billed = Usage(input=54, cache_read=448, output=53), Usage(input=7, output=50)
    response = Response("r", "", (Choice((plan, Text("so")), Finish("stop")),), used, billed=billed)
    assert cohere.decode_response(cohere.encode_response(response, ASKED).body) == response
    events = read(written(list(unfold(response))))
    assert fold(events) == response
    assert Metered(used, billed=billed) in events
