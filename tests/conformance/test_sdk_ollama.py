"""Ollama's own SDK, unmodified, before the two dialects: what it sends is understood, and it reads what is written.

A small server stands where the gateway would (`stage`).
"""

import json
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from keywright.core.ability import ABLE
from keywright.core.failure import Failure
from keywright.core.json import Json
from keywright.core.message import Base64Source, Image, Text, Thinking, ToolCall, ToolResult
from keywright.core.request import JsonSchemaFormat, Reasoning
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import ollama_chat, ollama_generate, openai_chat
from tests.conformance.stage import Stage, staged

LOGPROBS: Json = {"content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]}
ANSWER = Response(
    id="r",
    model="far/away",
    created_s=1_760_000_000,
    choices=(
        Choice(
            (
                Thinking("hm", "sig", "anthropic"), Text("It is "), Text("fine."),
                ToolCall("call_1", "weather", '{"city":"Oslo"}'), ToolCall("call_2", "weather", '{"city":"Rome"}'),
            ),
            Finish("tool_calls"),
            logprobs=LOGPROBS,
        ),
    ),
    usage=Usage(input=5, output=3, reasoning=4, cache_read=2),
)  # fmt: skip
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged({"/api/chat": ollama_chat, "/api/generate": ollama_generate}, ANSWER) as server:
        yield server


@pytest.fixture
def client(stage: Stage) -> Iterator[Any]:
    with ollama.Client(stage.url, timeout=10) as sdk:
        yield sdk


def test_a_whole_answer_is_read_by_the_sdk(client: Any) -> None:
    answer = client.chat("m", [{"role": "user", "content": "hi"}], tools=[TOOL])
    assert (answer.model, answer.created_at, answer.done) == ("far/away", "2025-10-09T08:53:20Z", True)
    assert (answer.message.role, answer.message.content, answer.message.thinking) == ("assistant", "It is fine.", "hm")
    calls = [(call.function.name, call.function.arguments) for call in answer.message.tool_calls]
    assert calls == [("weather", {"city": "Oslo"}), ("weather", {"city": "Rome"})]
    assert (answer.prompt_eval_count, answer.eval_count, answer.done_reason) == (7, 7, "stop")
    assert answer.total_duration is None
    assert answer.logprobs[0].token == "a"


def test_a_stream_is_read_by_the_sdk(client: Any) -> None:
    lines = list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))
    assert "".join(line.message.content or "" for line in lines) == "It is fine."
    assert "".join(line.message.thinking or "" for line in lines) == "hm"
    calls = [call.function.arguments for line in lines for call in line.message.tool_calls or ()]
    assert calls == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert (lines[-1].prompt_eval_count, lines[-1].eval_count, lines[-1].done_reason) == (7, 7, "stop")


def test_generate_is_read_by_the_sdk_both_ways(client: Any, stage: Stage) -> None:
    answer = client.generate("m", "hi", system="Be brief.", suffix="end", options={"num_predict": 5, "num_ctx": 99})
    assert (answer.response, answer.thinking, answer.eval_count) == ("It is fine.", "hm", 7)
    (asked,) = stage.asked
    assert [turn.role for turn in asked.turns] == ["system", "user"]
    assert asked.output_tokens_max == 5
    assert asked.extras == {"ollama_generate": {"suffix": "end", "options.num_ctx": 99}}
    lines = list(client.generate("m", "hi", stream=True))
    assert "".join(line.response for line in lines) == "It is fine."
    assert lines[-1].done


def test_what_the_sdk_sends_is_understood_and_reaches_another_dialect(client: Any, stage: Stage) -> None:
    first = client.chat("m", [{"role": "user", "content": "hi"}]).message
    client.chat(
        "m",
        [
            ollama.Message(role="user", content="look", images=[ollama.Image(value=b"\x89PNG\r\n\x1a\n")]),
            first,
            ollama.Message(role="tool", content="rain", tool_name="weather"),
            ollama.Message(role="tool", content="sun", tool_name="weather"),
        ],
        tools=[TOOL],
        format={"type": "object"},
        think="high",
        keep_alive="5m",
        options=ollama.Options(temperature=0.5, seed=7, stop=["x"], num_predict=9),
    )
    asked = stage.asked[-1]
    looked, called, answered = asked.turns
    assert looked.parts == (Image(Base64Source("image/png", "iVBORw0KGgo=")), Text("look"))
    calls = [part for part in called.parts if isinstance(part, ToolCall)]
    results = [part for part in answered.parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == [call.id for call in calls]
    assert (asked.reasoning, asked.format) == (Reasoning(effort="high"), JsonSchemaFormat({"type": "object"}))
    assert (asked.sampling.temperature, asked.sampling.seed, asked.stop, asked.output_tokens_max) == (0.5, 7, ("x",), 9)
    assert asked.stream is False
    losses = openai_chat.encode_request(asked, "gpt-4o", ABLE).losses
    assert {loss.weight for loss in losses} == {"knob"}


def test_errors_are_read_by_the_sdk_before_and_within_a_stream(client: Any, stage: Stage) -> None:
    stage.breaks = True
    with pytest.raises(ollama.ResponseError, match="it broke off"):
        list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))
    stage.refusal = Failure("payment", 402, "budget_exceeded", "no money left")
    with pytest.raises(ollama.ResponseError, match="no money left") as caught:
        client.chat("m", [{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 402


def test_a_request_to_load_a_model_is_told_from_one_to_answer(client: Any, stage: Stage) -> None:
    client.chat("m", keep_alive=0)
    client.generate("m")
    assert [request.turns for request in stage.asked] == [(), ()]
    assert all(json.dumps(request.extras).count('"load": true') == 1 for request in stage.asked)
