"""Requests: what may be a prompt, what only this wire takes, and what becomes of a conversation."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError
from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    CacheMark,
    Citation,
    Document,
    Image,
    Opaque,
    Part,
    PlainSource,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import (
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from keywright.dialects import openai_chat, openai_completions
from tests.dialects.openai_completions.official import check_request

ABLE = Abilities()
HI = (Turn("user", (Text("hi"),)),)
SCHEMA: dict[str, Any] = {"type": "object"}


def asked(**fields: Any) -> Request:
    return openai_completions.decode_request(json.dumps({"model": "m", "prompt": "hi", **fields}).encode())


def sent(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], dict[str, str]]:
    encoded = openai_completions.encode_request(request, "real", abilities)
    return json.loads(encoded.body), {loss.path: loss.weight for loss in encoded.losses}


@pytest.mark.parametrize("prompt", ["hi", ["hi"]])
def test_a_text_is_a_turn_of_the_users(prompt: Any) -> None:
    assert asked(prompt=prompt).turns == HI
    assert sent(asked(prompt=prompt))[0]["prompt"] == "hi"
    body = json.loads(openai_chat.encode_request(asked(prompt=prompt), "m", ABLE).body)
    assert body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1, 2], [3]], ["a", [1]]])
def test_tokens_and_several_prompts_go_through_and_are_refused_elsewhere(prompt: Any) -> None:
    request = asked(prompt=prompt)
    assert sent(request) == ({"model": "real", "prompt": prompt}, {})
    (loss,) = openai_chat.encode_request(request, "m", ABLE).losses
    assert (loss.weight, openai_completions.locate(loss.path, request)) == ("meaning", "prompt")


@pytest.mark.parametrize("prompt", [None, 3, [], {}, [True], [[]], [1, "a"], [None], [[1.5]]])
def test_what_is_no_prompt_is_refused(prompt: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(prompt=prompt)
    assert caught.value.failure.param == "prompt"


def test_every_field_has_its_place_and_comes_back() -> None:
    fields: dict[str, Any] = {
        "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "n": 2, "stop": ["x"], "presence_penalty": 0.1,
        "frequency_penalty": 0.2, "seed": 7, "logit_bias": {"50": -100}, "logprobs": 3, "user": "u", "best_of": 3,
        "suffix": "s", "echo": True, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    request = asked(**fields)
    assert request.sampling == Sampling(0.5, 0.9, None, 0.2, 0.1, 7, {"50": -100}, True, 3)
    assert (request.output_tokens_max, request.choices, request.stop, request.user) == (9, 2, ("x",), "u")
    assert request.extras == {"openai_completions": {"suffix": "s", "echo": True, "best_of": 3}}
    body, losses = sent(request)
    check_request(body)
    assert (body, losses) == ({"model": "real", "prompt": "hi", **fields}, {})


def test_what_only_completions_have_means_something_elsewhere() -> None:
    request = asked(suffix="s", echo=True, best_of=2)
    losses = {loss.path: loss.weight for loss in openai_chat.encode_request(request, "m", ABLE).losses}
    assert losses == {"suffix": "meaning", "echo": "meaning", "best_of": "knob"}
    assert asked(suffix="", echo=False, best_of=None, stop=None, stop_=None).extras == {}


def test_vendors_fields_go_through() -> None:
    form = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
    request = asked(top_k=5, min_p=0.1, response_format=form, stream_options={"x": 1}, stream=True)
    assert (request.sampling.top_k, request.format) == (5, JsonSchemaFormat(SCHEMA))
    body, losses = sent(request)
    assert not losses
    assert (body["top_k"], body["min_p"], body["response_format"]) == (5, 0.1, form)
    assert body["stream_options"] == {"x": 1, "include_usage": True}
    elsewhere = {loss.path: loss.weight for loss in openai_chat.encode_request(request, "m", ABLE).losses}
    assert (elsewhere["min_p"], elsewhere["response_format"]) == ("knob", "knob")
    other = asked(response_format={"type": "json_object"})
    elsewhere = {loss.path: loss.weight for loss in openai_chat.encode_request(other, "m", ABLE).losses}
    assert elsewhere == {"response_format": "meaning"}


@pytest.mark.parametrize(
    ("sampling", "wanted", "lost"),
    [
        (Sampling(logprobs=True), 1, []), (Sampling(logprobs=True, top_logprobs=0), 0, []),
        (Sampling(logprobs=True, top_logprobs=9), 5, ["top_logprobs"]), (Sampling(logprobs=False), None, []),
    ],
)  # fmt: skip
def test_log_probabilities_are_asked_for_by_their_number(
    sampling: Sampling, wanted: int | None, lost: list[str]
) -> None:
    body, losses = sent(Request("m", HI, sampling=sampling))
    assert (body.get("logprobs"), list(losses)) == (wanted, lost)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stop": 3}, "stop"), ({"stop": [3]}, "stop"), ({"n": 0}, "n"), ({"max_tokens": -1}, "max_tokens"),
        ({"model": 3}, "model"), ({"logprobs": True}, "logprobs"), ({"temperature": "x"}, "temperature"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(**fields)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_a_conversation_is_sent_as_a_transcript_and_that_is_reported() -> None:
    turns = (
        Turn("system", (Text("Be brief."),)), Turn("user", (Text("Hello."), Text("You?"))),
        Turn("assistant", (Thinking("hm"), Text("Hi."))), Turn("user", (Text("Bye."),), name="n"),
    )  # fmt: skip
    body, losses = sent(Request("m", turns, stop=("x",)))
    assert body["prompt"] == "Be brief.\n\nUser: Hello.\nYou?\n\nAssistant: Hi.\n\nUser: Bye.\n\nAssistant:"
    assert body["stop"] == ["x", "\nUser:"]
    assert losses == {"turns": "knob", "turns[2].parts[0]": "knob", "turns[3].name": "knob"}
    begun, _ = sent(Request("m", (*HI, Turn("assistant", (Text("Well,"),)))))
    assert begun["prompt"] == "User: hi\n\nAssistant: Well,"


@pytest.mark.parametrize(
    "part",
    [
        Image(UrlSource("u")), Audio(UrlSource("u")), Document(Base64Source("application/pdf", "AA")),
        Opaque("x", "k", {}), ServerToolCall("x", "i", "n", "", {}), ToolCall("c", "f", ""),
        ToolResult("c", (Text("r"),)),
    ],
)  # fmt: skip
def test_what_is_not_text_loses_its_meaning(part: Part) -> None:
    assert sent(Request("m", (Turn("user", (part,)),)))[1] == {"turns[0].parts[0]": "meaning"}


def test_a_document_of_text_is_its_text() -> None:
    blocks = BlocksSource((Text("a"), Refusal("b"), Image(UrlSource("u"))))
    parts = (
        Document(PlainSource("t"), title="x", cache=CacheMark()), Document(blocks),
        Text("c", (Citation("x", {}),), CacheMark()),
    )  # fmt: skip
    body, losses = sent(Request("m", (Turn("user", parts),)))
    assert body["prompt"] == "t\na\nb\nc"
    assert losses == {
        "turns[0].parts[0].title": "knob", "turns[0].parts[0].cache": "knob", "turns[0].parts[1].parts[2]": "meaning",
        "turns[0].parts[2].cache": "knob", "turns[0].parts[2].citations": "knob",
    }  # fmt: skip


def test_what_there_is_no_field_for_is_reported() -> None:
    request = Request(
        "m", HI, tools=(Tool("f"),), format=JsonObjectFormat(), reasoning=Reasoning("on"), service_tier="flex",
        metadata={"a": "b"}, cache=CacheMark(), sampling=Sampling(temperature=1.0, top_k=3), stop=("a",) * 5,
        extras={"openai_chat": {"store": True}},
    )  # fmt: skip
    body, losses = sent(request, Abilities(sampling=False))
    assert losses == {
        "tools": "meaning", "format": "meaning", "reasoning": "knob", "service_tier": "knob", "metadata": "knob",
        "cache": "knob", "temperature": "knob", "top_k": "knob", "stop": "knob", "store": "knob",
    }  # fmt: skip
    assert len(body["stop"]) == 4
    assert sent(request, Abilities(stop=False))[1]["stop"] == "knob"
    assert sent(Request("m", HI, tools=(Tool("f"),), tool_choice=ToolChoice("none")))[1] == {}


def test_losses_are_said_in_the_clients_words() -> None:
    paths = {
        "turns[0].parts[0].cache": "prompt", "turns[0]": "prompt", "turns": "prompt", "output_tokens_max": "max_tokens",
        "choices": "n", "top_logprobs": "logprobs", "format": "response_format", "suffix": "suffix", "seed": "seed",
    }  # fmt: skip
    assert {path: openai_completions.locate(path, asked()) for path in paths} == paths
