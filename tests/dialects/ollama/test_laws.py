"""The laws that every dialect keeps, for Ollama's two."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import ArgumentsDelta, Closed, Event, Finished, Opened, SignatureDelta, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import (
    Base64Source,
    Image,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from keywright.core.request import JsonSchemaFormat, Request, Tool
from keywright.core.response import Choice, Response
from keywright.core.usage import Usage
from keywright.dialects import ollama_chat, ollama_generate
from keywright.dialects.ollama.images import media_type_of
from tests.dialects.ollama.official import check_answer, check_request
from tests.laws.strategies import law, requests, responses, streams

chat: Dialect = ollama_chat
generate: Dialect = ollama_generate
ABLE = Abilities(audio=True, reasoning="effort")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
both = pytest.mark.parametrize("dialect", [chat, generate], ids=["chat", "generate"])


def said(part: Part) -> Any:
    """A part as Ollama can say it; None: it is reported as lost."""
    match part:
        case Text():
            return ("text", part.text)
        case Thinking():
            return ("thinking", part.text)
        case Image(source=Base64Source(data=data)):
            return ("image", media_type_of(data), data)
        case ToolCall():
            return ("call", part.name, json.loads(part.arguments))
        case ToolResult():
            return ("result", "\n".join(piece.text for piece in part.parts if isinstance(piece, Text)))
        case _:
            return None


def turned(turn: Turn) -> list[tuple[str, Any]]:
    """What a turn says. An assistant's thoughts and texts are one each."""
    parts = [found for part in turn.parts if (found := said(part)) is not None]
    if turn.role == "assistant":
        thoughts = "".join(text for kind, text, *_ in parts if kind == "thinking")
        parts = [("thinking", thoughts), *(part for part in parts if part[0] != "thinking")]
    return [(turn.role, part) for part in parts if part not in (("thinking", ""), ("text", ""))]


def settled(request: Request) -> dict[str, Any]:
    """What `request` says, by topic, without what is reported as lost."""
    form = request.format
    may_call = request.tool_choice is None or request.tool_choice.mode != "none"
    return {
        "turns": [found for turn in request.turns for found in turned(turn)],
        "tools": [replace(tool, strict=None) for tool in request.tools if isinstance(tool, Tool) and may_call],
        "format": JsonSchemaFormat(form.schema) if isinstance(form, JsonSchemaFormat) else form,
        "rest": (request.output_tokens_max, request.stop, request.sampling, request.reasoning, request.stream),
    }


@law
@given(requests("ollama_chat"))
def test_a_request_survives_the_wire_up_to_what_is_reported(request: Request) -> None:
    encoded = chat.encode_request(request, request.model, ABLE)
    again, wanted = settled(chat.decode_request(encoded.body)), settled(request)
    if request.tool_choice and request.tool_choice.mode == "named":
        wanted["tools"] = [tool for tool in wanted["tools"] if tool.name in request.tool_choice.names]
    assert again == wanted
    lost = {loss.path for loss in encoded.losses}
    unsaid = [
        f"turns[{number}].parts[{place}]"
        for number, turn in enumerate(request.turns)
        for place, part in enumerate(turn.parts)
        if said(part) is None
    ]
    assert lost >= set(unsaid)
    assert {path for path in lost if path.endswith("]")} <= set(unsaid)


@law
@given(requests("another"))
def test_thinking_of_another_dialect_is_reported_and_never_sent(request: Request) -> None:
    encoded = chat.encode_request(request, "m", ABLE)
    thoughts = {
        f"turns[{number}].parts[{place}]"
        for number, turn in enumerate(request.turns)
        for place, part in enumerate(turn.parts)
        if isinstance(part, Thinking | RedactedThinking)
    }
    assert thoughts <= {loss.path for loss in encoded.losses if loss.weight == "knob"}
    assert all("thinking" not in message for message in json.loads(encoded.body)["messages"])


@law
@given(requests("ollama_chat"))
def test_encoding_is_pure_and_what_is_sent_is_what_ollama_takes(request: Request) -> None:
    before = msgspec.json.encode(request)
    for dialect, name in ((chat, "ChatRequest"), (generate, "GenerateRequest")):
        encoded = dialect.encode_request(request, "m", ABLE)
        assert encoded == dialect.encode_request(request, "m", ABLE)
        check_request(name, json.loads(encoded.body))
    assert msgspec.json.encode(request) == before


@law
@given(requests("ollama_generate").map(lambda request: replace(request, tools=(), tool_choice=None)))
def test_a_prompt_survives_generate(request: Request) -> None:
    spoken = [turn for turn in request.turns if turn.role in ("system", "user")][:2]
    lone = replace(request, turns=tuple(spoken if spoken[0].role == "system" else spoken[:1]))
    lone = replace(lone, turns=tuple(replace(turn, parts=kept(turn)) for turn in lone.turns))
    encoded = generate.encode_request(lone, "m", ABLE)
    assert {loss.weight for loss in encoded.losses} <= {"knob"}
    again = generate.decode_request(encoded.body)
    wanted, got = settled(lone), settled(again)
    assert [pair for pair in got["turns"] if pair[1][0] == "text"] == [
        (turn.role, ("text", "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))))
        for turn in lone.turns
    ]
    assert (got["rest"], got["format"]) == (wanted["rest"], wanted["format"])


def kept(turn: Turn) -> tuple[Part, ...]:
    return (*(part for part in turn.parts if isinstance(part, Text)), Text("x"))


def respelled(part: Text | ToolCall) -> Part:
    """Arguments are an object on the wire, so their spelling is not kept."""
    if isinstance(part, Text):
        return part
    return replace(part, arguments=msgspec.json.encode(json.loads(part.arguments)).decode())


def sayable(response: Response) -> Response:
    """An answer without what Ollama cannot say, and with its one order: thinking, text, calls."""
    (choice,) = response.choices
    thinking = "".join(part.text for part in choice.parts if isinstance(part, Thinking))
    thoughts = (Thinking(thinking, origin="ollama_chat"),) if thinking else ()
    rest = tuple(respelled(part) for part in choice.parts if isinstance(part, Text | ToolCall))
    assert choice.finish is not None
    called = any(isinstance(part, ToolCall) for part in rest)
    reason = choice.finish.reason
    if reason != "length":
        reason = "tool_calls" if called else "stop"
    finish = replace(choice.finish, reason=reason)
    used = response.usage and Usage(input=response.usage.input_total, output=response.usage.output_total)
    return replace(response, id="", usage=used, choices=(Choice((*thoughts, *rest), finish),))


@law
@given(responses("ollama_chat", signed=False))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = chat.encode_response(response, ASKED)
    check_answer("ChatResponse", json.loads(encoded.body))
    assert chat.decode_response(encoded.body) == sayable(response)


@law
@given(responses("ollama_generate"))
def test_an_answer_of_generate_is_what_its_sdk_reads(response: Response) -> None:
    body = json.loads(generate.encode_response(response, ASKED).body)
    check_answer("GenerateResponse", body)
    parts = response.choices[0].parts
    assert body["response"] == "".join(part.text for part in parts if isinstance(part, Text))
    assert body.get("thinking", "") == "".join(part.text for part in parts if isinstance(part, Thinking))


def written(events: list[Event], dialect: Dialect = chat) -> list[bytes]:
    writer = dialect.StreamWriter(ASKED)
    return [writer.write(event) for event in events]


def read(chunks: list[bytes], dialect: Dialect = chat) -> list[Event]:
    reader = dialect.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("ollama_chat", signed=False))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    """What was read folds to what was written: calls in the order in which they were whole."""
    got, wanted = fold(read(written(events))), sayable(fold(events))
    calls = [part for part in wanted.choices[0].parts if isinstance(part, ToolCall)]
    assert sorted(map(repr, got.choices[0].parts)) == sorted(map(repr, wanted.choices[0].parts))
    assert {part.id for part in got.choices[0].parts if isinstance(part, ToolCall)} == {call.id for call in calls}
    assert (got.usage, got.choices[0].finish, got.model) == (wanted.usage, wanted.choices[0].finish, wanted.model)


@both
@law
@given(events=streams("another", choices_max=2))
def test_every_line_is_what_the_sdk_reads(dialect: Dialect, events: list[Event]) -> None:
    lines = b"".join(written(events, dialect)).splitlines()
    name = "Chat" if dialect is chat else "Generate"
    for line in lines:
        check_answer(f"{name}Response", json.loads(line))
    assert [json.loads(line)["done"] for line in lines] == [False] * (len(lines) - 1) + [True]


@law
@given(responses("ollama_chat", signed=False))
def test_a_whole_answer_is_the_fold_of_its_stream(response: Response) -> None:
    assert fold(read(written(list(unfold(response))))) == chat.decode_response(
        chat.encode_response(response, ASKED).body
    )


@both
@settings(law, max_examples=8)
@given(events=streams("ollama_chat"), newline=st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_a_stream_cut_at_any_byte_is_the_stream(dialect: Dialect, events: list[Event], newline: bytes) -> None:
    stream = b"".join(written(events, dialect)).replace(b"\n", newline)
    whole = read([stream], dialect)
    for cut in range(len(stream)):
        assert read([stream[:cut], stream[cut:]], dialect) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))], dialect) == whole
    assert read([stream.rstrip()], dialect) == whole


@both
@law
@given(events=streams("ollama_chat"))
def test_what_was_read_is_well_formed(dialect: Dialect, events: list[Event]) -> None:
    folder = Folder()
    opened: set[int] = set()
    for event in read(written(events, dialect), dialect):
        match event:
            case Opened():
                opened.add(event.part)
            case Closed():
                opened.remove(event.part)
            case TextDelta() | ArgumentsDelta() | SignatureDelta():
                assert event.part in opened
            case Finished():
                assert not opened
            case _:
                pass
        folder.add(event)
    assert folder.ended
