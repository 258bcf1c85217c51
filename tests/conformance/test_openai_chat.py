"""Recorded chat completions of OpenAI and its compatibles: what we read is what plain JSON says.

The recordings' bodies are not byte-exact, so requests are compared as JSON, up to what is documented as equivalent.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.event import Event, Failed
from keywright.core.fold import fold
from keywright.core.message import Part, Refusal, Text, Thinking, ToolCall
from keywright.core.response import Response
from keywright.dialects import openai_chat
from tests.conformance.looped import over
from tests.conftest import shared_dir

Recording = dict[str, Any]  # one line of the recordings
FILES = ("openai", "openai_compat", "azure", "ollama", "openrouter", "lmstudio")
ABLE = Abilities(audio=True, reasoning="effort")
FINISHES = {"function_call": "tool_calls", "eos": "stop"}


def recordings() -> Iterator[Recording]:
    for file in FILES:
        for line in (shared_dir("traffic") / f"{file}.jsonl").read_text().splitlines():
            recording = json.loads(line)
            if recording["endpoint"] == "chat.completions":
                yield recording


ALL = list(recordings())
ANSWERS = [item for item in ALL if item["status"] == 200 and "choices" in (item.get("response_json") or {})]
STREAMS = [item for item in ALL if item["status"] == 200 and item.get("response_sse_text")]
REQUESTS = [item for item in ALL if (item.get("request_json") or {}).get("messages")]
ERRORS = [item for item in ALL if item["status"] >= 400]


def test_all_recordings_are_here() -> None:
    assert sum(item["provider"] == "openai" for item in ALL) == 345
    assert (len(ANSWERS), len(STREAMS), len(REQUESTS), len(ERRORS)) == COUNTS


def texts(parts: tuple[Part, ...], kind: type[Text] | type[Thinking] | type[Refusal]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))


def calls(parts: tuple[Part, ...]) -> list[tuple[str, str]]:
    return [(part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def plain_call(call: dict[str, Any]) -> tuple[str, str]:
    inner = call["custom"] if call.get("type") == "custom" else call["function"]
    return inner["name"], inner.get("arguments") or inner.get("input") or ""


def plain_thinking(message: dict[str, Any]) -> str:
    details = message.get("reasoning_details") or []
    worded = "".join(item.get("text") or item.get("summary") or "" for item in details)
    return worded or message.get("reasoning_content") or message.get("reasoning") or ""


def check_usage(response: Response, usage: dict[str, Any] | None) -> None:
    details = (usage or {}).get("completion_tokens_details") or {}
    spoken = details.get("audio_tokens") or 0
    if not usage or (spoken + (details.get("reasoning_tokens") or 0) > usage["completion_tokens"] and spoken):
        assert response.usage is None
        return
    assert response.usage is not None
    got, prompt = response.usage, usage.get("prompt_tokens") or 0
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or usage.get("cached_tokens") or 0
    written = details.get("cache_write_tokens") or usage.get("cache_creation_input_tokens") or 0
    beside = cached + written if cached + written > prompt else 0
    assert got.input_total == prompt + beside
    assert got.cache_read + got.audio_cache_read == (cached or usage.get("prompt_cache_hit_tokens") or 0)
    reasoning = (
        (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or usage.get("reasoning_tokens") or 0
    )
    completion, total = usage.get("completion_tokens") or 0, usage.get("total_tokens") or 0
    outside = reasoning > completion or (reasoning and total == prompt + completion + reasoning)
    assert got.reasoning == reasoning
    assert got.output_total == completion + (reasoning if outside else 0)


@over("item", ANSWERS, ids=lambda item: item["id"])
def test_an_answer_is_read_as_it_is(item: Recording) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = openai_chat.decode_response(raw)
    assert (response.id, response.model) == (body.get("id") or "", body.get("model") or "")
    for choice, plain in zip(response.choices, body["choices"], strict=True):
        message = plain.get("message") or plain.get("delta")
        assert texts(choice.parts, Text) == (message.get("content") or "")
        assert texts(choice.parts, Refusal) == (message.get("refusal") or "")
        assert texts(choice.parts, Thinking) == plain_thinking(message)
        wanted = [plain_call(call) for call in message.get("tool_calls") or ()]
        legacy = message.get("function_call") or {}
        wanted += [(legacy["name"], legacy["arguments"])] if legacy.get("name") else []
        assert calls(choice.parts) == wanted
        word = plain["finish_reason"]
        assert (choice.finish.reason if choice.finish else "") == FINISHES.get(word, word or "")
    check_usage(response, body.get("usage"))
    tapped = openai_chat.tap_response(raw)
    assert tapped.usage == response.usage
    assert tapped.complete


@over("item", ANSWERS, ids=lambda item: item["id"])
def test_an_answer_written_again_reads_the_same(item: Recording) -> None:
    response = openai_chat.decode_response(json.dumps(item["response_json"]).encode())
    asked = openai_chat.decode_request(json.dumps(item["request_json"] or MINIMAL).encode())
    again = openai_chat.decode_response(openai_chat.encode_response(response, asked).body)
    assert again.usage == response.usage
    for first, second in zip(response.choices, again.choices, strict=True):
        for kind in (Text, Thinking, Refusal):
            assert texts(first.parts, kind) == texts(second.parts, kind)
        assert calls(first.parts) == calls(second.parts)


def plain_chunks(text: str) -> list[dict[str, Any]]:
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line not in ("", "[DONE]")]


def read(stream: bytes, size: int) -> list[Event]:
    reader = openai_chat.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


@over("item", STREAMS, ids=lambda item: item["id"])
def test_a_stream_is_read_as_it_is(item: Recording) -> None:
    chunks = plain_chunks(item["response_sse_text"])
    stream = item["response_sse_text"].encode()
    events = read(stream, len(stream))
    assert read(stream, 61) == events
    if any(chunk.get("error") for chunk in chunks):
        assert isinstance(events[-1], Failed)
        return
    response = fold(events)
    deltas = [choice.get("delta") or {} for chunk in chunks for choice in chunk["choices"]]
    parts = tuple(part for choice in response.choices for part in choice.parts)
    assert texts(parts, Text) == "".join(delta.get("content") or "" for delta in deltas)
    assert texts(parts, Refusal) == "".join(delta.get("refusal") or "" for delta in deltas)
    assert texts(parts, Thinking) == "".join(plain_thinking(delta) for delta in deltas)
    arguments = "".join(
        call["function"].get("arguments") or "" for delta in deltas for call in delta.get("tool_calls") or ()
    )
    assert sorted("".join(call[1] for call in calls(parts))) == sorted(arguments)
    words = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice.get("finish_reason")]
    assert {choice.finish.reason for choice in response.choices if choice.finish} == {
        FINISHES.get(word, word) for word in words
    }
    check_usage(response, next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None))


@over("item", STREAMS, ids=lambda item: item["id"])
@pytest.mark.parametrize("size", [10**9, 1009, 13])
def test_a_stream_passes_the_tap_untouched(item: Recording, size: int) -> None:
    stream = item["response_sse_text"].encode()
    tap = openai_chat.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    chunks = plain_chunks(item["response_sse_text"])
    tapped = tap.result()
    assert tapped.complete or tapped.failure
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    if usages:
        body = {"id": "", "choices": [{"message": {}}], "usage": usages[-1]}
        assert tapped.usage == openai_chat.decode_response(json.dumps(body).encode()).usage
    deltas = [choice.get("delta") or {} for chunk in chunks for choice in chunk.get("choices") or ()]
    assert tapped.output_chars >= sum(len(delta.get("content") or "") for delta in deltas)


@over("item", STREAMS, ids=lambda item: item["id"])
@pytest.mark.parametrize("size", [10**9, 211, 7])
def test_only_the_usage_that_the_client_did_not_ask_for_is_taken_out(item: Recording, size: int) -> None:
    text = item["response_sse_text"]
    tap = openai_chat.Tap(Peek("m", stream=True, input_bytes=0, stream_usage=False))
    stream = text.encode()
    passed = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    frames = [
        frame
        for frame in text.split("\n\n")
        if not any(chunk.get("choices") == [] and chunk.get("usage") for chunk in plain_chunks(frame))
    ]
    assert passed.decode() == "\n\n".join(frames)


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request in the one of its equivalent spellings that we write."""
    body = {field: value for field, value in copy.deepcopy(body).items() if value is not None}
    body["messages"] = [normal_message(message) for message in body["messages"]]
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if body.get("response_format", {}).get("type") == "text":
        del body["response_format"]
    body.get("response_format", {}).get("json_schema", {}).setdefault("name", "response")
    for field in ("stream", "tools"):
        if not body.get(field):
            body.pop(field, None)
    if body.get("stream"):
        body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    if not body.get("tools") and not body.get("functions"):
        for field in ("tool_choice", "parallel_tool_calls"):
            body.pop(field, None)
    for tool in body.get("tools", ()):
        if tool["type"] == "function" and tool["function"].get("strict") is None:
            tool["function"].pop("strict", None)
    return body


def normal_message(message: dict[str, Any]) -> dict[str, Any]:
    message = {field: value for field, value in message.items() if value is not None and value != []}
    if message["role"] == "developer":
        message["role"] = "system"
    if message["role"] == "tool":
        message.pop("name", None)
    for field in ("reasoning_content", "reasoning", "refusal"):
        if message.get(field) == "":
            del message[field]
    if message.get("reasoning") == message.get("reasoning_content"):
        message.pop("reasoning", None)
    content = message.get("content")
    if isinstance(content, list) and len(content) == 1 and set(content[0]) == {"type", "text"}:
        message["content"] = content[0]["text"]
    if content is None or content == "":
        message.pop("content", None)
    for part in content if isinstance(content, list) else ():
        if part["type"] == "file" and "file_data" in part["file"]:
            part["file"].setdefault("filename", "document.pdf")
    for call in message.get("tool_calls", ()):
        call.setdefault("type", "function")
    return message


@over("item", REQUESTS, ids=lambda item: item["id"])
def test_a_request_decoded_and_encoded_again_is_the_same(item: Recording) -> None:
    body = item["request_json"]
    request = openai_chat.decode_request(json.dumps(body).encode())
    encoded = openai_chat.encode_request(request, body["model"], ABLE)
    dropped = {openai_chat.locate(loss.path, request) for loss in encoded.losses}
    assert {loss.weight for loss in encoded.losses} <= {"knob"}
    again, wanted = normal(json.loads(encoded.body)), normal(body)
    if any(path.endswith("].content") for path in dropped):
        assert sum(map(pictures, again["messages"])) == sum(map(pictures, wanted["messages"]))
        return
    begun = f"messages[{len(wanted['messages']) - 1}]" if wanted["messages"][-1]["role"] == "assistant" else ""
    assert all(path.endswith(".strict") or path in ("tool_choice", begun) for path in dropped)
    if any(path.endswith(".strict") for path in dropped):
        again, wanted = without_strict(again), without_strict(wanted)
    assert again == wanted


def pictures(message: dict[str, Any]) -> int:
    content = message.get("content")
    return sum(part["type"] == "image_url" for part in content) if isinstance(content, list) else 0


def without_strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {field: without_strict(item) for field, item in value.items() if field != "strict"}
    return [without_strict(item) for item in value] if isinstance(value, list) else value


@over("item", REQUESTS, ids=lambda item: item["id"])
def test_a_patched_request_differs_in_the_model_and_the_usage_only(item: Recording) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode(), msgspec.json.encode(body)):
        peeked = openai_chat.peek(raw)
        patched = openai_chat.patch(raw, peeked, "else/where")
        wanted = {**body, "model": "else/where"}
        assert (peeked.model, peeked.stream) == (body["model"], bool(body.get("stream")))
        if peeked.stream and not peeked.stream_usage:
            wanted["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        assert json.loads(patched) == wanted
        if peeked.stream_usage or not peeked.stream:
            assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)


@over("item", ERRORS, ids=lambda item: item["id"])
def test_an_error_is_understood(item: Recording) -> None:
    raw = json.dumps(item["response_json"]).encode() if item.get("response_json") else item["response_text"].encode()
    failure = openai_chat.decode_error(item["status"], raw)
    assert failure.status == item["status"]
    expected = {401: "authentication", 404: "not_found", 429: "rate_limited"}.get(item["status"])
    said = raw.decode().lower()
    if expected is None:
        long = any(hint in said for hint in ("maximum context", "max context", "too_many_prompt"))
        expected = "context_too_long" if long else "invalid_request"
    assert failure.kind == expected
    error = json.loads(openai_chat.encode_error(failure, "req"))["error"]
    assert set(error) == {"message", "type", "param", "code"}


MINIMAL = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
COUNTS = (605, 199, 780, 20)
