"""Recorded chat completions of Mistral's: what we read is what plain JSON says, and what we ask its schema allows.

Requests of other APIs are asked of Mistral, too, and Mistral's of others. The recordings' bodies are not byte-exact, so
requests are compared as JSON, up to what is documented as equivalent (`normal`).
"""

import copy
import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, Encoded, Peek
from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.loss import Loss
from keywright.core.message import Part, Text, Thinking, ToolCall, ToolResult, Turn
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects import anthropic, mistral, openai_chat
from tests.conformance.looped import over
from tests.conformance.plain import Body, recorded
from tests.conftest import shared_dir
from tests.dialects.mistral.official import complaint, official, published
from tests.standin.chat import ChatWire
from tests.standin.messages import OLD_VERSION, MessagesWire

ABLE = Abilities(audio=True, reasoning="effort")
CLAUDE = Abilities(reasoning="adaptive", output_tokens_max=64_000)
GPT = Abilities(audio=True, reasoning="effort", output_tokens_field="max_completion_tokens")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)

TO_OPENAI = {"carried": 64, "with losses": 6, "refused": 1}
TO_ANTHROPIC = {"carried": 62, "with losses": 7, "refused": 2}
FROM_OPENAI = {"carried": 323, "with losses": 14, "refused": 7}
FROM_ANTHROPIC = {"carried": 166, "with losses": 86, "refused": 77}

ALL = list(recorded("mistral", "chat.completions"))
GOOD = [item for item in ALL if item["status"] == 200]
ANSWERS = [item for item in GOOD if item.get("response_json")]
STREAMS = [item for item in GOOD if item.get("response_sse_text")]
REQUESTS = [item for item in ALL if item.get("request_json")]

requests = over("item", REQUESTS, ids=lambda item: item["id"])
answers = over("item", ANSWERS, ids=lambda item: item["id"])
streams = over("item", STREAMS, ids=lambda item: item["id"])


def test_all_recordings_are_here() -> None:
    assert (len(ANSWERS), len(STREAMS), len(REQUESTS), len(ALL) - len(GOOD)) == (68, 15, 71, 1)


# What is asked


def normal(body: Body) -> Body:
    """A request in the one of its equivalent spellings that we write."""
    body = {field: value for field, value in copy.deepcopy(body).items() if value is not None}
    if not body.get("stream"):
        body.pop("stream", None)
    if not body.get("tools"):  # a choice among none, which demands none
        body.pop("tool_choice", None)
        body.pop("tools", None)
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if body.get("tool_choice") == "required":
        body["tool_choice"] = "any"
    for tool in body.get("tools", ()):
        tool.setdefault("type", "function")
    body["messages"] = [normal_message(message) for message in body["messages"]]
    return body


def normal_message(message: Body) -> Body:
    if message.get("prefix") is False:
        del message["prefix"]
    content = message["content"] = message.get("content") or ""
    if isinstance(content, list):
        message["content"] = list(map(normal_chunk, content))
        if len(content) == 1 and content[0].keys() == {"type", "text"}:
            message["content"] = content[0]["text"]
    if message.get("tool_calls") == []:
        del message["tool_calls"]
    for call in message.get("tool_calls", ()):
        call.pop("index", None)
    return message


def normal_chunk(chunk: Body) -> Body:
    match chunk:
        case {"type": "image_url", "image_url": {"url": url, **more}} if not more:
            return {"type": "image_url", "image_url": url}
        case {"type": "input_audio", "input_audio": {"data": data}}:  # as OpenAI has it; the schema knows text only
            return {"type": "input_audio", "input_audio": data}
        case {"type": "thinking", "thinking": pieces}:
            return {**chunk, "thinking": [{"type": "text", "text": "".join(piece["text"] for piece in pieces)}]}
        case _:
            return chunk


def without_index(body: Body) -> Body:
    """A call that is sent back as it was received still has its number, which we keep."""
    for message in body["messages"]:
        for call in message.get("tool_calls", ()):
            call.pop("index", None)
    return body


@requests
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body) -> None:
    body = item["request_json"]
    encoded = mistral.encode_request(mistral.decode_request(json.dumps(body).encode()), body["model"], ABLE)
    assert not encoded.losses
    again = json.loads(encoded.body)
    assert complaint(published(), again) is None
    assert without_index(again) == normal(body)


@requests
def test_a_patched_request_differs_in_the_model_only(item: Body) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode(), msgspec.json.encode(body)):
        peeked = mistral.peek(raw)
        assert (peeked.model, peeked.stream) == (body["model"], bool(body.get("stream")))
        patched = mistral.patch(raw, peeked, "else/where")
        assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)


def meant(losses: tuple[Loss, ...]) -> list[Loss]:
    return [loss for loss in losses if loss.weight == "meaning"]


def asked_of(source: Dialect, body: Body, target: Dialect, abilities: Abilities) -> tuple[Body, list[Loss], list[Loss]]:
    """The body for `target`, what was lost, and of that what the client is refused for; in the client's words."""
    request = source.decode_request(json.dumps(body).encode())
    encoded: Encoded = target.encode_request(request, "the-model", abilities)
    told = [Loss(source.locate(loss.path, request), loss.why, loss.weight) for loss in encoded.losses]
    return json.loads(encoded.body), told, meant(tuple(told))


def outcomes(source: Dialect, items: list[Body], target: Dialect, abilities: Abilities) -> Counter[str]:
    found: Counter[str] = Counter()
    for item in items:
        _, losses, refused = asked_of(source, item["request_json"], target, abilities)
        found["refused" if refused else "with losses" if losses else "carried"] += 1
    return found


@requests
def test_what_mistral_is_asked_can_be_asked_of_others(item: Body) -> None:
    body = item["request_json"]
    specs = shared_dir("specs")
    translated, _, refused = asked_of(mistral, body, openai_chat, GPT)
    if not refused:
        ChatWire(specs).check(translated, {})
    assert all("document_url" in json.dumps(body) for _ in refused)
    translated, _, refused = asked_of(mistral, body, anthropic, CLAUDE)
    if not refused:
        MessagesWire(specs).check(translated, {"anthropic-version": OLD_VERSION})
    said = json.dumps(body)
    assert all("input_audio" in said or '"json_object"' in said for _ in refused)


def test_as_many_requests_are_carried_to_others_as_ever() -> None:
    assert outcomes(mistral, REQUESTS, openai_chat, GPT) == TO_OPENAI
    assert outcomes(mistral, REQUESTS, anthropic, CLAUDE) == TO_ANTHROPIC


OTHERS: list[tuple[Dialect, list[Body]]] = [
    (openai_chat, [item for item in recorded("openai", "chat.completions") if item.get("request_json")]),
    (anthropic, [item for item in recorded("anthropic", "messages") if item.get("request_json")]),
]


@over(
    ("source", "item"),
    [(source, item) for source, items in OTHERS for item in items],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_what_others_are_asked_can_be_asked_of_mistral(source: Dialect, item: Body) -> None:
    body = item["request_json"]
    if not body.get("messages"):
        return
    translated, _, refused = asked_of(source, body, mistral, ABLE)
    if not refused:
        assert complaint(published(), translated) is None
        check_links(translated)


def check_links(body: Body) -> None:
    """Every result answers a call that was made before it, and all ids have Mistral's form."""
    made: set[str] = set()
    for message in body["messages"]:
        made |= {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool":
            assert message["tool_call_id"] in made
    assert all(len(number) == 9 and number.isalnum() for number in made)


def test_as_many_requests_of_others_are_carried_as_ever() -> None:
    (_, chat), (_, messages) = OTHERS
    chat = [item for item in chat if item["request_json"].get("messages")]
    assert outcomes(openai_chat, chat, mistral, ABLE) == FROM_OPENAI
    assert outcomes(anthropic, messages, mistral, ABLE) == FROM_ANTHROPIC


# What is answered


def plain_texts(content: Any, kind: str) -> str:
    """The texts of one kind in a message's content."""
    if not isinstance(content, list):
        return (content or "") if kind == "text" else ""
    said = []
    for chunk in content:
        if chunk["type"] == kind:
            said += [chunk["text"]] if kind == "text" else [piece["text"] for piece in chunk["thinking"]]
    return "".join(said)


def plain_calls(message: Body) -> list[tuple[str, str, str]]:
    calls = message.get("tool_calls") or ()
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


def texts(parts: tuple[Part, ...], kind: type[Text] | type[Thinking]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))


def calls(parts: tuple[Part, ...]) -> list[tuple[str, str, str]]:
    return [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def check_usage(response: Response, usage: Body) -> None:
    got = response.usage
    assert got is not None
    details = usage.get("prompt_tokens_details") or {}
    heard = details.get("audio_tokens") or 0
    cached = details.get("cached_tokens") or usage.get("num_cached_tokens") or 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + heard
    assert (got.input, got.cache_read, got.audio_input) == (usage["prompt_tokens"] - cached, cached, heard)
    assert (got.output, got.reasoning) == (usage["completion_tokens"], 0)


@answers
def test_an_answer_is_read_as_it_is(item: Body) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = mistral.decode_response(raw)
    assert (response.id, response.model, response.created_s) == (body["id"], body["model"], body["created"])
    (choice,), (plain,) = response.choices, body["choices"]
    message = plain["message"]
    assert texts(choice.parts, Text) == plain_texts(message.get("content"), "text")
    assert texts(choice.parts, Thinking) == plain_texts(message.get("content"), "thinking")
    assert all(part.origin == "mistral" for part in choice.parts if isinstance(part, Thinking))
    assert calls(choice.parts) == plain_calls(message)
    assert choice.finish is not None
    assert choice.finish.reason == plain["finish_reason"]
    check_usage(response, body["usage"])
    assert response.extras.keys() <= {"mistral"}
    tapped = mistral.tap_response(raw)
    assert (tapped.usage, tapped.model, tapped.finish) == (response.usage, body["model"], plain["finish_reason"])


@answers
def test_an_answer_written_again_is_the_same(item: Body) -> None:
    body = item["response_json"]
    encoded = mistral.encode_response(mistral.decode_response(json.dumps(body).encode()), ASKED)
    assert not encoded.losses
    given = json.loads(encoded.body)
    assert complaint(official("ChatCompletionResponse"), given) is None
    assert as_answered(given) == as_answered(body)


def as_answered(body: Body) -> Body:
    """An answer in the one of its equivalent spellings that we write."""
    body = copy.deepcopy(body)
    usage = body["usage"]
    usage.setdefault("prompt_tokens_details", {"cached_tokens": usage.pop("num_cached_tokens", 0)})
    for choice in body["choices"]:
        message = choice["message"]
        message["tool_calls"] = message.get("tool_calls") or None
        for index, call in enumerate(message["tool_calls"] or ()):
            call.setdefault("type", "function")
            call.setdefault("index", index)
        message["content"] = message.get("content") or ""
        choice.pop("logprobs", None)
        for chunk in message["content"] if isinstance(message["content"], list) else ():
            if chunk.get("closed") is True:
                del chunk["closed"]
    return body


@answers
def test_an_answer_is_the_same_to_clients_of_others(item: Body) -> None:
    body = item["response_json"]
    response = mistral.decode_response(json.dumps(body).encode())
    message, usage = body["choices"][0]["message"], response.usage
    assert usage is not None
    chat = json.loads(openai_chat.encode_response(response, ASKED).body)
    told = chat["choices"][0]["message"]
    assert (told["content"] or "") == plain_texts(message.get("content"), "text")
    assert told.get("reasoning_content", "") == plain_texts(message.get("content"), "thinking")
    assert plain_calls(told) == plain_calls(message)
    assert chat["usage"]["prompt_tokens"] == usage.input_total
    assert chat["usage"]["prompt_tokens_details"]["cached_tokens"] == usage.cache_read
    encoded = anthropic.encode_response(response, ASKED)
    assert not encoded.losses
    blocks = json.loads(encoded.body)["content"]
    assert "".join(block.get("text", "") for block in blocks) == plain_texts(message.get("content"), "text")
    assert [block["id"] for block in blocks if block["type"] == "tool_use"] == [
        call[0] for call in plain_calls(message)
    ]


def plain_chunks(text: str) -> list[Body]:
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line not in ("", "[DONE]")]


def read(stream: bytes, size: int) -> list[Event]:
    reader = mistral.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


@streams
def test_a_stream_is_read_as_it_is(item: Body) -> None:
    stream = item["response_sse_text"].encode()
    events = read(stream, len(stream))
    assert read(stream, 61) == events
    check_stream(fold(events), plain_chunks(item["response_sse_text"]))


def check_stream(response: Response, chunks: list[Body]) -> None:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    (choice,) = response.choices
    assert texts(choice.parts, Text) == "".join(plain_texts(delta.get("content"), "text") for delta in deltas)
    assert texts(choice.parts, Thinking) == "".join(plain_texts(delta.get("content"), "thinking") for delta in deltas)
    assert calls(choice.parts) == [call for delta in deltas for call in plain_calls(delta)]
    (word,) = (choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"])
    assert choice.finish is not None
    assert choice.finish.reason == word
    assert sum(isinstance(part, Thinking) for part in choice.parts) <= 1
    check_usage(response, chunks[-1]["usage"])


@streams
def test_a_stream_written_again_is_mistrals(item: Body) -> None:
    stream = item["response_sse_text"].encode()
    events = read(stream, len(stream))
    writer = mistral.StreamWriter(ASKED)
    written = b"".join(map(writer.write, events))
    assert not writer.losses
    chunks = plain_chunks(written.decode())
    for chunk in chunks:
        assert complaint(official("CompletionChunk"), chunk) is None
    check_stream(fold(events), chunks)
    assert written.endswith(b"data: [DONE]\n\n")
    again = fold(read(written, 97))
    assert (again.choices, again.usage) == (fold(events).choices, fold(events).usage)


@answers
def test_a_whole_answer_is_the_same_as_a_stream(item: Body) -> None:
    response = mistral.decode_response(json.dumps(item["response_json"]).encode())
    writer = mistral.StreamWriter(ASKED)
    again = fold(read(b"".join(map(writer.write, unfold(response))), 10**9))
    assert (again.choices, again.usage) == (response.choices, response.usage)


@streams
@pytest.mark.parametrize("size", [10**9, 1009, 13])
def test_a_stream_passes_the_tap_untouched(item: Body, size: int) -> None:
    stream = item["response_sse_text"].encode()
    tap = mistral.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    tapped, response = tap.result(), fold(read(stream, len(stream)))
    assert tapped.complete
    assert (tapped.usage, tapped.model) == (response.usage, response.model)
    assert tapped.output_chars >= sum(len(texts(choice.parts, Text)) for choice in response.choices)


def test_the_only_recorded_error_is_understood() -> None:
    (item,) = (item for item in ALL if item["status"] != 200)
    failure = mistral.decode_error(item["status"], json.dumps(item["response_json"]).encode())
    assert (failure.kind, failure.status, failure.origin) == ("authentication", 401, "mistral")


def test_results_are_linked_to_calls_by_their_ids() -> None:
    for item in REQUESTS:
        made: set[str] = set()
        for turn in mistral.decode_request(json.dumps(item["request_json"]).encode()).turns:
            made |= {part.id for part in turn.parts if isinstance(part, ToolCall)}
            assert all(part.call_id in made for part in turn.parts if isinstance(part, ToolResult))
