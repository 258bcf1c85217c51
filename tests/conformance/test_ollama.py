"""Recorded exchanges of Ollama's own API: what we read is what plain JSON says, and what we send is what it takes.

The recordings' bodies are not byte-exact, so requests are compared as JSON, up to what `plain_request` undoes.
"""

import json
from typing import Any

import jsonschema
import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, Peek
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Text, Thinking, ToolCall
from keywright.core.response import Response
from keywright.dialects import anthropic, ollama_chat, ollama_generate, openai_chat
from tests.conformance.plain import openai_answer, recorded
from tests.conftest import shared_dir
from tests.dialects.ollama.official import check_answer, check_request
from tests.standin.chat import ChatWire

Recording = dict[str, Any]  # one line of the recordings
DIALECTS: dict[str, Dialect] = {"api.chat": ollama_chat, "api.generate": ollama_generate}
REQUESTS_OF = {"api.chat": "ChatRequest", "api.generate": "GenerateRequest"}
ANSWERS_OF = {"api.chat": "ChatResponse", "api.generate": "GenerateResponse"}
ABLE = Abilities(reasoning="effort")
MINIMAL = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x"}

ALL = [item for endpoint in DIALECTS for item in recorded("ollama", endpoint)]
WHOLE = [item for item in ALL if item.get("response_json")]
STREAMS = [item for item in ALL if item.get("response_sse_text")]
REQUESTS = [item for item in ALL if item.get("request_json")]
every = pytest.mark.parametrize


def name(item: Recording) -> str:
    return str(item["id"])


def test_all_recordings_are_here() -> None:
    assert (len(ALL), len(WHOLE), len(STREAMS), len(REQUESTS)) == (30, 16, 14, 17)
    assert {item["status"] for item in ALL} == {200}


def plain_lines(item: Recording) -> list[dict[str, Any]]:
    """The lines of an answer, read by hand."""
    if item.get("response_json"):
        return [item["response_json"]]
    return [json.loads(line) for line in item["response_sse_text"].splitlines() if line]


def check(response: Response, lines: list[dict[str, Any]]) -> None:
    """`response` says what `lines` say."""
    said = [line.get("message", line) for line in lines]
    calls = [call["function"] for message in said for call in message.get("tool_calls") or ()]
    last = lines[-1]
    parts = response.choices[0].parts
    text = "".join(message.get("content") or message.get("response") or "" for message in said)
    assert "".join(part.text for part in parts if isinstance(part, Text)) == text
    thinking = "".join(message.get("thinking") or "" for message in said)
    assert "".join(part.text for part in parts if isinstance(part, Thinking)) == thinking
    got = [part for part in parts if isinstance(part, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in got] == [
        (call["name"], call["arguments"]) for call in calls
    ]
    assert len({call.id for call in got}) == len(calls)
    finish = response.choices[0].finish
    assert finish is not None
    wanted = {"stop": "tool_calls" if calls else "stop", "length": "length"}.get(last["done_reason"], "other")
    assert finish.reason == wanted
    assert response.usage is not None
    assert response.usage.input_total == last.get("prompt_eval_count", 0)
    assert response.usage.output_total == last["eval_count"]
    assert response.model == lines[0]["model"]
    (extras,) = response.choices[0].extras.values()
    assert {field: value for field, value in last.items() if "duration" in field or field == "context"} == extras


@every("item", WHOLE, ids=name)
def test_an_answer_is_read_as_it_is_and_written_as_it_was(item: Recording) -> None:
    dialect, body = DIALECTS[item["endpoint"]], item["response_json"]
    raw = json.dumps(body).encode()
    response = dialect.decode_response(raw)
    check(response, [body])
    tapped = dialect.tap_response(raw)
    assert (tapped.usage, tapped.complete, tapped.model) == (response.usage, True, body["model"])
    again = json.loads(dialect.encode_response(response, dialect.decode_request(json.dumps(MINIMAL).encode())).body)
    check_answer(ANSWERS_OF[item["endpoint"]], again)
    for message in (again.get("message"),):
        for call in (message or {}).get("tool_calls") or ():
            del call["id"]  # made for it
    assert again.pop("created_at")[:19] == body["created_at"][:19]  # whole seconds
    assert again == {"prompt_eval_count": 0, **{key: value for key, value in body.items() if key != "created_at"}}


def read(dialect: Dialect, stream: bytes, size: int) -> list[Event]:
    reader = dialect.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


@every("item", STREAMS, ids=name)
def test_a_stream_is_read_as_it_is_and_written_as_it_was(item: Recording) -> None:
    dialect, stream = DIALECTS[item["endpoint"]], item["response_sse_text"].encode()
    lines = plain_lines(item)
    events = read(dialect, stream, len(stream))
    assert read(dialect, stream, 61) == events
    check(fold(events), lines)
    writer = dialect.StreamWriter(dialect.decode_request(json.dumps(MINIMAL).encode()))
    written = [json.loads(line) for event in events for line in writer.write(event).splitlines()]
    for line in written:
        check_answer(ANSWERS_OF[item["endpoint"]], line)
    check(fold(read(dialect, b"".join(json.dumps(line).encode() + b"\n" for line in written), 10**9)), lines)
    assert not writer.losses


@every("size", [10**9, 1009, 13])
@every("item", STREAMS, ids=name)
def test_a_stream_passes_the_tap_untouched(item: Recording, size: int) -> None:
    dialect, stream = DIALECTS[item["endpoint"]], item["response_sse_text"].encode()
    tap = dialect.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    tapped, response = tap.result(), fold(read(dialect, stream, len(stream)))
    assert (tapped.usage, tapped.complete, tapped.failure) == (response.usage, True, None)
    parts = response.choices[0].parts
    assert tapped.output_chars >= sum(len(part.text) for part in parts if isinstance(part, Text | Thinking))


def plain_request(body: dict[str, Any]) -> dict[str, Any]:
    """A request in the one of its equivalent spellings that we write: what is empty or null says nothing, a stream is
    said, and a tool's result names its tool.
    """
    kept = {field: value for field, value in body.items() if value not in (None, "", [], {}, False)}
    kept["stream"] = body.get("stream") is not False
    calls = [call["function"]["name"] for each in body.get("messages", ()) for call in each.get("tool_calls") or ()]
    kept["messages"] = [
        {**each, "tool_name": calls[-1]} if each["role"] == "tool" else each for each in body.get("messages", ())
    ]
    return kept if kept["messages"] else {key: value for key, value in kept.items() if key != "messages"}


@every("item", REQUESTS, ids=name)
def test_a_request_decoded_and_encoded_again_is_the_same(item: Recording) -> None:
    dialect, body = DIALECTS[item["endpoint"]], item["request_json"]
    encoded = dialect.encode_request(dialect.decode_request(json.dumps(body).encode()), body["model"], ABLE)
    again = json.loads(encoded.body)
    check_request(REQUESTS_OF[item["endpoint"]], again)
    assert (again, encoded.losses) == (plain_request(body), ())


@every("item", REQUESTS, ids=name)
def test_a_patched_request_differs_in_the_model_only(item: Recording) -> None:
    dialect, body = DIALECTS[item["endpoint"]], item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode()):
        peeked = dialect.peek(raw)
        assert (peeked.model, peeked.stream) == (body["model"], body.get("stream") is not False)
        assert peeked.output_tokens_max == (body.get("options") or {}).get("num_predict")
        assert dialect.patch(raw, peeked, "else/where") == raw.replace(
            json.dumps(body["model"]).encode(), b'"else/where"', 1
        )


@every("item", REQUESTS, ids=name)
def test_a_request_of_an_ollama_client_reaches_openai_and_the_other_way_round(item: Recording) -> None:
    dialect, body = DIALECTS[item["endpoint"]], item["request_json"]
    request = dialect.decode_request(json.dumps(body).encode())
    encoded = openai_chat.encode_request(request, "gpt-4o", ABLE)
    ChatWire(shared_dir("specs")).check(json.loads(encoded.body), {})
    assert {loss.weight for loss in encoded.losses} <= {"knob"}


OPENAI = [item for item in recorded("openai", "chat.completions") if (item.get("request_json") or {}).get("messages")]
ANSWERED = [item for item in recorded("openai", "chat.completions") if "choices" in (item.get("response_json") or {})]


def test_recorded_requests_of_openais_clients_are_said_as_ollama_takes_them_or_refused_by_name() -> None:
    carried = refused = 0
    for item in OPENAI:
        request = openai_chat.decode_request(json.dumps(item["request_json"]).encode())
        encoded = ollama_chat.encode_request(request, "m", ABLE)
        check_request("ChatRequest", json.loads(encoded.body))
        meant = [loss for loss in encoded.losses if loss.weight == "meaning"]
        assert all(loss.path and loss.why for loss in meant)
        refused += bool(meant)
        carried += not meant
    assert (carried, refused) == CARRIED


def test_recorded_answers_of_openai_reach_an_ollama_client_exactly() -> None:
    exact = 0
    for item in ANSWERED:
        body = item["response_json"]
        response = openai_chat.decode_response(json.dumps(body).encode())
        got = json.loads(ollama_chat.encode_response(response, MINIMAL_REQUEST).body)
        check_answer("ChatResponse", got)
        wanted = openai_answer(body)
        calls = [call["function"] for call in got["message"].get("tool_calls", ())]
        assert got["message"]["content"] == wanted.text
        assert [(call["name"], json.dumps(call["arguments"], sort_keys=True)) for call in calls] == wanted.calls
        if response.usage is not None:
            assert (got["prompt_eval_count"], got["eval_count"]) == (wanted.tokens[0], wanted.tokens[2])
        exact += 1
    assert exact == EXACT


def test_an_answer_of_a_provider_that_signs_its_thinking_reaches_an_ollama_client() -> None:
    shown = 0
    for item in recorded("anthropic", "messages"):
        body = item.get("response_json") or {}
        if item["status"] != 200 or "content" not in body:
            continue
        response = anthropic.decode_response(json.dumps(body).encode())
        got = json.loads(ollama_chat.encode_response(response, MINIMAL_REQUEST).body)
        check_answer("ChatResponse", got)
        thinking = "".join(block["thinking"] for block in body["content"] if block["type"] == "thinking")
        assert got["message"].get("thinking", "") == thinking
        shown += bool(thinking)
    assert shown == THOUGHT


def test_the_check_of_what_is_sent_is_strict() -> None:
    for body in (
        {"model": "m", "messages": [{"role": "user", "content": "x", "name": "n"}]},
        {"model": "m", "messages": [], "tool_choice": "auto"},
        {"model": "m", "messages": [{"role": "user"}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check_request("ChatRequest", body)


MINIMAL_REQUEST = ollama_chat.decode_request(json.dumps(MINIMAL).encode())
CARRIED = (306, 38)
EXACT = 269
THOUGHT = 22
