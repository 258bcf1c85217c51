"""Ollama's SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ollama

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length"}


class Ollama:
    name = "ollama"
    dialect = "ollama_chat"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = ollama.Client(host=url, headers={"authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        told = [
            {"role": "tool", "tool_name": call.function.name, "content": result}
            for call, result in zip(said.turn.tool_calls, results, strict=True)
        ]
        return self._said(model, [_user(text), said.turn, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            chunks = list(
                self._client.chat(
                    model, messages=[_user(text)], stream=True, options=_options(tokens_max), **_tools(tools)
                )
            )
        calls = [call for chunk in chunks for call in chunk.message.tool_calls or ()]
        text = "".join(chunk.message.content or "" for chunk in chunks)
        return _heard(text, calls, chunks[-1])

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer = self._client.chat(model, messages=messages, options=_options(tokens_max), **_tools(tools))
        return _heard(answer.message.content or "", list(answer.message.tool_calls or ()), answer)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ollama.ResponseError as error:
        raise FailedError(max(error.status_code, 0), error.error) from error


def _heard(text: str, calls: list[Any], last: Any) -> Said:
    finish = FINISHES.get(last.done_reason or "", "other")
    return Said(
        text=text,
        calls=tuple((call.function.name, dict(call.function.arguments)) for call in calls),
        finish="tools" if calls and finish == "stop" else finish,
        usage=(last.prompt_eval_count or 0, last.eval_count or 0),
        turn=last.message,
    )


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _options(tokens_max: int) -> dict[str, Any]:
    return {"num_predict": tokens_max}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools} if tools else {}
