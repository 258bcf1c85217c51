"""Requests: what a client of Converse says is understood, and what clients of other dialects say is put so."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid
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
    RedactedThinking,
    ServerToolCall,
    ServerToolResult,
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
from keywright.dialects.bedrock_converse import NAME, decode_request, encode_request, locate
from keywright.dialects.bedrock_converse.ids import outward
from keywright.dialects.bedrock_converse.names import DocumentNames
from keywright.dialects.bedrock_converse.vendors import vendor_of
from tests.conftest import shared_dir
from tests.standin.botoshape import service_model

Body = dict[str, Any]
CLAUDE, NOVA, LLAMA = "eu.anthropic.claude-x-v1:0", "us.amazon.nova-2-lite-v1:0", "meta.llama3-70b-instruct-v1:0"
ABLE = Abilities(mid_system=True, audio=True, reasoning="budget")
HI = Turn("user", (Text("hi"),))
SCHEMA = {"json": {"type": "object"}}
TOOL = Tool("f", parameters={"type": "object"})
CALLED = (HI, Turn("assistant", (ToolCall("c1", "f", '{"a":1}'),)), Turn("tool", (ToolResult("c1", (Text("2"),)),)))


def decoded(content: list[Body], **rest: Any) -> Request:
    body = {"messages": [{"role": "user", "content": content}], **rest}
    return decode_request(json.dumps(body).encode(), PathSaid("m", stream=True))


def part(block: Body) -> Part:
    (found,) = decoded([block]).turns[0].parts
    return found


def encoded(request: Request, model: str = CLAUDE, able: Abilities = ABLE) -> tuple[Body, dict[str, str]]:
    """The body, and the losses by path with their weights."""
    result = encode_request(request, model, able)
    body = json.loads(result.body)
    model_file = shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json"
    if not any(loss.weight == "meaning" for loss in result.losses):
        assert service_model(model_file).input_complaint("Converse", body) is None
    return body, {loss.path: loss.weight for loss in result.losses}


def asked(*parts: Part, **rest: Any) -> Request:
    return Request("m", (Turn("user", parts),), **rest)


def test_the_path_says_the_model_and_the_stream() -> None:
    request = decoded([{"text": "hi"}])
    assert (request.model, request.stream) == ("m", True)


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({"text": "hi"}, Text("hi")),
        ({"image": {"format": "png", "source": {"bytes": "eA=="}}}, Image(Base64Source("image/png", "eA=="))),
        (
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k"}}}},
            Image(FileSource("s3://b/k", NAME), extras={NAME: {"format": "jpeg"}}),
        ),
        (
            {"document": {"format": "docx", "name": "n", "source": {"bytes": "eA=="}, "context": "c"}},
            Document(
                Base64Source("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "eA=="),
                title="n",
                context="c",
            ),
        ),
        (
            {"document": {"format": "txt", "name": "n", "source": {"text": "t"}, "citations": {"enabled": True}}},
            Document(PlainSource("t"), title="n", citations=True),
        ),
        (
            {"document": {"format": "md", "name": "n", "source": {"content": [{"text": "t"}]}}},
            Document(BlocksSource((Text("t"),)), title="n", extras={NAME: {"format": "md"}}),
        ),
        ({"audio": {"format": "wav", "source": {"bytes": "eA=="}}}, Audio(Base64Source("audio/wav", "eA=="), "wav")),
        (
            {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}, "type": "tool_use"}},
            ToolCall("1", "f", '{"a":1}'),
        ),
        (
            {"toolUse": {"toolUseId": "1", "name": "f", "input": {}, "type": "server_tool_use"}},
            ServerToolCall(NAME, "1", "f", "{}", {"toolUseId": "1", "name": "f", "type": "server_tool_use"}),
        ),
        (
            {"toolResult": {"toolUseId": "1", "type": "x_result", "content": []}},
            ServerToolResult(NAME, "1", "x_result", {"toolUseId": "1", "type": "x_result", "content": []}),
        ),
        (
            {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
            Thinking("t", "s", NAME),
        ),
        ({"reasoningContent": {"redactedContent": "eA=="}}, RedactedThinking("eA==", NAME)),
        ({"video": {"format": "mp4"}}, Opaque(NAME, "video", {"video": {"format": "mp4"}})),
        ({"image": {"format": "tiff", "source": {"bytes": "eA=="}}}, None),
        ({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}}}}, None),
        ({"text": "a", "other": 1}, None),
        ({"somethingNew": {"a": 1}}, None),
        ({"cachePoint": {"type": "default"}}, None),
    ],
)
def test_a_block_is_its_part_and_comes_back_as_it_was(block: Body, wanted: Part | None) -> None:
    found = part(block)
    if wanted is None:
        assert isinstance(found, Opaque)
        assert found.body == block
    else:
        assert found == wanted
    again = json.loads(encode_request(asked(Text("x"), found), CLAUDE, ABLE).body)
    block.get("toolUse", {}).pop("type", None) if isinstance(found, ToolCall) else None
    content = again["messages"][0]["content"]
    assert block in content


def test_the_text_inside_citations_is_not_lost() -> None:
    cited = {
        "content": [{"text": "Made "}, {"text": "by Matz"}],
        "citations": [
            {
                "title": "T",
                "source": "https://x.org/a",
                "sourceContent": [{"text": "Ma"}, {"text": "tz"}],
                "location": {"documentChar": {"documentIndex": 0, "start": 3, "end": 9}},
            },
            {"location": {"web": {"url": "https://y.org"}}},
        ],
    }
    found = part({"citationsContent": cited})
    assert isinstance(found, Text)
    assert found.text == "Made by Matz"
    first, second = found.citations
    assert (first.title, first.url, first.cited_text, first.start, first.end) == ("T", "https://x.org/a", "Matz", 3, 9)
    assert second.url == "https://y.org"


def test_a_citation_from_elsewhere_keeps_title_address_and_words() -> None:
    citation = Citation("anthropic", {"type": "x"}, url="https://x.org", title="T", cited_text="w")
    body, losses = encoded(Request("m", (HI, Turn("assistant", (Text("t", (citation,)),)), HI)))
    assert body["messages"][1]["content"] == [
        {
            "citationsContent": {
                "content": [{"text": "t"}],
                "citations": [
                    {
                        "title": "T",
                        "source": "https://x.org",
                        "location": {"web": {"url": "https://x.org"}},
                        "sourceContent": [{"text": "w"}],
                    }
                ],
            }
        }
    ]
    assert losses == {"turns[1].parts[0].citations": "knob"}


def test_results_of_tools_stand_in_turns_of_their_own_and_keep_json() -> None:
    result = {"toolUseId": "1", "content": [{"json": {"a": [1]}}, {"text": "t"}], "status": "error"}
    request = decoded([{"toolResult": result}, {"text": "and?"}])
    tool, user = request.turns
    assert (tool.role, user.role) == ("tool", "user")
    (found,) = tool.parts
    assert isinstance(found, ToolResult)
    assert found.is_error
    assert found.parts == (Text('{"a":[1]}', extras={NAME: {"as_json": True}}), Text("t"))
    again = json.loads(encode_request(request, CLAUDE, ABLE).body)
    assert again["messages"][0]["content"] == [{"toolResult": result}, {"text": "and?"}]


def test_a_cache_point_marks_what_stands_before_it() -> None:
    request = decoded(
        [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "b"}],
        system=[{"text": "s"}, {"cachePoint": {"type": "default"}}],
        toolConfig={
            "tools": [
                {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}},
                {"cachePoint": {"type": "default"}},
            ]
        },
    )
    system, user = request.turns
    assert system.parts == (Text("s", cache=CacheMark()),)
    assert user.parts == (Text("a", cache=CacheMark("1h")), Text("b"))
    assert request.tools == (Tool("f", parameters={"type": "object"}, cache=CacheMark()),)
    body, losses = encoded(request)
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"][1] == body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    assert losses == {}
    elsewhere, losses = encoded(request, LLAMA)
    assert "cachePoint" not in json.dumps(elsewhere)
    assert losses == {
        "turns[0].parts[0].cache": "knob",
        "turns[1].parts[0].cache": "knob",
        "tools[0].cache": "knob",
    }
    assert [locate(path, request) for path in losses] == [
        "system[1].cachePoint",
        "messages[0].content[1].cachePoint",
        "toolConfig.tools[1].cachePoint",
    ]


def test_a_mark_inside_a_tools_result_stands_behind_it() -> None:
    turns = (*CALLED[:2], Turn("tool", (ToolResult("c1", (Text("2", cache=CacheMark()),)),)))
    body, losses = encoded(Request("m", turns, tools=(TOOL,)))
    result, point = body["messages"][2]["content"]
    assert result["toolResult"]["content"] == [{"text": "2"}]
    assert point == {"cachePoint": {"type": "default"}}
    assert losses == {}


def test_the_rest_of_a_request_is_understood_and_comes_back() -> None:
    rest = {
        "system": [{"text": "s"}, {"guardContent": {"text": {"text": "g"}}}],
        "inferenceConfig": {"maxTokens": 2000, "temperature": 1.0, "stopSequences": ["."], "novelty": 1},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "description": "d", "inputSchema": SCHEMA, "strict": True}},
                {"systemTool": {"name": "nova_grounding"}},
            ],
            "toolChoice": {"auto": {}},
        },
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "novelty": 2},
        "additionalModelResponseFieldPaths": ["/x"],
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        "performanceConfig": {"latency": "optimized"},
        "requestMetadata": {"k": "v"},
        "serviceTier": {"type": "flex"},
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n", "description": "d"}},
            }
        },
        "promptVariables": {"v": {"text": "x"}},
    }  # fmt: skip
    request = decoded([{"text": "hi"}], **rest)
    assert (request.output_tokens_max, request.stop, request.sampling.temperature) == (2000, (".",), 1.0)
    assert request.tools[0] == Tool("f", "d", {"type": "object"}, strict=True)
    assert request.tools[1] == ServerTool(NAME, "systemTool", {"systemTool": {"name": "nova_grounding"}})
    assert request.tool_choice == ToolChoice("auto")
    assert request.reasoning == Reasoning("on", budget_tokens=1024)
    assert request.format == JsonSchemaFormat({"type": "object"}, "n", "d", strict=True)
    assert (request.metadata, request.service_tier) == ({"k": "v"}, "flex")
    result = encode_request(request, CLAUDE, ABLE)
    assert not result.losses
    assert json.loads(result.body) == {"messages": [{"role": "user", "content": [{"text": "hi"}]}], **rest}


def test_mid_conversation_system_turns_go_where_the_model_takes_them() -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "a"}]}, {"role": "system", "content": [{"text": "s"}]}]}
    request = decode_request(json.dumps(body).encode(), PathSaid("m"))
    assert request.turns[1].role == "system"
    again, losses = encoded(request)
    assert (again, losses) == (body, {})
    elsewhere, losses = encoded(request, able=Abilities())
    assert elsewhere["messages"][0]["content"] == [{"text": "a"}, {"text": "<system>\ns\n</system>"}]
    assert losses == {"turns[1].role": "knob"}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"[]", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"{}", "invalid_request", "messages"),
        (b'{"messages":[]}', "invalid_request", "messages"),
        (b'{"messages":[1]}', "invalid_request", "messages[0]"),
        (b'{"messages":[{"role":"x","content":[]}]}', "invalid_request", "messages[0].role"),
        (b'{"messages":[{"role":"user","content":"hi"}]}', "invalid_request", "messages[0].content"),
        (b'{"messages":[{"role":"user","content":[{"text":7}]}]}', "invalid_request", "messages[0].content[0].text"),
        (
            b'{"messages":[{"role":"user","content":[{"toolUse":{"name":"f","input":{}}}]}]}',
            "invalid_request",
            "messages[0].content[0].toolUse.toolUseId",
        ),
        (
            b'{"messages":[{"role":"user","content":[]}],"inferenceConfig":{"maxTokens":0}}',
            "invalid_request",
            "inferenceConfig.maxTokens",
        ),
        (
            b'{"messages":[{"role":"user","content":[]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f"}}]}}',
            "invalid_request",
            "toolConfig.tools[0].toolSpec.inputSchema.json",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_name(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        decode_request(body, PathSaid("m"))
    failure = caught.value.failure
    assert (failure.status, failure.code, failure.param) == (400, code, param)


def test_documents_get_names_that_the_api_takes_each_once() -> None:
    names = DocumentNames()
    titles = ("My file.pdf", "My file.pdf", None, None, "ü", "a" * 300, "A  b", "[x](1)-2")
    assert [names.name(title) for title in titles] == [
        "My file pdf", "My file pdf 2", "document", "document 2", "document 3", "a" * 200, "A b", "[x](1)-2",
    ]  # fmt: skip
    assert len(names.name("a" * 300)) <= 200


def test_documents_without_text_beside_them_get_some() -> None:
    pdf = Document(Base64Source("application/pdf", "eA=="))
    body, losses = encoded(asked(pdf))
    assert body["messages"][0]["content"] == [
        {"document": {"name": "document", "source": {"bytes": "eA=="}, "format": "pdf"}},
        {"text": "See the documents."},
    ]
    assert losses == {"turns": "knob"}
    assert encoded(asked(pdf, Text("read")))[1] == {}


@pytest.mark.parametrize(
    "lost",
    [
        Image(UrlSource("https://x.org/a.png")),
        Image(Base64Source("image/tiff", "eA==")),
        Document(UrlSource("https://x.org/a.pdf")),
        Document(FileSource("file-1", "openai_chat")),
        Document(Base64Source("application/zip", "eA==")),
        Audio(UrlSource("https://x.org/a.mp3"), "mp3"),
        Opaque("openai_chat", "x", {}),
    ],
)
def test_content_that_cannot_be_said_is_a_loss_of_meaning(lost: Part) -> None:
    assert encoded(asked(Text("x"), lost))[1] == {"turns[0].parts[1]": "meaning"}


def test_a_picture_in_s3_may_be_named_by_address() -> None:
    body, losses = encoded(asked(Image(UrlSource("s3://bucket/k.png"))))
    assert body["messages"][0]["content"] == [
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/k.png"}}}}
    ]
    assert losses == {}


def test_what_a_model_cannot_do_is_refused() -> None:
    blind = Abilities(images=False, documents=False, tools=False, json_schema=False)
    request = asked(
        Image(Base64Source("image/png", "eA==")),
        Document(PlainSource("t")),
        Audio(Base64Source("audio/wav", "eA=="), "wav"),
        tools=(TOOL,),
        format=JsonSchemaFormat({}),
    )
    assert set(encoded(request, able=blind)[1].values()) == {"meaning"}
    assert encoded(asked(Text("x"), format=JsonObjectFormat()))[1] == {"format": "meaning"}


def test_thinking_goes_back_to_where_it_came_from_only() -> None:
    own = (Thinking("a", "s", NAME), Thinking("b", None, NAME), RedactedThinking("eA==", NAME))
    foreign = (Thinking("c", "s", "anthropic"), Thinking("d"), RedactedThinking("x", "anthropic"))
    body, losses = encoded(Request("m", (HI, Turn("assistant", (*own, *foreign, Text("t"))), HI)))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "a", "signature": "s"}}},
        {"reasoningContent": {"reasoningText": {"text": "b"}}},
        {"reasoningContent": {"redactedContent": "eA=="}},
        {"text": "t"},
    ]
    assert losses == {f"turns[1].parts[{number}]": "knob" for number in (3, 4, 5)}


def test_ids_of_calls_are_such_as_the_api_takes_in_call_and_result() -> None:
    assert outward("functions.f:0") == "functions.f:0"
    turns = (HI, Turn("assistant", (ToolCall("ü" * 70, "f", "{}"),)), Turn("tool", (ToolResult("ü" * 70, ()),)))
    body, losses = encoded(Request("m", turns, tools=(TOOL,)))
    call, result = body["messages"][1]["content"][0]["toolUse"], body["messages"][2]["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"] == outward("ü" * 70) != outward("ü" * 71)
    assert losses == {}


def test_arguments_that_are_no_object_are_sent_inside_one() -> None:
    turns = (
        HI,
        Turn("assistant", (ToolCall("1", "f", "oops"), ToolCall("2", "f", ""))),
        Turn("tool", (ToolResult("1", ()),)),
    )
    body, losses = encoded(Request("m", turns, tools=(TOOL,)))
    assert [block["toolUse"]["input"] for block in body["messages"][1]["content"]] == [{"arguments": "oops"}, {}]
    assert losses == {"turns[1].parts[0].arguments": "knob"}


def test_tools_that_a_conversation_used_are_declared() -> None:
    body, losses = encoded(Request("m", CALLED))
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
    ]
    assert losses == {"tools": "knob"}


def test_tools_that_are_forbidden_are_left_out_where_that_is_possible() -> None:
    body, losses = encoded(Request("m", (HI,), tools=(TOOL,), tool_choice=ToolChoice("none")))
    assert ("toolConfig" in body, losses) == (False, {})
    body, losses = encoded(Request("m", CALLED, tools=(TOOL,), tool_choice=ToolChoice("none")))
    assert ("toolChoice" in body["toolConfig"], losses) == (False, {"tool_choice": "knob"})


@pytest.mark.parametrize(
    ("choice", "written", "added"),
    [
        (ToolChoice("auto"), {"auto": {}}, None),
        (ToolChoice("required"), {"any": {}}, None),
        (ToolChoice("named", ("f",)), {"tool": {"name": "f"}}, None),
        (ToolChoice("required", parallel=False), {"any": {}}, {"disable_parallel_tool_use": True}),
        (ToolChoice(parallel=False), None, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_tools(choice: ToolChoice, written: Body | None, added: Body | None) -> None:
    request = Request("m", (HI,), tools=(TOOL,), tool_choice=choice)
    body, losses = encoded(request)
    assert body["toolConfig"].get("toolChoice") == written
    assert body.get("additionalModelRequestFields", {}).get("tool_choice") == added
    assert losses == {}
    if choice.parallel is not None:
        body, losses = encoded(request, NOVA)
        assert ("additionalModelRequestFields" in body, losses) == (False, {"tool_choice.parallel": "knob"})


def test_allowed_tools_are_the_only_ones_declared_and_a_missing_one_is_refused() -> None:
    other = Tool("g", parameters={"type": "object"})
    body, losses = encoded(
        Request("m", (HI,), tools=(TOOL, other), tool_choice=ToolChoice("allowed", ("g",), required=True))
    )
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["g"]
    assert (body["toolConfig"]["toolChoice"], losses) == ({"any": {}}, {"tool_choice": "knob"})
    assert encoded(Request("m", (HI,), tool_choice=ToolChoice("required")))[1] == {"tool_choice": "meaning"}
    assert encoded(Request("m", (HI,), tools=(Tool("a.b"), ServerTool("anthropic", "x", {}))))[1] == {
        "tools[0].name": "meaning",
        "tools[1]": "meaning",
    }


OSS = "openai.gpt-oss-120b-1:0"
BUDGET = Reasoning("on", budget_tokens=2000)


def thinks(kind: str, **rest: Any) -> Body:
    return {"thinking": {"type": kind, **rest}}


def level(word: str) -> Body:
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}}


THINKING: list[tuple[str, str, Reasoning, Body | None, str | None, set[str]]] = [
    (CLAUDE, "budget", BUDGET, thinks("enabled", budget_tokens=2000), None, set()),
    (
        CLAUDE,
        "budget",
        Reasoning("on", budget_tokens=9),
        thinks("enabled", budget_tokens=1024),
        None,
        {"reasoning.budget_tokens"},
    ),
    (CLAUDE, "budget", Reasoning(effort="low"), thinks("enabled", budget_tokens=2048), None, set()),
    (CLAUDE, "budget", Reasoning("off"), thinks("disabled"), None, set()),
    (
        CLAUDE,
        "adaptive",
        Reasoning("adaptive", "high", display="omitted"),
        thinks("adaptive", display="omitted"),
        "high",
        set(),
    ),
    (
        CLAUDE,
        "adaptive",
        Reasoning("on", budget_tokens=2000, display="odd"),
        thinks("adaptive"),
        None,
        {"reasoning.budget_tokens", "reasoning.display"},
    ),
    (CLAUDE, "effort", Reasoning(effort="minimal"), None, "low", {"reasoning.effort"}),
    (CLAUDE, "effort", BUDGET, None, None, {"reasoning"}),
    (CLAUDE, "none", Reasoning(effort="low"), None, None, {"reasoning"}),
    (NOVA, "effort", Reasoning(effort="high"), level("high"), None, set()),
    (NOVA, "effort", Reasoning(effort="max"), level("high"), None, {"reasoning.effort"}),
    (NOVA, "effort", BUDGET, level("low"), None, {"reasoning"}),
    (NOVA, "effort", Reasoning("off"), {"reasoningConfig": {"type": "disabled"}}, None, set()),
    (OSS, "effort", Reasoning(effort="low"), {"reasoning_effort": "low"}, None, set()),
    (OSS, "effort", BUDGET, None, None, {"reasoning"}),
    (LLAMA, "effort", Reasoning(effort="low"), None, None, {"reasoning"}),
    (LLAMA, "effort", Reasoning("off"), None, None, set()),
]


@pytest.mark.parametrize(("model", "able", "reasoning", "fields", "effort", "lost"), THINKING)
def test_how_much_to_think_is_said_in_the_vendors_manner(
    model: str, able: Any, reasoning: Reasoning, fields: Body | None, effort: str | None, lost: set[str]
) -> None:
    body, losses = encoded(asked(Text("x"), reasoning=reasoning), model, Abilities(reasoning=able))
    assert body.get("additionalModelRequestFields") == fields
    assert body.get("outputConfig", {}).get("effort") == effort
    assert losses == dict.fromkeys(lost, "knob")


def test_a_budget_stays_below_the_limit_or_is_not_said() -> None:
    asked_for = asked(Text("x"), reasoning=Reasoning("on", budget_tokens=5000), output_tokens_max=3000)
    assert encoded(asked_for)[0]["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2999
    tight = asked(Text("x"), reasoning=Reasoning(effort="high"), output_tokens_max=500)
    assert encoded(tight)[1] == {"reasoning": "knob"}


def test_thinking_forbids_other_knobs_and_is_forbidden_by_forced_tools_and_unsigned_turns() -> None:
    knobs = Sampling(temperature=0.5, top_p=0.5, top_k=5)
    assert encoded(asked(Text("x"), reasoning=BUDGET, sampling=knobs))[1] == dict.fromkeys(
        ("temperature", "top_p", "top_k"), "knob"
    )
    forced = asked(Text("x"), reasoning=BUDGET, tools=(TOOL,), tool_choice=ToolChoice("required"))
    assert "thinking" not in json.dumps(encoded(forced)[0])
    resumed = Request("m", CALLED, tools=(TOOL,), reasoning=BUDGET)
    assert "additionalModelRequestFields" not in encoded(resumed)[0]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        ("cohere.command-r-v1:0", {"k": 5}),
        ("mistral.mistral-large-2402-v1:0", {"top_k": 5}),
        (LLAMA, None),
    ],
)
def test_top_k_is_said_where_the_vendor_wants_it(model: str, fields: Body | None) -> None:
    body, losses = encoded(asked(Text("x"), sampling=Sampling(top_k=5)), model)
    assert body.get("additionalModelRequestFields") == fields
    assert losses == ({} if fields else {"top_k": "knob"})
    if fields:
        assert decoded([{"text": "x"}], additionalModelRequestFields=fields).sampling.top_k == 5


def test_knobs_beyond_the_bounds_are_set_to_them_and_unknown_ones_are_lost() -> None:
    request = asked(
        Text("x"),
        sampling=Sampling(temperature=1.7, frequency_penalty=1.0, seed=0, logprobs=True),
        output_tokens_max=99,
        stop=("", "."),
        user="u",
        metadata={"ok": "v", "bad": 1},
        service_tier="scale",
        choices=1,
    )
    body, losses = encoded(request, able=Abilities(output_tokens_max=50))
    assert body["inferenceConfig"] == {"maxTokens": 50, "temperature": 1.0, "stopSequences": ["."]}
    assert body["requestMetadata"] == {"ok": "v"}
    lost = (
        "temperature",
        "frequency_penalty",
        "seed",
        "logprobs",
        "output_tokens_max",
        "stop",
        "user",
        "metadata",
        "service_tier",
    )
    assert losses == dict.fromkeys(lost, "knob")
    assert encoded(asked(Text("x"), sampling=Sampling(temperature=-1.0)))[0]["inferenceConfig"] == {"temperature": 0.0}
    assert encoded(asked(Text("x"), choices=2))[1] == {"choices": "meaning"}
    both = asked(Text("x"), sampling=Sampling(temperature=0.5, top_p=0.5))
    assert (encoded(both)[1], encoded(both, NOVA)[1]) == ({"top_p": "knob"}, {})
    assert encoded(both, able=Abilities(sampling=False))[1] == {"temperature": "knob", "top_p": "knob"}


def test_an_id_that_names_no_vendor_gets_the_clients_own_spelling() -> None:
    fields = {"reasoning_config": {"type": "enabled", "budget_tokens": 1024}}
    request = decoded([{"text": "x"}], additionalModelRequestFields=fields)
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
    assert encoded(request, profile, Abilities())[0]["additionalModelRequestFields"] == fields
    assert encoded(request, CLAUDE)[0]["additionalModelRequestFields"] == {"thinking": fields["reasoning_config"]}


@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("anthropic.claude-v2:1", "anthropic"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic"),
        ("apac.amazon.nova-pro-v1:0", "amazon"),
        ("global.anthropic.claude-x", "anthropic"),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0", "meta"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.mistral.pixtral-large-2502-v1:0", "mistral"),
        ("arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0/abcdefghijkl", "amazon"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f", ""),
        ("an-alias", ""),
    ],
)
def test_a_models_vendor_is_found_in_any_form_of_its_id(model: str, vendor: str) -> None:
    assert vendor_of(model) == vendor


def test_losses_are_told_in_the_clients_words() -> None:
    request = decoded(
        [
            {"toolResult": {"toolUseId": "1", "content": [{"text": "a"}, {"text": "b"}]}},
            {"cachePoint": {"type": "default"}},
            {"text": "x"},
            {"document": {"name": "n", "source": {"content": [{"text": "t"}]}}},
        ],
        system=[{"text": "s"}],
    )
    told = {
        "turns[0].parts[0]": "system[0]",
        "turns[1].parts[0].parts[1]": "messages[0].content[0].toolResult.content[1]",
        "turns[2].parts[0]": "messages[0].content[2]",
        "turns[2].parts[1].parts[0]": "messages[0].content[3].document.source.content[0]",
        "turns[2].name": "messages[0].name",
        "turns": "messages",
        "output_tokens_max": "inferenceConfig.maxTokens",
        "format": "outputConfig.textFormat",
        "tool_choice.parallel": "toolConfig.toolChoice",
        "guardrailConfig": "guardrailConfig",
    }
    assert {path: locate(path, request) for path in told} == told


def test_a_tool_that_bedrock_runs_is_named_by_its_own_member() -> None:
    request = decoded([{"text": "x"}], toolConfig={"tools": [{"systemTool": {"name": "nova_grounding"}}]})
    assert locate("tools[0]", request) == "toolConfig.tools[0].systemTool"
