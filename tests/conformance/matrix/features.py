"""What may be asked and answered, feature by feature: one canonical request and answer for each, and what to look at.

`request` is what a client says, `asked` what must still be there when the provider reads it. `response` is what the
provider answers (thinking and signatures are of its own dialect), `answered` what must still be there when the client
reads it. A feature of requests has no response of its own, and the other way round.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from keywright.core.json import JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    CacheMark,
    Citation,
    Document,
    Image,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from keywright.core.request import JsonSchemaFormat, Reasoning, Request, Tool, ToolChoice
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from tests.conformance.sdk import CITY_SCHEMA, PDF, PIXEL

SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT: JsonObject = {**CITY_SCHEMA}  # type: ignore[dict-item]
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
CALLS = (
    ToolCall("call_aaaaaaaaa", "weather", '{"city":"Oslo"}'),
    ToolCall("call_bbbbbbbbb", "weather", '{"city":"Rome"}'),
)
Seen: TypeAlias = object
"""What of a request or an answer a feature is about, in a form that compares."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix."""

    name: str
    request: Request
    asked: Callable[[Request], Seen] | None = None
    response: Callable[[str], Response] | None = None
    answered: Callable[[Response], Seen] | None = None
    streamed: bool = False


def asking(*parts: Part, **fields: object) -> Request:
    """A request with one user's turn."""
    turns = fields.pop("turns", (Turn("user", parts or (Text("hello"),)),))
    return Request(model="m", turns=turns, output_tokens_max=4096, **fields)  # type: ignore[arg-type]


def answering(*parts: Part, finish: str = "stop", usage: Usage | None = None) -> Response:
    """An answer of one choice."""
    return Response(
        id="answer-1",
        model="m",
        created_s=1_760_000_000,
        choices=(Choice(parts, Finish(finish)),),  # type: ignore[arg-type]
        usage=usage or Usage(input=11, output=7),
    )


def texts(response: Response) -> Seen:
    return "".join(part.text for choice in response.choices for part in choice.parts if isinstance(part, Text))


def calls(response: Response) -> Seen:
    """The calls' names and arguments: ids are the client's to keep, but two calls never share one."""
    found = [part for choice in response.choices for part in choice.parts if isinstance(part, ToolCall)]
    assert len({call.id for call in found}) == len(found), "two calls share an id"
    return [(call.name, call.arguments.replace(" ", "")) for call in found]


def thoughts(response: Response) -> Seen:
    return "".join(part.text for choice in response.choices for part in choice.parts if isinstance(part, Thinking))


def cited(response: Response) -> Seen:
    parts = [part for choice in response.choices for part in choice.parts if isinstance(part, Text)]
    return [(citation.url, citation.title) for part in parts for citation in part.citations]


def used(response: Response) -> Seen:
    usage = response.usage
    return usage and (usage.input_total, usage.cache_read, usage.output_total)


def ended(response: Response) -> Seen:
    return [choice.finish and choice.finish.reason for choice in response.choices]


def of_kind(kind: type[Part]) -> Callable[[Request], Seen]:
    """The parts of one kind in all turns, by what their source holds."""

    def look(request: Request) -> Seen:
        found = [part for turn in request.turns for part in turn.parts if isinstance(part, kind)]
        return [getattr(getattr(part, "source", None), "data", part) for part in found]

    return look


def results(request: Request) -> Seen:
    """Each result's text with the name of the call that it belongs to."""
    parts = [part for turn in request.turns for part in turn.parts]
    names = {part.id: part.name for part in parts if isinstance(part, ToolCall)}
    found = [part for part in parts if isinstance(part, ToolResult)]
    return [(names.get(part.call_id), "".join(x.text for x in part.parts if isinstance(x, Text))) for part in found]


def marked(request: Request) -> Seen:
    nodes = [part for turn in request.turns for part in turn.parts]
    return any(getattr(node, "cache", None) is not None for node in (*nodes, *request.tools))


def said_texts(request: Request) -> Seen:
    return [part.text for turn in request.turns for part in turn.parts if isinstance(part, Text)]


WEATHER = (Tool("weather", "The weather in a city", SCHEMA),)
URL, TITLE = "https://example.org/a", "A"
CITATIONS: dict[str, JsonObject] = {
    "openai_chat": {
        "type": "url_citation",
        "url_citation": {"url": URL, "title": TITLE, "start_index": 0, "end_index": 5},
    },
    "openai_responses": {"type": "url_citation", "url": URL, "title": TITLE, "start_index": 0, "end_index": 5},
    "anthropic": {
        "type": "web_search_result_location",
        "url": URL,
        "title": TITLE,
        "encrypted_index": "x",
        "cited_text": "hello",
    },
    "mistral": {"type": "reference", "reference_ids": [1]},
    "bedrock_converse": {"title": TITLE, "location": {"web": {"url": URL}}, "sourceContent": [{"text": "hello"}]},
}
"""What a citation of an address looks like where it comes from; where none is given, the dialect's own way is taken."""

FEATURES: tuple[Feature, ...] = (
    Feature("text", asking(), said_texts, lambda _: answering(Text("hello there")), texts),
    Feature("stream", asking(stream=True), None, lambda _: answering(Text("hello there")), texts, streamed=True),
    Feature(
        "tools",
        asking(tools=WEATHER),
        lambda request: [(t.name, t.description, t.parameters) for t in request.tools if isinstance(t, Tool)],
        lambda _: answering(CALLS[0], finish="tool_calls"),
        lambda response: (calls(response), ended(response)),
    ),
    Feature("parallel tools", asking(tools=WEATHER), None, lambda _: answering(*CALLS, finish="tool_calls"), calls),
    Feature(
        "streamed tools",
        asking(tools=WEATHER, stream=True),
        None,
        lambda _: answering(Text("I look."), *CALLS, finish="tool_calls"),
        lambda response: (texts(response), calls(response)),
        streamed=True,
    ),
    Feature(
        "forced tool",
        asking(tools=WEATHER, tool_choice=ToolChoice("named", ("weather",))),
        lambda request: request.tool_choice and (request.tool_choice.mode in {"named", "allowed", "required"}),
    ),
    Feature(
        "tool result",
        asking(
            tools=WEATHER,
            turns=(
                Turn("user", (Text("Weather?"),)),
                Turn("assistant", CALLS),
                Turn("tool", (ToolResult(CALLS[0].id, (Text("cold"),)), ToolResult(CALLS[1].id, (Text("warm"),)))),
            ),
        ),
        results,
    ),
    Feature("image", asking(Text("see"), Image(Base64Source("image/png", PIXEL))), of_kind(Image)),
    Feature("PDF", asking(Text("see"), Document(Base64Source("application/pdf", PDF), "a.pdf")), of_kind(Document)),
    Feature("audio", asking(Text("hear"), Audio(Base64Source("audio/wav", WAV), "wav")), of_kind(Audio)),
    Feature(
        "JSON schema",
        asking(format=JsonSchemaFormat(FORMAT, "city", strict=True)),
        lambda request: isinstance(request.format, JsonSchemaFormat) and request.format.schema,
    ),
    Feature(
        "thinking",
        asking(reasoning=Reasoning(effort="medium")),
        lambda request: request.reasoning is not None and request.reasoning.mode != "off",
        lambda origin: answering(Thinking("because", "c2lnbmVk", origin), Text("so")),
        lambda response: (thoughts(response), texts(response)),
    ),
    Feature(
        "cache control",
        asking(turns=(Turn("system", (Text("rules", cache=CacheMark()),)), Turn("user", (Text("hello"),)))),
        marked,
    ),
    Feature("stop", asking(stop=("END",)), lambda request: request.stop),
    Feature(
        "usage",
        asking(),
        None,
        lambda _: answering(Text("hi"), usage=Usage(input=20, cache_read=12, output=7)),
        used,
    ),
    Feature(
        "citations",
        asking(),
        None,
        lambda origin: answering(
            Text("hello", (Citation(origin, CITATIONS.get(origin, {}), URL, TITLE, "hello", 0, 5),))
        ),
        cited,
    ),
)
"""In the order of the columns. `thinking replay` and `errors` are not of this form: see `run`."""
