"""The laws that every dialect keeps, for completions."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import Closed, Event, Opened, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import RedactedThinking, Text, Thinking, Turn
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects import openai_completions
from tests.dialects.openai_completions.official import check_answer, check_request
from tests.laws.strategies import law, requests, responses, streams, words

dialect: Dialect = openai_completions
ABLE = Abilities(audio=True, reasoning="effort")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)


@law
@given(requests("another"), words)
def test_a_prompt_survives_the_wire(request: Request, prompt: str) -> None:
    lone = replace(
        request, turns=(Turn("user", (Text(prompt),)),), tools=(), tool_choice=None, format=None, reasoning=None
    )
    encoded = dialect.encode_request(lone, request.model, ABLE)
    assert not encoded.losses
    assert dialect.decode_request(encoded.body) == replace(lone, stream_usage=True if lone.stream else None)


@law
@given(requests("another"))
def test_what_is_sent_is_what_openai_takes_and_what_is_not_text_is_reported(request: Request) -> None:
    before = msgspec.json.encode(request)
    encoded = dialect.encode_request(request, "m", ABLE)
    assert encoded == dialect.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before
    body = json.loads(encoded.body)
    check_request(body)
    weights = {loss.path: loss.weight for loss in encoded.losses}
    for number, turn in enumerate(request.turns):
        for place, part in enumerate(turn.parts):
            if isinstance(part, Text):
                assert part.text in body["prompt"]
            else:
                wanted = "knob" if isinstance(part, Thinking | RedactedThinking) else "meaning"
                assert weights[f"turns[{number}].parts[{place}]"] == wanted


def textual(response: Response) -> Response:
    """An answer as completions can say it: its texts, and three reasons."""
    return replace(response, choices=tuple(map(textual_choice, response.choices)))


def textual_choice(choice: Choice) -> Choice:
    assert choice.finish is not None
    finish = Finish("stop") if choice.finish.reason == "tool_calls" else choice.finish
    return Choice(tuple(part for part in choice.parts if isinstance(part, Text)), finish, choice.index)


@law
@given(responses("another", choices_max=2))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = dialect.encode_response(response, ASKED)
    check_answer(json.loads(encoded.body))
    assert dialect.decode_response(encoded.body) == textual(response)


def written(events: list[Event]) -> list[bytes]:
    writer = dialect.StreamWriter(ASKED)
    return [writer.write(event) for event in events]


def read(chunks: list[bytes]) -> list[Event]:
    reader = dialect.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("another", choices_max=2))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    chunks = written(events)
    for frame in b"".join(chunks).split(b"\n\n")[:-2]:
        check_answer(json.loads(frame[6:]))
    assert fold(read(chunks)) == textual(fold(events))


@law
@given(responses("another"))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert fold(read(written(list(unfold(response))))) == textual(response)


@settings(law, max_examples=8)
@given(streams("another", choices_max=2), st.sampled_from([b"\n", b"\r\n"]))
def test_a_stream_cut_at_any_byte_is_the_stream(events: list[Event], newline: bytes) -> None:
    stream = b"".join(written(events)).replace(b"\n", newline)
    whole = read([stream])
    for cut in range(len(stream)):
        assert read([stream[:cut], stream[cut:]]) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole


@law
@given(streams("another", choices_max=2))
def test_what_was_read_is_well_formed(events: list[Event]) -> None:
    folder = Folder()
    opened: set[tuple[int, int]] = set()
    for event in read(written(events)):
        match event:
            case Opened():
                opened.add((event.choice, event.part))
            case Closed():
                opened.remove((event.choice, event.part))
            case TextDelta():
                assert (event.choice, event.part) in opened
            case _:
                pass
        folder.add(event)
    assert folder.ended
    assert not opened
