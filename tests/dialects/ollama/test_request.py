"""Requests: what older and newer clients send, and what Ollama is sent of other dialects' requests."""

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
    FileSource,
    Image,
    Opaque,
    Part,
    PlainSource,
    Refusal,
    Role,
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
from keywright.dialects import ollama_chat, ollama_generate, openai_chat
from tests.dialects.ollama.official import check_request

PNG = "iVBORw0KGgo="
ABLE = Abilities(reasoning="effort")
HI = (Turn("user", (Text("hi"),)),)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}


def chat(**fields: Any) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return ollama_chat.decode_request(json.dumps(body).encode())


def generate(**fields: Any) -> Request:
    return ollama_generate.decode_request(json.dumps({"model": "m", "prompt": "hi", **fields}).encode())


def sent(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], dict[str, str]]:
    """The body for `/api/chat`, and the losses with their weights."""
    encoded = ollama_chat.encode_request(request, "real", abilities)
    body: dict[str, Any] = json.loads(encoded.body)
    check_request("ChatRequest", body)
    return body, {loss.path: loss.weight for loss in encoded.losses}


def sent_parts(role: Role, *parts: Part) -> tuple[list[dict[str, Any]], dict[str, str]]:
    body, losses = sent(Request("m", (Turn(role, parts),)))
    messages: list[dict[str, Any]] = body["messages"]
    return messages, losses


@pytest.mark.parametrize(("said", "wanted"), [({}, True), ({"stream": None}, True), ({"stream": False}, False)])
def test_a_stream_is_what_is_wanted_when_nothing_is_said(said: dict[str, Any], wanted: bool) -> None:
    assert chat(**said).stream is wanted
    assert generate(**said).stream is wanted
    body = json.dumps({"model": "m", "messages": [], "prompt": "x", **said}).encode()
    assert ollama_chat.peek(body).stream is wanted
    assert ollama_generate.peek(body).stream is wanted
    assert sent(chat(**said))[0]["stream"] is wanted


def test_options_have_their_canonical_places_and_the_rest_is_kept_by_its_path() -> None:
    options = {
        "num_predict": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7, "stop": "end",
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "min_p": 0.05, "num_ctx": 4096, "repeat_penalty": 1.1,
        "mirostat": None,
    }  # fmt: skip
    request = chat(options=options, keep_alive="5m", logprobs=True, top_logprobs=2)
    assert (request.output_tokens_max, request.stop) == (9, ("end",))
    assert request.sampling == Sampling(0.5, 0.9, 40, 0.2, 0.1, 7, None, True, 2)
    assert request.extras == {
        "ollama_chat": {
            "keep_alive": "5m", "options.min_p": 0.05, "options.num_ctx": 4096, "options.repeat_penalty": 1.1,
        }
    }  # fmt: skip
    body, losses = sent(request)
    assert not losses
    assert body["options"] == {**{name: value for name, value in options.items() if value is not None}, "stop": ["end"]}
    assert (body["keep_alive"], body["logprobs"], body["top_logprobs"]) == ("5m", True, 2)
    elsewhere = {loss.path: loss.weight for loss in openai_chat.encode_request(request, "m", ABLE).losses}
    assert elsewhere["options.num_ctx"] == elsewhere["keep_alive"] == "knob"


@pytest.mark.parametrize("limit", [-1, -2, 0])
def test_a_limit_that_is_none_is_kept_for_ollama_only(limit: int) -> None:
    request = chat(options={"num_predict": limit})
    assert request.output_tokens_max is None
    assert sent(request)[0]["options"] == {"num_predict": limit}
    assert ollama_chat.peek(b'{"model":"m","options":{"num_predict":%d}}' % limit).output_tokens_max is None


@pytest.mark.parametrize(
    ("think", "wanted"),
    [
        (None, None), (True, Reasoning("on")), (False, Reasoning("off")), ("low", Reasoning(effort="low")),
        ("high", Reasoning(effort="high")), ("max", Reasoning(effort="max")),
    ],
)  # fmt: skip
def test_think_is_reasoning_both_ways(think: Any, wanted: Reasoning | None) -> None:
    request = chat(think=think)
    assert request.reasoning == wanted
    assert sent(request)[0].get("think") == think


@pytest.mark.parametrize(
    ("reasoning", "ability", "think", "lost"),
    [
        (Reasoning("on", budget_tokens=999), "effort", True, ["reasoning.budget_tokens"]),
        (Reasoning(effort="minimal"), "effort", "low", ["reasoning.effort"]),
        (Reasoning(effort="xhigh", display="omitted"), "effort", "high", ["reasoning.effort", "reasoning.display"]),
        (Reasoning(effort="high"), "budget", True, ["reasoning.effort"]),
        (Reasoning("adaptive"), "adaptive", True, []),
        (Reasoning(effort="none"), "none", False, []),
        (Reasoning("off"), "none", False, []),
        (Reasoning(effort="high"), "none", None, ["reasoning"]),
    ],
)
def test_reasoning_is_said_by_the_nearest_that_ollama_has(
    reasoning: Reasoning, ability: Any, think: Any, lost: list[str]
) -> None:
    body, losses = sent(Request("m", HI, reasoning=reasoning), Abilities(reasoning=ability))
    assert body.get("think") == think
    assert list(losses) == lost


def test_a_format_is_json_or_a_schema_both_ways() -> None:
    assert chat(format="").format is None
    assert chat(format="json").format == JsonObjectFormat()
    assert chat(format=SCHEMA).format == JsonSchemaFormat(SCHEMA)
    assert sent(chat(format="json"))[0]["format"] == "json"
    assert sent(chat(format=SCHEMA))[0]["format"] == SCHEMA
    described = Request("m", HI, format=JsonSchemaFormat(SCHEMA, "n", "d", strict=True))
    assert sent(described)[1] == {"format.description": "knob"}
    assert sent(described, Abilities(json_schema=False))[1] == {"format": "meaning"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": 3}, "messages"), ({"messages": [3]}, "messages[0]"), ({"messages": [{}]}, "messages[0].role"),
        ({"messages": [{"role": "x"}]}, "messages[0].role"), ({"think": 3}, "think"), ({"think": "x"}, "think"),
        ({"format": 3}, "format"), ({"format": "xml"}, "format"), ({"stream": 1}, "stream"), ({"model": 1}, "model"),
        ({"options": {"stop": [1]}}, "options.stop"), ({"options": {"seed": "x"}}, "options.seed"),
        ({"messages": [{"role": "user", "images": [3]}]}, "messages[0].images[0]"), ({"tools": [{"function": {}}]},
        "tools[0].function.name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        chat(**fields)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_pictures_come_before_the_text_and_tell_their_kind_themselves() -> None:
    images = [PNG, "/9j/4AAQ", "R0lGODlh", "UklGRg==", "AAAA", "data:image/x;base64,AA"]
    (turn,) = chat(messages=[{"role": "user", "content": "look", "images": images}]).turns
    kinds = [part.source.media_type for part in turn.parts if isinstance(part, Image) and isinstance(part.source, Base64Source)]  # fmt: skip  # noqa: E501
    assert kinds == ["image/png", "image/jpeg", "image/gif", "image/webp", "image/png", "image/x"]
    assert turn.parts[-1] == Text("look")


def test_a_result_may_bear_the_id_of_a_call_whose_client_did_not_keep_it() -> None:
    calls = [{"function": {"name": "f"}}, {"id": "own", "function": {"name": "g"}}]
    request = chat(
        messages=[
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "content": "of f", "tool_call_id": "abc"},
            {"role": "tool", "content": "of nothing", "tool_call_id": "def"},
        ]
    )
    assert request.turns[1].parts == (
        ToolResult("call_0_0", (Text("of f"),), name="f"),
        ToolResult("def", (Text("of nothing"),)),
    )


def test_results_are_linked_to_their_calls() -> None:
    call = [{"function": {"name": name, "arguments": {"at": place}}} for name, place in (("f", 1), ("g", 2), ("f", 3))]
    request = chat(
        messages=[
            {"role": "assistant", "content": "", "tool_calls": call},
            {"role": "tool", "content": "third", "tool_name": "f"},
            {"role": "tool", "content": "second", "name": "g"},
            {"role": "tool", "content": "first"},
            {"role": "assistant", "tool_calls": [{"id": "own", "function": {"name": "h", "arguments": "{}"}}]},
            {"role": "tool", "content": "named", "tool_call_id": "own"},
            {"role": "tool", "content": "of nothing", "tool_name": "z"},
        ]
    )
    called, answered, again, last = request.turns
    assert called.parts == (
        ToolCall("call_0_0", "f", '{"at":1}'),
        ToolCall("call_0_1", "g", '{"at":2}'),
        ToolCall("call_0_2", "f", '{"at":3}'),
    )
    assert answered.parts == (
        ToolResult("call_0_0", (Text("third"),), name="f"),
        ToolResult("call_0_1", (Text("second"),), name="g"),
        ToolResult("call_0_2", (Text("first"),), name="f"),
    )
    assert again.parts == (ToolCall("own", "h", "{}"),)
    assert last.parts == (
        ToolResult("own", (Text("named"),), name="h"), ToolResult("call_6", (Text("of nothing"),), name="z"),
    )  # fmt: skip
    assert [message.get("tool_name") for message in sent(request)[0]["messages"]] == [
        None, "f", "g", "f", None, "h", "z",
    ]  # fmt: skip


def test_a_result_without_a_name_is_named_after_its_call() -> None:
    turns = (Turn("assistant", (ToolCall("c", "f", ""),)), Turn("tool", (ToolResult("c", (Text("a"), Text("b"))),)))
    body, losses = sent(Request("m", turns))
    assert body["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "content": "a\nb", "tool_name": "f"},
    ]
    assert not losses


def test_a_turn_of_several_texts_keeps_its_order_in_several_messages() -> None:
    image = Image(Base64Source("image/png", PNG))
    messages, losses = sent_parts("user", image, Text("a"), Text("b"), image, image, Text("c"), image)
    assert messages == [
        {"role": "user", "content": "a", "images": [PNG]},
        {"role": "user", "content": "b"},
        {"role": "user", "content": "c", "images": [PNG, PNG]},
        {"role": "user", "content": "", "images": [PNG]},
    ]
    assert not losses


def test_an_assistants_turn_is_one_message() -> None:
    cited = Text("b", (Citation("x", {}),))
    messages, losses = sent_parts(
        "assistant", Thinking("h", None, "ollama_generate"), Text("a"), Refusal("no"), ToolCall("c", "f", "{1"), cited
    )
    assert messages == [
        {
            "role": "assistant", "content": "anob", "thinking": "h",
            "tool_calls": [{"function": {"name": "f", "arguments": {"INVALID_JSON": "{1"}}}],
        }
    ]  # fmt: skip
    assert losses == dict.fromkeys(
        ("turns[0].parts[3].arguments", "turns[0].parts[4]", "turns[0].parts[4].citations"), "knob"
    )
    (again,) = chat(messages=messages).turns
    assert again.parts[-1] == ToolCall("call_0_0", "f", "{1")


@pytest.mark.parametrize(
    "part",
    [
        Image(UrlSource("https://x")), Image(FileSource("f", "x")), Document(Base64Source("application/pdf", "AA")),
        Audio(Base64Source("audio/wav", "AA")), Opaque("x", "k", {}), ServerToolCall("x", "i", "n", "", {}),
        ToolCall("c", "f", "{}"), Document(BlocksSource((Image(UrlSource("u")),))),
    ],
)  # fmt: skip
def test_what_ollama_cannot_read_loses_its_meaning(part: Part) -> None:
    _, losses = sent_parts("user", part)
    assert list(losses.values()) == ["meaning"]
    assert next(iter(losses)).startswith("turns[0].parts[0]")


def test_a_document_of_text_is_its_text() -> None:
    parts = (Text("a"), Image(Base64Source("image/png", PNG)))
    messages, losses = sent_parts(
        "user", Document(PlainSource("t"), title="x", citations=True), Document(BlocksSource(parts), context="y")
    )
    assert [message["content"] for message in messages] == ["t", "a"]
    noted, none = sent_parts("user", Document(Base64Source("text/csv", "YSxi")))
    assert (noted, none) == ([{"role": "user", "content": "a,b"}], {})
    assert losses == dict.fromkeys(
        ("turns[0].parts[0].title", "turns[0].parts[0].citations", "turns[0].parts[1].context"), "knob"
    )


def test_knobs_that_ollama_has_not_are_reported() -> None:
    mark = CacheMark("5m")
    request = Request(
        "m", (Turn("user", (Text("a", cache=mark), Image(Base64Source("image/png", PNG), "low", mark)), name="n"),),
        tools=(Tool("f", cache=mark, strict=True),), tool_choice=ToolChoice("auto", parallel=False),
        sampling=Sampling(logit_bias={"1": 2.0}, temperature=1.0), stop=("x",), user="u", service_tier="flex",
        metadata={"a": "b"}, cache=mark, extras={"openai_chat": {"store": True}},
    )  # fmt: skip
    body, losses = sent(request, Abilities(sampling=False, stop=False))
    assert losses == dict.fromkeys(
        (
            "turns[0].name", "turns[0].parts[0].cache", "turns[0].parts[1].detail", "turns[0].parts[1].cache",
            "tool_choice.parallel", "tools[0].strict", "tools[0].cache", "stop", "temperature", "logit_bias", "user",
            "service_tier", "metadata", "cache", "store",
        ),
        "knob",
    )  # fmt: skip
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("choice", "names", "lost"),
    [
        (None, ["f", "g"], {}), (ToolChoice("auto"), ["f", "g"], {}), (ToolChoice("none"), [], {}),
        (ToolChoice("allowed", ("g",)), ["g"], {}),
        (ToolChoice("allowed", ("g",), required=True), ["g"], {"tool_choice": "meaning"}),
        (ToolChoice("required"), ["f", "g"], {"tool_choice": "meaning"}),
        (ToolChoice("named", ("f",)), ["f"], {"tool_choice": "meaning"}),
    ],
)  # fmt: skip
def test_a_choice_of_tools_is_said_by_which_are_sent(
    choice: ToolChoice | None, names: list[str], lost: dict[str, str]
) -> None:
    tools = (Tool("f", "d", {"properties": {}}), Tool("g", parameters=SCHEMA))
    body, losses = sent(Request("m", HI, tools=tools, tool_choice=choice))
    assert [tool["function"]["name"] for tool in body.get("tools", ())] == names
    assert losses == lost


def test_tools_that_cannot_be_sent_lose_their_meaning() -> None:
    elsewhere = Request("m", HI, tools=(ServerTool("x", "search", {}),), choices=2)
    assert sent(elsewhere)[1] == {"tools[0]": "meaning", "choices": "meaning"}
    assert sent(Request("m", HI, tools=(Tool("f"),)), Abilities(tools=False))[1] == {"tools": "meaning"}
    assert sent(Request("m", HI, tool_choice=ToolChoice("required")))[1] == {"tool_choice": "knob"}
    blind = Request("m", (Turn("user", (Image(Base64Source("image/png", PNG)),)),))
    assert sent(blind, Abilities(images=False))[1] == {"turns[0].parts[0]": "meaning"}


def test_what_nobody_modelled_goes_through() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "x": 1}, "y": 2}
    odd = {"type": "builtin", "z": 3}
    message = {"role": "user", "content": "hi", "w": 4}
    request = chat(messages=[message], tools=[tool, odd], v=5)
    body = json.loads(ollama_chat.encode_request(request, "m", ABLE).body)
    assert (body["messages"], body["tools"], body["v"]) == ([message], [tool, odd], 5)


@pytest.mark.parametrize("messages", [None, []])
def test_a_request_without_messages_asks_to_load_and_only_ollama_can_be_told(messages: Any) -> None:
    request = chat(messages=messages, keep_alive=0)
    assert request.turns == ()
    assert sent(request) == ({"model": "real", "messages": [], "stream": True, "keep_alive": 0}, {})
    losses = {loss.path: loss.weight for loss in openai_chat.encode_request(request, "m", ABLE).losses}
    assert losses["load"] == "meaning"
    assert ollama_chat.locate("load", request) == "messages"
    lone = ollama_generate.decode_request(b'{"model":"m","keep_alive":0}')
    assert lone.turns == ()
    assert ollama_generate.locate("load", lone) == "prompt"
    assert json.loads(ollama_generate.encode_request(lone, "m", ABLE).body) == {
        "model": "m", "prompt": "", "stream": True, "keep_alive": 0,
    }  # fmt: skip


def test_generate_is_a_system_turn_and_a_prompt() -> None:
    request = generate(system="s", images=[PNG], template="", context=[], raw=False, suffix=None, options={})
    assert request.turns == (
        Turn("system", (Text("s"),)), Turn("user", (Image(Base64Source("image/png", PNG)), Text("hi"))),
    )  # fmt: skip
    assert request.extras == {}
    body = json.loads(ollama_generate.encode_request(request, "m", ABLE).body)
    assert body == {"model": "m", "prompt": "hi", "system": "s", "images": [PNG], "stream": True}
    check_request("GenerateRequest", body)


def test_what_only_generate_takes_goes_through_and_is_refused_elsewhere() -> None:
    request = generate(suffix="x", raw=True, template="t", context=[1, 2], keep_alive="1m")
    encoded = ollama_generate.encode_request(request, "m", ABLE)
    assert not encoded.losses
    body = json.loads(encoded.body)
    assert {field: body[field] for field in ("suffix", "raw", "template", "context", "keep_alive")} == {
        "suffix": "x", "raw": True, "template": "t", "context": [1, 2], "keep_alive": "1m",
    }  # fmt: skip
    wanted = dict.fromkeys(("context", "is_raw", "suffix", "template"), "meaning")
    assert sent(request)[1] == wanted
    elsewhere = openai_chat.encode_request(request, "m", ABLE).losses
    assert {loss.path: loss.weight for loss in elsewhere if loss.weight == "meaning"} == wanted
    assert sent(generate(keep_alive="1m", options={"num_ctx": 5}))[0] == {
        "model": "real", "messages": [{"role": "user", "content": "hi"}], "stream": True, "keep_alive": "1m",
        "options": {"num_ctx": 5},
    }  # fmt: skip


def test_generate_takes_one_prompt_and_no_conversation() -> None:
    image = Image(Base64Source("image/png", PNG))
    turns = (
        Turn("system", (Text("s"), Text("t"))), Turn("user", (Text("a"), image, Image(UrlSource("u"))), name="n"),
        Turn("assistant", (Text("b"),)), Turn("user", (Text("c"),)), Turn("system", (Text("d"),)),
    )  # fmt: skip
    encoded = ollama_generate.encode_request(Request("m", turns, tools=(Tool("f"),)), "m", ABLE)
    assert {loss.path: loss.weight for loss in encoded.losses} == {
        "turns[1].name": "knob", "turns[1].parts[1]": "knob", "turns[1].parts[2]": "meaning", "turns[2]": "meaning",
        "turns[3]": "meaning", "turns[4]": "meaning", "tools": "meaning",
    }  # fmt: skip
    body = json.loads(encoded.body)
    assert (body["prompt"], body["system"], body["images"]) == ("a", "s\n\nt", [PNG])
    blind = ollama_generate.encode_request(Request("m", (Turn("user", (image,)),)), "m", Abilities(images=False))
    assert [loss.weight for loss in blind.losses] == ["meaning"]


def test_losses_are_said_in_the_clients_words() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    request = chat(
        messages=[
            {"role": "system", "content": "s"},
            {"role": "user", "content": "look", "images": [PNG, PNG]},
            {"role": "assistant", "content": "c", "thinking": "h", "tool_calls": [call, call]},
            {"role": "tool", "content": "r", "tool_name": "f"},
            {"role": "tool", "content": "r", "tool_name": "f"},
            {"role": "user", "content": "end"},
        ],
        tools=[{"function": {"name": "f"}}, {"function": {"name": "g"}}],
    )
    paths = {
        "turns[0]": "messages[0]", "turns[0].parts[0].cache": "messages[0].content.cache",
        "turns[1].parts[1]": "messages[1].images[1]", "turns[1].parts[2]": "messages[1].content",
        "turns[2].parts[0]": "messages[2].thinking", "turns[2].parts[1]": "messages[2].content",
        "turns[2].parts[3].arguments": "messages[2].tool_calls[1].function.arguments",
        "turns[3].parts[1]": "messages[4]", "turns[3].parts[1].is_error": "messages[4].is_error",
        "turns[3].parts[0].parts[0]": "messages[3].content", "turns[4].name": "messages[5].name",
        "turns[9]": "turns[9]",
        "tools[1].strict": "tools[1].function.strict", "tools[1]": "tools[1]", "tool_choice.names": "tool_choice.names",
        "output_tokens_max": "options.num_predict", "stop": "options.stop", "top_k": "options.top_k",
        "format": "format",
        "reasoning.budget_tokens": "think", "options.num_ctx": "options.num_ctx", "turns": "messages",
    }  # fmt: skip
    assert {path: ollama_chat.locate(path, request) for path in paths} == paths
    lone = generate(system="s", images=[PNG])
    paths = {
        "turns[0].parts[0]": "system", "turns[1].parts[0]": "images[0]", "turns[1].parts[1]": "prompt",
        "turns[1]": "prompt", "turns[7]": "turns[7]", "seed": "options.seed", "suffix": "suffix",
        "is_raw": "raw",
    }  # fmt: skip
    assert {path: ollama_generate.locate(path, lone) for path in paths} == paths
