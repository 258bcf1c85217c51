"""Google's SDK, `google-genai`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google import genai
from google.genai import errors, types

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said


class GoogleGenai:
    name = "google-genai"
    dialect = "gemini"

    def __init__(self, url: str, key: str) -> None:
        options = types.HttpOptions(base_url=url, timeout=int(TIMEOUT_S * 1000))
        self._client = genai.Client(api_key=key, http_options=options)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        calls = [part.function_call for part in said.turn.parts if part.function_call]
        told = [
            types.Part(
                function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": result})
            )
            for call, result in zip(calls, results, strict=True)
        ]
        history = [_user(text), said.turn, types.Content(role="user", parts=told)]
        return self._said(model, history, tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            chunks = list(
                self._client.models.generate_content_stream(
                    model=model, contents=[_user(text)], config=_config(tools, tokens_max)
                )
            )
        parts = [part for chunk in chunks for part in _parts(chunk)]
        return _said(parts, chunks[-1])

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, contents: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer = self._client.models.generate_content(
                model=model, contents=contents, config=_config(tools, tokens_max)
            )
        return _said(_parts(answer), answer)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except errors.APIError as error:
        raise FailedError(error.code or 0, str(error)) from error


def _parts(answer: Any) -> list[Any]:
    content = answer.candidates[0].content if answer.candidates else None
    return list(content.parts or ()) if content else []


def _said(parts: list[Any], last: Any) -> Said:
    calls = tuple((part.function_call.name, part.function_call.args) for part in parts if part.function_call)
    usage = last.usage_metadata
    return Said(
        text="".join(part.text for part in parts if part.text and not part.thought),
        calls=calls,
        finish=_finish(last.candidates[0].finish_reason, calls),
        usage=(usage.prompt_token_count or 0, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)),
        turn=types.Content(role="model", parts=parts),
    )


def _finish(reason: Any, calls: tuple[Any, ...]) -> Finish:
    match reason:
        case types.FinishReason.STOP:
            return "tools" if calls else "stop"
        case types.FinishReason.MAX_TOKENS:
            return "length"
        case _:
            return "other"


def _user(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


def _config(names: tuple[str, ...], tokens_max: int) -> types.GenerateContentConfig:
    functions = [types.FunctionDeclaration(name=n, description=n, parameters_json_schema=TOOLS[n]) for n in names]
    return types.GenerateContentConfig(
        max_output_tokens=tokens_max,
        tools=[types.Tool(function_declarations=functions)] if functions else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
