"""What Converse alone can say, for property tests; and canonical values in the form that it gives back."""

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.json import Extras
from keywright.core.message import (
    BlocksSource,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Reasoning, Request, Sampling, ServerTool, Tool
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects.bedrock_converse.wire import NAME
from keywright.dialects.seal import sealed
from tests.laws import strategies as canonical

MODEL = "us.anthropic.claude-x-v1:0"
ABLE = Abilities(mid_system=True, reasoning="effort", audio=True)
"""A model for which nothing needs to be put differently."""

marks = st.none() | st.builds(CacheMark, st.sampled_from([None, "5m", "1h"]))
extras: st.SearchStrategy[Extras] = st.just({}) | st.builds(lambda word: {NAME: {"novelty": word}}, canonical.words)
citations = st.builds(
    lambda text, start: Citation(
        NAME,
        {
            "title": "T",
            "sourceContent": [{"text": text}],
            "location": {"documentChar": {"documentIndex": 0, "start": start, "end": start + 1}},
        },
        title="T",
        cited_text=text,
        start=start,
        end=start + 1,
    ),
    canonical.words,
    st.integers(0, 9),
)
texts = st.builds(
    Text,
    canonical.words.map(lambda text: f"x{text}"),
    st.lists(citations, max_size=2).map(tuple),
    marks,
)
images = st.builds(
    lambda name, mark: Image(FileSource(f"s3://bucket/{name}.png", NAME), cache=mark, extras={NAME: {"format": "png"}}),
    canonical.names,
    marks,
)
documents = st.builds(
    Document,
    st.builds(PlainSource, canonical.words)
    | st.builds(BlocksSource, st.lists(st.builds(Text, canonical.words), min_size=1, max_size=2).map(tuple)),
    st.just("T"),
    st.none() | canonical.words,
    st.none() | st.booleans(),
    marks,
    extras,
)
opaque = st.builds(
    lambda word: Opaque(NAME, "guardContent", {"guardContent": {"text": {"text": word}}}), canonical.names
)
server_tools = st.builds(
    lambda mark: ServerTool(NAME, "systemTool", {"systemTool": {"name": "nova_code_interpreter"}}, mark), marks
)


@st.composite
def served(draw: st.DrawFn) -> tuple[Part, ...]:
    """A tool that the provider ran, and what it answered."""
    name = f"tooluse_{draw(st.integers(0, 99))}"
    kind = "nova_code_interpreter_result"
    return (
        ServerToolCall(
            NAME,
            name,
            "nova_code_interpreter",
            as_object(draw(canonical.arguments)),
            {"toolUseId": name, "name": "nova_code_interpreter", "type": "server_tool_use"},
            draw(marks),
        ),
        ServerToolResult(
            NAME, name, kind, {"toolUseId": name, "content": [{"json": {}}], "type": kind}, cache=draw(marks)
        ),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that the API can be told whole: a canonical one, with what only this API can say."""
    request = sayable(draw(canonical.requests(NAME)))
    turns = list(request.turns)
    first = next(index for index, turn in enumerate(turns) if turn.role == "user")
    added = draw(st.lists(texts | images | documents | opaque, max_size=3))
    turns[first] = replace(turns[first], parts=(*turns[first].parts, *added))
    turns[first + 1] = replace(turns[first + 1], parts=(*draw(st.just(()) | served()), *turns[first + 1].parts))
    if draw(st.booleans()):
        turns.append(Turn("system", (draw(texts),)))
    return titled(
        replace(
            request,
            turns=tuple(turns),
            tools=(*request.tools, *draw(st.lists(server_tools, max_size=1))),
            reasoning=draw(st.none() | st.builds(Reasoning, effort=st.sampled_from(["low", "xhigh", "max"]))),
            service_tier=draw(st.none() | st.sampled_from(["default", "flex", "priority"])),
            metadata=draw(st.none() | st.dictionaries(canonical.names, canonical.names, min_size=1, max_size=2)),
            extras=draw(extras),
        )
    )


def sayable(request: Request) -> Request:
    """`request` without what the API cannot be told, in the form in which the API's own clients would say it."""
    turns = []
    for turn in request.turns:
        parts = tuple(map(_visible, (part for part in turn.parts if not _by_address(part))))
        lead = (Text("x"),) if turn.role == "user" else ()
        turns.append(replace(turn, parts=(*parts, *lead) or (Text("x"),)))
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        choice = None
    called = [part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    tools = request.tools or tuple(Tool(name, parameters=canonical.SCHEMA) for name in called[:1])
    wanted = request.format
    if isinstance(wanted, JsonSchemaFormat):
        wanted = replace(wanted, strict=True)
    return titled(
        replace(
            request,
            turns=tuple(turns),
            tools=tools,
            tool_choice=choice,
            sampling=Sampling(temperature=request.sampling.temperature),
            format=None if isinstance(wanted, JsonObjectFormat) else wanted,
            user=None,
        )
    )


def titled(request: Request) -> Request:
    """`request` with a name of its own for each document."""
    number = 0
    turns = []
    for turn in request.turns:
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, Document):
                number += 1
                part = replace(part, title=f"Document ({number})")  # noqa: PLW2901
            parts.append(part)
        turns.append(replace(turn, parts=tuple(parts)))
    return replace(request, turns=tuple(turns))


def _by_address(part: Part) -> bool:
    return isinstance(part, Image) and isinstance(part.source, UrlSource)


def _visible(part: Part) -> Part:
    """Texts made visible, also within a tool result, and arguments in the wire's own spelling."""
    match part:
        case Text():
            return replace(part, text=f"x{part.text}")
        case ToolResult():
            return replace(part, parts=tuple(map(_visible, part.parts)))
        case ToolCall():
            return replace(part, arguments=as_object(part.arguments))
        case _:
            return part


def as_object(arguments: str) -> str:
    """Arguments as this wire gives them back: the same object, its white space and escapes not kept."""
    return msgspec.json.encode(msgspec.json.decode(arguments)).decode()


FINISHES: dict[FinishReason, tuple[str, FinishReason]] = {
    "stop": ("end_turn", "stop"),
    "length": ("max_tokens", "length"),
    "tool_calls": ("tool_use", "tool_calls"),
    "content_filter": ("content_filtered", "content_filter"),
}


def given_back(response: Response) -> Response:
    """`response` as it comes back from this wire when all that it lost was reported or is not said here at all."""
    choice = response.choices[0]
    parts = tuple(map(_said, sealed(choice.parts, NAME)))
    reason = "stop" if choice.finish is None else choice.finish.reason
    if reason == "stop" and any(isinstance(part, ToolCall) for part in choice.parts):
        reason = "tool_calls"
    word, reason = FINISHES[reason]
    usage = response.usage or Usage()
    return Response(
        id="",
        model="",
        choices=(Choice(parts, Finish(reason, raw=word, origin=NAME)),),
        usage=replace(usage, output=usage.output + usage.reasoning, reasoning=0),
        extras={NAME: {"metrics": {"latencyMs": 0}}},
    )


def _said(part: Part) -> Part:
    match part:
        case Refusal():
            return Text(part.text)
        case ToolCall():
            return replace(part, arguments=as_object(part.arguments))
        case _:
            return part


def spelled(response: Response) -> Response:
    """`response` with arguments in the spelling of a whole answer; a stream keeps the model's own."""
    choice = response.choices[0]
    parts = tuple(
        replace(part, arguments=as_object(part.arguments)) if isinstance(part, ToolCall) else part
        for part in choice.parts
    )
    return replace(response, choices=(replace(choice, parts=parts),))
