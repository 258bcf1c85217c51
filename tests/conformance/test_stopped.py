"""Recorded streams, ended by the gateway at any place: what the client got is an answer that has reached its limit.

Every recorded stream of a dialect goes through a valve, in pieces of several sizes, with less than it needs. The wires
of which no stream was recorded are written by the dialect itself.
"""

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.catalog.price import Price, Rates, cost, worst_cost
from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import ProviderError, UpstreamError
from keywright.core.event import Closed, Ended, Event, Finished, Metered, Opened, Started, TextDelta
from keywright.core.fold import fold
from keywright.core.message import Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import DIALECTS, bedrock_invoke
from keywright.dialects.bedrock_invoke.shapes import SHAPES
from keywright.dialects.bedrock_invoke.verbatim import ShapedPeek
from keywright.dialects.members import walked
from keywright.pipeline.cutoff import CHARS_PER_TOKEN_MAX, Allowance, Cutoff
from keywright.pipeline.valve import StreamStoppedError, Valve
from tests.conformance.plain import recorded

SEEN = Peek("m", stream=True, input_bytes=400)
RATE = 10
RATES = Rates(
    input=0,
    output=RATE,
    reasoning=0,
    cache_read=0,
    cache_write_5m=0,
    cache_write_1h=0,
    audio_input=0,
    audio_output=0,
    audio_cache_read=0,
    image_input=0,
    image_output=0,
    search=0,
    request=0,
)
PRICE = Price("test", RATES)

FILES: dict[str, tuple[tuple[str, str], ...]] = {
    "openai_chat": (
        ("openai", "chat.completions"),
        ("azure", "chat.completions"),
        ("openai_compat", "chat.completions"),
        ("openrouter", "chat.completions"),
        ("huggingface", "chat.completions"),
        ("ollama", "chat.completions"),
    ),
    "openai_responses": (
        ("openai", "responses"),
        ("azure", "responses"),
        ("openai_compat", "responses"),
        ("openrouter", "responses"),
        ("lmstudio", "responses"),
    ),
    "openai_completions": (("openai", "completions"),),
    "anthropic": (("anthropic", "messages"),),
    "gemini": (("gemini", "streamGenerateContent"), ("vertex", "streamGenerateContent")),
    "gemini_array": (("gemini", "streamGenerateContent"), ("vertex", "streamGenerateContent")),
    "bedrock_converse": (("bedrock", "converse-stream"),),
    "bedrock_invoke": (("bedrock", "invoke-with-response-stream"),),
    "mistral": (("mistral", "chat.completions"),),
    "cohere": (("cohere", "v2.chat"),),
    "ollama_chat": (("ollama", "api.chat"),),
    "ollama_generate": (("ollama", "api.generate"),),
}
STOPPED_MIN = {"openai_chat": 300, "openai_responses": 100, "anthropic": 150, "gemini": 50, "bedrock_converse": 40}
"""How many were really ended, where many were recorded: so that nothing passes for want of streams."""


def streams(name: str) -> Iterator[bytes]:
    """Every stream of a dialect: as recorded, or one that the dialect writes."""
    for file, endpoint in FILES.get(name, ()):
        for exchange in recorded(file, endpoint):
            found = body_of(exchange, is_array=name == "gemini_array")
            if exchange["status"] == 200 and found:
                yield found
    yield written(name)


def body_of(exchange: dict[str, object], *, is_array: bool) -> bytes:
    """The bytes of a recorded stream of that framing; none, where it is of another or whole."""
    text, packed, body = (exchange.get(f"response_{form}") for form in ("sse_text", "base64", "json"))
    if is_array:
        return json.dumps(body, indent=2).encode() if isinstance(body, list) else b""
    return text.encode() if isinstance(text, str) else b64decode(packed) if isinstance(packed, str) else b""


def written(name: str) -> bytes:
    """A stream of 60 words."""
    events: list[Event] = [Started("id-1", "m", 1), Opened(0, Text(""))]
    events += [TextDelta(0, f"word{index} ") for index in range(60)]
    events += [Closed(0), Finished(Finish("stop")), Metered(Usage(input=9, output=60)), Ended()]
    writer = DIALECTS[name].StreamWriter(Request("m", ()))
    return b"".join(map(writer.write, events))


def read(name: str, body: bytes) -> Response | None:
    """The answer of a stream; None where it is none that is complete."""
    reader = DIALECTS[name].StreamReader()
    try:
        events = reader.feed(body)
        return fold([*events, *reader.end()])
    except (ProviderError, UpstreamError):
        return None


def texts(response: Response) -> dict[int, str]:
    """Everything that each choice says, parts one after the other."""
    said: dict[int, str] = {}
    for choice in response.choices:
        said[choice.index] = "|".join(
            part.arguments if isinstance(part, ToolCall) else part.text
            for part in choice.parts
            if isinstance(part, Text | Thinking | Refusal | ToolCall)
        )
    return said


def pieces(name: str, body: bytes, size: int) -> Iterator[bytes]:
    """`body` in pieces of that size; with 0 in its frames."""
    tap = DIALECTS[name].Tap(SEEN)
    while body:
        end = size or tap.frame_end(body) or len(body)
        piece, body = body[:end], body[end:]
        tap.feed(piece)
        tap.result()
        yield piece


def passed(name: str, body: bytes, tokens: int, size: int) -> tuple[bytes, Tapped | None]:
    """What comes through of `body`, in pieces of `size`, for so many tokens; and what is charged, if it was ended."""
    tap = DIALECTS[name].Tap(SEEN)
    valve = Valve(tap, Cutoff(Allowance(tokens * RATE, PRICE, 0, 0)), SEEN)
    out = b""
    try:
        for piece in pieces(name, body, size):
            out += valve.feed(piece)
        return out + valve.end(), None
    except StreamStoppedError as stopped:
        return out + stopped.last, stopped.tapped


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_that_was_ended_is_an_answer_that_has_reached_its_limit(name: str) -> None:
    ended = 0
    for body in streams(name):
        whole = read(name, body)
        tap = DIALECTS[name].Tap(SEEN)
        tap.feed(body)
        chars = tap.result().output_chars
        if whole is None or chars < CHARS_PER_TOKEN_MAX * 4:
            continue
        for parts, size in ((5, 61), (2, 0), (10, 333)):
            tokens = chars // CHARS_PER_TOKEN_MAX // parts
            out, tapped = passed(name, body, tokens, size)
            if tapped is None:
                assert out == body, "what passes to its end passes untouched"
                continue
            ended += 1
            if not out:
                assert name == "bedrock_invoke", "elsewhere the shape is known before anything came"
                continue
            check(name, whole, out, tapped, tokens)
            assert size or tapped.output_chars <= tokens * CHARS_PER_TOKEN_MAX  # a frame that has begun is passed whole
    assert ended >= STOPPED_MIN.get(name, 3)


def check(name: str, whole: Response, out: bytes, tapped: Tapped, tokens: int) -> None:
    """That `out` is the beginning of `whole`, ended at its limit, and within what was reserved."""
    assert tapped.usage is not None
    assert tapped.usage.output <= tokens
    answer = read(name, out)
    assert answer is not None, out[-2000:]
    assert answer.choices
    assert "length" in {choice.finish.reason for choice in answer.choices if choice.finish is not None}, out[-2000:]
    said = texts(whole)
    for choice, text in texts(answer).items():
        begun = text.rstrip("|{}[]")  # a reader makes whole the arguments of a call that was broken off
        assert said[choice].startswith(begun), (said[choice], text)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_passes_untouched_while_it_is_within(name: str) -> None:
    for body in list(streams(name))[-3:]:
        for size in (7, 4096):
            assert passed(name, body, 10**6, size) == (body, None)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_of_which_nothing_fits_ends_as_an_empty_answer(name: str) -> None:
    out, tapped = passed(name, written(name), 0, 10**6)
    assert tapped is None, "what is there to its end passes"
    body = written(name)
    out, tapped = passed(name, body[: len(body) // 2], 0, 10**6)
    assert tapped is not None
    assert tapped.output_chars == 0
    if out:  # else its shape is not known yet, and the connection ends
        answer = read(name, out)
        assert answer is not None
        assert [choice.finish.reason for choice in answer.choices if choice.finish] == ["length"]


@pytest.mark.parametrize("shape", [shape.name for shape in SHAPES])
def test_invoke_model_ends_in_the_shape_that_was_asked(shape: str) -> None:
    tap = bedrock_invoke.Tap(
        ShapedPeek("m", stream=True, input_bytes=4, members=walked(b"{}", frozenset()), shape=shape)
    )
    tap.result()
    ended = tap.stop(Usage(input=3, output=2))
    assert ended
    answer = read("bedrock_invoke", ended)
    assert answer is not None
    assert [choice.finish.reason for choice in answer.choices if choice.finish] == ["length"]
    assert answer.usage == Usage(input=3, output=2)


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(DIALECTS)),
    size=st.integers(1, 400),
    tokens=st.integers(0, 60),
    fee_bp=st.integers(0, 900),
)
def test_wherever_it_is_cut_it_is_an_answer_and_costs_no_more_than_was_reserved(
    name: str, size: int, tokens: int, fee_bp: int
) -> None:
    price = Price("dear", replace(RATES, input=3, output=7, request=5))
    reserved = Allowance(worst_cost(150, tokens, price, fee_bp), price, fee_bp, 150)
    body = written(name)
    valve = Valve(DIALECTS[name].Tap(SEEN), Cutoff(reserved), SEEN)
    out, stopped = b"", None
    try:
        for start in range(0, len(body), size):
            out += valve.feed(body[start : start + size])
        out += valve.end()
    except StreamStoppedError as error:
        out, stopped = out + error.last, error.tapped
    if stopped is None:
        assert out == body
        return
    assert stopped.usage is not None
    assert cost(stopped.usage, price, fee_bp) <= reserved.picodollars
    answer = read(name, out) if out else None
    assert answer is not None or name == "bedrock_invoke"
    if answer is not None:
        assert [choice.finish.reason for choice in answer.choices if choice.finish] == ["length"]
