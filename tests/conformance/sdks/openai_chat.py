"""OpenAI's SDK: chat completions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tools"}


class OpenAIChat:
    name = "openai"
    dialect = "openai_chat"

    def __init__(self, url: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=TIMEOUT_S, max_retries=0)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        calls = said.turn.tool_calls
        told = [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, result in zip(calls, results, strict=True)
        ]
        return self._said(model, [_user(text), said.turn, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with (
            errors(),
            self._client.chat.completions.stream(
                model=model,
                messages=[_user(text)],  # type: ignore[list-item]
                max_completion_tokens=tokens_max,
                stream_options={"include_usage": True},
                **_tools(tools),
            ) as stream,
        ):
            try:
                return _heard(stream.get_final_completion())
            except openai.LengthFinishReasonError as cut:
                return _heard(cut.completion)

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with errors():
            answer = self._client.chat.completions.create(
                model=model, messages=messages, max_completion_tokens=tokens_max, **_tools(tools)
            )
        return _heard(answer)


@contextmanager
def errors() -> Iterator[None]:
    """OpenAI's errors as ours."""
    try:
        yield
    except openai.APIStatusError as error:
        raise FailedError(error.status_code, str(error)) from error
    except openai.APIError as error:
        raise FailedError(0, str(error)) from error


def _heard(answer: Any) -> Said:
    choice = answer.choices[0]
    calls = choice.message.tool_calls or ()
    return Said(
        text=choice.message.content or "",
        calls=tuple((call.function.name, json.loads(call.function.arguments)) for call in calls),
        finish=FINISHES.get(choice.finish_reason, "other"),
        usage=(answer.usage.prompt_tokens, answer.usage.completion_tokens) if answer.usage else None,
        turn=choice.message,
    )


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    if not names:
        return {}
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools}
