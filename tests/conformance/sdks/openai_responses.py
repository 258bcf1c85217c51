"""OpenAI's SDK: the Responses API, stateless."""

import json
from typing import Any

import openai

from tests.conformance.sdks.openai_chat import errors
from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Said


class OpenAIResponses:
    name = "openai responses"
    dialect = "openai_responses"

    def __init__(self, url: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=TIMEOUT_S, max_retries=0)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        calls = [item for item in said.turn if item.type == "function_call"]
        told = [
            {"type": "function_call_output", "call_id": call.call_id, "output": result}
            for call, result in zip(calls, results, strict=True)
        ]
        history = [item.model_dump(exclude_none=True) for item in said.turn]
        return self._said(model, [_user(text), *history, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with (
            errors(),
            self._client.responses.stream(
                model=model, input=[_user(text)], max_output_tokens=tokens_max, store=False, **_tools(tools)
            ) as stream,
        ):
            ends = [event.response for event in stream if event.type in ("response.completed", "response.incomplete")]
        if len(ends) != 1:
            raise FailedError(0, f"the stream has {len(ends)} ends")
        return _heard(ends[0])

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, items: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with errors():
            answer = self._client.responses.create(
                model=model, input=items, max_output_tokens=tokens_max, store=False, **_tools(tools)
            )
        return _heard(answer)


def _heard(answer: Any) -> Said:
    calls = [item for item in answer.output if item.type == "function_call"]
    cut = answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    return Said(
        text=answer.output_text,
        calls=tuple((call.name, json.loads(call.arguments)) for call in calls),
        finish="tools" if calls else "length" if cut else "stop" if answer.status == "completed" else "other",
        usage=(answer.usage.input_tokens, answer.usage.output_tokens) if answer.usage else None,
        turn=answer.output,
    )


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "name": n, "description": n, "parameters": TOOLS[n], "strict": False} for n in names]
    return {"tools": tools} if tools else {}
