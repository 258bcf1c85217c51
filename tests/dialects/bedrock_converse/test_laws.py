"""The laws of a dialect, for what every dialect can say and for what only this one can; and what nonsense does."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keywright.core.dialect import PathSaid, Peek
from keywright.core.errors import RefusedError, UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects.aws_eventstream import event_block, framed
from keywright.dialects.bedrock_converse import (
    NAME,
    StreamReader,
    StreamWriter,
    Tap,
    decode_error,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    locate,
    peek,
    tap_response,
)
from tests.conftest import shared_dir
from tests.dialects.bedrock_converse import strategies as own
from tests.dialects.spoilt import spoilt
from tests.laws import strategies as canonical
from tests.standin.botoshape import service_model

ASKED = Request("m", ())
ORIGINS = st.sampled_from([NAME, "openai_chat"])
DECLARED = {"signature", "citations", "choices", "choices[0].logprobs"}


def written(events: list[Event]) -> tuple[bytes, StreamWriter]:
    writer = StreamWriter(ASKED)
    return b"".join(map(writer.write, events)), writer


def read(body: bytes) -> list[Event]:
    reader = StreamReader()
    return reader.feed(body) + reader.end()


def decoded(body: bytes, request: Request) -> Request:
    return decode_request(body, PathSaid(request.model, request.stream))


@given(own.requests())
@settings(deadline=None)
def test_a_request_that_can_be_said_comes_back_whole(request: Request) -> None:
    encoded = encode_request(request, own.MODEL, own.ABLE)
    assert not encoded.losses
    assert decoded(encoded.body, request) == request


@given(own.requests())
@settings(deadline=None)
def test_every_such_request_conforms_to_the_services_model(request: Request) -> None:
    model = service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")
    body = json.loads(encode_request(request, own.MODEL, own.ABLE).body)
    for novelty in (
        body,
        *(block["document"] for message in body["messages"] for block in message["content"] if "document" in block),
    ):
        novelty.pop("novelty", None)
    assert model.input_complaint("Converse", body) is None


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_after_the_declared_losses_a_request_loses_nothing_more(request: Request) -> None:
    once = encode_request(request, own.MODEL, own.ABLE)
    settled = decoded(once.body, request)
    twice = encode_request(settled, own.MODEL, own.ABLE)
    assert not twice.losses
    assert json.loads(twice.body) == json.loads(once.body)
    assert decoded(twice.body, request) == settled


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_every_loss_is_told_by_a_path_that_the_client_knows(request: Request) -> None:
    for loss in encode_request(request, own.MODEL, own.ABLE).losses:
        assert not locate(loss.path, request).startswith("turns")


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_encoding_changes_nothing_of_its_input_and_gives_the_same_bytes_again(request: Request) -> None:
    before = copy.deepcopy(request)
    first = encode_request(request, "amazon.nova-x", own.ABLE)
    assert request == before
    assert encode_request(before, "amazon.nova-x", own.ABLE) == first


@given(ORIGINS.flatmap(canonical.responses))
@settings(deadline=None)
def test_an_answer_comes_back_up_to_declared_losses(response: Response) -> None:
    before = copy.deepcopy(response)
    encoded = encode_response(response, ASKED)
    assert decode_response(encoded.body) == own.given_back(response)
    assert response == before
    assert encode_response(before, ASKED) == encoded


@given(ORIGINS.flatmap(canonical.streams))
@settings(deadline=None)
def test_a_stream_folds_to_the_same_answer_after_it_was_written_and_read(events: list[Event]) -> None:
    before = copy.deepcopy(events)
    body, writer = written(events)
    assert own.spelled(fold(read(body))) == own.given_back(fold(events))
    assert events == before
    assert written(events)[0] == body
    assert {loss.path for loss in writer.losses} <= DECLARED | {f"content[{number}]" for number in range(9)}


@given(canonical.responses(NAME))
@settings(deadline=None)
def test_a_whole_answer_and_its_stream_say_the_same(response: Response) -> None:
    body, _ = written(list(unfold(response)))
    assert own.spelled(fold(read(body))) == decode_response(encode_response(response, ASKED).body)


@given(canonical.streams(NAME), st.data())
@settings(deadline=None)
def test_where_a_stream_is_cut_makes_no_difference(events: list[Event], data: st.DataObject) -> None:
    body, _ = written(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    reader = StreamReader()
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert [event for piece in pieces for event in reader.feed(piece)] + reader.end() == read(body)


_TEMPLATE: dict[str, Any] = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "x"},
                {"image": {"format": "png", "source": {"bytes": "eA=="}}},
                {
                    "document": {
                        "format": "pdf",
                        "name": "n",
                        "source": {"bytes": "eA=="},
                        "citations": {"enabled": True},
                    }
                },
                {"toolResult": {"toolUseId": "1", "content": [{"json": {}}], "status": "error"}},
                {"cachePoint": {"type": "default", "ttl": "5m"}},
                {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
                {"citationsContent": {"content": [{"text": "c"}], "citations": [{"title": "t"}]}},
                {"toolUse": {"toolUseId": "1", "name": "f", "input": {}}},
            ],
        }
    ],
    "system": [{"text": "s"}],
    "inferenceConfig": {"maxTokens": 1, "stopSequences": ["a"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}, {"cachePoint": {"type": "default"}}],
        "toolChoice": {"tool": {"name": "f"}},
    },
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1}, "top_k": 1},
    "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}},
    "requestMetadata": {"a": "b"},
    "serviceTier": {"type": "flex"},
}
_ANSWER: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": _TEMPLATE["messages"][0]["content"]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]},
}
_EVENTS: list[Any] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "1", "name": "f"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"reasoningContent": {"text": "x", "signature": "y"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"citation": {"title": "t"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 3, "delta": {"toolResult": [{"json": {}}]}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 1}, "metrics": {}}),
]


@given(spoilt(_TEMPLATE))
@settings(deadline=None)
def test_a_request_with_nonsense_in_it_is_decoded_or_refused(body: bytes) -> None:
    try:
        request = decode_request(body, PathSaid("m"))
        encode_request(request, "m", own.ABLE)
    except RefusedError:
        pass


@given(spoilt(_ANSWER))
@settings(deadline=None)
def test_an_answer_with_nonsense_in_it_is_decoded_or_malformed(body: bytes) -> None:
    tap_response(body)
    decode_error(400, body)
    try:
        encode_response(decode_response(body), ASKED)
    except UpstreamMalformedError:
        pass


@given(spoilt({"events": _EVENTS}))
@settings(deadline=None)
def test_a_stream_with_nonsense_in_it_is_read_or_malformed_or_broken(spoilt_events: bytes) -> None:
    events = json.loads(spoilt_events).get("events")
    named = [
        each
        for each in (events if isinstance(events, list) else ())
        if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str)
    ]
    body = b"".join(framed(event_block(kind), json.dumps(node).encode()) for kind, node in named)
    tap = Tap(Peek("m", stream=True, input_bytes=1))
    assert tap.feed(body) == body
    tap.result()
    try:
        writer = StreamWriter(ASKED)
        for event in read(body):
            writer.write(event)
    except (UpstreamMalformedError, UpstreamBrokeError):
        pass


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_bytes_of_any_kind_raise_only_the_dialects_own_errors(data: bytes) -> None:
    assert decode_error(500, data).status == 500
    tap_response(data)
    for decode in (decode_request, peek):
        try:
            decode(data, PathSaid("m"))
        except RefusedError:
            pass
    try:
        decode_response(data)
    except UpstreamMalformedError:
        pass
    try:
        read(data)
    except (UpstreamMalformedError, UpstreamBrokeError):
        pass
