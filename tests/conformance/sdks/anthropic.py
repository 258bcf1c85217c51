"""Anthropic's SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tools"}


class Anthropic:
    name = "anthropic"
    dialect = "anthropic"

    def __init__(self, url: str, key: str) -> None:
        self._client = anthropic.Anthropic(base_url=url, api_key=key, timeout=TIMEOUT_S, max_retries=0)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        calls = [block for block in said.turn if block.type == "tool_use"]
        told = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(calls, results, strict=True)
        ]
        messages = [_user(text), {"role": "assistant", "content": said.turn}, {"role": "user", "content": told}]
        return self._said(model, messages, tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with (
            _errors(),
            self._client.messages.stream(
                model=model, messages=[_user(text)], max_tokens=tokens_max, **_tools(tools)
            ) as stream,
        ):
            return _heard(stream.get_final_message())

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer = self._client.messages.create(
                model=model, messages=messages, max_tokens=tokens_max, **_tools(tools)
            )
        return _heard(answer)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except anthropic.APIStatusError as error:
        in_stream = error.response.status_code == 200
        raise FailedError(0 if in_stream else error.status_code, str(error)) from error
    except anthropic.APIError as error:
        raise FailedError(0, str(error)) from error


def _heard(answer: Any) -> Said:
    usage = answer.usage
    return Said(
        text="".join(block.text for block in answer.content if block.type == "text"),
        calls=tuple((block.name, block.input) for block in answer.content if block.type == "tool_use"),
        finish=FINISHES.get(answer.stop_reason, "other"),
        usage=(usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens),
        turn=answer.content,
    )


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"name": n, "description": n, "input_schema": TOOLS[n]} for n in names]
    return {"tools": tools} if tools else {}
