"""Text generation: what clients send, what servers answer, and what passes through untouched."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid, Peek, Tapped
from keywright.core.errors import ProviderError, RefusedError, UpstreamBrokeError, UpstreamError, UpstreamMalformedError
from keywright.core.event import ArgumentsDelta, CitationDelta, Event, Failed, Opened, Started, TextDelta
from keywright.core.failure import Failure, FailureKind
from keywright.core.fold import fold, unfold
from keywright.core.json import Json
from keywright.core.message import CacheMark, Citation, Part, RedactedThinking, Refusal, Text, Thinking, ToolCall, Turn
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Reasoning, Request, Sampling, Tool, ToolChoice
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects import openai_chat, tgi
from keywright.dialects.tgi.verbatim import BATCH_BYTES_MAX, FRAME_BYTES_MAX
from tests.dialects.spoilt import spoilt
from tests.dialects.tgi.official import check_answer, check_frame, check_request
from tests.laws.strategies import law

HI = (Turn("user", (Text("hi"),)),)
ASKED = Request("m", (), stream=True, extras={"tgi": {"parameters.details": True}})
SCHEMA: dict[str, Any] = {"type": "object"}
DETAILS: dict[str, Any] = {"finish_reason": "length", "generated_tokens": 2, "input_length": 3, "seed": None}


def asked(**parameters: Any) -> Request:
    return tgi.decode_request(json.dumps({"inputs": "hi", "parameters": parameters}).encode())


def sent(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters, and the losses with their weights."""
    encoded = tgi.encode_request(request, "m", abilities)
    body = json.loads(encoded.body)
    check_request(body)
    parameters = body["parameters"]
    assert parameters.pop("details") is True
    if parameters["return_full_text"] is False:
        del parameters["return_full_text"]
    return parameters, {loss.path: loss.weight for loss in encoded.losses}


def token(text: str, *, special: bool = False, **more: Any) -> bytes:
    said = {"index": 1, "token": {"id": 7, "text": text, "logprob": -0.5, "special": special}, **more}
    return f"data:{json.dumps(said)}\n\n".encode()


def events(*frames: bytes) -> list[Event]:
    reader = tgi.StreamReader()
    return [event for data in frames for event in reader.feed(data)] + reader.end()


def answer(text: str = "a", **details: Any) -> Response:
    return tgi.decode_response(json.dumps({"generated_text": text, "details": details or None}).encode())


@pytest.mark.parametrize(
    ("body", "said", "model", "stream"),
    [
        ({}, PathSaid(), "", False), ({"stream": True}, PathSaid("a/b"), "a/b", True),
        ({"model": "own"}, PathSaid(stream=True), "own", True), ({"model": "own"}, PathSaid("path"), "path", False),
    ],
)  # fmt: skip
def test_the_path_says_the_model_and_whether_a_stream_is_wanted(
    body: dict[str, Any], said: PathSaid, model: str, stream: bool
) -> None:
    raw = json.dumps({"inputs": "hi", **body}).encode()
    request, peeked = tgi.decode_request(raw, said), tgi.peek(raw, said)
    assert (request.model, request.stream) == (peeked.model, peeked.stream) == (model, stream)
    patched = json.loads(tgi.patch(raw, peeked, "new"))
    assert patched == {"inputs": "hi", **body, **({"model": "new"} if "model" in body else {})}


def test_parameters_have_their_places_and_the_rest_is_kept_by_its_path() -> None:
    given: dict[str, Any] = {
        "max_new_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "seed": 7, "stop": ["x"],
        "frequency_penalty": 0.1, "top_n_tokens": 2, "do_sample": True, "typical_p": 0.5, "repetition_penalty": 1.1,
        "best_of": 2,
    }  # fmt: skip
    request = asked(**given, details=False, watermark=None)
    assert request.turns == HI
    assert (request.output_tokens_max, request.stop) == (9, ("x",))
    assert request.sampling == Sampling(0.5, 0.9, 4, 0.1, None, 7, None, True, 2)
    assert sent(request) == (given, {})
    elsewhere = {loss.path: loss.weight for loss in openai_chat.encode_request(request, "m", ABLE).losses}
    assert elsewhere == dict.fromkeys(
        (
            "top_k",
            "parameters.do_sample",
            "parameters.typical_p",
            "parameters.repetition_penalty",
            "parameters.best_of",
        ),
        "knob",
    )


def test_a_grammar_is_a_schema_or_means_something_that_only_this_wire_has() -> None:
    assert asked(grammar={"type": "json", "value": SCHEMA}).format == JsonSchemaFormat(SCHEMA)
    named = asked(grammar={"type": "json_schema", "value": {"name": "n", "schema": SCHEMA}})
    assert named.format == JsonSchemaFormat(SCHEMA, "n")
    assert sent(named)[0] == {"grammar": {"type": "json", "value": SCHEMA}}
    regex = {"type": "regex", "value": "a+"}
    assert sent(asked(grammar=regex)) == ({"grammar": regex}, {})
    for parameters in ({"grammar": regex}, {"return_full_text": True}, {"adapter_id": "x"}):
        losses = openai_chat.encode_request(asked(**parameters), "m", ABLE).losses
        assert [loss.weight for loss in losses] == ["meaning"]
    assert sent(Request("m", HI, format=JsonObjectFormat()))[0] == {"grammar": {"type": "json", "value": SCHEMA}}
    described = Request("m", HI, format=JsonSchemaFormat(SCHEMA, description="d"))
    assert sent(described)[1] == {"format.description": "knob"}
    assert sent(described, Abilities(json_schema=False))[1]["format"] == "meaning"


@pytest.mark.parametrize(
    ("sampling", "wanted", "lost"),
    [
        (Sampling(temperature=0.0, top_p=1.0, top_k=0), {"do_sample": False}, []),
        (Sampling(temperature=1.0), {"do_sample": True, "temperature": 1.0}, []),
        (Sampling(seed=0, top_k=-1, top_p=0.0), {}, ["top_p", "top_k", "seed"]),
        (Sampling(frequency_penalty=-2.0), {}, ["frequency_penalty"]),
        (Sampling(presence_penalty=1.0, logit_bias={"1": 2}), {}, ["presence_penalty", "logit_bias"]),
        (Sampling(logprobs=True), {"top_n_tokens": 1}, []),
        (Sampling(logprobs=True, top_logprobs=3), {"top_n_tokens": 3}, []),
    ],
)  # fmt: skip
def test_what_the_server_would_refuse_is_said_otherwise_or_reported(
    sampling: Sampling, wanted: dict[str, Any], lost: list[str]
) -> None:
    parameters, losses = sent(Request("m", HI, sampling=sampling))
    assert (parameters, losses) == (wanted, dict.fromkeys(lost, "knob"))


def test_what_there_is_no_parameter_for_is_reported() -> None:
    request = Request(
        "m", HI, tools=(Tool("f"),), choices=2, reasoning=Reasoning("on"), service_tier="flex", user="u",
        metadata={"a": "b"}, cache=CacheMark(), sampling=Sampling(temperature=1.0), stop=("a",) * 5,
        extras={"openai_chat": {"store": True}},
    )  # fmt: skip
    parameters, losses = sent(request, Abilities(sampling=False))
    assert losses == {
        "stop": "knob", "temperature": "knob", "tools": "meaning", "choices": "meaning", "reasoning": "knob",
        "user": "knob", "service_tier": "knob", "metadata": "knob", "cache": "knob", "store": "knob",
    }  # fmt: skip
    assert parameters == {"stop": ["a"] * 4}
    assert sent(Request("m", HI, stop=("a",)), Abilities(stop=False)) == ({}, {"stop": "knob"})
    assert sent(Request("m", HI, tools=(Tool("f"),), tool_choice=ToolChoice("none"))) == ({}, {})


def test_a_conversation_is_sent_as_a_transcript_whose_stop_sequence_does_not_come_back() -> None:
    turns = (*HI, Turn("assistant", (Text("Hello."),)), Turn("user", (Text("Bye."),)))
    body = json.loads(tgi.encode_request(Request("m", turns), "m", ABLE).body)
    assert body["inputs"] == "User: hi\n\nAssistant: Hello.\n\nUser: Bye.\n\nAssistant:"
    assert body["parameters"]["stop"] == ["\nUser:"]
    whole = answer(" Bye!\nUser:", finish_reason="stop_sequence")
    assert whole.choices[0].parts == (Text(" Bye!"),)
    assert answer("\nUser:", finish_reason="length").choices[0].parts == (Text("\nUser:"),)
    for cut in range(1, 5):
        ended = token("User:"[cut:], generated_text="x", details={**DETAILS, "finish_reason": "stop_sequence"})
        got = fold(events(token(" Bye!\n"), token("\n"), token("User:"[:cut]), ended))
        assert got.choices[0].parts == (Text(" Bye!\n"),)
    kept = fold(events(token("a\nUse"), token("r", generated_text="a\nUser", details=DETAILS)))
    assert kept.choices[0].parts == (Text("a\nUser"),)
    resumed = fold(events(token("a\nUse"), token("ful", generated_text="a\nUseful", details=DETAILS)))
    assert resumed.choices[0].parts == (Text("a\nUseful"),)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "inputs"), ({"inputs": 3}, "inputs"), ({"inputs": "x", "parameters": 3}, "parameters"),
        ({"inputs": "x", "parameters": {"stop": [3]}}, "parameters.stop"), ({"inputs": "x", "stream": 3}, "stream"),
        ({"inputs": "x", "parameters": {"max_new_tokens": -1}}, "parameters.max_new_tokens"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        tgi.decode_request(json.dumps(body).encode())
    assert caught.value.failure.param == param


def test_an_answer_is_read_alone_and_in_an_array() -> None:
    tokens = [{"id": 1, "text": "a", "logprob": -0.5, "special": False}, {"id": 2, "text": "</s>", "special": True}]
    details = {"finish_reason": "eos_token", "generated_tokens": 2, "tokens": tokens, "prefill": [{"id": 1}] * 3}
    raw = {"generated_text": "a", "details": {**details, "top_tokens": [[tokens[0]], []]}}
    response = tgi.decode_response(json.dumps(raw).encode())
    assert tgi.decode_response(json.dumps([raw]).encode()) == response
    assert (response.choices[0].parts, response.usage) == ((Text("a"),), Usage(3, 2))
    item: Json = {"token": "a", "logprob": -0.5, "bytes": None}
    assert response.choices[0].logprobs == {"content": [{**item, "top_logprobs": [item]}]}  # type: ignore[dict-item]
    assert json.loads(tgi.encode_response(response, ASKED).body) == raw
    assert not openai_chat.encode_response(response, ASKED).losses
    for body in (json.dumps(raw).encode(), json.dumps([raw]).encode()):
        assert tgi.tap_response(body) == Tapped(Usage(3, 2), None, "eos_token", None, 1, complete=True)


@pytest.mark.parametrize(
    ("details", "finish", "usage"),
    [
        ({}, Finish("stop"), None), ({"finish_reason": "length", "generated_tokens": 2}, Finish("length"), None),
        ({"finish_reason": "stop_sequence"}, Finish("stop_sequence"), None),
        ({"finish_reason": "odd"}, Finish("other", raw="odd", origin="tgi"), None),
        ({"finish_reason": 3}, Finish("other", origin="tgi"), None),
        ({"prefill": [{}], "generated_tokens": -1}, Finish("stop"), None),
        ({"prefill": [{}], "generated_tokens": "x"}, Finish("stop"), None),
    ],
)  # fmt: skip
def test_an_end_is_read_and_a_usage_only_when_all_of_it_was_told(
    details: dict[str, Any], finish: Finish, usage: Usage | None
) -> None:
    response = answer(**details)
    assert (response.choices[0].finish, response.usage) == (finish, usage)


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("stop", "eos_token", False), ("length", "length", False), ("stop_sequence", "stop_sequence", False),
        ("context_window", "length", False), ("tool_calls", "eos_token", True), ("content_filter", "eos_token", True),
    ],
)  # fmt: skip
def test_reasons_are_three_words(reason: FinishReason, word: str, lost: bool) -> None:
    response = Response("", "m", (Choice((Text("a"),), Finish(reason)),), Usage(1, 2, reasoning=3))
    encoded = tgi.encode_response(response, ASKED)
    body = json.loads(encoded.body)
    check_answer(body)
    assert body["details"] == {"finish_reason": word, "generated_tokens": 5, "prefill": [], "tokens": []}
    assert bool(encoded.losses) is lost


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (Text("a", (Citation("x", {}),)), "knob"), (Refusal("no"), "knob"), (Thinking("h"), "knob"),
        (RedactedThinking("AA", "x"), "knob"), (ToolCall("c", "f", ""), "meaning"),
    ],
)  # fmt: skip
def test_what_a_text_cannot_hold_is_reported(part: Part, weight: str) -> None:
    choices = (Choice((part, part), Finish("stop")), Choice((Text("b"),), index=1))
    response = Response("", "m", choices, extras={"x": {"y": 1}})
    wanted = {"generated_text": weight, "choices": "meaning", "y": "knob"}
    assert {loss.path: loss.weight for loss in tgi.encode_response(response, ASKED).losses} == wanted
    writer = tgi.StreamWriter(ASKED)
    for event in unfold(response):
        writer.write(event)
    assert {loss.path: loss.weight for loss in writer.losses} == wanted


def test_a_stream_is_tokens_without_the_special_ones() -> None:
    last = token("</s>", special=True, generated_text="ab", details=DETAILS, top_tokens=[{"text": "</s>"}])
    got = fold(events(token("a"), token("b", top_tokens=[{"text": "c", "logprob": -1}]), last, token("late")))
    assert got.choices[0].parts == (Text("ab"),)
    assert (got.choices[0].finish, got.usage) == (Finish("length"), Usage(3, 2))
    assert got.choices[0].logprobs == {
        "content": [
            {
                "token": "b", "logprob": -0.5, "bytes": None,
                "top_logprobs": [{"token": "c", "logprob": -1, "bytes": None}],
            }
        ]
    }  # fmt: skip
    assert fold(events(b'data: {"generated_text":"whole"}\n\n', b"data: [DONE]\n\n")).choices[0].parts == (
        Text("whole"),
    )


def test_a_client_gets_frames_and_details_only_when_it_asked() -> None:
    response = Response("", "m", (Choice((Text("a"), Text("b")), Finish("length")),), Usage(3, 2))
    for request, details in ((ASKED, {**DETAILS}), (Request("m", ()), None)):
        writer = tgi.StreamWriter(request)
        frames = b"".join(map(writer.write, unfold(response))).split(b"\n\n")[:-1]
        said = [json.loads(frame[6:]) for frame in frames]
        for frame in said:
            check_frame(frame)
        assert [frame["token"]["text"] for frame in said] == ["a", "b", ""]
        assert [frame["index"] for frame in said] == [1, 2, 3]
        if details:
            del details["seed"]
        assert (said[-1]["generated_text"], said[-1]["details"]) == ("ab", details)


def test_a_writer_bears_what_it_cannot_place() -> None:
    writer = tgi.StreamWriter(ASKED)
    for event in (
        Started("r", "m"), TextDelta(9, "a"), ArgumentsDelta(0, "a"), CitationDelta(0, Citation("x", {})),
        Opened(1, Text("")),
    ):  # fmt: skip
        assert writer.write(event) == b""
    assert [loss.path for loss in writer.losses] == ["generated_text"]


@pytest.mark.parametrize("frames", [[], [token("a")], [b": ping\n\n", b"data:\n\n", b"data: [DONE]\n\n"]])
def test_a_stream_that_stops_is_broken(frames: list[bytes]) -> None:
    with pytest.raises(UpstreamBrokeError):
        events(*frames)


@pytest.mark.parametrize(
    "data",
    [
        b"data: {\n\n",
        b"data: 3\n\n",
        b"data: {}\n\n",
        b'data: {"token":3}\n\n',
        b'data: {"token":{"text":3}}\n\n',
        b"data: \xff\n\n",
    ],
)
def test_what_is_no_frame_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        events(data)


@pytest.mark.parametrize(
    "body", [b"{", b"3", b"[]", b"{}", b"[3]", b'{"generated_text":3}', b'{"generated_text":"a","details":3}', b"\xff"]
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        tgi.decode_response(body)


@pytest.mark.parametrize(
    ("status", "body", "kind", "wait_s"),
    [
        (422, {"error": "Input validation error: x", "error_type": "validation"}, "invalid_request", None),
        (422, {"error": "Input validation error: `inputs` must have less than 9 tokens. Given: 12", "error_type": "validation"}, "context_too_long", None),  # noqa: E501
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 9. Given: 12", "error_type": "validation"}, "context_too_long", None),  # noqa: E501
        (429, {"error": "Model is overloaded", "error_type": "overloaded"}, "overloaded", None),
        (424, {"error": "Request failed during generation: x", "error_type": "generation"}, "server", None),
        (500, {"error": "Incomplete generation", "error_type": "incomplete_generation"}, "server", None),
        (503, {"error": "Model x is currently loading", "estimated_time": 20.5}, "overloaded", 20.5),
        (503, {"error": "x", "estimated_time": -1}, "overloaded", None), (429, {"error": "slow"}, "rate_limited", None),
        (401, {"error": "Authorization header is invalid: hf_abc"}, "authentication", None),
        (404, {"error": ["Model not found"]}, "not_found", None), (402, {"error": "pay"}, "payment", None),
        (400, {"error": {"message": "m"}}, "invalid_request", None), (502, "bad", "server", None),
        (504, {}, "timeout", None),
    ],
)  # fmt: skip
def test_an_error_is_understood(status: int, body: Any, kind: FailureKind, wait_s: float | None) -> None:
    failure = tgi.decode_error(status, json.dumps(body).encode())
    assert (failure.kind, failure.status, failure.retry_after_s) == (kind, status, wait_s)
    assert "hf_abc" not in failure.message


def test_an_error_ends_a_stream_both_ways() -> None:
    frame = b'data:{"error":"Request failed during generation","error_type":"generation"}\n\n'
    got = events(token("a"), frame)
    assert isinstance(got[-1], Failed)
    assert (got[-1].failure.status, got[-1].failure.code) == (424, "generation")
    said = json.loads(tgi.StreamWriter(ASKED).write(Failed(Failure("overloaded", 503, "x", "busy")))[6:])
    assert said == {"error": "busy", "error_type": "overloaded", "code": "x"}
    again = json.loads(tgi.encode_error(got[-1].failure, "req"))
    assert again["error_type"] == "generation"
    with pytest.raises(ProviderError):
        tgi.decode_response(b'{"error":"x"}')
    assert tgi.tap_response(b'{"error":"x"}').failure is not None
    assert tgi.tap_response(b'{"error":null}') == Tapped()


def test_peek_reads_what_policy_needs_and_refuses_what_it_cannot_be_sure_of() -> None:
    peeked = tgi.peek(b'{"inputs":"x","parameters":{"max_new_tokens":7,"best_of":3}}')
    assert (peeked.output_tokens_max, peeked.choices, peeked.stream_usage) == (7, 3, True)
    assert tgi.peek(b'{"inputs":"x","parameters":null}').output_tokens_max is None
    for body in (
        b'{"parameters":3}', b'{"parameters":{"max_new_tokens":1,"max_new_tokens":9}}', b'{"Inputs":"x"}', b"[]",
        b'{"parameters":{"max_new_tokens":-1}}', b'{"parameters":{"best_of":9999}}', b'{"stream":3}', b'{"model":3}',
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            tgi.peek(body)


def test_a_stream_is_counted_wherever_it_is_cut() -> None:
    stream = token("añ") + token("b") + token("</s>", special=True, generated_text="añb", details=DETAILS)
    for cut in range(len(stream)):
        tap = tgi.Tap(Peek("m", stream=True, input_bytes=0))
        assert tap.feed(stream[:cut]) + tap.feed(stream[cut:]) == stream
        assert tap.result() == Tapped(Usage(3, 2), None, "length", None, 3, complete=True)


def test_a_large_stream_is_read_in_batches_and_an_error_is_seen() -> None:
    stream = token("x" * 100) * 300 + b"data: garbage\n\n" + b'data: {"error":"busy","error_type":"overloaded"}\n\n'
    tap = tgi.Tap(Peek("m", stream=True, input_bytes=0))
    for left, right in pairwise(range(0, len(stream) + 997, 997)):
        tap.feed(stream[left:right])
    tapped = tap.result()
    assert len(stream) > 2 * BATCH_BYTES_MAX
    assert tapped.output_chars == 30_000
    assert tapped.failure is not None
    huge = tgi.Tap(Peek("m", stream=True, input_bytes=0))
    huge.feed(b"x" * (FRAME_BYTES_MAX + 1))
    assert huge.result().output_chars == FRAME_BYTES_MAX + 1


def test_losses_are_said_in_the_clients_words() -> None:
    paths = {
        "turns[0].parts[0]": "inputs", "turns": "inputs", "output_tokens_max": "parameters.max_new_tokens",
        "top_k": "parameters.top_k", "format": "parameters.grammar", "top_logprobs": "parameters.top_n_tokens",
        "parameters.best_of": "parameters.best_of",
    }  # fmt: skip
    assert {path: tgi.locate(path, asked()) for path in paths} == paths


REQUEST: dict[str, Any] = {
    "inputs": "x", "model": "m", "stream": True,
    "parameters": {
        "max_new_tokens": 5, "temperature": 0.5, "top_p": 0.5, "top_k": 3, "seed": 1, "stop": ["x"], "top_n_tokens": 2,
        "grammar": {"type": "json_schema", "value": {"name": "n", "schema": {}}}, "details": True, "best_of": 2,
    },
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "index": 1, "generated_text": "a", "token": {"id": 1, "text": "a", "logprob": -1.0, "special": False},
    "top_tokens": [{"text": "a", "logprob": -1.0}],
    "details": {**DETAILS, "tokens": [{"text": "a"}], "top_tokens": [[{"text": "a"}]], "prefill": [{"id": 1}]},
}  # fmt: skip


@law
@given(spoilt(REQUEST) | st.binary(max_size=60))
def test_a_request_is_understood_or_refused(body: bytes) -> None:
    try:
        peeked = tgi.peek(body)
        json.loads(tgi.patch(body, peeked, "x"))
        request = tgi.decode_request(body)
    except RefusedError:
        return
    for module in (tgi, openai_chat):
        for loss in module.encode_request(request, "m", ABLE).losses:
            assert tgi.locate(loss.path, request)


@law
@given(spoilt(ANSWER) | st.binary(max_size=60), st.integers(400, 599))
def test_an_answer_is_understood_or_malformed_whole_and_as_a_stream(body: bytes, status: int) -> None:
    tgi.tap_response(body)
    assert tgi.decode_error(status, body).status == status
    frame = b"data: " + body + b"\n\n"
    tap = tgi.Tap(Peek("m", stream=True, input_bytes=0))
    tap.feed(frame)
    tap.result()
    try:
        json.loads(tgi.encode_response(tgi.decode_response(body), ASKED).body)
    except UpstreamError:
        pass
    reader, writer = tgi.StreamReader(), tgi.StreamWriter(ASKED)
    try:
        read = [*reader.feed(frame.replace(b'"generated_text": "a"', b'"x": "a"')), *reader.feed(frame), *reader.end()]
        fold(read)
    except UpstreamError:
        return
    for event in read:
        writer.write(event)
