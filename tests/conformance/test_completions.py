"""Recorded completions: what we read is what plain JSON says. And a real model that answers in this wire.

Two recordings that are called completions are answers of Portkey's stored prompts, which are chat completions: their
text is read all the same, and their requests, which have neither model nor prompt, are refused.
"""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Text
from keywright.core.response import Response
from keywright.dialects import openai_chat, openai_completions
from keywright.local import ALIAS, LocalModel, LocalModelMissingError, start
from tests.conformance.plain import frames, recorded
from tests.conftest import shared_dir
from tests.dialects.openai_completions.official import check_answer, check_request
from tests.standin.chat import ChatWire

Recording = dict[str, Any]  # one line of the recordings
ALL = [item for file in ("openai", "openai_compat") for item in recorded(file, "completions")]
ASKED = [item for item in ALL if "prompt" in item["request_json"]]
WHOLE = [item for item in ALL if item["status"] == 200 and item.get("response_json")]
STREAMS = [item for item in ALL if item.get("response_sse_text")]
ABLE = Abilities()
MINIMAL = b'{"model":"m","prompt":"x","stream":true,"stream_options":{"include_usage":true}}'
every = pytest.mark.parametrize


def name(item: Recording) -> str:
    return str(item["id"])


def test_all_recordings_are_here() -> None:
    assert (len(ALL), len(ASKED), len(WHOLE), len(STREAMS)) == (12, 10, 8, 3)


def check(response: Response, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> None:
    for choice, plain in zip(response.choices, choices, strict=True):
        text = plain["text"] if "text" in plain else plain["message"]["content"]
        assert "".join(part.text for part in choice.parts if isinstance(part, Text)) == text
        assert choice.index == plain["index"]
        assert (choice.finish.reason if choice.finish else None) == plain["finish_reason"]
    if usage is None:
        assert response.usage is None
    else:
        assert response.usage is not None
        assert (response.usage.input_total, response.usage.output_total) == (
            usage["prompt_tokens"],
            usage["completion_tokens"],
        )


def from_zero(logprobs: dict[str, Any]) -> dict[str, Any]:
    """Log probabilities whose offsets count from the answer's beginning, not the prompt's."""
    first = logprobs["text_offset"][0]
    return {**logprobs, "text_offset": [offset - first for offset in logprobs["text_offset"]]}


@every("item", WHOLE, ids=name)
def test_an_answer_is_read_as_it_is_and_written_as_it_was(item: Recording) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = openai_completions.decode_response(raw)
    check(response, body["choices"], body.get("usage"))
    assert (response.id, response.model, response.created_s) == (body["id"], body["model"], body["created"])
    tapped = openai_completions.tap_response(raw)
    assert (tapped.usage, tapped.complete) == (response.usage, True)
    encoded = openai_completions.encode_response(response, openai_completions.decode_request(MINIMAL))
    assert not encoded.losses
    again = json.loads(encoded.body)
    if body["object"] != "text_completion":
        return
    check_answer(again)
    for got, plain in zip(again.pop("choices"), body["choices"], strict=True):
        assert got == {**plain, "logprobs": plain["logprobs"] and from_zero(plain["logprobs"])}
    details = ("prompt_tokens_details", "completion_tokens_details")
    again["usage"] = {key: value for key, value in again["usage"].items() if key not in details}  # all zero
    assert again == {key: value for key, value in body.items() if key != "choices"}


def read(stream: bytes, size: int) -> list[Event]:
    reader = openai_completions.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


@every("item", STREAMS, ids=name)
def test_a_stream_is_read_as_it_is_and_written_as_it_was(item: Recording) -> None:
    stream = item["response_sse_text"].encode()
    pieces = [choice for chunk in frames(item["response_sse_text"]) for choice in chunk["choices"]]
    plain = {
        "text": "".join(piece["text"] for piece in pieces),
        "index": 0,
        "finish_reason": pieces[-1]["finish_reason"],
    }
    events = read(stream, len(stream))
    assert read(stream, 61) == events
    check(fold(events), [plain], None)
    writer = openai_completions.StreamWriter(openai_completions.decode_request(MINIMAL))
    written = b"".join(map(writer.write, events))
    assert not writer.losses
    check(fold(read(written, 10**9)), [plain], None)
    for chunk in frames(written.decode()):
        check_answer(chunk)


@every("size", [10**9, 211, 7])
@every("item", STREAMS, ids=name)
def test_a_stream_passes_the_tap_untouched(item: Recording, size: int) -> None:
    stream = item["response_sse_text"].encode()
    tap = openai_completions.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    tapped = tap.result()
    texts = [choice["text"] for chunk in frames(item["response_sse_text"]) for choice in chunk["choices"]]
    assert (tapped.complete, tapped.output_chars, tapped.finish) == (True, len("".join(texts)), "length")


@every("item", ASKED, ids=name)
def test_a_request_decoded_and_encoded_again_is_the_same(item: Recording) -> None:
    body = item["request_json"]
    encoded = openai_completions.encode_request(
        openai_completions.decode_request(json.dumps(body).encode()), body["model"], ABLE
    )
    wanted = {**body, "stream_options": {"include_usage": True}} if body.get("stream") else body
    check_request(json.loads(encoded.body))
    assert (json.loads(encoded.body), encoded.losses) == (wanted, ())


@every("item", ASKED, ids=name)
def test_a_patched_request_differs_in_the_model_and_the_usage_only(item: Recording) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode()):
        peeked = openai_completions.peek(raw)
        prompts = len(body["prompt"]) if isinstance(body["prompt"], list) else 1
        assert (peeked.model, peeked.choices) == (body["model"], prompts * (body.get("n") or 1))
        patched = openai_completions.patch(raw, peeked, "else/where")
        wanted = {**body, "model": "else/where"}
        if body.get("stream"):
            wanted["stream_options"] = {"include_usage": True}
        else:
            assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)
        assert json.loads(patched) == wanted


def test_requests_reach_chat_completions_or_are_refused_by_name() -> None:
    refused: list[str] = []
    for item in ASKED:
        request = openai_completions.decode_request(json.dumps(item["request_json"]).encode())
        encoded = openai_chat.encode_request(request, "gpt-4o", ABLE)
        meant = [openai_completions.locate(loss.path, request) for loss in encoded.losses if loss.weight == "meaning"]
        refused += meant
        if not meant:
            ChatWire(shared_dir("specs")).check(json.loads(encoded.body), {})
    assert sorted(refused) == ["prompt", "prompt", "suffix"]


def test_what_is_no_request_of_this_wire_is_refused_and_an_error_is_understood() -> None:
    for item in ALL:
        if item not in ASKED:
            with pytest.raises(RefusedError):
                openai_completions.peek(json.dumps(item["request_json"]).encode())
    (error,) = [item for item in ALL if item["status"] != 200]
    failure = openai_completions.decode_error(404, json.dumps(error["response_json"]).encode())
    assert (failure.kind, failure.code) == ("not_found", "model_not_found")


@pytest.fixture(scope="module")
def local_model() -> Iterator[LocalModel]:
    """The real model; the tests skip where it is not installed."""
    try:
        model = start()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    with model:
        yield model


def test_a_real_model_is_understood_whole_and_as_a_stream(local_model: LocalModel) -> None:
    """What we send is what its server takes, what it answers we read, and what we write OpenAI's SDK reads."""
    body = {"model": ALIAS, "prompt": "The capital of France is", "max_tokens": 6, "temperature": 0, "logprobs": 2}
    with openai.OpenAI(base_url=local_model.base_url + "/v1", api_key="none", max_retries=0) as client:
        request = openai_completions.decode_request(json.dumps(body).encode())
        sent = json.loads(openai_completions.encode_request(request, ALIAS, ABLE).body)
        raw = client.completions.with_raw_response.create(**sent).http_response.read()
        response = openai_completions.decode_response(raw)
        (text,) = response.choices[0].parts
        assert isinstance(text, Text)
        assert text.text.startswith(" Paris")
        assert response.usage is not None
        assert response.usage.output_total == 6
        assert openai_completions.tap_response(raw).usage == response.usage
        streamed = client.completions.with_raw_response.create(**sent, stream=True).http_response.read()
    events = read(streamed, 17)
    assert fold(events).choices[0].parts == (text,)
    told = openai.types.Completion.model_validate_json(openai_completions.encode_response(response, request).body)
    assert told.choices[0].text == text.text
    assert told.choices[0].logprobs is not None
    assert "".join(told.choices[0].logprobs.tokens or ()) == text.text
    writer = openai_completions.StreamWriter(request)
    chunks = frames(b"".join(map(writer.write, events)).decode())
    read_by_sdk = [openai.types.Completion.construct(**chunk) for chunk in chunks]
    assert "".join(chunk.choices[0].text for chunk in read_by_sdk) == text.text
