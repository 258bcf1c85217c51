"""Streams of every shape: what is written is read as it was; what is nonsense raises only the dialect's own errors."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import ABLE
from keywright.core.dialect import PathSaid, Peek, Tapped
from keywright.core.errors import ProviderError, RefusedError, UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Event, Failed, Started
from keywright.core.failure import Failure
from keywright.core.fold import fold
from keywright.core.message import Part, Text, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects.aws_eventstream import event_block, exception_block, framed
from keywright.dialects.bedrock_invoke import (
    NAME,
    StreamReader,
    StreamWriter,
    Tap,
    decode_error,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    peek,
    tap_response,
)
from keywright.dialects.bedrock_invoke.shapes import SHAPES
from keywright.dialects.bedrock_invoke.stream import frame
from keywright.dialects.bedrock_invoke.wire import METRICS
from tests.dialects.spoilt import spoilt
from tests.laws import strategies as canonical

SEEN = Peek("m", stream=True, input_bytes=1)
TEXT_SHAPES = ("titan", "mistral", "llama", "command", "claude_text")
SHAPE_NAMES = [shape.name for shape in SHAPES]


def asked(shape: str) -> Request:
    return Request("m", (), extras={NAME: {"shape": shape}})


def chunks(*nodes: Any) -> bytes:
    return b"".join(frame(json.dumps(node).encode()) for node in nodes)


def read(body: bytes) -> list[Event]:
    reader = StreamReader()
    return reader.feed(body) + reader.end()


def written(events: list[Event], shape: str) -> bytes:
    writer = StreamWriter(asked(shape))
    return b"".join(map(writer.write, events))


def said(response: Response, shape: str) -> tuple[Any, ...]:
    """What every shape can tell: the texts, the calls where it has some, and the usage."""
    parts = response.choices[0].parts if response.choices else ()
    calls = [] if shape in TEXT_SHAPES else [call(part) for part in parts if isinstance(part, ToolCall)]
    usage = response.usage or Usage()
    return (
        "".join(part.text for part in parts if isinstance(part, Text)),
        calls,
        usage.input_total,
        usage.output_total,
    )


def call(part: Part) -> tuple[str, Any]:
    assert isinstance(part, ToolCall)
    return part.name, json.loads(part.arguments or "{}")


@pytest.mark.parametrize("shape", SHAPE_NAMES)
@given(events=canonical.streams("openai_chat"))
@settings(max_examples=25, deadline=None)
def test_a_stream_says_the_same_after_it_was_written_and_read(shape: str, events: list[Event]) -> None:
    body = written(events, shape)
    whole = fold(events)
    back = fold(read(body))
    told = said(back, shape)
    if shape in ("titan", "llama", "mistral", "command", "claude_text", "command_r", "chat"):  # cached tokens untold
        assert told[:2] == said(whole, shape)[:2]
        assert back.usage is None or whole.usage is None or told[3] == said(whole, shape)[3]
    else:
        assert told == said(whole, shape)
    tap = Tap(SEEN)
    assert tap.feed(body) == body
    assert tap.result().usage == back.usage


@pytest.mark.parametrize("shape", SHAPE_NAMES)
@given(response=canonical.responses("openai_chat"))
@settings(max_examples=25, deadline=None)
def test_an_answer_says_the_same_after_it_was_written_and_read(shape: str, response: Response) -> None:
    body = encode_response(response, asked(shape)).body
    assert said(decode_response(body), shape)[:2] == said(response, shape)[:2]


@pytest.mark.parametrize("shape", SHAPE_NAMES)
@given(request=canonical.requests("openai_chat"))
@settings(max_examples=15, deadline=None)
def test_a_request_can_be_asked_in_every_shape_or_says_what_is_lost(shape: str, request: Request) -> None:
    model = {
        "anthropic": "anthropic.claude-x",
        "nova": "amazon.nova-x",
        "chat": "openai.gpt-oss",
        "titan": "amazon.titan-text-x",
        "mistral": "mistral.mistral-7b-x",
        "llama": "meta.llama3-x",
        "command": "cohere.command-text",
        "claude_text": "anthropic.claude-x",
        "command_r": "cohere.command-r-x",
    }[shape]
    encoded = encode_request(request, model, ABLE)
    back = decode_request(encoded.body, PathSaid(model, request.stream))
    again = encode_request(back, model, ABLE)
    if not any(loss.weight == "meaning" for loss in encoded.losses):
        assert not any(loss.weight == "meaning" for loss in again.losses)
        assert json.loads(again.body) == json.loads(encoded.body)


TITAN = [
    {"outputText": "Hel", "index": 0, "inputTextTokenCount": 5},
    {
        "outputText": "lo",
        "index": 0,
        "completionReason": "FINISH",
        METRICS: {"inputTokenCount": 5, "outputTokenCount": 2},
    },
]


@pytest.mark.parametrize(
    ("nodes", "text", "reason", "usage"),
    [
        (TITAN, "Hello", "stop", Usage(5, 2)),
        (
            [
                {"generation": "Hel", "prompt_token_count": 5, "generation_token_count": 1, "stop_reason": None},
                {"generation": "lo", "prompt_token_count": None, "generation_token_count": 2, "stop_reason": "length"},
            ],
            "Hello",
            "length",
            Usage(5, 2),
        ),
        ([{"outputs": [{"text": "Hello", "stop_reason": "stop"}], METRICS: {}}], "Hello", "stop", None),
        (
            [{"text": "Hel", "is_finished": False}, {"text": "lo", "is_finished": True, "finish_reason": "COMPLETE"}],
            "Hello",
            "stop",
            None,
        ),
        (
            [{"completion": "Hello", "stop_reason": None}, {"completion": "", "stop_reason": "stop_sequence"}],
            "Hello",
            "stop",
            None,
        ),
        (
            [
                {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hel"}, "stop_reason": None}]},
                {
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "lo"}, "stop_reason": "stop"}],
                    METRICS: {"inputTokenCount": 5, "outputTokenCount": 2},
                },
            ],
            "Hello",
            "stop",
            Usage(5, 2),
        ),
        (
            [
                {"event_type": "stream-start", "generation_id": "g"},
                {"event_type": "text-generation", "text": "Hello"},
                {"event_type": "citation-generation", "citations": [{"start": 0, "end": 5, "text": "Hello"}]},
                {
                    "event_type": "stream-end",
                    "finish_reason": "MAX_TOKENS",
                    "response": {"text": "Hello"},
                    METRICS: {"inputTokenCount": 5, "outputTokenCount": 2},
                },
            ],
            "Hello",
            "length",
            Usage(5, 2),
        ),
        (
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}, "x": 1},
                {"messageStop": {"stopReason": "end_turn"}},
                {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 2}}, METRICS: {}},
            ],
            "Hello",
            "stop",
            Usage(5, 2),
        ),
    ],
)
def test_chunks_of_every_shape_are_understood_wherever_the_stream_is_cut(
    nodes: list[Any], text: str, reason: str, usage: Usage | None
) -> None:
    body = chunks(*nodes)
    whole = fold(read(body))
    (part,) = whole.choices[0].parts
    assert isinstance(part, Text)
    finish = whole.choices[0].finish
    assert finish is not None
    assert (part.text, finish.reason, whole.usage) == (text, reason, usage)
    for cut in range(0, len(body), 7):
        reader = StreamReader()
        assert reader.feed(body[:cut]) + reader.feed(body[cut:]) + reader.end() == read(body)


def test_command_rs_calls_come_whole_with_or_without_events_of_their_own() -> None:
    calls = [{"name": "f", "parameters": {"a": 1}}]
    end = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": "", "tool_calls": calls}}
    for nodes in ([{"event_type": "tool-calls-generation", "tool_calls": calls}, end], [end]):
        whole = fold(read(chunks(*nodes)))
        assert whole.choices[0].parts == (ToolCall("call_0", "f", '{"a":1}'),)


def test_an_exception_or_a_failure_ends_the_stream() -> None:
    body = (
        chunks(TITAN[0]) + framed(exception_block("modelStreamErrorException"), b'{"message":"m"}') + chunks(TITAN[1])
    )
    events = read(body)
    assert isinstance(events[-1], Failed)
    tap = Tap(SEEN)
    tap.feed(body)
    failure = tap.result().failure
    assert failure is not None
    assert failure.kind == "server"
    (failed,) = read(written([Failed(Failure("rate_limited", 429, "c", "m"))], "titan"))
    assert isinstance(failed, Failed)
    assert failed.failure.kind == "rate_limited"


@pytest.mark.parametrize(
    "body",
    [b"", chunks(TITAN[0]), chunks({"type": "message_start", "message": {}}), chunks({"event_type": "stream-start"})],
)
def test_a_stream_that_ends_early_is_broken(body: bytes) -> None:
    with pytest.raises(UpstreamBrokeError):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        chunks({"x": 1}),
        chunks([]),
        framed(event_block("chunk"), b"[]"),
        framed(event_block("chunk"), b'{"bytes":"e"}'),
        chunks({"generation": 7}),
        chunks({"outputs": []}),
        chunks({"messageStart": {}}, {"messageStop": {}}),
        chunks({"event_type": "text-generation", "text": 7}),
    ],
)
def test_a_chunk_that_is_wrong_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        read(body)
    tap = Tap(SEEN)
    assert tap.feed(body) == body
    assert replace(tap.result(), output_chars=0) == Tapped()


def test_a_stream_whose_beginning_is_missing_begins_all_the_same() -> None:
    for node in ({"type": "ping"}, {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "x"}}}):
        assert StreamReader().feed(chunks(node))[0] == Started("", "")


def test_events_of_other_kinds_are_passed_over() -> None:
    assert fold(read(framed(event_block("novelty"), b"{}") + chunks(*TITAN))).usage == Usage(5, 2)


REQUESTS: list[dict[str, Any]] = [
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]},
    {
        "schemaVersion": "messages-v1",
        "messages": [{"role": "user", "content": [{"text": "x"}]}],
        "inferenceConfig": {"topK": 1, "max_new_tokens": 1},
    },
    {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "tool_choice": "any"},
    {"inputText": "x", "textGenerationConfig": {"maxTokenCount": 1, "stopSequences": ["|"]}},
    {"prompt": "<s>[INST] x [/INST]", "max_tokens": 1, "stop": ["|"]},
    {
        "message": "x",
        "chat_history": [{"role": "CHATBOT", "message": "m", "tool_calls": [{"name": "f", "parameters": {}}]}],
        "tool_results": [{"call": {"name": "f", "parameters": {}}, "outputs": [{}]}],
        "tools": [{"name": "f", "parameter_definitions": {"a": {"type": "str", "required": True}}}],
    },
]
ANSWERS: list[dict[str, Any]] = [
    {"results": [{"tokenCount": 1, "outputText": "x", "completionReason": "FINISH"}], "inputTextTokenCount": 1},
    {"generation": "x", "prompt_token_count": 1, "generation_token_count": 1, "stop_reason": "stop"},
    {"outputs": [{"text": "x", "stop_reason": "stop"}]},
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "stop_reason": "stop"}]},
    {"text": "x", "finish_reason": "COMPLETE", "tool_calls": [{"name": "f", "parameters": {}}], "citations": [{}]},
    {"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 1}},
]


@given(st.sampled_from(REQUESTS).flatmap(spoilt))
@settings(deadline=None)
def test_a_request_with_nonsense_in_it_is_decoded_or_refused(body: bytes) -> None:
    for decode in (decode_request, peek):
        try:
            decode(body, PathSaid("alias"))
        except RefusedError:
            pass


@given(st.sampled_from(ANSWERS).flatmap(spoilt))
@settings(deadline=None)
def test_an_answer_with_nonsense_in_it_is_decoded_or_malformed(body: bytes) -> None:
    tap_response(body)
    decode_error(500, body)
    try:
        decode_response(body)
    except (UpstreamMalformedError, ProviderError):
        pass


@given(st.lists(st.sampled_from([*ANSWERS, *TITAN]).flatmap(spoilt), max_size=3))
@settings(deadline=None)
def test_a_stream_with_nonsense_in_it_is_read_or_malformed_or_broken(nodes: list[bytes]) -> None:
    body = b"".join(map(frame, nodes))
    tap = Tap(SEEN)
    assert tap.feed(body) == body
    tap.result()
    try:
        read(body)
    except (UpstreamMalformedError, UpstreamBrokeError):
        pass


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_bytes_of_any_kind_raise_only_the_dialects_own_errors(data: bytes) -> None:
    for body in (data, frame(data), framed(event_block("chunk"), b'{"bytes":"' + b64encode(data) + b'"}')):
        try:
            read(body)
        except (UpstreamMalformedError, UpstreamBrokeError):
            pass
    try:
        decode_request(data, PathSaid("m"))
    except RefusedError:
        pass
