"""Other wires' recorded answers as a client of the Responses API gets them, and its recorded answers as theirs do.

Every answer and every event is one that OpenAI publishes, and says what the provider said; losses are counted.
"""

import json
from collections import Counter
from typing import Any

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.errors import ProviderError, UpstreamError
from keywright.core.event import Event, Failed
from keywright.core.fold import fold
from keywright.core.message import Part, Refusal, Text, Thinking, ToolCall, Turn
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects import anthropic, openai_chat, openai_responses
from tests.conformance.looped import over
from tests.conformance.plain import frames, recorded
from tests.dialects.openai_responses.official import check_answer, check_event

Recording = dict[str, Any]  # one line of the recordings
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)
CHAT = [item for file in ("openai", "openai_compat", "openrouter") for item in recorded(file, "chat.completions")]
MESSAGES = list(recorded("anthropic", "messages"))
RESPONSES = [item for file in ("openai", "openai_compat", "bedrock") for item in recorded(file, "responses")]
REASONS = Abilities(reasoning="effort")
CARRIED = 108
"""How many of the recorded answers have encrypted reasoning that a client of chat completions brings back."""

NO_FIELD = "the Responses API has no such field"
"""Why a vendor's own field beside the answer is lost, which one may add at any time."""

LOST_WHOLE = {
    "OpenAI's citations need a URL": 6,
    "the Responses API gives one answer: the first": 2,
    "the Responses API has no place for advisor_tool_result of anthropic": 4,
    "the Responses API has no place for bash_code_execution_tool_result of anthropic": 12,
    "the Responses API has no place for code_execution_tool_result of anthropic": 1,
    "the Responses API has no place for mcp_tool_result of anthropic": 2,
    "the Responses API has no place for text_editor_code_execution_tool_result of anthropic": 4,
    "the Responses API has no place for the provider-run tool advisor": 4,
    "the Responses API has no place for the provider-run tool bash_code_execution": 12,
    "the Responses API has no place for the provider-run tool code_execution": 1,
    "the Responses API has no place for the provider-run tool echo": 1,
    "the Responses API has no place for the provider-run tool text_editor_code_execution": 4,
    "the Responses API has no place for the provider-run tool tool_search_tool_bm25": 6,
    "the Responses API has no place for the provider-run tool web_fetch": 2,
    "the Responses API has no place for the provider-run tool web_search": 11,
    "the Responses API has no place for tool_search_tool_result of anthropic": 8,
    "the Responses API has no place for web_fetch_tool_result of anthropic": 2,
    "the Responses API has no place for web_search_tool_result of anthropic": 11,
}
"""Why something of an answer has no place, and in how many answers."""


def whole(items: list[Recording]) -> list[Recording]:
    return [item for item in items if item["status"] == 200 and item.get("response_json")]


def streamed(items: list[Recording]) -> list[Recording]:
    return [item for item in items if item["status"] == 200 and item.get("response_sse_text")]


def decoded(item: Recording) -> Response | None:
    dialect: Dialect = anthropic if item["endpoint"] == "messages" else openai_chat
    try:
        return dialect.decode_response(json.dumps(item["response_json"]).encode())
    except (UpstreamError, ProviderError):
        return None


def said(parts: tuple[Part, ...]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Text with refusals, thinking, and calls."""
    calls = [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    return text, "".join(part.text for part in parts if isinstance(part, Thinking)), calls


FINISHES = {"stop_sequence": "stop", "context_window": "length", "refusal": "content_filter", "pause": "stop"}


def check_same(got: Response, wanted: Response) -> None:
    """The client is told what the provider said."""
    choice, first = got.choices[0], wanted.choices[0]
    assert said(choice.parts) == said(first.parts)
    assert (got.id, got.model) == (wanted.id, wanted.model)
    assert choice.finish is not None
    reason = first.finish.reason if first.finish else "stop"
    if reason in ("stop", "tool_calls", "stop_sequence", "pause"):  # calls show themselves
        reason = "tool_calls" if said(first.parts)[2] else "stop"
    assert choice.finish.reason == FINISHES.get(reason, reason)
    if wanted.usage is not None:
        assert got.usage is not None
        assert got.usage.input_total == wanted.usage.input_total
        assert got.usage.cache_read == wanted.usage.cache_read + wanted.usage.audio_cache_read
        assert got.usage.output_total == wanted.usage.output_total


@over("item", [*whole(CHAT), *whole(MESSAGES)], ids=lambda item: item["id"])
def test_an_answer_of_another_wire_is_a_response(item: Recording) -> None:
    response = decoded(item)
    if response is None:
        return
    body = openai_responses.encode_response(response, ASKED).body
    check_answer(json.loads(body))
    check_same(openai_responses.decode_response(body), response)


def events_of(item: Recording) -> list[Event]:
    reader = anthropic.StreamReader() if item["endpoint"] == "messages" else openai_chat.StreamReader()
    return reader.feed(item["response_sse_text"].encode()) + reader.end()


@over("item", [*streamed(CHAT), *streamed(MESSAGES)], ids=lambda item: item["id"])
def test_a_stream_of_another_wire_is_a_stream_of_responses(item: Recording) -> None:
    events = events_of(item)
    if any(isinstance(event, Failed) for event in events):
        return
    writer = openai_responses.StreamWriter(ASKED)
    stream = b"".join(map(writer.write, events))
    plain = frames(stream.decode())
    for event in plain:
        check_event(event)
    reader = openai_responses.StreamReader()
    again = fold(reader.feed(stream) + reader.end())
    check_same(again, fold(events))
    check_same(openai_responses.decode_response(json.dumps(plain[-1]["response"]).encode()), fold(events))


@over("item", whole(RESPONSES), ids=lambda item: item["id"])
def test_a_response_is_an_answer_of_the_other_wires(item: Recording) -> None:
    response = openai_responses.decode_response(json.dumps(item["response_json"]).encode())
    chat = openai_chat.decode_response(openai_chat.encode_response(response, ASKED).body)
    messages = anthropic.decode_response(anthropic.encode_response(response, ASKED).body)
    wanted = response.choices[0].parts
    assert said(chat.choices[0].parts)[::2] == said(wanted)[::2]
    assert said(messages.choices[0].parts)[0] == said(wanted)[0]
    assert len(said(messages.choices[0].parts)[2]) == len(said(wanted)[2])
    for again in (chat, messages):
        if response.usage is not None:
            assert again.usage is not None
            assert again.usage.output_total == response.usage.output_total
            assert again.usage.cache_read == response.usage.cache_read


def test_a_client_of_chat_completions_brings_encrypted_reasoning_back() -> None:
    carried = 0
    for item in whole(RESPONSES):
        output = item["response_json"]["output"]
        items = [each for each in output if each["type"] == "reasoning" and each.get("encrypted_content")]
        response = openai_responses.decode_response(json.dumps(item["response_json"]).encode())
        (choice,) = json.loads(openai_chat.encode_response(response, ASKED).body)["choices"]
        if not items or not any(isinstance(part, Text | ToolCall) for part in response.choices[0].parts):
            continue
        asked = {"model": "m", "messages": [{"role": "user", "content": "x"}, choice["message"]]}
        request = openai_chat.decode_request(json.dumps(asked).encode())
        body = json.loads(openai_responses.encode_request(request, "m", REASONS).body)
        again = [each for each in body["input"] if each["type"] == "reasoning"]
        assert [(each["id"], each["encrypted_content"]) for each in again] == [
            (each["id"], each["encrypted_content"]) for each in items
        ]
        assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
        carried += 1
    assert carried == CARRIED


def test_what_the_other_wires_answers_lose_on_the_way_is_counted() -> None:
    lost: Counter[str] = Counter()
    for item in [*whole(CHAT), *whole(MESSAGES)]:
        response = decoded(item)
        if response is not None:
            losses = openai_responses.encode_response(response, ASKED).losses
            lost.update({loss.why for loss in losses if loss.why != NO_FIELD})
    assert lost == LOST_WHOLE
