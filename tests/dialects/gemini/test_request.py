"""Requests: how a client's are read, and what is asked of the API."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid
from keywright.core.errors import RefusedError
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
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
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import JsonObjectFormat, JsonSchemaFormat, Reasoning, Request, Sampling
from keywright.dialects.gemini import decode_request, encode_request
from keywright.dialects.gemini.contents_out import UNSIGNED

ABLE = Abilities(reasoning="effort", audio=True, tool_files=True)
HI: JsonObject = {"role": "user", "parts": [{"text": "hi"}]}


def heard(body: JsonObject) -> Request:
    return decode_request(json.dumps(body).encode(), PathSaid("m"))


def heard_parts(*parts: Json, role: str = "user") -> tuple[Part, ...]:
    (turn,) = heard({"contents": [{"role": role, "parts": [*parts]}]}).turns
    return turn.parts


def asked(request: Request, abilities: Abilities = ABLE) -> tuple[Any, tuple[Loss, ...]]:
    encoded = encode_request(request, "m", abilities)
    return json.loads(encoded.body), encoded.losses


def asked_parts(*parts: Part, role: str = "user", abilities: Abilities = ABLE) -> tuple[Any, tuple[Loss, ...]]:
    turn = Turn(role, parts)  # type: ignore[arg-type]  # one of the roles
    body, losses = asked(Request("m", (turn,)), abilities)
    return (body["contents"][0]["parts"] if body["contents"] else []), losses


def test_what_the_path_said_is_in_the_request() -> None:
    request = decode_request(json.dumps({"contents": [HI]}).encode(), PathSaid("gemini-x", stream=True))
    assert (request.model, request.stream) == ("gemini-x", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "wizard", "parts": [{"text": "hi"}]}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": ["hi"]}]}, "contents[0].parts[0]"),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": [1]}}]}]},
            "contents[0].parts[0].functionCall.args",
        ),
        ({"contents": [HI], "generationConfig": {"maxOutputTokens": 0}}, "generationConfig.maxOutputTokens"),
        ({"contents": [HI], "generationConfig": {"candidateCount": 100}}, "generationConfig.candidateCount"),
        ({"contents": [HI], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": [HI], "generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences"),
        ({"contents": [HI], "tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {"contents": [HI], "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        ({"contents": [HI], "generationConfig": {}, "generation_config": {}}, "generationConfig"),
        ({"contents": [HI], "generationConfig": {"topP": 1, "top_p": 0}}, "generationConfig.topP"),
    ],
)
def test_a_wrong_field_is_refused_and_named(body: JsonObject, field: str) -> None:
    with pytest.raises(RefusedError) as refused:
        heard(body)
    failure = refused.value.failure
    assert (failure.status, failure.code, failure.param) == (400, "invalid_request", field)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"null"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        decode_request(body, PathSaid("m"))
    assert refused.value.failure.code == "invalid_json"


def test_names_may_be_spelled_as_in_the_proto_file_lists_be_one_and_enums_be_numbers() -> None:
    loose = heard(
        {
            "contents": {"parts": {"text": "hi"}},
            "system_instruction": {"parts": {"text": "be brief"}},
            "tools": {
                "function_declarations": {"name": "f", "parameters": {"type": 6, "properties": {"a_b": {"type": 1}}}}
            },
            "tool_config": {"function_calling_config": {"mode": 2, "allowed_function_names": ["f"]}},
            "generation_config": {"top_k": 40.0, "max_output_tokens": 9},
        }
    )
    strict = heard(
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "tools": [
                {
                    "functionDeclarations": [
                        {
                            "name": "f",
                            "parametersJsonSchema": {"type": "object", "properties": {"a_b": {"type": "string"}}},
                        }
                    ]
                }
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {"topK": 40, "maxOutputTokens": 9},
        }
    )
    assert loose == strict
    assert loose.tool_choice is not None
    assert loose.tool_choice.mode == "named"


def test_the_apis_own_schema_becomes_json_schema() -> None:
    own: JsonObject = {
        "type": "OBJECT",
        "properties": {
            "n": {"type": "INTEGER", "nullable": True, "enum": ["1"]},
            "list": {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": "2"},
            "either": {"any_of": [{"type": "STRING"}], "nullable": True},
        },
        "propertyOrdering": ["n"],
    }
    (tool,) = heard({"contents": [HI], "tools": [{"functionDeclarations": [{"name": "f", "parameters": own}]}]}).tools
    assert tool.parameters == {  # type: ignore[union-attr]  # a function
        "type": "object",
        "properties": {
            "n": {"type": ["integer", "null"], "enum": ["1", None]},
            "list": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "propertyOrdering": ["n"],
    }


def test_media_are_what_their_kind_says() -> None:
    def inline(kind: str) -> JsonObject:
        return {"inlineData": {"mimeType": kind, "data": "_-8"}}

    image, sound, pdf, text, video = heard_parts(
        *map(inline, ("image/png", "audio/mpeg", "application/pdf", "text/plain", "video/mp4"))
    )
    assert image == Image(Base64Source("image/png", "/+8="))
    assert sound == Audio(Base64Source("audio/mpeg", "/+8="), "mp3")
    assert [type(part) for part in (pdf, text)] == [Document, Document]
    assert video == Opaque("gemini", "inlineData", inline("video/mp4"))


def test_files_are_the_apis_own_or_addresses() -> None:
    def file(uri: str, kind: str) -> JsonObject:
        return {"fileData": {"mimeType": kind, "fileUri": uri}}

    stored = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    parts: tuple[JsonObject, ...] = (
        file(stored, "application/pdf"),
        file("gs://bucket/kiwi.jpg", "image/jpeg"),
        file("https://example.com/kiwi.jpg", "image/jpeg"),
        file("https://youtu.be/x", "video/mp4"),
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
    )
    own, bucket, address, tube, bare = heard_parts(*parts)
    assert isinstance(own, Document)
    assert own.source == FileSource(stored, "gemini")
    assert isinstance(bucket, Image)
    assert address == Image(UrlSource("https://example.com/kiwi.jpg", "image/jpeg"))
    assert isinstance(tube, Opaque)
    assert isinstance(bare, Opaque)
    assert asked_parts(own, bucket, address, tube, bare) == ([*parts], ())


def test_a_signature_stays_with_its_part_and_goes_back_on_it() -> None:
    parts: tuple[JsonObject, ...] = (
        {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "so", "thoughtSignature": "dGV4dA=="},
        {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": "Y2FsbA=="},
        {"text": "", "thoughtSignature": "ZW1wdHk="},
    )
    thought, text, call, empty = heard_parts(*parts, role="model")
    assert thought == Thinking("hm", "c2ln", "gemini")
    assert text == Text("so", extras={"gemini": {"thoughtSignature": "dGV4dA=="}})
    assert call == ToolCall("1", "f", "{}", extras={"gemini": {"thoughtSignature": "Y2FsbA=="}})
    assert empty == RedactedThinking("ZW1wdHk=", "gemini")
    assert asked_parts(thought, text, call, empty, role="assistant") == ([*parts], ())


def test_another_providers_thinking_is_dropped_and_reported() -> None:
    parts, losses = asked_parts(
        Thinking("hm", "s", "anthropic"), RedactedThinking("x", "anthropic"), Text("so"), role="assistant"
    )
    assert parts == [{"text": "so"}]
    assert [(loss.path, loss.weight) for loss in losses] == [
        ("turns[0].parts[0]", "knob"),
        ("turns[0].parts[1]", "knob"),
    ]


def test_what_the_provider_runs_is_kept_whole() -> None:
    parts: tuple[JsonObject, ...] = (
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}, "thoughtSignature": "eA=="},
        {"toolCall": {"toolType": "FILE_SEARCH", "id": "a", "args": {"q_x": 1}}},
        {"toolResponse": {"toolType": "FILE_SEARCH", "id": "a"}},
    )
    code, result, call, answer = heard_parts(*parts, role="model")
    assert isinstance(code, ServerToolCall)
    assert isinstance(result, ServerToolResult)
    assert (code.name, result.call_id) == ("code_execution", code.id)
    assert isinstance(call, ServerToolCall)
    assert isinstance(answer, ServerToolResult)
    assert (call.name, call.arguments, answer.call_id) == ("FILE_SEARCH", '{"q_x":1}', "a")
    assert asked_parts(code, result, call, answer, role="assistant") == ([*parts], ())


def test_what_nobody_knows_goes_through_whole_and_to_nobody_else() -> None:
    (part,) = heard_parts({"hologram": {"depth": 3}})
    assert part == Opaque("gemini", "hologram", {"hologram": {"depth": 3}})
    assert asked_parts(part) == ([{"hologram": {"depth": 3}}], ())
    _, losses = asked_parts(Opaque("anthropic", "search_result", {}))
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[0].parts[0]", "meaning")]


def conversation(*results: ToolResult, calls: tuple[ToolCall, ...]) -> Request:
    return Request("m", (Turn("user", (Text("go"),)), Turn("assistant", calls), Turn("tool", results)))


def test_answers_are_linked_to_their_calls_by_name_and_order_where_no_id_says_it() -> None:
    def call(city: str) -> JsonObject:
        return {"functionCall": {"name": "weather", "args": {"city": city}}}

    def answer(said: str) -> JsonObject:
        return {"functionResponse": {"name": "weather", "response": {"output": said}}}

    body: JsonObject = {
        "contents": [
            {"role": "model", "parts": [call("Rome"), call("Oslo")]},
            {"role": "function", "parts": [answer("hot"), answer("cold")]},
        ]
    }
    request = heard(body)
    calls, results = request.turns
    assert [part.id for part in calls.parts if isinstance(part, ToolCall)] == [
        part.call_id for part in results.parts if isinstance(part, ToolResult)
    ]
    assert results.role == "tool"
    again, losses = asked(request)
    assert again["contents"][1]["role"] == "user"
    assert [content["parts"] for content in again["contents"]] == [content["parts"] for content in body["contents"]]  # type: ignore[index, union-attr, call-overload]
    assert not losses


def test_an_answer_says_its_functions_name_and_stands_in_the_order_of_the_calls() -> None:
    calls = (ToolCall("a", "f", "{}"), ToolCall("b", "g", ""))
    body, losses = asked(conversation(ToolResult("b", (Text("2"),)), ToolResult("a", (Text("1"),)), calls=calls))
    assert body["contents"][1]["parts"][1] == {"functionCall": {"id": "b", "name": "g", "args": {}}}
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"id": "a", "name": "f", "response": {"output": "1"}}},
        {"functionResponse": {"id": "b", "name": "g", "response": {"output": "2"}}},
    ]
    assert not losses


def test_an_id_that_is_used_again_belongs_to_the_last_call_that_had_it() -> None:
    first, again = (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")), (ToolCall("a", "h", "{}"),)
    one, two = ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),))
    turns = (Turn("assistant", first), Turn("tool", (two, one)), Turn("assistant", again), Turn("tool", (one,)))
    body, _ = asked(Request("m", turns))
    names = [[part["functionResponse"]["name"] for part in body["contents"][at]["parts"]] for at in (1, 3)]
    assert names == [["f", "g"], ["h"]]


def test_an_answer_to_no_call_goes_by_its_id_and_is_reported() -> None:
    body, losses = asked(conversation(ToolResult("x", (Text("1"),)), calls=()))
    assert body["contents"][-1]["parts"][0]["functionResponse"]["name"] == "x"
    assert [loss.path for loss in losses] == ["turns[2].parts[0].call_id"]


@pytest.mark.parametrize(
    ("parts", "failed", "response"),
    [
        ((), False, {}),
        ((Text("sunny"),), False, {"output": "sunny"}),
        ((Text('{"t": 20}'),), False, {"t": 20}),
        ((Text("[1]"),), False, {"output": "[1]"}),
        ((Text("{}"),), False, {"output": "{}"}),
        ((Text('{"error": "x"}'),), False, {"output": '{"error": "x"}'}),
        ((Text("a"), Text("b")), False, {"output": ["a", "b"]}),
        ((Text("no"),), True, {"error": "no"}),
    ],
)
def test_what_a_function_gave_is_an_object(parts: tuple[Part, ...], failed: bool, response: JsonObject) -> None:
    calls = (ToolCall("a", "f", "{}"),)
    body, _ = asked(conversation(ToolResult("a", parts, failed), calls=calls))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == response
    (_, _, results) = heard(body).turns
    (result,) = results.parts
    assert isinstance(result, ToolResult)
    assert (
        result.is_error,
        [
            json.loads(part.text) if part.text[0] in "{[" else part.text
            for part in result.parts
            if isinstance(part, Text)
        ],
    ) == (
        failed,
        [json.loads(part.text) if part.text[0] in "{[" else part.text for part in parts if isinstance(part, Text)],
    )


def test_files_that_a_function_gave_stand_inside_where_the_model_takes_them_so() -> None:
    calls = (ToolCall("a", "f", "{}"),)
    result = ToolResult("a", (Text("see"), Image(Base64Source("image/png", "AAAA"))))
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    inside, losses = asked(conversation(result, calls=calls))
    assert inside["contents"][2]["parts"][0]["functionResponse"]["parts"] == [image]
    assert not losses
    assert heard(inside).turns[2].parts == (ToolResult("a", result.parts, name="f"),)
    behind, losses = asked(conversation(result, calls=calls), Abilities())
    assert behind["contents"][2]["parts"][1] == image
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[2].parts[0].parts", "knob")]


def test_calls_that_another_model_made_are_signed_by_the_documented_value_in_the_current_turn() -> None:
    def call(number: int) -> Turn:
        return Turn("assistant", (ToolCall(f"a{number}", "f", "{}"), ToolCall(f"b{number}", "f", "{}")))

    def answers(number: int) -> Turn:
        return Turn("tool", (ToolResult(f"a{number}", ()), ToolResult(f"b{number}", ())))

    user = Turn("user", (Text("go"),))
    turns = (user, call(1), answers(1), user, call(2), answers(2), call(3), answers(3))
    body, losses = asked(Request("m", turns), Abilities(signed_calls=True))
    signatures = [[part.get("thoughtSignature") for part in content["parts"]] for content in body["contents"]]
    assert [signatures[at] for at in (1, 4, 6)] == [[None, None], [UNSIGNED, None], [UNSIGNED, None]]
    assert not losses
    plain, _ = asked(Request("m", turns), Abilities())
    assert UNSIGNED not in json.dumps(plain)


def test_a_call_that_the_api_signed_keeps_its_signature() -> None:
    call = ToolCall("a", "f", "{}", extras={"gemini": {"thoughtSignature": "eA=="}})
    body, _ = asked(conversation(ToolResult("a", ()), calls=(call,)), Abilities(signed_calls=True))
    assert body["contents"][1]["parts"][0]["thoughtSignature"] == "eA=="


def test_arguments_that_are_no_object_are_wrapped_and_come_back() -> None:
    (node,), losses = asked_parts(ToolCall("a", "f", "no json"), role="assistant")
    assert node["functionCall"]["args"] == {"INVALID_JSON": "no json"}
    assert [loss.path for loss in losses] == ["turns[0].parts[0].arguments"]
    assert heard_parts(node, role="model") == (ToolCall("a", "f", "no json"),)


@pytest.mark.parametrize(
    ("part", "abilities"),
    [
        (Image(Base64Source("image/png", "AAAA")), Abilities(images=False)),
        (Document(Base64Source("application/pdf", "AAAA")), Abilities(documents=False)),
        (Audio(Base64Source("audio/wav", "AAAA"), "wav"), Abilities()),
        (Image(FileSource("file-1", "openai_chat")), ABLE),
        (ToolCall("a", "f", "x", custom=True), ABLE),
    ],
)
def test_content_that_the_model_cannot_take_is_meaning_lost(part: Part, abilities: Abilities) -> None:
    parts, losses = asked_parts(part, abilities=abilities)
    assert parts == []
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[0].parts[0]", "meaning")]


def test_documents_of_text_are_text_and_what_they_are_called_is_reported() -> None:
    plain = Document(PlainSource("words"), title="t", context="c", citations=True)
    blocks = Document(BlocksSource((Text("one"), Text("two"))))
    parts, losses = asked_parts(plain, blocks)
    assert parts == [{"text": "words"}, {"text": "one"}, {"text": "two"}]
    assert [loss.path.rpartition(".")[2] for loss in losses] == ["title", "context", "citations"]


def test_an_address_is_fetched_by_the_api_which_is_told_its_kind() -> None:
    parts, losses = asked_parts(
        Image(UrlSource("https://example.com/a.webp?x=1.png")),
        Image(UrlSource("https://example.com/a")),
        Document(UrlSource("https://example.com/a.pdf")),
        Audio(UrlSource("https://example.com/a"), "mp3"),
    )
    kinds = [part["fileData"]["mimeType"] for part in parts]
    assert kinds == ["image/webp", "image/jpeg", "application/pdf", "audio/mpeg"]
    assert not losses


def test_marks_details_refusals_and_citations_are_reported() -> None:
    _, losses = asked_parts(
        Text("a", cache=CacheMark()),
        Image(Base64Source("image/png", "AAAA"), "high"),
        Image(Base64Source("image/png", "AAAA"), "auto"),
        Text("b", citations=(Citation("anthropic", {}),)),
        Refusal("no"),
    )
    assert [loss.path for loss in losses] == [
        "turns[0].parts[0].cache",
        "turns[0].parts[1].detail",
        "turns[0].parts[3].citations",
        "turns[0].parts[4]",
    ]
    assert {loss.weight for loss in losses} == {"knob"}


def test_an_empty_text_is_said_only_when_nothing_else_is() -> None:
    call = ToolCall("a", "f", "{}")
    assert len(asked_parts(Text(""), call, role="assistant")[0]) == 1
    assert asked_parts(Text(""))[0] == [{"text": ""}]


def test_a_kind_that_is_often_written_otherwise_is_put_right() -> None:
    parts, losses = asked_parts(Image(Base64Source("image/jpg", "AAAA")))
    assert parts == [{"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}}]
    assert not losses


def test_system_text_stands_at_the_top_and_in_mid_conversation_with_the_user() -> None:
    turns = (
        Turn("system", (Text("one"),)),
        Turn("developer", (Text("two"),)),
        Turn("user", (Text("hi"),), name="bob"),
        Turn("system", (Text("three"),)),
    )
    body, losses = asked(Request("m", turns))
    assert body["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert body["contents"][1] == {"role": "user", "parts": [{"text": "<system>\nthree\n</system>"}]}
    assert [loss.path for loss in losses] == ["turns[2].name", "turns[3].role"]


def test_system_text_alone_is_what_the_user_says() -> None:
    body, losses = asked(Request("m", (Turn("system", (Text("one"),)),)))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "one"}]}]}
    assert [loss.path for loss in losses] == ["turns"]


def test_pictures_in_the_systems_text_are_meaning_lost() -> None:
    turn = Turn("system", (Text("look"), Image(Base64Source("image/png", "AAAA"))))
    _, losses = asked(Request("m", (turn, Turn("user", (Text("hi"),)))))
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[0].parts[1]", "meaning")]


def test_the_configuration_is_read_and_asked_for() -> None:
    config: JsonObject = {
        "maxOutputTokens": 100,
        "candidateCount": 2,
        "stopSequences": ["END"],
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 3,
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
        "responseLogprobs": True,
        "logprobs": 2,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }
    body: JsonObject = {"contents": [HI], "generationConfig": config, "safetySettings": [], "labels": {"my_team": "a"}}
    request = heard(body)
    assert (request.output_tokens_max, request.choices, request.stop) == (100, 2, ("END",))
    assert request.sampling == Sampling(0.5, 0.9, 3, -0.1, 0.1, 7, None, True, 2)
    assert request.format == JsonSchemaFormat({"type": "object"})
    assert asked(request) == (body, ())


def test_forms_of_answers_that_are_no_json_go_back_to_this_api_only() -> None:
    config: JsonObject = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}
    request = heard({"contents": [HI], "generationConfig": config})
    assert request.format is None
    assert asked(request)[0]["generationConfig"] == config
    plain = heard({"contents": [HI], "generationConfig": {"responseMimeType": "application/json"}})
    assert plain.format == JsonObjectFormat()


@pytest.mark.parametrize(
    ("request_", "abilities", "path", "weight"),
    [
        (Request("m", (), output_tokens_max=99), Abilities(output_tokens_max=9), "output_tokens_max", "knob"),
        (Request("m", (), stop=tuple("abcdef")), ABLE, "stop", "knob"),
        (Request("m", (), sampling=Sampling(seed=2**40)), ABLE, "seed", "knob"),
        (Request("m", (), sampling=Sampling(logit_bias={"1": 1.0})), ABLE, "logit_bias", "knob"),
        (Request("m", (), user="u"), ABLE, "user", "knob"),
        (Request("m", (), metadata={"a": "b"}), ABLE, "metadata", "knob"),
        (Request("m", (), service_tier="flex"), ABLE, "service_tier", "knob"),
        (Request("m", (), cache=CacheMark()), ABLE, "cache", "knob"),
        (Request("m", (), format=JsonSchemaFormat({}, description="d")), ABLE, "format.description", "knob"),
        (Request("m", (), format=JsonSchemaFormat({})), Abilities(json_schema=False), "format", "meaning"),
        (Request("m", (), extras={"openai_chat": {"web_search_options": {}}}), ABLE, "web_search_options", "meaning"),
        (Request("m", (), reasoning=Reasoning(effort="low")), Abilities(), "reasoning", "knob"),
    ],
)
def test_what_cannot_be_said_is_reported(request_: Request, abilities: Abilities, path: str, weight: str) -> None:
    _, losses = asked(request_, abilities)
    assert [(loss.path, loss.weight) for loss in losses] == [(path, weight)]


def test_the_usual_terms_are_no_loss() -> None:
    assert asked(Request("m", (), service_tier="auto"))[1] == ()


BUDGET = Abilities(reasoning="budget", thinking_tokens_max=24576)
PRO = Abilities(reasoning="budget", thinking_tokens_max=32768, thinks_always=True)
LEVEL = Abilities(reasoning="effort")
LEVEL_PRO = Abilities(reasoning="effort", thinks_always=True)


@pytest.mark.parametrize(
    ("reasoning", "abilities", "config", "lost"),
    [
        (Reasoning("off"), BUDGET, {"thinkingBudget": 0}, []),
        (Reasoning(effort="none"), BUDGET, {"thinkingBudget": 0}, []),
        (Reasoning("off"), PRO, {"thinkingBudget": 128}, ["reasoning.mode"]),
        (Reasoning("off"), LEVEL, {"thinkingLevel": "MINIMAL"}, ["reasoning.mode"]),
        (Reasoning("off"), LEVEL_PRO, {"thinkingLevel": "LOW"}, ["reasoning.mode"]),
        (Reasoning("off"), Abilities(), None, []),
        (Reasoning("on", budget_tokens=500), BUDGET, {"thinkingBudget": 500, "includeThoughts": True}, []),
        (
            Reasoning("on", budget_tokens=500, display="omitted"),
            BUDGET,
            {"thinkingBudget": 500, "includeThoughts": False},
            [],
        ),
        (
            Reasoning("on", budget_tokens=99_999),
            BUDGET,
            {"thinkingBudget": 24576, "includeThoughts": True},
            ["reasoning.budget_tokens"],
        ),
        (Reasoning("on"), BUDGET, {"thinkingBudget": -1, "includeThoughts": True}, []),
        (Reasoning("adaptive"), BUDGET, {"includeThoughts": True}, []),
        (Reasoning("adaptive", effort="high"), LEVEL, {"thinkingLevel": "HIGH", "includeThoughts": True}, []),
        (Reasoning(effort="medium"), BUDGET, {"thinkingBudget": 8192}, []),
        (Reasoning("on", "low", 500), BUDGET, {"thinkingBudget": 500, "includeThoughts": True}, ["reasoning.effort"]),
        (Reasoning(effort="medium"), LEVEL, {"thinkingLevel": "MEDIUM"}, []),
        (Reasoning(effort="minimal"), LEVEL, {"thinkingLevel": "MINIMAL"}, []),
        (Reasoning(effort="minimal"), LEVEL_PRO, {"thinkingLevel": "LOW"}, ["reasoning.effort"]),
        (Reasoning(effort="max"), LEVEL, {"thinkingLevel": "HIGH"}, ["reasoning.effort"]),
        (
            Reasoning("on", budget_tokens=500),
            LEVEL,
            {"thinkingLevel": "LOW", "includeThoughts": True},
            ["reasoning.budget_tokens"],
        ),
        (
            Reasoning("on", budget_tokens=4000),
            LEVEL,
            {"thinkingLevel": "MEDIUM", "includeThoughts": True},
            ["reasoning.budget_tokens"],
        ),
        (
            Reasoning("on", "low", 9000),
            LEVEL,
            {"thinkingLevel": "LOW", "includeThoughts": True},
            ["reasoning.budget_tokens"],
        ),
    ],
)
def test_thinking_is_asked_for_as_the_model_takes_it(
    reasoning: Reasoning, abilities: Abilities, config: JsonObject | None, lost: list[str]
) -> None:
    body, losses = asked(Request("m", (), reasoning=reasoning), abilities)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config
    assert [loss.path for loss in losses] == lost


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, Reasoning("off")),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning("on", display="summarized")),
        ({"thinkingBudget": 100}, Reasoning("on", budget_tokens=100, display="omitted")),
        ({"thinkingLevel": "low"}, Reasoning(effort="low")),
        ({"thinkingLevel": 3, "includeThoughts": True}, Reasoning(effort="high", display="summarized")),
        ({"includeThoughts": True}, Reasoning("adaptive", display="summarized")),
        ({"includeThoughts": False}, None),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
    ],
)
def test_thinking_is_read_as_it_was_asked_for(config: JsonObject, reasoning: Reasoning | None) -> None:
    assert heard({"contents": [HI], "generationConfig": {"thinkingConfig": config}}).reasoning == reasoning


def test_a_way_to_think_that_nobody_knows_goes_through() -> None:
    config: JsonObject = {"thinkingConfig": {"thinkingMood": "calm"}}
    request = heard({"contents": [HI], "generationConfig": config})
    assert request.reasoning is None
    assert asked(request)[0]["generationConfig"] == config


def test_a_thought_without_words_is_a_thought() -> None:
    bare: JsonObject = {"thought": True, "thoughtSignature": "eA=="}
    thought = Thinking("", "eA==", "gemini")
    assert heard_parts(bare, role="model") == (thought,)
    assert asked_parts(thought, role="assistant") == ([{"text": "", **bare}], ())


def test_what_stood_in_one_content_with_functions_responses_stands_there_again() -> None:
    response: JsonObject = {"functionResponse": {"id": "a", "name": "f", "response": {"output": "1"}}}
    together: JsonObject = {"contents": [HI, {"role": "user", "parts": [response, {"text": "and"}]}]}
    apart: JsonObject = {
        "contents": [HI, {"role": "user", "parts": [response]}, {"role": "user", "parts": [{"text": "x"}]}]
    }
    assert asked(heard(together))[0]["contents"] == together["contents"]
    assert asked(heard(apart))[0]["contents"] == apart["contents"]
