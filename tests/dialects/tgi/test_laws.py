"""The laws that every dialect keeps, for text generation."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, PathSaid
from keywright.core.event import Closed, Event, Opened, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import RedactedThinking, Text, Thinking, Turn
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Request, Sampling
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import tgi
from tests.dialects.tgi.official import check_answer, check_frame, check_request
from tests.laws.strategies import law, requests, responses, streams, words

dialect: Dialect = tgi
ABLE = Abilities(audio=True, reasoning="effort")
ASKED = Request("m", (), stream=True, extras={"tgi": {"parameters.details": True}})


@law
@given(requests("another"), words, st.integers(1, 99), st.sampled_from([None, 0.1, 0.9]))
def test_a_text_survives_the_wire(request: Request, text: str, top_k: int, top_p: float | None) -> None:
    form = JsonSchemaFormat(request.format.schema) if isinstance(request.format, JsonSchemaFormat) else None
    lone = replace(
        request, turns=(Turn("user", (Text(text),)),), tools=(), tool_choice=None, reasoning=None, user=None,
        format=form, sampling=Sampling(0.5, top_p, top_k, seed=top_k), extras={"tgi": {"parameters.details": True}},
    )  # fmt: skip
    encoded = dialect.encode_request(lone, "m", ABLE)
    assert not encoded.losses
    again = dialect.decode_request(encoded.body, PathSaid(lone.model))
    extras = {"parameters.details": True, "parameters.do_sample": True}
    assert again == replace(lone, extras={"tgi": extras})


@law
@given(requests("another"))
def test_what_is_sent_is_what_tgi_takes_and_what_is_not_text_is_reported(request: Request) -> None:
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
                assert part.text in body["inputs"]
            else:
                wanted = "knob" if isinstance(part, Thinking | RedactedThinking) else "meaning"
                assert weights[f"turns[{number}].parts[{place}]"] == wanted
    assert (weights.get("tools") == "meaning") == bool(request.tools and (request.tool_choice is None or request.tool_choice.mode != "none"))  # fmt: skip  # noqa: E501
    assert body["parameters"].get("grammar") == (
        None if request.format is None
        else {"type": "json", "value": {"type": "object"} if isinstance(request.format, JsonObjectFormat) else request.format.schema}  # noqa: E501
    )  # fmt: skip


def textual(response: Response) -> tuple[str, Finish]:
    """What of an answer can be said: its texts, and two reasons."""
    (choice,) = response.choices
    assert choice.finish is not None
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    return text, Finish("length" if choice.finish.reason == "length" else "stop")


@law
@given(responses("another"))
def test_an_answer_survives_the_wire(response: Response) -> None:
    body = dialect.encode_response(response, ASKED).body
    check_answer(json.loads(body))
    assert textual(dialect.decode_response(body)) == textual(response)
    plain = json.loads(dialect.encode_response(response, Request("m", ())).body)
    assert list(plain) == ["generated_text"]


def written(events: list[Event]) -> list[bytes]:
    writer = dialect.StreamWriter(ASKED)
    return [writer.write(event) for event in events]


def read(chunks: list[bytes]) -> list[Event]:
    reader = dialect.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("another"))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    chunks = written(events)
    for frame in b"".join(chunks).split(b"\n\n")[:-1]:
        check_frame(json.loads(frame[6:]))
    got, wanted = fold(read(chunks)), fold(events)
    assert textual(got) == textual(wanted)
    used = wanted.usage or Usage()
    assert got.usage == Usage(used.input_total, used.output_total)


@law
@given(responses("another"))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert textual(fold(read(written(list(unfold(response)))))) == textual(response)


@settings(law, max_examples=8)
@given(streams("another"), st.sampled_from([b"\n", b"\r\n"]))
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
    opened: set[int] = set()
    for event in read(written(events)):
        match event:
            case Opened():
                opened.add(event.part)
            case Closed():
                opened.remove(event.part)
            case TextDelta():
                assert event.part in opened
            case _:
                pass
        folder.add(event)
    assert folder.ended
    assert not opened


def test_an_empty_answer_is_an_answer() -> None:
    response = Response("", "m", (Choice((), Finish("stop")),))
    assert textual(dialect.decode_response(dialect.encode_response(response, ASKED).body)) == ("", Finish("stop"))
    assert textual(fold(read(written(list(unfold(response)))))) == ("", Finish("stop"))
