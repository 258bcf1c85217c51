"""The stand-ins refuse what their providers refuse, and what they say themselves is as published."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from tests.client import Answer, ask
from tests.conftest import shared_dir
from tests.dialects.gemini.official import sdk
from tests.dialects.ollama.official import check_answer as check_ollama
from tests.dialects.openai_responses.official import check_answer, check_event
from tests.standin.botoshape import service_model
from tests.standin.cloud import StandIn
from tests.standin.fixtures import CLAUDE_ON_BEDROCK
from tests.standin.gemini_rules import signature
from tests.standin.reply import sign

Body = dict[str, Any]  # the JSON boundary
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@dataclass(frozen=True)
class Door:
    """One endpoint of a stand-in, and headers that open it."""

    cloud: StandIn
    path: str
    headers: dict[str, str]

    def post(self, body: Body) -> Answer:
        """Ask."""
        raw = json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.cloud.base_url.split(':')[2].partition('/')[0]}"
        return ask(url, "POST", self.path, raw, {"content-type": "application/json", **self.headers})

    def refuses(self, body: Body) -> bool:
        """Whether it answers 400, and remembers why."""
        answer = self.post(body)
        return answer.status == 400 and len(self.cloud.take_violations()) == 1


@pytest.fixture
def responses(openai_server: StandIn) -> Iterator[Door]:
    yield from door(openai_server, "/v1/responses", {"authorization": f"Bearer {openai_server.key}"})


@pytest.fixture
def gemini(gemini_server: StandIn) -> Iterator[Door]:
    yield from door(gemini_server, path_of("gemini-2.5-pro"), {"x-goog-api-key": gemini_server.key})


@pytest.fixture
def gemini_3(gemini_server: StandIn) -> Iterator[Door]:
    yield from door(gemini_server, path_of("gemini-3-pro-preview"), {"x-goog-api-key": gemini_server.key})


@pytest.fixture
def converse(bedrock_server: StandIn) -> Iterator[Door]:
    path = f"/model/{CLAUDE_ON_BEDROCK}/converse"
    yield from door(bedrock_server, path, {"authorization": f"Bearer {bedrock_server.key}"})


@pytest.fixture
def invoke(bedrock_server: StandIn) -> Iterator[Door]:
    path = f"/model/{CLAUDE_ON_BEDROCK}/invoke"
    yield from door(bedrock_server, path, {"authorization": f"Bearer {bedrock_server.key}"})


@pytest.fixture
def cohere(cohere_server: StandIn) -> Iterator[Door]:
    yield from door(cohere_server, "/v2/chat", {"authorization": f"Bearer {cohere_server.key}"})


@pytest.fixture
def mistral(mistral_server: StandIn) -> Iterator[Door]:
    yield from door(mistral_server, "/v1/chat/completions", {"authorization": f"Bearer {mistral_server.key}"})


@pytest.fixture
def ollama(ollama_server: StandIn) -> Iterator[Door]:
    yield from door(ollama_server, "/api/chat", {"authorization": f"Bearer {ollama_server.key}"})


def door(cloud: StandIn, path: str, headers: dict[str, str]) -> Iterator[Door]:
    cloud.reset()
    yield Door(cloud, path, headers)
    assert cloud.take_violations() == []


def path_of(model: str) -> str:
    return f"/v1beta/models/{model}:generateContent"


# OpenAI's Responses

FUNCTION = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "cold"}
SPOKEN = {"role": "user", "content": "hi"}
REASONED = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    "change",
    [
        {"unheard_of": 1},
        {"input": []},
        {"max_output_tokens": 15},
        {"previous_response_id": "resp_1"},
        {"reasoning": {"effort": "low"}},
        {"include": ["reasoning.encrypted_content"]},
        {"model": "o3-mini", "temperature": 0.5},
        {"tool_choice": "required"},
        {"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "clock"}},
        {"tools": [{**FUNCTION, "strict": True}]},
        {"tools": [{**FUNCTION, "name": "no blanks"}]},
        {"text": {"format": {"type": "json_object"}}},
        {"input": [SPOKEN, CALL]},
        {"input": [SPOKEN, OUTPUT]},
        {"input": [SPOKEN, {**CALL, "id": "call_1"}, OUTPUT]},
        {"input": [SPOKEN, {**CALL, "call_id": "x" * 65}, {**OUTPUT, "call_id": "x" * 65}]},
        {"input": [SPOKEN, REASONED, SPOKEN]},
        {"input": [SPOKEN, REASONED, CALL, OUTPUT], "store": False},
        {"input": [SPOKEN, {**REASONED, "encrypted_content": "gAAAAAforged"}, CALL, OUTPUT]},
        {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x", "annotations": []}]}]},
    ],
)
def test_openai_refuses(responses: Door, change: Body) -> None:
    assert responses.refuses({"model": "gpt-4o", "input": "hi", **change})


def test_openais_answers_and_events_are_as_published(responses: Door) -> None:
    body = {
        "model": "o3-mini",
        "input": "use all tools",
        "tools": [FUNCTION],
        "include": ["reasoning.encrypted_content"],
    }
    asked = {**body, "reasoning": {"effort": "low", "summary": "auto"}}
    answer = responses.post(asked).json
    check_answer(answer)
    assert [item["type"] for item in answer["output"]] == ["reasoning", "function_call"]
    again = {
        **asked,
        "store": False,
        "input": [SPOKEN, *answer["output"], {**OUTPUT, "call_id": answer["output"][1]["call_id"]}],
    }
    assert responses.post(again).json["output"][1]["content"][0]["text"] == "The tool said: cold"
    frames = responses.post({**asked, "stream": True}).body.decode().split("\n\n")
    events = [json.loads(frame.partition("data: ")[2]) for frame in frames if frame]
    for event in events:
        check_event(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


# Gemini

ASKED = {"role": "user", "parts": [{"text": "hi"}]}
CALLED: Body = {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]}
ANSWERED: Body = {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "cold"}}}]}
DECLARED = {"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}


@pytest.mark.parametrize(
    "change",
    [
        {"unheardOf": 1},
        {"contents": []},
        {"contents": [{"role": "user", "parts": []}]},
        {"contents": [{"role": "user", "parts": [{"text": "a", "functionCall": {"name": "b"}}]}]},
        {"contents": [ASKED, {"role": "assistant", "parts": [{"text": "a"}]}, ASKED]},
        {"contents": [{"role": "model", "parts": [{"text": "a"}]}]},
        {"contents": [ASKED, CALLED, ASKED]},
        {"contents": [ASKED, CALLED, {"role": "user", "parts": ANSWERED["parts"] * 2}]},
        {"contents": [ANSWERED]},
        {"contents": [ASKED, CALLED, {"role": "user", "parts": [{"functionResponse": {"name": "a", "response": {}}}]}]},
        {
            "contents": [
                ASKED,
                {"role": "model", "parts": [{**CALLED["parts"][0], "thoughtSignature": "Zm9yZ2Vk"}]},
                ANSWERED,
            ]
        },
        {"tools": [{"functionDeclarations": [{"name": "no blanks"}]}]},
        {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"properties": {}}}]}]},
        {"tools": [DECLARED], "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["weather"]}}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        {"tools": [DECLARED], "generationConfig": {"responseMimeType": "application/json"}},
        {"generationConfig": {"responseJsonSchema": SCHEMA}},
        {"generationConfig": {"stopSequences": list("abcdef")}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
        {"cachedContent": "cachedContents/1"},
    ],
)
def test_gemini_refuses(gemini: Door, change: Body) -> None:
    assert gemini.refuses({"contents": [ASKED], **change})


def test_gemini_3_refuses_calls_of_the_current_turn_without_their_signature(gemini: Door, gemini_3: Door) -> None:
    body = {"contents": [ASKED, CALLED, ANSWERED], "tools": [DECLARED]}
    assert gemini.post(body).status == 200
    assert gemini_3.refuses(body)
    signed = {"role": "model", "parts": [{**CALLED["parts"][0], "thoughtSignature": signature(1)}]}
    assert gemini_3.post({**body, "contents": [ASKED, signed, ANSWERED]}).status == 200
    earlier = [ASKED, CALLED, ANSWERED, {"role": "model", "parts": [{"text": "a"}]}, ASKED]
    assert gemini_3.post({**body, "contents": earlier}).status == 200


def test_gemini_refuses_two_credentials(gemini: Door) -> None:
    for path, more in ((f"{gemini.path}?key=x", {}), (gemini.path, {"authorization": "Bearer x"})):
        answer = Door(gemini.cloud, path, {**gemini.headers, **more}).post({"contents": [ASKED]})
        assert answer.status in (400, 401)
    assert len(gemini.cloud.take_violations()) == 2


def test_geminis_answers_are_as_published(gemini: Door, gemini_3: Door) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "use all tools"}]}], "tools": [DECLARED]}
    config = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    for place in (gemini, gemini_3):
        assert sdk().complaint(place.post({**body, **config}).json) is None
        path = place.path.replace("generateContent", "streamGenerateContent")
        for chunk in Door(place.cloud, path, place.headers).post({**body, **config}).json:
            assert sdk().complaint(chunk) is None
        frames = Door(place.cloud, f"{path}?alt=sse", place.headers).post(body).body.decode().split("\r\n\r\n")
        for frame in frames[:-1]:
            assert sdk().complaint(json.loads(frame.removeprefix("data: "))) is None


# Bedrock

SAID = {"role": "user", "content": [{"text": "hi"}]}
USED: Body = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "weather", "input": {}}}]}
RESULT: Body = {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "cold"}]}}]}
SPEC = {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}
PDF = {"document": {"name": "a.pdf", "format": "pdf", "source": {"bytes": "QUJD"}}}


@pytest.mark.parametrize(
    "change",
    [
        {"unheardOf": 1},
        {"messages": []},
        {"messages": [USED]},
        {"messages": [SAID, SAID]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]},
        {"messages": [SAID, USED, RESULT]},
        {"messages": [SAID, USED, SAID], "toolConfig": {"tools": [SPEC]}},
        {
            "messages": [SAID, {"role": "assistant", "content": [{"text": "a"}]}, RESULT],
            "toolConfig": {"tools": [SPEC]},
        },
        {"messages": [{"role": "user", "content": [{"text": "a"}, PDF]}]},
        {"messages": [{"role": "user", "content": [{"document": {**PDF["document"], "name": "a"}}]}]},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]}},
        {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "clock"}}}},
        {"inferenceConfig": {"temperature": 2}},
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 10}}},
    ],
)
def test_converse_refuses(converse: Door, change: Body) -> None:
    assert converse.refuses({"messages": [SAID], **change})


def test_converse_refuses_thoughts_that_it_did_not_sign(converse: Door) -> None:
    thought = {"text": "hm", "signature": "forged"}
    history = [SAID, {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": thought}}]}, SAID]
    assert converse.refuses({"messages": history})
    thought["signature"] = sign("hm")
    assert converse.post({"messages": history}).status == 200


def test_converses_answers_are_as_published(converse: Door) -> None:
    service = service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    config = {"toolConfig": {"tools": [SPEC]}, "inferenceConfig": {"maxTokens": 2000}}
    asked = [{"role": "user", "content": [{"text": "use all tools"}]}]
    answer = converse.post({"messages": asked, **config, "additionalModelRequestFields": thinking}).json
    assert service.output_complaint("Converse", answer) is None
    assert [next(iter(block)) for block in answer["output"]["message"]["content"]] == ["reasoningContent", "toolUse"]


CLAUDES = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}


@pytest.mark.parametrize(
    "change",
    [{"model": "claude"}, {"stream": True}, {"anthropic_version": "2023-06-01"}, {"messages": []}, {"unheard_of": 1}],
)
def test_invoke_refuses(invoke: Door, change: Body) -> None:
    assert invoke.post(CLAUDES).status == 200
    assert invoke.refuses({**CLAUDES, **change})


def test_bedrock_refuses_a_key_beside_a_signature(converse: Door) -> None:
    signed = Door(converse.cloud, converse.path, {**converse.headers, "x-amz-date": "20260101T000000Z"})
    assert signed.post({"messages": [SAID]}).status == 401
    assert len(converse.cloud.take_violations()) == 1


# Cohere

TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
ASKING = {"role": "user", "content": "hi"}
CALLING = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"unheard_of": 1},
        {"messages": []},
        {"messages": [{"role": "user", "content": "a", "mood": "good"}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [ASKING, CALLING]},
        {"messages": [ASKING, CALLING, ASKING]},
        {"messages": [ASKING, {"role": "tool", "tool_call_id": "a", "content": "b"}]},
        {"tools": [{"type": "function", "function": {"name": "no blanks", "parameters": SCHEMA}}]},
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]},
        {"tool_choice": "REQUIRED"},
        {"tools": [TOOL], "tool_choice": "auto"},
        {"tools": [TOOL], "response_format": {"type": "json_object"}},
        {"temperature": 2.5},
        {"stop_sequences": list("abcdef")},
        {"thinking": {"type": "enabled"}},
    ],
)
def test_cohere_refuses(cohere: Door, change: Body) -> None:
    assert cohere.refuses({"model": "command-a-03-2025", "messages": [ASKING], **change})


def test_coheres_answers_and_events_are_as_published(cohere: Door) -> None:
    types = json.loads((shared_dir("specs") / "cohere" / "sdk-types.schema.json").read_text())
    body = {"model": "command-a-reasoning-08-2025", "tools": [TOOL], "thinking": {"type": "enabled"}}
    asked = {**body, "messages": [{"role": "user", "content": "use all tools"}]}
    jsonschema.Draft202012Validator(types["V2ChatResponse"]).validate(cohere.post(asked).json)
    events = jsonschema.Draft202012Validator(types["V2ChatStreamResponse"])
    for frame in cohere.post({**asked, "stream": True}).body.decode().split("\n\n")[:-2]:
        events.validate(json.loads(frame.partition("data: ")[2]))


# Mistral

MISTRALS_CALLING = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "abcdefgh1", "function": {"name": "weather", "arguments": "{}"}}],
}
MISTRALS_TOLD = {"role": "tool", "tool_call_id": "abcdefgh1", "content": "cold"}


@pytest.mark.parametrize(
    "change",
    [
        {"unheard_of": 1},
        {"stream_options": {"include_usage": True}},
        {"messages": []},
        {"messages": [{"role": "user", "content": "a", "mood": "good"}]},
        {"messages": [ASKING, {"role": "assistant", "content": "a"}]},
        {"messages": [ASKING, CALLING, {"role": "tool", "tool_call_id": "a", "content": "b"}]},
        {"messages": [ASKING, MISTRALS_CALLING, ASKING]},
        {"messages": [ASKING, MISTRALS_TOLD]},
        {"tool_choice": "any"},
        {"temperature": 1.6},
        {"reasoning_effort": "high"},
    ],
)
def test_mistral_refuses(mistral: Door, change: Body) -> None:
    assert mistral.refuses({"model": "mistral-large-latest", "messages": [ASKING], **change})


def test_mistrals_answers_and_chunks_are_as_published(mistral: Door) -> None:
    types = json.loads((shared_dir("specs") / "mistral" / "sdk-types.schema.json").read_text())
    asked = {
        "model": "mistral-large-latest",
        "tools": [TOOL],
        "messages": [{"role": "user", "content": "use all tools"}],
    }
    jsonschema.Draft202012Validator(types["ChatCompletionResponse"]).validate(mistral.post(asked).json)
    chunks = jsonschema.Draft202012Validator(types["CompletionChunk"])
    for frame in mistral.post({**asked, "stream": True}).body.decode().split("\n\n")[:-2]:
        chunks.validate(json.loads(frame.partition("data: ")[2]))


# Ollama


@pytest.mark.parametrize(
    "change",
    [
        {"unheard_of": 1},
        {"messages": [{"role": "developer", "content": "a"}]},
        {"messages": [{"role": "user", "content": "a", "images": ["data:image/png;base64,QUJD"]}]},
        {"messages": [{"role": "tool", "tool_name": "weather", "content": "a"}]},
        {"options": {"num_predict": "many"}},
        {"options": {"max_tokens": 1}},
        {"think": True},
    ],
)
def test_ollama_refuses(ollama: Door, change: Body) -> None:
    assert ollama.refuses({"model": "llama3.2", "messages": [ASKING], **change})


def test_ollamas_answers_and_lines_are_as_published(ollama: Door) -> None:
    asked = {
        "model": "qwen3",
        "think": True,
        "tools": [TOOL],
        "messages": [{"role": "user", "content": "use all tools"}],
    }
    check_ollama("ChatResponse", ollama.post({**asked, "stream": False}).json)
    for line in ollama.post(asked).body.splitlines():
        check_ollama("ChatStreamEvent", json.loads(line))
