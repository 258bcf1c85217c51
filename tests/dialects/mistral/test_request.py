"""Requests: what is Mistral's own, what cannot be said, and where a client finds it."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError
from keywright.core.json import Json
from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
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
    ServerTool,
    Tool,
    ToolChoice,
)
from keywright.dialects import mistral
from keywright.dialects.mistral.ids import outward

ABLE = Abilities(audio=True, reasoning="effort")
USER = Turn("user", (Text("hi"),))
PDF = "data:application/pdf;base64,AA=="


def encoded(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    result = mistral.encode_request(request, "real", abilities)
    return json.loads(result.body), [(loss.path, loss.weight) for loss in result.losses]


def said(*parts: Part, role: Any = "user") -> tuple[Json, list[tuple[str, str]]]:
    """The content of a turn, and its losses."""
    body, losses = encoded(Request("m", (USER, Turn(role, parts), USER)))
    return body["messages"][1]["content"], losses


def decoded(*messages: Any, **fields: Any) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, *messages], **fields}
    return mistral.decode_request(json.dumps(body).encode())


def test_fields_of_its_own_are_its_extras_and_go_out_again() -> None:
    own = {"safe_prompt": True, "prompt_mode": "reasoning", "prediction": {"type": "content", "content": "x"}}
    request = decoded(**own, random_seed=7, max_tokens=9)
    assert request.extras == {"mistral": own}
    assert (request.sampling.seed, request.output_tokens_max) == (7, 9)
    body, losses = encoded(request)
    assert not losses
    assert (body.pop("model"), body.pop("messages")) == ("real", [{"role": "user", "content": "hi"}])
    assert body == {**own, "random_seed": 7, "max_tokens": 9}


def test_a_seed_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(RefusedError) as caught:
        decoded(random_seed="x")
    assert caught.value.failure.param == "random_seed"


def test_a_prefix_on_the_last_message_is_an_answer_that_the_client_began() -> None:
    begun = {"role": "assistant", "content": "I am", "prefix": True}
    request = decoded(begun)
    assert request.turns[-1] == Turn("assistant", (Text("I am"),))
    assert encoded(request)[0]["messages"][-1] == begun
    ended = {"role": "assistant", "content": "I am", "prefix": False}
    assert decoded(ended).turns[-1].extras == {}
    earlier = decoded(begun, {"role": "user", "content": "who"})
    assert encoded(earlier)[0]["messages"][1]["prefix"] is True
    calls = Turn("assistant", (ToolCall("abcdefghi", "f", "{}"),))
    assert "prefix" not in encoded(Request("m", (USER, calls)))[0]["messages"][-1]


@pytest.mark.parametrize(
    ("chunk", "part"),
    [
        ({"type": "text", "text": "x"}, Text("x")),
        (
            {"type": "image_url", "image_url": "https://x.example/a.png"},
            Image(UrlSource("https://x.example/a.png")),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            Image(Base64Source("image/png", "AA=="), "low"),
        ),
        (
            {"type": "document_url", "document_url": "https://x.example/a.pdf"},
            Document(UrlSource("https://x.example/a.pdf")),
        ),
        (
            {"type": "document_url", "document_url": PDF, "document_name": "a"},
            Document(Base64Source("application/pdf", "AA=="), "a"),
        ),
        ({"type": "file", "file_id": "f"}, Document(FileSource("f", "mistral"))),
        ({"type": "input_audio", "input_audio": "UklGRg=="}, Audio(Base64Source("audio/wav", "UklGRg=="), "wav")),
        ({"type": "input_audio", "input_audio": "//PExA=="}, Audio(Base64Source("audio/mp3", "//PExA=="), "mp3")),
        (
            {"type": "input_audio", "input_audio": "https://x.example/a.mp3"},
            Audio(UrlSource("https://x.example/a.mp3")),
        ),
        (
            {"type": "reference", "reference_ids": [1, "b"]},
            Text("", (Citation("mistral", {"type": "reference", "reference_ids": [1, "b"]}),)),
        ),
        (
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "s"},
            Thinking("hm", "s", "mistral", {"mistral": {"chunk": {}}}),
        ),
        ({"type": "new", "x": 1}, Opaque("mistral", "new", {"type": "new", "x": 1})),
    ],
)
def test_a_chunk_is_a_part_and_goes_out_as_it_came(chunk: Json, part: Part) -> None:
    request = decoded({"role": "user", "content": [{"type": "text", "text": "see"}, chunk]})
    assert request.turns[1].parts[1] == part
    body, losses = encoded(request)
    assert body["messages"][1]["content"][1] == chunk
    assert not losses


def test_fields_of_a_chunk_that_nobody_modelled_go_out_again() -> None:
    chunks: list[Any] = [
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "y": 1}, "x": 1},
        {"type": "document_url", "document_url": PDF, "x": 1},
        {"type": "text", "text": "x", "y": 1},
        {"type": "thinking", "thinking": [{"type": "reference", "reference_ids": [1]}], "closed": False},
    ]
    for chunk in chunks:
        request = decoded({"role": "user", "content": [chunk]})
        assert encoded(request)[0]["messages"][1]["content"] == [chunk]


def test_ids_of_calls_have_mistrals_form_and_results_find_them() -> None:
    calls = Turn(
        "assistant", (ToolCall("toolu_01", "f", ""), ToolCall("D681PevKs", "g", "{}"), ToolCall("", "h", "{}"))
    )
    results = tuple(ToolResult(number, (Text("1"),)) for number in ("toolu_01", "D681PevKs", ""))
    body, losses = encoded(Request("m", (USER, calls, Turn("tool", results))))
    made = [call["id"] for call in body["messages"][1]["tool_calls"]]
    assert made == [message["tool_call_id"] for message in body["messages"][2:]]
    assert made[1] == "D681PevKs"
    assert all(len(number) == 9 and number.isalnum() for number in made)
    assert len(set(made)) == 3
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert not losses


def test_an_id_is_the_same_each_time_and_others_differ() -> None:
    ids = [f"call_{number}" for number in range(2000)] + ["ÄÖÜ456789", "a b c d e", "\ud800"]
    made = list(map(outward, ids))
    assert made == list(map(outward, ids))
    assert len(set(made)) == len(ids)
    assert outward("call_0") == "BH0M9DytI", (
        "so that a conversation's prompt stays the same from one release to the next"
    )


def test_a_tools_result_holds_pictures_in_their_place() -> None:
    result = ToolResult("abcdefghi", (Text("a shot"), Image(UrlSource("https://x.example/a.png"))), name="camera")
    calls = Turn("assistant", (ToolCall("abcdefghi", "camera", "{}"),))
    body, losses = encoded(Request("m", (USER, calls, Turn("tool", (result,)))))
    assert body["messages"][2] == {
        "role": "tool",
        "tool_call_id": "abcdefghi",
        "name": "camera",
        "content": [
            {"type": "text", "text": "a shot"},
            {"type": "image_url", "image_url": "https://x.example/a.png"},
        ],
    }
    assert not losses


def test_a_developer_is_the_system_and_thoughts_stay_in_their_place() -> None:
    turns = (
        Turn("developer", (Text("s"),)),
        USER,
        Turn("assistant", (Text("a"), Thinking("hm"), Text("b"))),
        USER,
    )
    body, losses = encoded(Request("m", turns))
    assert body["messages"][0] == {"role": "system", "content": "s"}
    kinds = [chunk["type"] for chunk in body["messages"][2]["content"]]
    assert kinds == ["text", "thinking", "text"]
    assert not losses


@pytest.mark.parametrize(
    ("part", "content", "lost"),
    [
        (Thinking("t", "s", "anthropic"), "", ("turns[1].parts[0]", "knob")),
        (RedactedThinking("d", "anthropic"), "", ("turns[1].parts[0]", "knob")),
        (Refusal("no"), "no", ("turns[1].parts[0]", "knob")),
        (Text("x", (Citation("anthropic", {}),)), "x", ("turns[1].parts[0].citations", "knob")),
        (ServerToolCall("anthropic", "i", "n", "{}", {}), "", ("turns[1].parts[0]", "meaning")),
        (Opaque("anthropic", "k", {}), "", ("turns[1].parts[0]", "meaning")),
        (Image(UrlSource("u")), "", ("turns[1].parts[0]", "meaning")),
        (Text("x", cache=CacheMark()), "x", ("cache", "knob")),
        (Text("x", extras={"anthropic": {"y": 1}}), "x", ("turns[1].parts[0].y", "knob")),
    ],
)
def test_what_an_assistants_turn_cannot_say_is_told(part: Part, content: str, lost: tuple[str, str]) -> None:
    body, losses = encoded(Request("m", (USER, Turn("assistant", (part,)), USER)))
    assert losses == [lost]
    sent = body["messages"][1]
    assert (sent["content"] if sent["role"] == "assistant" else "") == content


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Document(FileSource("f", "anthropic")), ("turns[1].parts[0]", "meaning")),
        (Image(FileSource("f", "anthropic")), ("turns[1].parts[0]", "meaning")),
        (Audio(FileSource("f", "anthropic")), ("turns[1].parts[0]", "meaning")),
        (Opaque("anthropic", "k", {}), ("turns[1].parts[0]", "meaning")),
        (Document(UrlSource("u"), context="c"), ("turns[1].parts[0].context", "knob")),
        (Document(PlainSource("x"), "t"), ("turns[1].parts[0].title", "knob")),
    ],
)
def test_what_a_users_turn_cannot_say_is_told(part: Part, lost: tuple[str, str]) -> None:
    assert said(part)[1] == [lost]


def test_a_document_of_blocks_is_what_it_holds() -> None:
    inner = (Text("a"), Image(UrlSource("https://x.example/a.png")), Audio(FileSource("f", "x")))
    content, losses = said(Document(BlocksSource(inner), citations=True))
    assert content == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": "https://x.example/a.png"},
    ]
    assert losses == [("turns[1].parts[0].citations", "knob"), ("turns[1].parts[0].parts[2]", "meaning")]


def test_what_the_model_cannot_take_is_lost_meaning() -> None:
    blind = Abilities(images=False, documents=False, tools=False, json_schema=False, sampling=False, stop=False)
    request = Request(
        "m",
        (
            Turn(
                "user",
                (Image(UrlSource("u")), Document(UrlSource("u")), Audio(UrlSource("u"))),
            ),
        ),
        tools=(Tool("f"),),
        format=JsonSchemaFormat({}),
        sampling=Sampling(temperature=0.5, seed=1),
        stop=("x",),
        reasoning=Reasoning(effort="low"),
    )
    body, losses = encoded(request, blind)
    assert {path for path, weight in losses if weight == "meaning"} == {
        "turns[0].parts[0]",
        "turns[0].parts[1]",
        "turns[0].parts[2]",
        "tools",
        "format",
    }
    assert {path for path, weight in losses if weight == "knob"} == {"stop", "temperature", "seed", "reasoning"}
    assert body.keys() == {"model", "messages"}


def test_tools_and_the_choice_among_them() -> None:
    tools = (Tool("f", "does", {"type": "object"}, strict=True), Tool("g"))
    body, losses = encoded(Request("m", (USER,), tools=tools, tool_choice=ToolChoice("required", parallel=False)))
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"type": "object"}, "description": "does", "strict": True},
        },
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("any", False)
    assert not losses
    named = encoded(Request("m", (USER,), tools=tools, tool_choice=ToolChoice("named", ("g",))))[0]
    assert named["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    body, losses = encoded(Request("m", (USER,), tools=tools, tool_choice=ToolChoice("allowed", ("g",), required=True)))
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (["g"], "any")
    assert losses == [("tool_choice.names", "knob")]


def test_a_choice_without_tools_is_left_out_and_a_loss_where_it_demands_one() -> None:
    assert encoded(Request("m", (USER,), tool_choice=ToolChoice("auto")))[1] == []
    body, losses = encoded(Request("m", (USER,), tool_choice=ToolChoice("required")))
    assert ("tool_choice" in body, losses) == (False, [("tool_choice", "knob")])


def test_a_tool_that_the_provider_runs_is_its_own_only() -> None:
    own = {"type": "web_search"}
    assert encoded(decoded(tools=[own]))[0]["tools"] == [own]
    body, losses = encoded(Request("m", (USER,), tools=(ServerTool("anthropic", "web_search_20250305", {}),)))
    assert ("tools" in body, losses) == (False, [("tools[0]", "meaning")])
    assert encoded(Request("m", (Turn("assistant", (ToolCall("a", "f", "x", custom=True),)), USER)))[1] == [
        ("turns[0].parts[0]", "meaning")
    ]


@pytest.mark.parametrize(
    ("reasoning", "effort", "lost"),
    [
        (Reasoning(effort="high"), "high", []),
        (Reasoning("off"), "none", []),
        (Reasoning("on", budget_tokens=2000), "low", ["reasoning.budget_tokens"]),
        (Reasoning("on", "low", 2000), "low", ["reasoning.budget_tokens"]),
        (Reasoning("adaptive"), "high", ["reasoning.mode"]),
        (Reasoning(effort="max", display="omitted"), "xhigh", ["reasoning.effort", "reasoning.display"]),
    ],
)
def test_reasoning_is_an_effort(reasoning: Reasoning, effort: str, lost: list[str]) -> None:
    body, losses = encoded(Request("m", (USER,), reasoning=reasoning))
    assert (body["reasoning_effort"], [path for path, _ in losses]) == (effort, lost)


def test_knobs_are_carried_as_far_as_mistral_has_them() -> None:
    sampling = Sampling(2.0, 0.0, 5, 0.5, 0.25, -1, {"1": 2}, logprobs=True, top_logprobs=2)
    body, losses = encoded(
        Request("m", (USER,), sampling=sampling, user="u", metadata={"a": 1}, service_tier="default", choices=2)
    )
    assert body == {
        "model": "real",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 1.5,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.25,
        "metadata": {"a": 1},
        "service_tier": "standard_only",
        "n": 2,
    }
    lost = {"temperature", "top_p", "top_k", "seed", "logit_bias", "logprobs", "top_logprobs", "user"}
    assert {path for path, _ in losses} == lost
    assert encoded(Request("m", (USER,), service_tier="priority"))[1] == [("service_tier", "knob")]


def test_formats_are_openais() -> None:
    body, _ = encoded(Request("m", (USER,), format=JsonSchemaFormat({"type": "object"}, None, "d", strict=True)))
    inner = {"name": "response", "schema": {"type": "object"}, "description": "d", "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": inner}
    assert encoded(Request("m", (USER,), format=JsonObjectFormat()))[0]["response_format"] == {"type": "json_object"}


def test_what_openais_clients_say_by_the_same_name_is_said() -> None:
    extras: Any = {
        "openai_chat": {
            "prompt_cache_key": "k",
            "prediction": {"type": "content", "content": "x"},
            "random_seed": 3,
            "safe_prompt": True,
            "store": True,
        }
    }
    body, losses = encoded(Request("m", (USER,), extras=extras))
    assert (body["prompt_cache_key"], body["prediction"]["content"]) == ("k", "x")
    assert (body["random_seed"], body["safe_prompt"]) == (3, True)
    assert losses == [("store", "knob")]
    parts: Any = {"openai_chat": {"prediction": {"type": "content", "content": []}}}
    assert encoded(Request("m", (USER,), extras=parts))[1] == [("prediction", "knob")]


def test_chunks_of_its_own_are_understood_from_openais_clients_too() -> None:
    chunk: Json = {"type": "document_url", "document_url": "https://x.example/a.pdf"}
    other: Json = {"type": "video_url", "video_url": {"url": "u"}}
    assert said(Opaque("openai_chat", "document_url", chunk), Opaque("openai_chat", "video_url", other)) == (
        [chunk],
        [("turns[1].parts[1]", "meaning")],
    )


def test_a_stream_is_asked_for_without_options() -> None:
    body, losses = encoded(Request("m", (USER,), stream=True, stream_usage=True))
    assert (body["stream"], "stream_options" in body, losses) == (True, False, [])


def test_a_last_turn_of_the_system_is_sent_as_the_users() -> None:
    body, losses = encoded(Request("m", (Turn("system", (Text("a"),)), Turn("developer", (Text("b"),)))))
    assert [(message["role"], message["content"]) for message in body["messages"]] == [("system", "a"), ("user", "b")]
    assert losses == [("turns[1].role", "knob")]


def test_speakers_names_and_flags_of_errors_are_lost() -> None:
    turns = (Turn("user", (Text("x"),), name="ann"), Turn("tool", (ToolResult("abcdefghi", (), is_error=True),)))
    assert encoded(Request("m", turns))[1] == [("turns[0].name", "knob"), ("turns[1].parts[0].is_error", "knob")]


@pytest.mark.parametrize(
    ("path", "client"),
    [
        ("turns[1].parts[0]", "messages[1].content[0]"),
        ("turns[1].parts[1]", "messages[1].content[1]"),
        ("turns[1].parts[2].arguments", "messages[1].tool_calls[0].function.arguments"),
        ("turns[2].parts[0].parts[0]", "messages[2].content[0]"),
        ("turns[3].parts[0].title", "messages[3].content[0].document_name"),
        ("turns[3].name", "messages[3].name"),
        ("seed", "random_seed"),
        ("output_tokens_max", "max_tokens"),
        ("tool_choice.parallel", "parallel_tool_calls"),
        ("reasoning.effort", "reasoning_effort"),
        ("format", "response_format"),
        ("safe_prompt", "safe_prompt"),
    ],
)
def test_a_loss_is_named_as_the_client_wrote_the_field(path: str, client: str) -> None:
    request = decoded(
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "a"},
            ],
            "tool_calls": [{"id": "abcdefghi", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "1"},
        {"role": "user", "content": [{"type": "document_url", "document_url": PDF, "document_name": "a"}]},
    )
    assert mistral.locate(path, request) == client
