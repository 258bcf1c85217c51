"""Recorded calls of the Responses API, of OpenAI and of five others: what we read is what plain JSON says.

The recordings' bodies are not byte-exact, so requests are compared as JSON, up to what is documented as equivalent.
"""

import copy
import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from jsonschema.exceptions import ValidationError

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.errors import ProviderError
from keywright.core.event import Aside, Event, Failed, Finished
from keywright.core.fold import fold
from keywright.core.loss import Loss
from keywright.core.message import Opaque, Part, RedactedThinking, Refusal, ServerToolCall, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects import openai_responses
from tests.conformance.looped import over
from tests.conformance.plain import frames, recorded
from tests.dialects.openai_responses.official import check_answer, check_event, complaint_about_request

Recording = dict[str, Any]  # one line of the recordings
FILES = ("openai", "openai_compat", "azure", "bedrock", "openrouter", "lmstudio")
ABLE = Abilities(reasoning="effort")
ALL = [item for file in FILES for item in recorded(file, "responses")]
ANSWERS = [item for item in ALL if item["status"] == 200 and item.get("response_json")]
STREAMS = [item for item in ALL if item["status"] == 200 and item.get("response_sse_text")]
REQUESTS = [item for item in ALL if item["request_json"]]
ERRORS = [item for item in ALL if item["status"] >= 400]
COUNTS = (382, 88, 411, 11)
FAILED = "openai-responses-533d0b80b3"
"""The one stream that reports an error."""


def test_all_recordings_are_here() -> None:
    assert sum(item["provider"] == "openai" for item in ALL) == 384
    assert len(ALL) == 481
    assert (len(ANSWERS), len(STREAMS), len(REQUESTS), len(ERRORS)) == COUNTS


def asked(item: Recording) -> Request:
    return openai_responses.decode_request(json.dumps(item["request_json"] or {"model": "m", "input": "x"}).encode())


def texts(parts: tuple[Part, ...], kind: type[Text] | type[Thinking] | type[Refusal]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))


def plain_texts(output: list[Recording], field: str) -> str:
    """What the messages say in the `field` of their content parts. (Some servers write a null one into every part.)"""
    contents = [part for item in output if item["type"] == "message" for part in item["content"]]
    return "".join(part.get(field) or "" for part in contents)


def plain_thinking(output: list[Recording]) -> str:
    items = [item for item in output if item["type"] == "reasoning"]
    return "".join(part["text"] for item in items for part in (*item["summary"], *(item.get("content") or ())))


def plain_calls(output: list[Recording]) -> list[tuple[Any, ...]]:
    return [
        (item.get("call_id"), item["name"], item["arguments" if item["type"] == "function_call" else "input"])
        for item in output
        if item["type"] in ("function_call", "custom_tool_call")
    ]


def plain_sealed(output: list[Recording]) -> list[str]:
    """Each reasoning item's id and encrypted content, as a seal has them."""
    items = [item for item in output if item["type"] == "reasoning"]
    return [f"item:{item['id']}/{item.get('encrypted_content') or ''}" for item in items]


def plain_citations(output: list[Recording]) -> list[str]:
    contents = [part for item in output if item["type"] == "message" for part in item["content"]]
    return [note.get("url") or note["file_id"] for part in contents for note in part.get("annotations") or ()]


def plain_finish(answer: Recording) -> str | None:
    if answer.get("status") == "queued":
        return None
    if answer.get("status") == "incomplete":
        return "length"
    return "tool_calls" if plain_calls(answer["output"]) else "stop"


MODELLED = ("message", "reasoning", "function_call", "custom_tool_call")


def plain_served(output: list[Recording]) -> list[str]:
    """The kinds of items that are neither said nor called."""
    return [item["type"] for item in output if item["type"] not in MODELLED]


def served(parts: tuple[Part, ...]) -> list[str]:
    held = [part.body for part in parts if isinstance(part, ServerToolCall | Opaque)]
    return [str(body["type"]) for body in held if isinstance(body, dict)]


def sealed(parts: tuple[Part, ...]) -> list[str]:
    found = []
    for part in parts:
        if isinstance(part, RedactedThinking):
            found.append(part.data)
        elif isinstance(part, Thinking) and part.signature:
            found.append(part.signature)
    return found


def check_usage(response: Response, answer: Recording) -> None:
    usage = answer.get("usage")
    if not usage:
        assert response.usage is None
        return
    assert response.usage is not None
    got, given, made = response.usage, usage.get("input_tokens_details"), usage.get("output_tokens_details")
    assert got.input_total == usage["input_tokens"]
    assert got.cache_read == ((given or {}).get("cached_tokens") or 0)
    assert got.cache_write_5m == ((given or {}).get("cache_write_tokens") or 0)
    assert got.output_total == usage["output_tokens"]
    assert got.reasoning == ((made or {}).get("reasoning_tokens") or 0)
    assert got.searches == (answer.get("tool_usage") or {}).get("web_search", {}).get("num_requests", 0)


def check_answer_of(response: Response, answer: Recording) -> None:
    """Hold what was read against the Response object as it stands."""
    output = answer["output"]
    assert (response.id, response.model) == (answer["id"], answer.get("model") or "")
    (choice,) = response.choices
    assert texts(choice.parts, Text) == plain_texts(output, "text")
    assert texts(choice.parts, Refusal) == plain_texts(output, "refusal")
    assert texts(choice.parts, Thinking) == plain_thinking(output)
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    assert [(part.name, part.arguments) for part in calls] == [each[1:] for each in plain_calls(output)]
    assert all(part.id == each[0] for part, each in zip(calls, plain_calls(output), strict=True) if each[0])
    assert served(choice.parts) == plain_served(output)
    notes = [note for part in choice.parts if isinstance(part, Text) for note in part.citations]
    assert [note.url or note.body["file_id"] for note in notes] == plain_citations(output)
    assert (choice.finish.reason if choice.finish else None) == plain_finish(answer)
    check_usage(response, answer)


@over("item", ANSWERS, ids=lambda item: item["id"])
def test_an_answer_is_read_as_it_is(item: Recording) -> None:
    raw = json.dumps(item["response_json"]).encode()
    response = openai_responses.decode_response(raw)
    check_answer_of(response, item["response_json"])
    expected = plain_sealed(item["response_json"]["output"])
    assert sealed(response.choices[0].parts) == expected
    tapped = openai_responses.tap_response(raw)
    assert tapped.usage == response.usage
    assert tapped.complete


@over("item", ANSWERS, ids=lambda item: item["id"])
def test_an_answer_written_again_says_the_same_in_the_same_items(item: Recording) -> None:
    response = openai_responses.decode_response(json.dumps(item["response_json"]).encode())
    encoded = openai_responses.encode_response(response, asked(item))
    assert not encoded.losses
    again = json.loads(encoded.body)
    assert normal_output(again["output"]) == normal_output(item["response_json"]["output"])
    check_answer_of(response, again)
    for field, value in item["response_json"].items():
        if field not in ("output", "usage", "created_at", "status", "incomplete_details") and value is not None:
            assert again[field] == value


def normal_output(output: list[Recording]) -> list[Recording]:
    """Items in the one of their equivalent spellings that we write."""
    found = []
    for each in copy.deepcopy(output):
        item = {field: value for field, value in each.items() if value is not None and value != []}
        if item["type"] in MODELLED:
            item.pop("status", None)  # ours is that of the answer
            item.setdefault("call_id", item.get("id"))
            item.pop("id" if item.get("id", "").partition("_")[2].startswith("kw_") else "", None)
        for part in item["content"] if item["type"] == "message" else ():
            for token in part.get("logprobs", ()):
                token["logprob"] = round(token["logprob"], 3)  # in the whole item OpenAI rounds them
            part.setdefault("annotations", [])
            part.setdefault("logprobs", [])
            if part.get("refusal", 0) is None:
                del part["refusal"]
        found.append(item)
    return found


def read(stream: bytes, size: int) -> list[Event]:
    reader = openai_responses.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


def last_answer(item: Recording) -> Recording:
    (answer,) = [
        event["response"]
        for event in frames(item["response_sse_text"])
        if event["type"] in ("response.completed", "response.incomplete")
    ]
    first = frames(item["response_sse_text"])[0]["response"]
    return {"model": first["model"], **answer}  # one server does not repeat it


@over("item", STREAMS, ids=lambda item: item["id"])
def test_a_stream_is_read_as_it_is(item: Recording) -> None:
    stream = item["response_sse_text"].encode()
    events = read(stream, len(stream))
    assert read(stream, 61) == events
    if item["id"] == FAILED:
        assert [type(event) for event in events] == [Failed]  # before anything else, so that another may be asked
        return
    response = fold(events)
    check_answer_of(response, last_answer(item))
    check_pieces(response.choices[0].parts, frames(item["response_sse_text"]))
    unknown = [event.kind for event in events if isinstance(event, Aside) and event.kind]
    assert all(kind.startswith("response.") for kind in unknown)
    assert sum(isinstance(event, Finished) for event in events) == 1


PIECES = {
    "response.output_text.delta": Text,
    "response.reasoning_summary_text.delta": Thinking,
    "response.reasoning_text.delta": Thinking,
    "response.function_call_arguments.delta": ToolCall,
    "response.custom_tool_call_input.delta": ToolCall,
}


def check_pieces(parts: tuple[Part, ...], events: list[Recording]) -> None:
    """What came piece by piece is what was read, too."""
    for kind in (Text, Thinking, ToolCall):
        said = "".join(event["delta"] for event in events if PIECES.get(event["type"]) is kind)
        whole = "".join(
            part.arguments if isinstance(part, ToolCall) else part.text
            for part in parts
            if isinstance(part, kind) and isinstance(part, Text | Thinking | ToolCall)
        )
        assert said in ("", whole)


@over("item", STREAMS, ids=lambda item: item["id"])
def test_a_stream_written_again_says_the_same_and_is_what_openai_publishes(item: Recording) -> None:
    events = read(item["response_sse_text"].encode(), 10**9)
    writer = openai_responses.StreamWriter(asked(item))
    said = b"".join(map(writer.write, events))
    assert not writer.losses
    if item["id"] == FAILED:
        (event,) = frames(said.decode())
        assert (event["type"], event["error"]["code"], event["code"]) == ("error", *["insufficient_quota"] * 2)
        return
    plain = frames(said.decode())
    check_answer_of(fold(read(said, 10**9)), last_answer(item))
    assert normal_output(plain[-1]["response"]["output"]) == normal_output(seen_output(item))
    assert [event["sequence_number"] for event in plain] == list(range(len(plain)))
    for event in plain:
        check_event(event)


def seen_output(item: Recording) -> list[Recording]:
    """The items as the stream's own events ended them: Azure encrypts a thought anew for the last event."""
    done: dict[int, Recording] = {}
    for event in frames(item["response_sse_text"]):
        if event["type"] == "response.output_item.done":
            done[event.get("output_index", len(done))] = event["item"]
    output: list[Recording] = last_answer(item)["output"]
    return [done.get(index, each) for index, each in enumerate(output)]


@over("item", STREAMS, ids=lambda item: item["id"])
@pytest.mark.parametrize("size", [10**9, 1009, 13])
def test_a_stream_passes_the_tap_untouched(item: Recording, size: int) -> None:
    stream = item["response_sse_text"].rstrip("\n").encode() + b"\n\n"  # some recordings lack the last empty line
    tap = openai_responses.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    tapped = tap.result()
    if item["id"] == FAILED:
        assert tapped.failure is not None
        assert (tapped.failure.kind, tapped.complete, tapped.usage) == ("quota", False, None)
        return
    answer = last_answer(item)
    response = openai_responses.decode_response(json.dumps(answer).encode())
    assert (tapped.complete, tapped.usage, tapped.model) == (True, response.usage, answer["model"])
    assert tapped.finish == plain_finish(answer)
    said = [event["delta"] for event in frames(item["response_sse_text"]) if isinstance(event.get("delta"), str)]
    assert tapped.output_chars == len("".join(said))


def normal(body: Recording) -> Recording:
    """A request in the one of its equivalent spellings that we write. These are all the differences allowed:

    a string as the input is one user's message; a message says its type; content of one plain text is that text; a
    picture says its detail; a tool that leaves open whether it is strict says so; what is null, empty or false by
    default is not said; an answer of text is what every answer is; a message without an id has no status; what is to
    be included comes in any order.
    """
    body = {field: value for field, value in copy.deepcopy(body).items() if value is not None}
    if isinstance(body.get("input"), str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    body["input"] = [normal_item(item) for item in body.get("input", [])]
    for field in ("instructions", "stream", "tools", "include"):
        if not body.get(field):
            body.pop(field, None)
    if "include" in body:
        body["include"].sort()
    for tool in body.get("tools", ()):
        if tool["type"] == "function":
            tool.setdefault("strict", None)
            tool.pop("description" if tool.get("description", 0) is None else "", None)
    if "reasoning" in body:
        body["reasoning"] = {field: value for field, value in body["reasoning"].items() if value is not None}
    text = body.get("text")
    if text is not None and text.get("format") == {"type": "text"}:
        del text["format"]
    if text == {}:
        del body["text"]
    return body


def normal_item(item: Recording) -> Recording:
    item = {field: value for field, value in item.items() if value is not None}
    if "role" in item and "tools" not in item:
        item["type"] = "message"
        content = item["content"]
        if "id" not in item:
            item.pop("status", None)
            if isinstance(content, list) and len(content) == 1 and set(content[0]) <= {"type", "text", "annotations"}:
                item["content"] = content[0]["text"]
    if item["type"] in ("message", "function_call_output"):
        for part in item["content" if item["type"] == "message" else "output"]:
            normal_part(part)
    if item["type"] == "reasoning" and item.get("content") == []:
        del item["content"]
    return item


def normal_part(part: Any) -> None:
    if isinstance(part, str):
        return
    part.pop("logprobs", None)
    if part["type"] == "input_image":
        part.setdefault("detail", "auto")
    if part["type"] == "output_text":
        part.setdefault("annotations", [])


OUTCOMES = {"carried": 411, "with losses": 0}


def encoded_again(item: Recording) -> tuple[Recording, tuple[Loss, ...]]:
    encoded = openai_responses.encode_request(asked(item), item["request_json"]["model"], ABLE)
    return json.loads(encoded.body), encoded.losses


@over("item", REQUESTS, ids=lambda item: item["id"])
def test_a_request_decoded_and_encoded_again_is_the_same(item: Recording) -> None:
    again, losses = encoded_again(item)
    assert not losses
    assert normal(again) == normal(item["request_json"])


def test_every_request_is_carried() -> None:
    lost = sum(bool(encoded_again(item)[1]) for item in REQUESTS)
    assert {"carried": len(REQUESTS) - lost, "with losses": lost} == OUTCOMES


ROUTED = "$: Additional properties are not allowed ('provider' was unexpected)"
UNKNOWN_TO_THE_TYPES = {"openrouter-responses-7600295c68": ROUTED, "openrouter-responses-1fd985a726": ROUTED}
"""Recorded requests with what OpenAI has not, and that what its types say of them: OpenRouter's choice of providers."""


@over("item", REQUESTS, ids=lambda item: item["id"])
def test_a_request_of_ours_is_what_openai_takes(item: Recording) -> None:
    again, _ = encoded_again(item)
    complaint = complaint_about_request(again)
    assert (complaint or "") == UNKNOWN_TO_THE_TYPES.get(item["id"], "")


@over("item", REQUESTS, ids=lambda item: item["id"])
def test_a_patched_request_differs_in_the_model_only(item: Recording) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode(), msgspec.json.encode(body)):
        peeked = openai_responses.peek(raw)
        patched = openai_responses.patch(raw, peeked, "else/where")
        assert (peeked.model, peeked.stream) == (body["model"], bool(body.get("stream")))
        assert peeked.output_tokens_max == body.get("max_output_tokens")
        assert json.loads(patched) == {**body, "model": "else/where"}
        assert len(patched) - len(raw) == len("else/where") - len(body["model"])
        assert openai_responses.patch(patched, openai_responses.peek(patched), body["model"]) == raw


KINDS = {
    "invalid_api_key": "authentication",
    "context_length_exceeded": "context_too_long",
    "insufficient_quota": "quota",
    "model_not_found": "not_found",
}


@over("item", ERRORS, ids=lambda item: item["id"])
def test_an_error_is_understood(item: Recording) -> None:
    error = item["response_json"]["error"]
    failure = openai_responses.decode_error(item["status"], json.dumps(item["response_json"]).encode())
    assert failure.status == item["status"]
    assert failure.kind == KINDS.get(error["code"], "invalid_request")
    again = json.loads(openai_responses.encode_error(failure, "req"))["error"]
    assert (again["type"], again["param"]) == (error["type"], error["param"])
    if failure.kind != "authentication":
        assert again["message"] == error["message"]
        return
    assert "key" not in again["message"]


def test_an_answer_that_failed_is_an_error() -> None:
    failed = next(event for event in frames(stream_of(FAILED)) if event["type"] == "response.failed")
    with pytest.raises(ProviderError) as caught:
        openai_responses.decode_response(json.dumps(failed["response"]).encode())
    assert caught.value.failure.kind == "quota"


def stream_of(name: str) -> str:
    (found,) = [item["response_sse_text"] for item in STREAMS if item["id"] == name]
    return str(found)


ODD_ANSWERS = {
    # A provider's own way to repeat its request's format, and to write items of tools that it runs: kept as they are.
    "$.text": 3,
    "$.output[0]": 2,
    "$.output[1]": 1,
}


def test_the_answers_that_we_write_are_what_openai_publishes() -> None:
    odd: Counter[str] = Counter()
    for item in ANSWERS:
        response = openai_responses.decode_response(json.dumps(item["response_json"]).encode())
        try:
            check_answer(json.loads(openai_responses.encode_response(response, asked(item)).body))
        except ValidationError as error:
            odd[error.json_path] += 1
    assert odd == ODD_ANSWERS
