"""The laws that every dialect keeps, for OpenAI chat completions."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import ArgumentsDelta, Closed, Event, Opened, SignatureDelta, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import Document, Part, Refusal, Text, Turn
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects import openai_chat
from keywright.dialects.seal import sealed
from tests.conftest import shared_dir
from tests.laws.strategies import law, requests, responses, streams
from tests.standin.chat import ChatWire

dialect: Dialect = openai_chat
ABLE = Abilities(audio=True, reasoning="effort")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)


def as_sent(request: Request) -> Request:
    """The documented images that are no losses: a stream reports its usage, a PDF's name says that it is one."""
    turns = tuple(replace(turn, parts=tuple(map(named, turn.parts))) for turn in request.turns)
    return replace(request, turns=turns, stream_usage=True if request.stream else None)


def named(part: Part) -> Part:
    return replace(part, title=f"{part.title}.pdf") if isinstance(part, Document) and part.title else part


@law
@given(requests("openai_chat"))
def test_a_request_survives_the_wire(request: Request) -> None:
    encoded = openai_chat.encode_request(request, request.model, ABLE)
    assert not encoded.losses
    assert openai_chat.decode_request(encoded.body) == as_sent(request)


@law
@given(requests("openai_chat"))
def test_encoding_is_pure(request: Request) -> None:
    before = msgspec.json.encode(request)
    encoded = openai_chat.encode_request(request, "m", ABLE)
    assert encoded == openai_chat.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before


@law
@given(requests("another"))
def test_thinking_of_another_dialect_is_reported_and_never_sent(request: Request) -> None:
    encoded = openai_chat.encode_request(request, "m", ABLE)
    thoughts = sum("hinking" in type(part).__name__ for turn in request.turns for part in turn.parts)
    assert len(encoded.losses) == thoughts
    assert all(loss.weight == "knob" for loss in encoded.losses)
    assert b"reasoning_" not in encoded.body.replace(b"reasoning_effort", b"")


@law
@given(requests("another"))
def test_what_is_sent_is_what_openai_takes(request: Request) -> None:
    cloud = ChatWire(shared_dir("specs"))
    cloud.check(json.loads(openai_chat.encode_request(request, "gpt-4o", ABLE).body), {})


@law
@given(responses("openai_chat", choices_max=2))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = openai_chat.encode_response(response, ASKED)
    assert not encoded.losses
    assert openai_chat.decode_response(encoded.body) == response


@law
@given(responses("another"))
def test_another_providers_thinking_comes_back_from_a_client_that_echoes_it(response: Response) -> None:
    encoded = json.loads(openai_chat.encode_response(response, ASKED).body)
    message = encoded["choices"][0]["message"]
    sent = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}, message]}).encode()
    again = openai_chat.decode_request(sent).turns[1].parts
    signed = [part for part in response.choices[0].parts if getattr(part, "signature", None)]
    assert [part for part in again if getattr(part, "signature", None)] == signed


def written(events: list[Event], request: Request = ASKED) -> list[bytes]:
    writer = openai_chat.StreamWriter(request)
    frames = [writer.write(event) for event in events]
    assert not writer.losses
    return frames


def read(chunks: list[bytes]) -> list[Event]:
    reader = openai_chat.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("openai_chat", choices_max=2) | streams("another"))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    said = fold(events)
    choices = tuple(replace(choice, parts=sealed(choice.parts, "openai_chat")) for choice in said.choices)
    assert fold(read(written(events))) == replace(said, choices=choices)


@law
@given(responses("openai_chat"))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert fold(read(written(list(unfold(response))))) == response


@settings(law, max_examples=8)
@given(streams("openai_chat"), st.sampled_from([b"\n", b"\r\n"]))
def test_a_stream_cut_at_any_byte_is_the_stream(events: list[Event], newline: bytes) -> None:
    stream = b"".join(written(events)).replace(b"\n", newline)
    whole = read([stream])
    for cut in range(len(stream)):
        assert read([stream[:cut], stream[cut:]]) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole


@law
@given(streams("openai_chat"))
def test_what_was_read_is_well_formed(events: list[Event]) -> None:
    folder = Folder()
    opened: set[tuple[int, int]] = set()
    for event in read(written(events)):
        match event:
            case Opened():
                opened.add((event.choice, event.part))
            case Closed():
                opened.remove((event.choice, event.part))
            case TextDelta() | ArgumentsDelta() | SignatureDelta():
                assert (event.choice, event.part) in opened
            case _:
                pass
        folder.add(event)
    assert folder.ended
    assert not opened


def test_a_refusal_survives_whole_and_as_a_stream() -> None:
    response = Response("r", "m", (Choice((Refusal("no"),), Finish("stop")),))
    assert openai_chat.decode_response(openai_chat.encode_response(response, ASKED).body) == response
    assert fold(read(written(list(unfold(response))))) == response
