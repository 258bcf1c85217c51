"""boto3's InvokeModel: whatever the vendor's shape of a body, any provider answers it in that shape."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.conformance.sdks.bedrock import runtime
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import CLOCK, WEATHER
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a body of a vendor's own
METRICS = "amazon-bedrock-invocationMetrics"
LLAMA = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)


@dataclass(frozen=True)
class Shape:
    """How a vendor's models are asked, and answer. `text`: of an answer or of all chunks of a stream, in order; `why`:
    the word for the end; `limit`: that word where the answer was cut.
    """

    ask: Callable[[str, int], Body]
    text: Callable[[Body], str]
    why: Callable[[Body], str | None]
    stop: str
    limit: str
    chunk: Callable[[Body], str]
    chunk_why: Callable[[Body], str | None]


def claude(text: str, tokens_max: int) -> Body:
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": tokens_max, "messages": messages}


def nova(text: str, tokens_max: int) -> Body:
    messages = [{"role": "user", "content": [{"text": text}]}]
    return {"schemaVersion": "messages-v1", "messages": messages, "inferenceConfig": {"maxTokens": tokens_max}}


def llama(text: str, tokens_max: int) -> Body:
    return {"prompt": LLAMA.format(text), "max_gen_len": tokens_max}


def mistral(text: str, tokens_max: int) -> Body:
    return {"prompt": f"<s>[INST] {text} [/INST]", "max_tokens": tokens_max, "stop": ["never"]}


def titan(text: str, tokens_max: int) -> Body:
    return {"inputText": text, "textGenerationConfig": {"maxTokenCount": tokens_max}}


def command(text: str, tokens_max: int) -> Body:
    return {"prompt": text, "max_tokens": tokens_max, "p": 0.9}


def command_r(text: str, tokens_max: int) -> Body:
    return {"message": text, "max_tokens": tokens_max, "chat_history": []}


def nova_chunk(chunk: Body) -> str:
    return str(chunk.get("contentBlockDelta", {}).get("delta", {}).get("text", ""))


def claude_chunk(chunk: Body) -> str:
    return str(chunk.get("delta", {}).get("text", ""))


SHAPES: dict[str, Shape] = {
    "claude": Shape(
        claude,
        lambda body: "".join(block["text"] for block in body["content"]),
        lambda body: body["stop_reason"],
        "end_turn",
        "max_tokens",
        claude_chunk,
        lambda chunk: chunk.get("delta", {}).get("stop_reason"),
    ),
    "nova": Shape(
        nova,
        lambda body: "".join(block["text"] for block in body["output"]["message"]["content"]),
        lambda body: body["stopReason"],
        "end_turn",
        "max_tokens",
        nova_chunk,
        lambda chunk: chunk.get("messageStop", {}).get("stopReason"),
    ),
    "llama": Shape(
        llama,
        lambda body: body["generation"],
        lambda body: body["stop_reason"],
        "stop",
        "length",
        lambda chunk: chunk["generation"],
        lambda chunk: chunk["stop_reason"],
    ),
    "mistral": Shape(
        mistral,
        lambda body: body["outputs"][0]["text"],
        lambda body: body["outputs"][0]["stop_reason"],
        "stop",
        "length",
        lambda chunk: chunk["outputs"][0]["text"],
        lambda chunk: chunk["outputs"][0]["stop_reason"],
    ),
    "titan": Shape(
        titan,
        lambda body: body["results"][0]["outputText"],
        lambda body: body["results"][0]["completionReason"],
        "FINISH",
        "LENGTH",
        lambda chunk: chunk["outputText"],
        lambda chunk: chunk["completionReason"],
    ),
    "command": Shape(
        command,
        lambda body: body["generations"][0]["text"],
        lambda body: body["generations"][0]["finish_reason"],
        "COMPLETE",
        "MAX_TOKENS",
        lambda chunk: chunk.get("generations", [chunk])[0].get("text") or "",
        lambda chunk: chunk.get("generations", [chunk])[0].get("finish_reason"),
    ),
    "command-r": Shape(
        command_r,
        lambda body: body["text"],
        lambda body: body["finish_reason"],
        "COMPLETE",
        "MAX_TOKENS",
        lambda chunk: chunk.get("text", "") if chunk.get("event_type") == "text-generation" else "",
        lambda chunk: chunk.get("finish_reason"),
    ),
}


@pytest.fixture(scope="module")
def client(secure_gateway: tuple[Gateway, str]) -> Iterator[Any]:
    """boto3."""
    gateway, ca_file = secure_gateway
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = runtime(gateway.url, gateway.admin_key, ca_file, monkeypatch)
        yield made
        made.close()


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    """Every vendor's shape in turn."""
    return SHAPES[request.param]


@pytest.fixture(params=["openai", "anthropic", "gemini"])
def place(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Providers that are none of Bedrock's."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []


def invoked(client: Any, model: str, body: Body) -> Body:
    answer = client.invoke_model(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    told: Body = json.loads(answer["body"].read())
    return told


def streamed(client: Any, model: str, body: Body) -> list[Body]:
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    with closing(answer["body"]) as stream:
        return [json.loads(event["chunk"]["bytes"]) for event in stream]


def test_an_answer_is_of_the_shape_in_which_it_was_asked(client: Any, shape: Shape, place: Place) -> None:
    told = invoked(client, place.model, shape.ask("hello there", 200))
    assert (shape.text(told), shape.why(told)) == ("You said: hello there", shape.stop)


def test_a_stream_is_of_the_shape_in_which_it_was_asked(client: Any, shape: Shape, place: Place) -> None:
    chunks = streamed(client, place.model, shape.ask("hello there, in several words", 200))
    assert len(chunks) > 3
    assert "".join(map(shape.chunk, chunks)) == "You said: hello there, in several words"
    assert [why for why in map(shape.chunk_why, chunks) if why] == [shape.stop]
    used = place.cloud.last.used
    assert used is not None
    metrics = chunks[-1][METRICS]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (used.input, used.output + used.reasoning)


def test_what_was_cut_at_the_limit_says_so(client: Any, shape: Shape, place: Place) -> None:
    words = [str(number) for number in range(30)]
    body = shape.ask(" ".join(words), 20)
    told = invoked(client, place.model, body)
    assert (shape.text(told), shape.why(told)) == (" ".join(["You", "said:", *words[:18]]), shape.limit)
    chunks = streamed(client, place.model, body)
    assert [why for why in map(shape.chunk_why, chunks) if why] == [shape.limit]


@pytest.mark.parametrize("ask", [invoked, streamed])
def test_a_failure_is_botocores_own_error(client: Any, shape: Shape, place: Place, ask: Callable[..., Any]) -> None:
    body = shape.ask(place.cloud.script(Script(status=429, message="it is broken")), 200)
    with pytest.raises(ClientError) as caught:
        ask(client, place.model, body)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    assert ask(client, place.model, body)


def test_a_stream_that_breaks_is_an_error_too(client: Any, shape: Shape, place: Place) -> None:
    body = shape.ask(place.cloud.script(Script(words=20, fault="error_event", after=5, pace_s=0.01)), 200)
    with pytest.raises(EventStreamError):
        streamed(client, place.model, body)
    assert streamed(client, place.model, body)


def test_claudes_tools_are_called(client: Any, place: Place) -> None:
    tools = [{"name": "weather", "input_schema": WEATHER}, {"name": "clock", "input_schema": CLOCK}]
    told = invoked(client, place.model, {**claude("use all tools", 200), "tools": tools})
    calls = [(block["name"], block["input"]) for block in told["content"] if block["type"] == "tool_use"]
    assert (calls, told["stop_reason"]) == ([("weather", {"city": "word"}), ("clock", {"zone": "word"})], "tool_use")


def test_novas_tools_are_called(client: Any, place: Place) -> None:
    tools = [{"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}]
    told = invoked(client, place.model, {**nova("use the tool", 200), "toolConfig": {"tools": tools}})
    calls = [block["toolUse"] for block in told["output"]["message"]["content"] if "toolUse" in block]
    assert [(call["name"], call["input"]) for call in calls] == [("weather", {"city": "word"})]
    assert told["stopReason"] == "tool_use"


def test_command_rs_tools_are_called(client: Any, place: Place) -> None:
    described = {"city": {"type": "str", "description": "Where", "required": True}}
    tools = [{"name": "weather", "description": "weather", "parameter_definitions": described}]
    told = invoked(client, place.model, {**command_r("use the tool", 200), "tools": tools})
    assert told["tool_calls"] == [{"name": "weather", "parameters": {"city": "word"}}]


def test_earlier_turns_of_a_prompt_are_turns_for_a_model_that_chats(client: Any, place: Place) -> None:
    turns = [("user", "one"), ("assistant", "two"), ("user", "three")]
    said = "".join(f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>" for role, text in turns)
    prompt = f"<|begin_of_text|>{said}<|start_header_id|>assistant<|end_header_id|>\n\n"
    told = invoked(client, place.model, {"prompt": prompt, "max_gen_len": 100})
    assert told["generation"] == "You said: three"
