"""The laws of a dialect, for what every dialect can say and for what only this one can."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.message import ToolCall
from keywright.core.request import Request
from keywright.core.response import Choice, Response
from keywright.dialects.anthropic import (
    NAME,
    StreamReader,
    StreamWriter,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from tests.dialects.anthropic import strategies as own
from tests.laws import strategies as canonical

ASKED = Request("m", ())
ORIGINS = st.sampled_from([NAME, "openai_chat"])
DECLARED = {"signature", "citations", "choices", "choices[0].logprobs"}


def written(events: list[Event]) -> tuple[bytes, StreamWriter]:
    writer = StreamWriter(ASKED)
    return b"".join(map(writer.write, events)), writer


def read(body: bytes) -> list[Event]:
    reader = StreamReader()
    return reader.feed(body) + reader.end()


@given(own.requests())
@settings(deadline=None)
def test_a_request_that_can_be_said_comes_back_whole(request: Request) -> None:
    encoded = encode_request(request, request.model, own.ABLE)
    assert not encoded.losses
    assert decode_request(encoded.body) == request


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_after_the_declared_losses_a_request_loses_nothing_more(request: Request) -> None:
    once = encode_request(request, request.model, own.ABLE)
    settled = decode_request(once.body)
    twice = encode_request(settled, request.model, own.ABLE)
    assert not twice.losses
    assert json.loads(twice.body) == json.loads(once.body)
    assert decode_request(twice.body) == settled


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_a_request_that_came_back_different_has_declared_a_loss(request: Request) -> None:
    encoded = encode_request(request, request.model, own.ABLE)
    if own.sayable(request) == request:
        assert decode_request(encoded.body) == request or encoded.losses


@given(ORIGINS.flatmap(canonical.requests))
@settings(deadline=None)
def test_encoding_changes_nothing_of_its_input_and_gives_the_same_bytes_again(request: Request) -> None:
    before = copy.deepcopy(request)
    first = encode_request(request, "other", own.ABLE)
    assert request == before
    assert encode_request(before, "other", own.ABLE) == first


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
    assert own.without_origin(own.spelled(fold(read(body)))) == own.given_back(fold(events))
    assert events == before
    assert written(events)[0] == body
    assert {loss.path for loss in writer.losses} <= DECLARED | {f"content[{number}]" for number in range(9)}


@given(canonical.responses(NAME, signed=True))
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


@given(st.text(min_size=0, max_size=20))
def test_a_call_id_from_anywhere_is_one_that_the_api_takes_and_comes_back(call_id: str) -> None:
    response = decode_response(
        encode_response(fold(unfold(own.given_back(Response("i", "m", (canonical_choice(call_id),))))), ASKED).body
    )
    (call,) = response.choices[0].parts
    assert isinstance(call, ToolCall)
    assert call.id == call_id


def canonical_choice(call_id: str) -> Choice:
    return Choice((ToolCall(call_id, "f", "{}"),))
