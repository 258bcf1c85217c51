"""Canonical requests, answers and streams for property tests, in no dialect.

Everything here is what at least two dialects can say. `origin` is the dialect under test: thinking that it could have
produced itself, and can therefore replay, names it. What a single dialect adds (its extras, opaque parts) belongs in
that dialect's own tests.
"""

import json
from base64 import b64encode
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st

from keywright.core.event import (
    ArgumentsDelta,
    Closed,
    Ended,
    Event,
    Finished,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.json import JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
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
from keywright.core.request import (
    Format,
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage

law = settings(deadline=None)
"""How a law is checked: a busy machine is no reason to fail."""

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
"""Text that is there: an empty one is no part in several dialects."""

names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=10)
base64 = st.binary(min_size=1, max_size=9).map(lambda data: b64encode(data).decode())
texts = st.builds(Text, words)
images = st.builds(
    Image,
    st.builds(Base64Source, st.sampled_from(["image/png", "image/jpeg"]), base64)
    | st.builds(UrlSource, names.map(lambda name: f"https://example.com/{name}.png")),
)
documents = st.builds(Document, st.builds(Base64Source, st.just("application/pdf"), base64), title=st.none() | names)
sounds = st.builds(Audio, st.builds(Base64Source, st.just("audio/wav"), base64), format=st.just("wav"))
arguments = st.dictionaries(names, st.integers(-9, 9) | words, max_size=2).map(
    lambda value: json.dumps(value, separators=(",", ":"))
)
tools = st.builds(Tool, names, st.none() | words, st.just(SCHEMA), st.none() | st.booleans())
small = st.integers(0, 500)


def thoughts(origin: str, *, signed: bool | None = None) -> st.SearchStrategy[Thinking]:
    """Thinking of a model that `origin` speaks to. `signed`: with a signature, without, or (None) either."""
    signatures = {None: st.none() | names, True: names, False: st.none()}[signed]
    return st.builds(Thinking, words, signatures, st.just(origin))


def redacted(origin: str) -> st.SearchStrategy[RedactedThinking]:
    """Thinking that only `origin`'s provider can read."""
    return st.builds(RedactedThinking, base64, st.just(origin))


@st.composite
def answers(draw: st.DrawFn, origin: str, *, signed: bool | None = None) -> tuple[Part, ...]:
    """An assistant's turn in its usual order: thinking, text, tool calls; at least one of the last two."""
    parts: list[Part] = list(draw(st.lists(thoughts(origin, signed=signed) | redacted(origin), max_size=2)))
    parts += draw(st.lists(texts, max_size=1))
    calls = draw(st.lists(st.tuples(names, arguments), max_size=2))
    if not calls and not any(isinstance(part, Text) for part in parts):
        parts.append(draw(texts))
    start = draw(st.integers(0, 99))
    return (*parts, *(ToolCall(f"call_{start}_{index}", *call) for index, call in enumerate(calls)))


@st.composite
def requests(draw: st.DrawFn, origin: str, *, signed: bool | None = None) -> Request:
    """A whole request: every call is answered in the next turn, and turns of user and assistant alternate."""
    turns: list[Turn] = [
        Turn("system", tuple(parts)) for parts in draw(st.lists(st.lists(texts, min_size=1, max_size=2), max_size=1))
    ]
    for _ in range(draw(st.integers(1, 2))):
        spoken = draw(st.lists(texts | images | documents | sounds, min_size=1, max_size=3))
        answered = draw(answers(origin, signed=signed))
        turns += (Turn("user", tuple(spoken)), Turn("assistant", answered))
        calls = [part for part in answered if isinstance(part, ToolCall)]
        if calls:
            results = [
                ToolResult(call.id, tuple(draw(st.lists(texts, min_size=1, max_size=2))), name=None) for call in calls
            ]
            turns.append(Turn("tool", tuple(results)))
            turns.append(Turn("assistant", (draw(texts),)))
    turns.append(Turn("user", (draw(texts),)))
    declared = tuple(draw(st.lists(tools, max_size=2, unique_by=lambda tool: tool.name)))
    return Request(
        model=draw(names),
        turns=tuple(turns),
        tools=declared,
        tool_choice=draw(st.none() | choices(declared)) if declared else None,
        output_tokens_max=draw(st.none() | st.integers(1, 4096)),
        stop=tuple(draw(st.lists(words, max_size=4, unique=True))),
        sampling=draw(samplings),
        reasoning=draw(st.none() | st.builds(Reasoning, effort=st.sampled_from(["low", "medium", "high"]))),
        format=draw(formats),
        stream=draw(st.booleans()),
        user=draw(st.none() | names),
    )


def choices(declared: tuple[Tool, ...]) -> st.SearchStrategy[ToolChoice]:
    """A choice among `declared`."""
    parallel = st.none() | st.booleans()
    return st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]), parallel=parallel) | st.builds(
        ToolChoice, st.just("named"), st.sampled_from(declared).map(lambda tool: (tool.name,)), parallel=parallel
    )


samplings = st.builds(
    Sampling,
    temperature=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    top_p=st.none() | st.sampled_from([0.1, 1.0]),
)
formats: st.SearchStrategy[Format | None] = (
    st.none() | st.just(JsonObjectFormat()) | st.builds(JsonSchemaFormat, st.just(SCHEMA), name=names)
)

usages = st.builds(Usage, input=small, output=small, reasoning=small, cache_read=small, cache_write_5m=small)
"""Tokens of text only."""

FINISHES: tuple[FinishReason, ...] = ("stop", "length", "tool_calls", "content_filter")


@st.composite
def responses(draw: st.DrawFn, origin: str, *, signed: bool | None = None, choices_max: int = 1) -> Response:
    """A whole answer."""
    return Response(
        id=draw(names),
        model=draw(names),
        created_s=draw(st.integers(1, 2_000_000_000)),
        choices=tuple(
            Choice(draw(answers(origin, signed=signed)), Finish(draw(st.sampled_from(FINISHES))), index)
            for index in range(draw(st.integers(1, choices_max)))
        ),
        usage=draw(st.none() | usages),
    )


@st.composite
def streams(draw: st.DrawFn, origin: str, *, signed: bool | None = None, choices_max: int = 1) -> list[Event]:
    """A well-formed stream: texts and arguments come in pieces, tool calls may interleave."""
    whole = draw(responses(origin, signed=signed, choices_max=choices_max))
    events: list[Event] = [Started(whole.id, whole.model, whole.created_s)]
    for choice in whole.choices:
        together: list[list[Event]] = []
        for number, part in enumerate(choice.parts):
            pieces = list(_pieces(draw, number, choice.index, part))
            if isinstance(part, ToolCall):
                together.append(pieces)
            else:
                events += pieces
        events += [event for calls in together for event in calls[:1]]
        together = [calls[1:] for calls in together]
        while any(together):
            calls = draw(st.sampled_from([calls for calls in together if calls]))
            events.append(calls.pop(0))
        assert choice.finish is not None
        events.append(Finished(choice.finish, choice.index))
    if whole.usage is not None:
        events.append(Metered(whole.usage))
    return [*events, Ended()]


def _pieces(draw: st.DrawFn, number: int, choice: int, part: Part) -> Iterator[Event]:
    """The events of one part."""
    match part:
        case Text():
            yield Opened(number, Text(""), choice)
            yield from (TextDelta(number, piece, choice) for piece in _cut(draw, part.text))
        case Thinking():
            yield Opened(number, Thinking("", origin=part.origin), choice)
            yield from (TextDelta(number, piece, choice) for piece in _cut(draw, part.text))
            if part.signature is not None:
                yield SignatureDelta(number, part.signature, choice)
        case ToolCall():
            yield Opened(number, ToolCall(part.id, part.name, ""), choice)
            yield from (ArgumentsDelta(number, piece, choice) for piece in _cut(draw, part.arguments))
        case _:
            yield Opened(number, part, choice)
    yield Closed(number, choice)


def _cut(draw: st.DrawFn, text: str) -> list[str]:
    at = draw(st.integers(0, len(text)))
    return [piece for piece in (text[:at], text[at:]) if piece]
