"""How much larger than its text a call may be, by what its body says: each dialect in its own words."""

import json
from typing import Any

import pytest

from keywright.core.dialect import PLAIN, TEXT, Beyond, PathSaid
from keywright.dialects import WIRES
from keywright.dialects.extent import PICTURE_TOKENS_MAX, RUNS_ASSUMED, TOOL_TOKENS_MAX

PNG = "iVBORw0KGgo" * 40
SAID = PathSaid("m")


def beyond(wire: str, **body: Any) -> Beyond:
    """What the peek of that dialect says of `body`, in either spelling of JSON."""
    said = SAID if wire in ("gemini", "bedrock_converse", "bedrock_invoke", "vertex_embeddings") else PathSaid()
    spelled = [json.dumps(body).encode(), json.dumps(body, separators=(",", ":")).encode()]
    one, other = (WIRES[wire].peek(each, said).beyond for each in spelled)
    assert one == other
    return one


def chat(*parts: dict[str, Any], **fields: Any) -> Beyond:
    content = list(parts) or "hello"
    return beyond("openai_chat", model="m", messages=[{"role": "user", "content": content}], **fields)


def claude(*blocks: dict[str, Any], **fields: Any) -> Beyond:
    content = list(blocks) or "hello"
    return beyond("anthropic", model="m", max_tokens=9, messages=[{"role": "user", "content": content}], **fields)


def gemini(*parts: dict[str, Any], **fields: Any) -> Beyond:
    return beyond("gemini", contents=[{"parts": list(parts) or [{"text": "hello"}]}], **fields)


def converse(*blocks: dict[str, Any], **fields: Any) -> Beyond:
    content = list(blocks) or [{"text": "hello"}]
    return beyond("bedrock_converse", messages=[{"role": "user", "content": content}], **fields)


def responses(*items: dict[str, Any], **fields: Any) -> Beyond:
    return beyond("openai_responses", model="m", input=list(items) or "hello", **fields)


FUNCTION = {"type": "function", "function": {"name": "image_url", "parameters": {"type": "object"}}}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {"image": {"source": "x"}, "type": "image"}}


@pytest.mark.parametrize(
    "found",
    [
        chat(),
        chat({"type": "text", "text": '"image_url" and "file"'}),
        chat(tools=[FUNCTION]),
        chat(tools=None),
        responses(),
        responses({"role": "user", "content": [{"type": "input_text", "text": "x"}]}),
        responses({"type": "function_call_output", "call_id": "c", "output": "x"}),
        responses(tools=[{"type": "function", "name": "f"}], previous_response_id=None),
        claude(),
        claude({"type": "text", "text": "x"}, CALL),
        claude({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}),
        claude(tools=[{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g"}]),
        gemini(),
        gemini({"functionResponse": {"name": "f", "response": {"fileData": 1}}}),
        gemini(tools=[{"functionDeclarations": []}]),
        converse(),
        converse(toolConfig={"tools": [{"toolSpec": {"name": "f"}}]}),
        beyond("cohere", model="m", messages=[{"role": "user", "content": "x"}]),
        beyond("openai_completions", model="m", prompt=["a", "b"]),
        beyond("openai_embeddings", model="m", input=["a", "b"]),
    ],
)
def test_text_and_a_clients_own_tools_are_bounded_by_their_bytes(found: Beyond) -> None:
    assert found is TEXT or found is PLAIN


@pytest.mark.parametrize(
    ("found", "tokens"),
    [
        (chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}), PICTURE_TOKENS_MAX),
        (chat({"image_url": {"url": f"data:image/png;base64,{PNG}"}}), PICTURE_TOKENS_MAX),
        (
            responses({"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}),
            PICTURE_TOKENS_MAX,
        ),
        (
            responses({"type": "function_call_output", "output": [{"type": "input_image", "image_url": PNG}]}),
            PICTURE_TOKENS_MAX,
        ),
        (claude({"type": "image", "source": {"type": "base64", "data": PNG}}), 8192),
        (
            claude({"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": PNG}}]}),
            8192,
        ),
        (gemini({"inlineData": {"mimeType": "image/png", "data": PNG}}), 16_384),
        (gemini({"inline_data": {"mime_type": "image/png", "data": PNG}}), 16_384),
        (converse({"image": {"format": "png", "source": {"bytes": PNG}}}), 16_384),
    ],
)
def test_a_picture_is_so_many_tokens_whatever_its_bytes(found: Beyond, tokens: int) -> None:
    assert (found.added_tokens, found.boundless, found.runs_max) == (tokens, False, 0)
    assert found.data_bytes >= len(PNG)


@pytest.mark.parametrize(
    "found",
    [
        chat({"type": "input_audio", "input_audio": {"data": PNG}}),
        chat({"type": "file", "file": {"file_id": "f"}}),
        beyond("openai_chat", model="m", messages=[{"role": "assistant", "audio": {"id": "a"}}]),
        responses({"type": "item_reference", "id": "i"}),
        responses({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}),
        responses(previous_response_id="r"),
        responses(conversation={"id": "c"}),
        responses(prompt={"id": "p"}),
        claude({"type": "document", "source": {"type": "url", "url": "https://x"}}),
        claude({"type": "web_search_tool_result", "content": [{"type": "x", "encrypted_content": "y"}]}),
        claude(container="c"),
        gemini({"fileData": {"fileUri": "https://x"}}),
        gemini({"inlineData": {"mimeType": "application/pdf", "data": PNG}}),
        gemini({"functionResponse": {"name": "f", "parts": [{"inlineData": {"mimeType": "audio/wav"}}]}}),
        gemini(cachedContent="c"),
        converse({"document": {"name": "d", "source": {"s3Location": {"uri": "s3://x"}}}}),
        converse({"video": {"source": {}}}),
        converse(promptVariables={"a": {"text": "b"}}),
        beyond("ollama_chat", model="m", messages=[{"role": "user", "content": "x", "images": [PNG]}]),
        beyond("openai_embeddings", model="m", input=[{"image": PNG}]),
        beyond("cohere_embeddings", model="m", images=[PNG]),
        beyond("vertex_embeddings", instances=[{"image": {"gcsUri": "gs://x"}}]),
    ],
)
def test_what_a_body_only_refers_to_is_bounded_by_nothing_in_it(found: Beyond) -> None:
    assert found.boundless


@pytest.mark.parametrize(
    ("found", "runs", "tokens"),
    [
        (chat(web_search_options={}), RUNS_ASSUMED, 0),
        (chat(web_search_options={"search_context_size": "low"}), RUNS_ASSUMED, 0),
        (chat(tools=[FUNCTION, {"type": "openrouter:web_search"}]), RUNS_ASSUMED, TOOL_TOKENS_MAX),
        (responses(tools=[{"type": "web_search"}]), RUNS_ASSUMED, TOOL_TOKENS_MAX),
        (responses(tools=[{"type": "web_search"}], max_tool_calls=3), 3, TOOL_TOKENS_MAX),
        (responses(tools=[{"type": "computer_use_preview"}]), 0, TOOL_TOKENS_MAX),
        (claude(tools=[{"type": "web_search_20250305", "max_uses": 2}]), 2, TOOL_TOKENS_MAX),
        (claude(tools=[{"type": "web_search_20250305"}]), RUNS_ASSUMED, TOOL_TOKENS_MAX),
        (
            claude(tools=[{"type": "web_search_20250305", "max_uses": 2}, {"type": "code_execution_20250825"}]),
            RUNS_ASSUMED,
            2 * TOOL_TOKENS_MAX,
        ),
        (claude(tools=[{"type": "bash_20250124", "name": "bash"}]), 0, TOOL_TOKENS_MAX),
        (claude(mcp_servers=[{"url": "https://x"}]), RUNS_ASSUMED, 0),
        (gemini(tools=[{"googleSearch": {}}]), RUNS_ASSUMED, TOOL_TOKENS_MAX),
        (converse(toolConfig={"tools": [{"systemTool": {"name": "nova_grounding"}}]}), RUNS_ASSUMED, TOOL_TOKENS_MAX),
        (converse(additionalModelRequestFields={"tools": [{"type": "x"}]}), RUNS_ASSUMED, 0),
    ],
)
def test_a_providers_own_tools_may_run_as_often_as_the_request_allows(found: Beyond, runs: int, tokens: int) -> None:
    assert (found.runs_max, found.searches_max, found.added_tokens) == (runs, runs, tokens)


@pytest.mark.parametrize("messages", [[{"content": [{"type": 7}]}], [7], "x", [{"content": {"type": "image"}}]])
def test_what_cannot_be_read_is_walked_and_never_trips(messages: Any) -> None:
    for wire in ("openai_chat", "cohere"):
        beyond(wire, model="m", messages=messages)
    beyond("anthropic", model="m", max_tokens=1, messages=messages)


def test_names_that_are_spelled_with_escapes_hide_nothing() -> None:
    body = rb'{"model":"m","messages":[{"role":"user","content":[{"type":"im\u0061ge_url","image_url":{"url":"u"}}]}]}'
    assert WIRES["openai_chat"].peek(body).beyond.added_tokens == PICTURE_TOKENS_MAX


@pytest.mark.parametrize(
    ("wire", "body", "tier"),
    [
        ("openai_chat", {"messages": []}, "auto"),
        ("openai_chat", {"messages": [], "service_tier": None}, "auto"),
        ("openai_chat", {"messages": [], "service_tier": "auto"}, "auto"),
        ("openai_chat", {"messages": [], "service_tier": "default"}, ""),
        ("openai_chat", {"messages": [], "service_tier": "priority"}, "priority"),
        ("openai_responses", {"input": "x", "service_tier": "flex"}, "flex"),
        ("anthropic", {"messages": [], "max_tokens": 1, "service_tier": "standard_only"}, ""),
        ("anthropic", {"messages": [], "max_tokens": 1, "speed": "fast"}, "fast"),
        ("anthropic", {"messages": [], "max_tokens": 1}, "auto"),
    ],
)
def test_the_service_tier_that_is_asked_for(wire: str, body: dict[str, Any], tier: str) -> None:
    assert WIRES[wire].peek(json.dumps({"model": "m", **body}).encode()).tier == tier


def test_a_ranking_may_be_charged_as_several_searches() -> None:
    few = {"model": "m", "query": "q", "documents": ["a"]}
    many = {"model": "m", "query": "q", "documents": ["a long text " * 10] * 450}
    found = [WIRES["cohere_rerank"].peek(json.dumps(body).encode()).beyond.searches_max for body in (few, many)]
    assert found[0] == 1
    assert found[1] >= 5
