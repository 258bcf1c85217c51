"""A loss is named as the client of the API wrote the field."""

import json
from typing import Any

import pytest

from keywright.core.dialect import PathSaid
from keywright.dialects.gemini import decode_request, locate

CONTENTS: list[Any] = [
    {"role": "user", "parts": [{"text": "hi"}]},
    {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f", "args": {}}}]},
    {
        "role": "user",
        "parts": [
            {
                "functionResponse": {
                    "id": "a",
                    "name": "f",
                    "response": {"output": "1"},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
                }
            },
            {"text": "and"},
        ],
    },
    {"role": "model", "parts": [{"text": "hm", "thought": True, "thoughtSignature": "eA=="}]},
    {"role": "model", "parts": [{"functionCall": {"id": "b", "name": "f", "args": {}}}]},
    {"role": "user", "parts": [{"functionResponse": {"id": "b", "name": "f", "response": {"output": "2"}}}]},
    {"role": "user", "parts": [{"text": "a content of its own"}]},
]
TOOLS: list[Any] = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}}]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("turns", "contents"),
        ("turns[0].parts[0]", "systemInstruction.parts[0]"),
        ("turns[0].parts[0].cache", "systemInstruction.parts[0].cache"),
        ("turns[1]", "contents[0]"),
        ("turns[1].parts[0]", "contents[0].parts[0]"),
        ("turns[2].parts[0].arguments", "contents[1].parts[0].functionCall.args"),
        ("turns[2].parts[0].thoughtSignature", "contents[1].parts[0].thoughtSignature"),
        ("turns[3].parts[0].is_error", "contents[2].parts[0].functionResponse.response"),
        ("turns[3].parts[0].call_id", "contents[2].parts[0].functionResponse.id"),
        ("turns[3].parts[0].parts", "contents[2].parts[0].functionResponse.parts"),
        ("turns[3].parts[0].parts[0]", "contents[2].parts[0].functionResponse.response"),
        ("turns[3].parts[0].parts[1]", "contents[2].parts[0].functionResponse.parts[0]"),
        ("turns[3].parts[0].parts[1].detail", "contents[2].parts[0].functionResponse.parts[0].mediaResolution"),
        ("turns[4].parts[0]", "contents[2].parts[1]"),
        ("turns[5].parts[0].signature", "contents[3].parts[0].thoughtSignature"),
        ("turns[7].parts[0].call_id", "contents[5].parts[0].functionResponse.id"),
        ("turns[8].parts[0]", "contents[6].parts[0]"),
        ("turns[9].parts[0]", "turns[9].parts[0]"),
        ("tools[1].strict", "tools[0].functionDeclarations[1].strict"),
        ("tools[1].parameters", "tools[0].functionDeclarations[1].parametersJsonSchema"),
        ("tools[2]", "tools[1].googleSearch"),
        ("tools", "tools"),
        ("tool_choice.names", "toolConfig.functionCallingConfig.allowedFunctionNames"),
        ("output_tokens_max", "generationConfig.maxOutputTokens"),
        ("top_k", "generationConfig.topK"),
        ("top_logprobs", "generationConfig.logprobs"),
        ("choices", "generationConfig.candidateCount"),
        ("stop", "generationConfig.stopSequences"),
        ("reasoning.budget_tokens", "generationConfig.thinkingConfig.thinkingBudget"),
        ("format", "generationConfig.responseMimeType"),
        ("cachedContent", "cachedContent"),
        ("generationConfig.speechConfig", "generationConfig.speechConfig"),
    ],
)
def test_a_canonical_path_is_said_in_the_clients_words(path: str, said: str) -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": CONTENTS,
        "tools": TOOLS,
        "generationConfig": {"responseMimeType": "application/json"},
    }
    assert locate(path, decode_request(json.dumps(body).encode(), PathSaid("m"))) == said
