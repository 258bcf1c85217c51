"""Recorded traffic of api.anthropic.com, against readings of it that share nothing with the dialect but JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Part, ServerToolCall, ServerToolResult, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects import anthropic
from tests.conformance.plain import assembled
from tests.conftest import shared_dir
from tests.standin.official import official

Body = dict[str, Any]  # the JSON boundary: recorded bodies, read with plain json
ASKED = Request("m", ())
ANSWERS = 394
STREAMS = 87
REQUESTS = 329


def recorded() -> Iterator[Body]:
    with (shared_dir("traffic") / "anthropic.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            if exchange["endpoint"] == "messages":
                yield exchange


@pytest.fixture(scope="module")
def exchanges() -> list[Body]:
    return list(recorded())


@pytest.fixture(scope="module")
def answers(exchanges: list[Body]) -> list[tuple[Body, bytes]]:
    """Every answer as a message in plain JSON, and the bytes in which it came."""
    found = []
    for exchange in exchanges:
        if exchange["status"] != 200:
            continue
        if exchange["streaming"]:
            text = exchange["response_sse_text"]
            found.append((assembled(text), text.encode()))
        else:
            found.append((exchange["response_json"], json.dumps(exchange["response_json"]).encode()))
    assert len(found) == ANSWERS
    return found


@pytest.fixture(scope="module")
def streams(exchanges: list[Body]) -> list[bytes]:
    found = [exchange["response_sse_text"].encode() for exchange in exchanges if exchange["streaming"]]
    assert len(found) == STREAMS
    return found


@pytest.fixture(scope="module")
def requests(exchanges: list[Body]) -> list[Body]:
    found = [exchange["request_json"] for exchange in exchanges if exchange["request_json"]]
    assert len(found) == REQUESTS
    return found


def read(body: bytes) -> list[Event]:
    reader = anthropic.StreamReader()
    return reader.feed(body) + reader.end()


def understood(body: bytes) -> Response:
    return anthropic.decode_response(body) if body.startswith(b"{") else fold(read(body))


def plain_usage(usage: Body) -> Usage:
    """The usage by hand: thinking is inside the output, the cache is beside the input."""
    thinking = (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    return Usage(
        input=usage["input_tokens"],
        output=usage["output_tokens"] - thinking,
        reasoning=thinking,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write_5m=(usage.get("cache_creation_input_tokens") or 0) - hour,
        cache_write_1h=hour,
        searches=(usage.get("server_tool_use") or {}).get("web_search_requests", 0),
    )


def content_of(parts: tuple[Part, ...]) -> list[tuple[object, ...]]:
    """What the dialect understood, as tuples."""
    said: list[tuple[object, ...]] = []
    for part in parts:
        match part:
            case Text():
                said.append(("text", part.text, [citation.body for citation in part.citations]))
            case Thinking():
                said.append(("thinking", part.text, part.signature or ""))
            case ToolCall():
                said.append(("tool_use", part.id, part.name, json.loads(part.arguments)))
            case ServerToolCall():
                said.append((part.body["type"], part.id, part.name, json.loads(part.arguments)))
            case ServerToolResult():
                said.append((part.kind, part.call_id, part.body["content"]))
            case other:
                said.append((type(other).__name__,))
    return said


def content_by_hand(content: list[Body]) -> list[tuple[object, ...]]:
    said: list[tuple[object, ...]] = []
    for block in content:
        match block["type"]:
            case "text":
                said.append(("text", block["text"], block.get("citations") or []))
            case "thinking":
                said.append(("thinking", block["thinking"], block["signature"]))
            case "tool_use" | "server_tool_use" | "mcp_tool_use" as kind:
                said.append((kind, block["id"], block["name"], block["input"]))
            case "redacted_thinking":
                said.append(("RedactedThinking",))
            case kind if kind.endswith("_tool_result"):
                said.append((kind, block["tool_use_id"], block["content"]))
            case _:
                said.append(("Opaque",))
    return said


def test_every_answer_is_understood_as_by_hand(answers: list[tuple[Body, bytes]]) -> None:
    for message, body in answers:
        response = understood(body)
        (choice,) = response.choices or (None,)
        assert (response.id, response.model) == (message["id"], message["model"])
        assert content_of(choice.parts if choice else ()) == content_by_hand(message["content"])
        assert response.usage == plain_usage(message["usage"])
        assert choice is not None
        assert choice.finish is not None
        assert choice.finish.raw == message["stop_reason"]
        assert choice.finish.sequence == message.get("stop_sequence")


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def as_message(message: Body) -> Body:
    """A message without what says nothing: nulls, no citations, counts of zero, a cache split that is one-sided."""
    plain: Body = without_nulls(message)
    for block in plain["content"]:
        if block.get("citations") == []:
            del block["citations"]
    usage = plain["usage"]
    if not usage.get("cache_creation", {}).get("ephemeral_1h_input_tokens"):
        usage.pop("cache_creation", None)
    for field in ("output_tokens_details", "server_tool_use"):
        if field in usage and not any(usage[field].values()):
            del usage[field]
    for field in ("cache_creation_input_tokens", "cache_read_input_tokens"):
        usage.setdefault(field, 0)
    servers = usage.get("server_tool_use")
    if servers:
        servers.setdefault("web_search_requests", 0)
    return plain


def test_every_answer_is_told_again_as_it_was(answers: list[tuple[Body, bytes]]) -> None:
    for message, body in answers:
        encoded = anthropic.encode_response(understood(body), ASKED)
        assert not encoded.losses
        assert as_message(json.loads(encoded.body)) == as_message(message)


def test_every_stream_is_written_again_as_it_was(streams: list[bytes]) -> None:
    for body in streams:
        writer = anthropic.StreamWriter(ASKED)
        written = b"".join(writer.write(event) for event in read(body))
        assert not writer.losses
        assert as_message(assembled(written.decode())) == as_message(assembled(body.decode()))
        assert fold(read(written)) == fold(read(body))


def test_every_answer_of_a_stream_cut_into_odd_pieces_is_the_same(streams: list[bytes]) -> None:
    for body in streams:
        for size in (7, 1021):
            reader = anthropic.StreamReader()
            events = [event for piece in pieces(body, size) for event in reader.feed(piece)]
            assert events + reader.end() == read(body)


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def abilities(body: Body) -> Abilities:
    """What the model of a recorded request can do, as far as the request tells."""
    kind = (body.get("thinking") or {}).get("type")
    match kind:
        case "enabled":
            return Abilities(mid_system=True, reasoning="budget")
        case "adaptive":
            return Abilities(mid_system=True, reasoning="adaptive")
        case _:
            return Abilities(mid_system=True, reasoning="effort")


def as_request(body: Body) -> Body:
    """A request in one spelling of several that mean the same: blocks instead of strings, neighbours of one role
    joined, defaults not said, the format of the answer where it stands today.
    """
    plain: Body = {key: value for key, value in body.items() if key not in ("stream", "output_format")}
    if body.get("stream"):
        plain["stream"] = True
    if "output_format" in body:
        plain["output_config"] = {**body.get("output_config", {}), "format": body["output_format"]}
    if isinstance(body.get("system"), str):
        plain["system"] = blocks(body["system"])
    messages: list[Body] = []
    for message in body["messages"]:
        content = [as_block(block) for block in blocks(message["content"])]
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += content
        else:
            messages.append({**message, "content": content})
    plain["messages"] = messages
    if "tools" in body:
        plain["tools"] = [as_tool(tool) for tool in body["tools"]]
    return plain


def as_block(block: Body) -> Body:
    if block["type"] != "tool_result":
        return block
    plain = {key: value for key, value in block.items() if (key, value) not in (("is_error", False), ("content", []))}
    if "content" in plain:
        plain["content"] = blocks(block["content"])
    return plain


def as_tool(tool: Body) -> Body:
    return {key: value for key, value in tool.items() if (key, value) != ("type", "custom")}


def blocks(content: str | list[Body]) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def test_every_request_is_asked_again_as_it_was(requests: list[Body]) -> None:
    for body in requests:
        request = anthropic.decode_request(json.dumps(body).encode())
        encoded = anthropic.encode_request(request, body["model"], abilities(body))
        assert not encoded.losses
        assert as_request(json.loads(encoded.body)) == as_request(body)


def test_every_request_that_conforms_conforms_when_asked_again(requests: list[Body]) -> None:
    conforming = 0
    file = shared_dir("specs") / "anthropic" / "sdk-types.schema.json"
    schema = official(file, "MessageCreateParams", "MessageCreateParamsNonStreaming", "MessageCreateParamsStreaming")
    for body in requests:
        if schema.complaint(body) is None:
            conforming += 1
            request = anthropic.decode_request(json.dumps(body).encode())
            encoded = anthropic.encode_request(request, body["model"], abilities(body))
            assert schema.complaint(json.loads(encoded.body)) is None
    assert conforming > 200


def test_a_patch_changes_the_model_and_no_other_byte(requests: list[Body]) -> None:
    for body in requests:
        text = json.dumps(body, indent=1).encode()
        peeked = anthropic.peek(text)
        assert (peeked.model, peeked.stream) == (body["model"], body.get("stream", False))
        assert (peeked.output_tokens_max, peeked.input_bytes) == (body["max_tokens"], len(text))
        patched = anthropic.patch(text, peeked, "some-other-model")
        name = f'\n "model": "{body["model"]}"'.encode()
        assert text.count(name) == 1
        assert patched == text.replace(name, b'\n "model": "some-other-model"')


def test_a_tap_gives_every_byte_back_and_counts_what_the_reader_counts(streams: list[bytes]) -> None:
    for body in streams:
        whole = fold(read(body))
        chars = sum(generated(part) for choice in whole.choices for part in choice.parts)
        for size in (1, 13, 997, len(body)):
            tap = anthropic.Tap(Peek("m", stream=True, input_bytes=1))
            assert b"".join(map(tap.feed, pieces(body, size))) == body
            tapped = tap.result()
            assert (tapped.usage, tapped.model, tapped.complete) == (whole.usage, whole.model, True)
            finish = whole.choices[0].finish
            assert finish is not None
            assert (tapped.finish, tapped.failure) == (finish.raw, None)
            assert tapped.output_chars == chars


def generated(part: Part) -> int:
    match part:
        case Text() | Thinking():
            return len(part.text)
        case ToolCall() | ServerToolCall():
            return 0 if part.arguments == "{}" else len(part.arguments)
        case _:
            return 0


def test_a_whole_answer_tapped_tells_what_the_decoder_reads(answers: list[tuple[Body, bytes]]) -> None:
    for message, body in answers:
        if body.startswith(b"{"):
            response = anthropic.decode_response(body)
            tapped = anthropic.tap_response(body)
            assert (tapped.usage, tapped.model, tapped.finish) == (
                response.usage,
                response.model,
                message["stop_reason"],
            )
            assert tapped.complete


def test_every_recorded_error_is_read_as_the_kind_it_is(exchanges: list[Body]) -> None:
    kinds = {401: "authentication", 404: "not_found", 400: "invalid_request"}
    failures = [
        anthropic.decode_error(exchange["status"], json.dumps(exchange["response_json"]).encode())
        for exchange in exchanges
        if exchange["status"] != 200
    ]
    assert len(failures) == 3
    for failure in failures:
        assert failure.kind == kinds[failure.status]
        assert json.loads(anthropic.encode_error(failure, "r"))["error"] == {
            "type": failure.raw_type,
            "message": failure.message,
        }
