"""The laws of a dialect, in both framings."""

import copy
import json
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid
from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.message import (
    Audio,
    Document,
    Image,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import JsonSchemaFormat, Reasoning, Request, Tool, ToolChoice
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import gemini, gemini_array
from keywright.dialects.gemini import NAME, decode_request, decode_response, encode_request, encode_response
from keywright.dialects.seal import sealed
from tests.laws import strategies as canonical
from tests.laws.strategies import law

ASKED = Request("m", ())
ABLE = Abilities(reasoning="effort", audio=True, tool_files=True)
ORIGINS = st.sampled_from([NAME, "anthropic"])
STREAMED = {"gemini": gemini, "gemini_array": gemini_array}

framed = pytest.mark.parametrize("dialect", STREAMED.values(), ids=STREAMED.keys())


def said(request: Request) -> PathSaid:
    return PathSaid(request.model, request.stream)


def settled(request: Request) -> Request:
    """`request` as this wire can say it: with all declared losses."""
    choice = request.tool_choice
    if choice is not None:
        choice = None if choice.mode is None else replace(choice, parallel=None)
    wanted = request.format
    return replace(
        request,
        turns=tuple(
            replace(turn, parts=tuple(map(settled_part, filter(is_kept, turn.parts))))
            for turn in request.turns
            if any(map(is_kept, turn.parts))
        ),
        tools=tuple(replace(tool, strict=None) for tool in request.tools if isinstance(tool, Tool)),
        tool_choice=choice,
        format=JsonSchemaFormat(wanted.schema) if isinstance(wanted, JsonSchemaFormat) else wanted,
        user=None,
    )


def is_kept(part: Part) -> bool:
    return not isinstance(part, Thinking | RedactedThinking) or part.origin == NAME


def settled_part(part: Part) -> Part:
    match part:
        case Document():
            return replace(part, title=None)
        case Audio(source):
            return Audio(source, "wav")
        case ToolCall():
            return replace(part, arguments=json.dumps(json.loads(part.arguments), sort_keys=True))
        case ToolResult():
            return replace(part, name=None)
        case Image(UrlSource(url)):
            return replace(part, source=UrlSource(url, "image/png"))
        case _:
            return part


@law
@given(ORIGINS.flatmap(canonical.requests))
def test_a_request_comes_back_but_for_what_was_declared(request: Request) -> None:
    encoded = encode_request(request, request.model, ABLE)
    assert settled(decode_request(encoded.body, said(request))) == settled(request)


@law
@given(ORIGINS.flatmap(canonical.requests))
def test_after_the_declared_losses_a_request_loses_nothing_more(request: Request) -> None:
    once = encode_request(request, request.model, ABLE)
    heard = decode_request(once.body, said(request))
    twice = encode_request(heard, request.model, ABLE)
    assert not twice.losses
    assert json.loads(twice.body) == json.loads(once.body)
    assert decode_request(twice.body, said(request)) == heard


@law
@given(ORIGINS.flatmap(canonical.requests))
def test_what_is_lost_is_declared(request: Request) -> None:
    losses = {loss.path for loss in encode_request(request, request.model, ABLE).losses}
    choice = request.tool_choice
    assert ("user" in losses) is (request.user is not None)
    assert ("tool_choice.parallel" in losses) is (choice is not None and choice.parallel is False)
    for index, tool in enumerate(request.tools):
        assert (f"tools[{index}].strict" in losses) is (isinstance(tool, Tool) and tool.strict is True)
    for at, turn in enumerate(request.turns):
        for index, part in enumerate(turn.parts):
            path = f"turns[{at}].parts[{index}]"
            assert (path in losses) is not is_kept(part)
            assert (f"{path}.title" in losses) is (isinstance(part, Document) and part.title is not None)


@law
@given(ORIGINS.flatmap(canonical.requests))
def test_encoding_changes_nothing_of_its_input_and_gives_the_same_bytes_again(request: Request) -> None:
    before = copy.deepcopy(request)
    first = encode_request(request, "other", ABLE)
    assert request == before
    assert encode_request(before, "other", ABLE) == first


def given_back(response: Response, *, joined: bool = False) -> Response:
    """`response` as this wire can say it. `joined`: from a stream, where texts and thoughts go on."""
    return replace(
        response,
        choices=tuple(given_choice(choice, joined=joined) for choice in response.choices),
        usage=None if response.usage is None else given_usage(response.usage),
    )


def given_choice(choice: Choice, *, joined: bool) -> Choice:
    parts: list[Part] = []
    for part in map(given_part, sealed(choice.parts, NAME)):
        last = parts[-1] if parts else None
        if joined and isinstance(part, Thinking) and isinstance(last, Thinking) and last.signature is None:
            parts[-1] = replace(last, text=last.text + part.text, signature=part.signature)
        else:
            parts.append(part)
    assert choice.finish is not None
    return replace(choice, parts=tuple(parts), finish=given_finish(choice.finish, parts))


def given_part(part: Part) -> Part:
    match part:
        case ToolCall():
            return replace(part, arguments=msgspec.json.encode(json.loads(part.arguments)).decode())
        case _:
            return part


def given_finish(finish: Finish, parts: list[Part]) -> Finish:
    words = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
    called = any(isinstance(part, ToolCall) for part in parts)
    reason = finish.reason
    if reason in ("stop", "tool_calls"):
        reason = "tool_calls" if called else "stop"
    return Finish(reason, raw=words[finish.reason], origin=NAME)


def given_usage(usage: Usage) -> Usage:
    return replace(usage, input=usage.input + usage.cache_write_5m, cache_write_5m=0)


def without_time(response: Response) -> Response:
    """`response` without the wire's own spelling of when it was created."""
    return replace(response, extras={})


@law
@given(ORIGINS.flatmap(lambda origin: canonical.responses(origin, choices_max=2)))
def test_an_answer_comes_back_up_to_declared_losses(response: Response) -> None:
    before = copy.deepcopy(response)
    encoded = encode_response(response, ASKED)
    assert without_time(decode_response(encoded.body)) == given_back(response)
    assert response == before
    assert encode_response(before, ASKED) == encoded


def written(dialect: ModuleType, events: list[Event]) -> bytes:
    writer = dialect.StreamWriter(ASKED)
    return b"".join(map(writer.write, events))


def read(dialect: ModuleType, body: bytes) -> list[Event]:
    reader = dialect.StreamReader()
    events: list[Event] = reader.feed(body) + reader.end()
    return events


@framed
@law
@given(events=ORIGINS.flatmap(lambda origin: canonical.streams(origin, choices_max=2)))
def test_a_stream_folds_to_the_same_answer_after_it_was_written_and_read(
    dialect: ModuleType, events: list[Event]
) -> None:
    before = copy.deepcopy(events)
    body = written(dialect, events)
    assert without_time(fold(read(dialect, body))) == given_back(fold(events), joined=True)
    assert events == before
    assert written(dialect, events) == body


@framed
@law
@given(response=canonical.responses(NAME, signed=True))
def test_a_whole_answer_and_its_stream_say_the_same(dialect: ModuleType, response: Response) -> None:
    body = written(dialect, list(unfold(response)))
    assert fold(read(dialect, body)) == decode_response(encode_response(response, ASKED).body)


@framed
@law
@given(events=canonical.streams(NAME), data=st.data())
def test_where_a_stream_is_cut_makes_no_difference(
    dialect: ModuleType, events: list[Event], data: st.DataObject
) -> None:
    body = written(dialect, events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    reader = dialect.StreamReader()
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert [event for piece in pieces for event in reader.feed(piece)] + reader.end() == read(dialect, body)


@framed
@law
@given(events=canonical.streams(NAME), size=st.integers(1, 50))
def test_a_tap_gives_the_bytes_back_and_counts_what_the_reader_counts(
    dialect: ModuleType, events: list[Event], size: int
) -> None:
    body = written(dialect, events)
    whole = fold(read(dialect, body))
    tap = dialect.Tap(dialect.peek(b"{}", PathSaid("m", True)))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert b"".join(map(tap.feed, pieces)) == body
    tapped = tap.result()
    finish = whole.choices[0].finish
    assert finish is not None
    assert (tapped.usage, tapped.model, tapped.finish) == (whole.usage, whole.model, finish.raw)
    assert tapped.complete
    parts = whole.choices[0].parts
    if any(isinstance(part, ToolCall) for part in parts):  # whose arguments are counted as they are written
        assert tapped.output_chars >= sum(map(generated, parts))
    else:
        assert tapped.output_chars == sum(map(generated, parts))


def generated(part: Part) -> int:
    match part:
        case Text() | Thinking():
            return len(part.text)
        case ToolCall():
            return 0 if part.arguments == "{}" else len(part.arguments)
        case _:
            return 0


@given(st.sampled_from(["minimal", "low", "medium", "high"]), st.sampled_from([None, "summarized", "omitted"]))
def test_an_effort_comes_back_from_a_model_that_takes_levels(effort: str, display: str | None) -> None:
    reasoning = Reasoning(effort=effort, display=display)  # type: ignore[arg-type]  # the very words of the type
    request = Request("m", canonical_turns(), reasoning=reasoning)
    assert decode_request(encode_request(request, "m", ABLE).body, said(request)) == request


def canonical_turns() -> tuple[Turn, ...]:
    return (Turn("user", (Text("hi"),)),)


@given(st.sampled_from(["auto", "none", "required"]))
def test_a_mode_comes_back(mode: str) -> None:
    choice = ToolChoice(mode)  # type: ignore[arg-type]  # the very words of the type
    request = Request("m", canonical_turns(), (Tool("f"),), choice)
    assert decode_request(encode_request(request, "m", ABLE).body, said(request)) == request
