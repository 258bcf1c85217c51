"""Hugging Face's SDK: `InferenceClient`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import InferenceClient, close_session
from huggingface_hub.errors import HfHubHTTPError, TextGenerationError

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tools"}


class HuggingFace:
    name = "huggingface_hub"
    dialect = "openai_chat"

    def __init__(self, url: str, key: str) -> None:
        self._client: Any = InferenceClient(base_url=f"{url}/v1", api_key=key, timeout=TIMEOUT_S)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        told = [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, result in zip(said.turn.tool_calls, results, strict=True)
        ]
        calls = [
            {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in said.turn.tool_calls
        ]
        turn = {"role": "assistant", "content": said.turn.content or "", "tool_calls": calls}
        return self._said(model, [_user(text), turn, *told], tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            chunks = list(
                self._client.chat_completion(
                    [_user(text)],
                    model=model,
                    max_tokens=tokens_max,
                    stream=True,
                    stream_options={"include_usage": True},
                    **_tools(tools),
                )
            )
        return _joined(chunks)

    def close(self) -> None:
        close_session()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer = self._client.chat_completion(messages, model=model, max_tokens=tokens_max, **_tools(tools))
        choice = answer.choices[0]
        calls = choice.message.tool_calls or ()
        return Said(
            text=choice.message.content or "",
            calls=tuple((call.function.name, json.loads(call.function.arguments)) for call in calls),
            finish=FINISHES.get(choice.finish_reason, "other"),
            usage=(answer.usage.prompt_tokens, answer.usage.completion_tokens),
            turn=choice.message,
        )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except HfHubHTTPError as error:
        raise FailedError(error.response.status_code, str(error)) from error
    except TextGenerationError as error:  # what it makes of an error within a stream
        raise FailedError(0, str(error)) from error


def _joined(chunks: list[Any]) -> Said:
    text, finish, usage = "", "", None
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                known = calls.setdefault(call.index or 0, ["", ""])
                known[0] = call.function.name or known[0]
                known[1] += call.function.arguments or ""
            finish = choice.finish_reason or finish
        usage = chunk.usage or usage
    told = tuple((name, json.loads(arguments)) for name, arguments in calls.values())
    used = (usage.prompt_tokens, usage.completion_tokens) if usage else None
    return Said(text, told, FINISHES.get(finish, "other"), used)


def _user(text: str) -> Any:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools} if tools else {}
