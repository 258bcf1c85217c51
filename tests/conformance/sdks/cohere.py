"""Cohere's SDK, version 2 of its API."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cohere
import httpx
from cohere.core import ApiError

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"COMPLETE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tools"}


class Cohere:
    name = "cohere"
    dialect = "cohere"

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(timeout=TIMEOUT_S)
        self._client = cohere.ClientV2(api_key=key, base_url=url, httpx_client=self._http)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        told = [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, result in zip(said.turn.tool_calls, results, strict=True)
        ]
        turn = {"role": "assistant", "tool_calls": said.turn.tool_calls}
        return self._said(model, [_user(text), turn, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            events = list(
                self._client.chat_stream(model=model, messages=[_user(text)], max_tokens=tokens_max, **_tools(tools))
            )
        return _joined(events)

    def close(self) -> None:
        self._http.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer: Any = self._client.chat(
                model=model,
                messages=messages,
                max_tokens=tokens_max,
                request_options={"max_retries": 0},
                **_tools(tools),
            )
        message = answer.message
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]
        return Said(
            text="".join(part.text for part in message.content or () if part.type == "text"),
            calls=tuple(calls),
            finish=FINISHES.get(answer.finish_reason, "other"),
            usage=_usage(answer.usage),
            turn=message,
        )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        raise FailedError(error.status_code or 0, str(error)) from error


def _joined(events: list[Any]) -> Said:
    text, finish, usage = "", "", None
    calls: dict[int, list[str]] = {}
    for event in events:
        match event.type:
            case "content-delta":
                text += event.delta.message.content.text or ""
            case "tool-call-start":
                function = event.delta.message.tool_calls.function
                calls[event.index] = [function.name, function.arguments or ""]
            case "tool-call-delta":
                calls[event.index][1] += event.delta.message.tool_calls.function.arguments or ""
            case "message-end":
                finish, usage = event.delta.finish_reason, event.delta.usage
                if event.delta.error:
                    raise FailedError(0, event.delta.error)
    told = tuple((name, json.loads(arguments)) for name, arguments in calls.values())
    return Said(text, told, FINISHES.get(finish, "other"), _usage(usage))


def _usage(usage: Any) -> tuple[int, int] | None:
    return None if usage is None else (int(usage.tokens.input_tokens), int(usage.tokens.output_tokens))


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools} if tools else {}
