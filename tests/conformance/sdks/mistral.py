"""Mistral's SDK."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from mistralai.client import Mistral as Client
from mistralai.client.errors import MistralError

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tools"}


class Mistral:
    name = "mistralai"
    dialect = "mistral"

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(timeout=TIMEOUT_S)
        self._client = Client(api_key=key, server_url=url, client=self._http)  # type: ignore[arg-type]  # an httpx client, as its protocol asks for

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        told = [
            {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result}
            for call, result in zip(said.turn.tool_calls, results, strict=True)
        ]
        return self._said(model, [_user(text), said.turn, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            stream = self._client.chat.stream(
                model=model, messages=[_user(text)], max_tokens=tokens_max, **_tools(tools)
            )
            return _joined([event.data for event in stream])

    def close(self) -> None:
        self._http.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer: Any = self._client.chat.complete(
                model=model, messages=messages, max_tokens=tokens_max, **_tools(tools)
            )
        choice = answer.choices[0]
        calls = choice.message.tool_calls or ()
        return Said(
            text=_text(choice.message.content),
            calls=tuple((call.function.name, _arguments(call.function.arguments)) for call in calls),
            finish=FINISHES.get(str(choice.finish_reason), "other"),
            usage=(answer.usage.prompt_tokens, answer.usage.completion_tokens),
            turn=choice.message,
        )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except MistralError as error:
        raise FailedError(0 if error.status_code == 200 else error.status_code, str(error)) from error


def _joined(chunks: list[Any]) -> Said:
    text, finish, usage = "", "", None
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            text += _text(choice.delta.content)
            for call in choice.delta.tool_calls or ():
                known = calls.setdefault(call.index or 0, ["", ""])
                known[0] = call.function.name or known[0]
                arguments = call.function.arguments
                known[1] += arguments if isinstance(arguments, str) else json.dumps(arguments)
            finish = str(choice.finish_reason or finish)
        usage = chunk.usage or usage
    told = tuple((name, json.loads(arguments)) for name, arguments in calls.values())
    used = (usage.prompt_tokens, usage.completion_tokens) if usage else None
    return Said(text, told, FINISHES.get(finish, "other"), used)


def _text(content: Any) -> str:
    """What was said, without what was thought: content is a string, or chunks."""
    if isinstance(content, list):
        return "".join(chunk.text for chunk in content if chunk.type == "text")
    return content or ""


def _arguments(value: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return parsed


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools} if tools else {}
