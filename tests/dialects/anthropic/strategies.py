"""What the Messages API alone can say, for property tests; and canonical values in the form that it gives back."""

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.json import Extras, JsonObject
from keywright.core.message import (
    Audio,
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
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Reasoning, Request, Sampling, ServerTool
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects.anthropic.wire import NAME
from keywright.dialects.seal import sealed
from tests.laws import strategies as canonical

ABLE = Abilities(mid_system=True, reasoning="effort", output_tokens_max=8192)
"""A model for which nothing needs to be put differently."""

marks = st.none() | st.builds(CacheMark, st.sampled_from([None, "5m", "1h"]))
extras: st.SearchStrategy[Extras] = st.just({}) | st.builds(lambda word: {NAME: {"novelty": word}}, canonical.words)
citations = st.builds(
    lambda text, start: Citation(
        NAME,
        {
            "type": "char_location",
            "cited_text": text,
            "document_index": 0,
            "document_title": "T",
            "start_char_index": start,
            "end_char_index": start + 1,
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
    extras,
)
images = st.builds(Image, st.builds(FileSource, canonical.names, st.just(NAME)), cache=marks, extras=extras)
documents = st.builds(
    Document,
    st.builds(PlainSource, canonical.words)
    | st.builds(FileSource, canonical.names, st.just(NAME))
    | st.builds(BlocksSource, st.lists(texts, min_size=1, max_size=2).map(tuple)),
    st.none() | canonical.words,
    st.none() | canonical.words,
    st.none() | st.booleans(),
    marks,
    extras,
)
opaque = st.builds(
    lambda word: Opaque(NAME, "container_upload", {"type": "container_upload", "file_id": word}), canonical.names
)
server_tools = st.builds(
    lambda mark, uses: ServerTool(
        NAME,
        "web_search_20250305",
        {"type": "web_search_20250305", "name": "web_search", "max_uses": uses},
        mark,
    ),
    marks,
    st.none() | st.integers(1, 5),
)


@st.composite
def served(draw: st.DrawFn) -> tuple[Part, ...]:
    """A tool that the provider ran, and what it answered."""
    number = draw(st.integers(0, 99))
    name = f"srvtoolu_{number}"
    call: JsonObject = {"type": "server_tool_use", "id": name, "name": "web_search"}
    found: JsonObject = {
        "type": "web_search_tool_result",
        "tool_use_id": name,
        "content": [{"url": "https://example.com"}],
    }
    return (
        ServerToolCall(NAME, name, "web_search", as_object(draw(canonical.arguments)), call, draw(marks)),
        ServerToolResult(NAME, name, "web_search_tool_result", found, draw(marks)),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that the API can be told whole: a canonical one, with what only this API can say."""
    request = sayable(draw(canonical.requests(NAME, signed=True)))
    turns = list(request.turns)
    first = next(index for index, turn in enumerate(turns) if turn.role == "user")
    added = draw(st.lists(texts | images | documents | opaque, max_size=3))
    turns[first] = replace(turns[first], parts=(*turns[first].parts, *added))
    turns[first + 1] = replace(turns[first + 1], parts=(*draw(st.just(()) | served()), *turns[first + 1].parts))
    if draw(st.booleans()):
        turns.append(Turn("system", (draw(texts),)))
    return replace(
        request,
        turns=tuple(turns),
        tools=(*request.tools, *draw(st.lists(server_tools, max_size=1))),
        reasoning=draw(
            st.none()
            | st.builds(Reasoning, effort=st.sampled_from(["low", "xhigh", "max"]))
            | st.builds(Reasoning, st.just("off"))
        ),
        service_tier=draw(st.none() | st.sampled_from(["auto", "standard_only"])),
        cache=draw(marks),
        extras=draw(extras),
    )


def sayable(request: Request) -> Request:
    """`request` without what the API cannot be told, in the form in which the API's own clients would say it."""
    turns = []
    for turn in request.turns:
        parts = tuple(
            replace(part, text=f"x{part.text}") if isinstance(part, Text) else part
            for part in turn.parts
            if not isinstance(part, Audio)
        )
        turns.append(replace(turn, parts=tuple(map(_visible, parts)) or (Text("x"),)))
    choice = request.tool_choice
    wanted = request.format
    if isinstance(wanted, JsonSchemaFormat):
        wanted = JsonSchemaFormat(wanted.schema, strict=True)
    return replace(
        request,
        turns=tuple(turns),
        tool_choice=replace(choice, parallel=None) if choice is not None and choice.mode == "none" else choice,
        output_tokens_max=request.output_tokens_max or 100,
        stop=tuple(f"x{text}" for text in request.stop),
        sampling=Sampling(temperature=request.sampling.temperature),
        format=None if isinstance(wanted, JsonObjectFormat) else wanted,
    )


def _visible(part: Part) -> Part:
    """The texts within a tool result made visible too, and arguments in the wire's own spelling."""
    if isinstance(part, ToolResult):
        inner = tuple(replace(text, text=f"x{text.text}") for text in part.parts if isinstance(text, Text))
        return replace(part, parts=inner)
    if isinstance(part, ToolCall):
        return replace(part, arguments=as_object(part.arguments))
    return part


def as_object(arguments: str) -> str:
    """Arguments as this wire gives them back: the same object, its white space and escapes not kept."""
    return msgspec.json.encode(msgspec.json.decode(arguments)).decode()


FINISHES: dict[FinishReason, tuple[str, FinishReason]] = {
    "stop": ("end_turn", "stop"),
    "length": ("max_tokens", "length"),
    "tool_calls": ("tool_use", "tool_calls"),
    "stop_sequence": ("stop_sequence", "stop_sequence"),
    "refusal": ("refusal", "refusal"),
    "content_filter": ("refusal", "refusal"),
    "pause": ("pause_turn", "pause"),
    "context_window": ("model_context_window_exceeded", "context_window"),
    "error": ("end_turn", "stop"),
    "other": ("end_turn", "stop"),
}


def given_back(response: Response) -> Response:
    """`response` as it comes back from this wire when all that it lost was reported or is not said here at all."""
    choice = response.choices[0]
    parts = tuple(map(_said, sealed(choice.parts, NAME)))
    reason = "stop" if choice.finish is None else choice.finish.reason
    if reason == "stop" and any(isinstance(part, ToolCall) for part in choice.parts):
        reason = "tool_calls"
    elif reason == "stop" and any(isinstance(part, Refusal) for part in choice.parts):
        reason = "refusal"
    word, reason = FINISHES[reason]
    return Response(
        id=response.id,
        model=response.model,
        choices=(Choice(parts, Finish(reason, raw=word, origin=NAME)),),
        usage=response.usage or Usage(),
    )


def _said(part: Part) -> Part:
    match part:
        case Thinking():
            return part if part.signature else unsigned(part)
        case Refusal():
            return Text(part.text)
        case ToolCall():
            return replace(part, arguments=as_object(part.arguments))
        case _:
            return part


def unsigned(part: Thinking) -> Thinking:
    """Thinking that proves nothing: a stream of this API names its origin all the same, a whole answer does not."""
    return Thinking(part.text)


def without_origin(response: Response) -> Response:
    """`response` with unsigned thinking as a whole answer has it."""
    choice = response.choices[0]
    parts = tuple(
        unsigned(part) if isinstance(part, Thinking) and not part.signature else part for part in choice.parts
    )
    return replace(response, choices=(replace(choice, parts=parts),))


def spelled(response: Response) -> Response:
    """`response` with arguments in the spelling of a whole answer; a stream keeps the model's own."""
    choice = response.choices[0]
    return replace(response, choices=(replace(choice, parts=tuple(map(_visible, choice.parts))),))
