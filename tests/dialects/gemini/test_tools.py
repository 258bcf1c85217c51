"""Tools, and the choice among them."""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import CacheMark, Text, Turn
from keywright.core.request import AnyTool, Request, ServerTool, Tool, ToolChoice
from keywright.dialects.gemini import decode_request, encode_request

HI: JsonObject = {"role": "user", "parts": [{"text": "hi"}]}
FUNCTIONS: JsonObject = {"functionDeclarations": [{"name": "f"}, {"name": "g"}]}


def heard(**body: Any) -> Request:
    return decode_request(json.dumps({"contents": [HI], **body}).encode(), PathSaid("m"))


def asked(
    *tools: AnyTool, choice: ToolChoice | None = None, abilities: Abilities = ABLE
) -> tuple[Any, tuple[Loss, ...]]:
    request = Request("m", (Turn("user", (Text("hi"),)),), tools, choice)
    encoded = encode_request(request, "m", abilities)
    return json.loads(encoded.body), encoded.losses


def test_functions_stand_together_and_what_the_api_runs_stands_alone() -> None:
    request = heard(
        tools=[{**FUNCTIONS, "googleSearch": {}}, {"code_execution": {}}, {"functionDeclarations": [{"name": "h"}]}]
    )
    kinds = [tool.name if isinstance(tool, Tool) else tool.kind for tool in request.tools]
    assert kinds == ["f", "g", "googleSearch", "codeExecution", "h"]
    body, losses = asked(*request.tools)
    assert body["tools"] == [
        {"functionDeclarations": [{"name": "f"}, {"name": "g"}, {"name": "h"}]},
        {"googleSearch": {}},
        {"codeExecution": {}},
    ]
    assert not losses


def test_a_tool_of_the_apis_own_is_kept_with_all_it_says() -> None:
    search: JsonObject = {"file_search": {"file_search_store_names": ["fileSearchStores/x"], "top_k": 3}}
    (tool,) = heard(tools=[search]).tools
    said: JsonObject = {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"], "topK": 3}}
    assert tool == ServerTool("gemini", "fileSearch", said)


def test_what_a_declaration_says_beyond_the_model_goes_through() -> None:
    declared: JsonObject = {"name": "f", "behavior": "NON_BLOCKING", "responseJsonSchema": {"type": "string"}}
    request = heard(tools=[{"functionDeclarations": [declared]}])
    assert asked(*request.tools)[0]["tools"] == [{"functionDeclarations": [declared]}]


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("named", ("f",))),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("allowed", ("f", "g"), required=True)),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("allowed", ("f",))),
        ({"mode": "VALIDATED"}, ToolChoice("auto", extras={"gemini": {"mode": "VALIDATED"}})),
        (
            {"mode": "AUTO", "streamFunctionCallArguments": True},
            ToolChoice("auto", extras={"gemini": {"streamFunctionCallArguments": True}}),
        ),
    ],
)
def test_each_mode_is_read_and_asked_for(calling: JsonObject, choice: ToolChoice) -> None:
    request = heard(tools=[FUNCTIONS], toolConfig={"functionCallingConfig": calling})
    assert request.tool_choice == choice
    body, losses = asked(*request.tools, choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    assert not losses


def test_what_else_a_tools_configuration_says_goes_through() -> None:
    config: JsonObject = {"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {"languageCode": "en"}}
    request = heard(tools=[FUNCTIONS], toolConfig=config)
    assert json.loads(encode_request(request, "m", ABLE).body)["toolConfig"] == config


@pytest.mark.parametrize(
    ("tool", "choice", "abilities", "path", "weight"),
    [
        (Tool("f", strict=True), None, ABLE, "tools[0].strict", "knob"),
        (Tool("f", cache=CacheMark()), None, ABLE, "tools[0].cache", "knob"),
        (Tool("f"), ToolChoice("auto", parallel=False), ABLE, "tool_choice.parallel", "knob"),
        (Tool("f"), None, Abilities(tools=False), "tools", "meaning"),
        (ServerTool("anthropic", "web_search_20250305", {}), None, ABLE, "tools[0]", "meaning"),
    ],
)
def test_what_cannot_be_said_is_reported(
    tool: AnyTool, choice: ToolChoice | None, abilities: Abilities, path: str, weight: str
) -> None:
    _, losses = asked(tool, choice=choice, abilities=abilities)
    assert [(loss.path, loss.weight) for loss in losses] == [(path, weight)]


def test_a_tool_that_is_demanded_where_there_is_none_is_meaning_lost() -> None:
    for choice in (ToolChoice("required"), ToolChoice("named", ("f",)), ToolChoice("allowed", ("f",), required=True)):
        assert [(loss.path, loss.weight) for loss in asked(choice=choice)[1]] == [("tool_choice", "meaning")]
    assert asked(choice=ToolChoice("auto"))[1] == ()
