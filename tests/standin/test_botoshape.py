"""The validator of AWS's service models complains of everything that the service would refuse."""

from typing import Any

import pytest

from tests.conftest import shared_dir
from tests.standin.botoshape import service_model

GOOD: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": [{"text": "hi"}, {"image": {"format": "png", "source": {"bytes": "eA=="}}}]}
    ],
    "inferenceConfig": {"maxTokens": 5, "temperature": 0.5},
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"any": [1]}}}}]},
    "requestMetadata": {"k": "v"},
}


def complaint(**changes: Any) -> str | None:
    model = service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")
    return model.input_complaint("Converse", {**GOOD, **changes})


def content(block: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [block]}]}


def test_a_good_request_is_not_complained_of() -> None:
    assert complaint() is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"novelty": 1}, "unknown members ['novelty']"),
        ({"modelId": "m"}, "unknown members ['modelId']"),
        ({"messages": 7}, "is no list"),
        ({"messages": [{"role": "user"}]}, "['content'] are missing"),
        ({"messages": [{"role": "tool", "content": []}]}, "is none of"),
        (content({"text": 7}), "is no string"),
        (content({"text": "a", "image": {}}), "a union of ['image', 'text']"),
        (content({}), "a union of []"),
        (content({"image": {"format": "png", "source": {"bytes": "?"}}}), "is no base64"),
        (content({"image": {"format": "png", "source": {"bytes": ""}}}), "its length 0"),
        ({"inferenceConfig": {"maxTokens": 0}}, "0 is not within 1"),
        ({"inferenceConfig": {"maxTokens": True}}, "is no integer"),
        ({"inferenceConfig": {"temperature": 1.5}}, "1.5 is not within 0 and 1"),
        ({"toolConfig": {"tools": []}}, "its length 0"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "a.b", "inputSchema": {}}}]}}, "does not match"),
        ({"requestMetadata": {"ü": "v"}}, "does not match"),
        ({"requestMetadata": {"k": 1}}, "is no string"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    found = complaint(**changes)
    assert found is not None
    assert words in found


def test_an_answer_is_held_to_its_shape_too() -> None:
    model = service_model(shared_dir("specs") / "bedrock" / "bedrock-runtime.service-2.json")
    assert model.output_complaint("CountTokens", {"inputTokens": 3}) is None
    assert model.output_complaint("CountTokens", {}) == "$: ['inputTokens'] are missing"
