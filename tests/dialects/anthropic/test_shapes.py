"""What clients are given is what Anthropic's own SDK declares."""

import json

from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from keywright.core.event import Event
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects.anthropic import NAME, StreamWriter, encode_response
from tests.laws import strategies as canonical

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
ORIGINS = st.sampled_from([NAME, "openai_chat"])


@given(ORIGINS.flatmap(canonical.responses))
@settings(deadline=None)
def test_an_answer_is_a_message_of_the_sdk(response: Response) -> None:
    body = encode_response(response, Request("m", ())).body
    message = Message.model_validate_json(body, strict=True)
    assert message.model_dump(mode="json", exclude_unset=True) == json.loads(body)


@given(ORIGINS.flatmap(canonical.streams))
@settings(deadline=None)
def test_a_stream_is_made_of_events_of_the_sdk(events: list[Event]) -> None:
    writer = StreamWriter(Request("m", ()))
    for frame in b"".join(map(writer.write, events)).split(b"\n\n")[:-1]:
        data = frame.partition(b"\ndata: ")[2]
        event = EVENT.validate_json(data, strict=True)
        assert event.model_dump(mode="json", exclude_unset=True) == json.loads(data)
