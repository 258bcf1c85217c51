"""The stand-in for OpenAI: chat completions, as api.openai.com speaks them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.standin import reply as say
from tests.standin.official import Official, official
from tests.standin.reply import Chosen, RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was validated against its schema
NO_MAX_TOKENS = re.compile(r"^(o\d|gpt-5)")
FINISHES = {"tools": "tool_calls", "length": "length", "content_filter": "content_filter"}
ERROR_TYPES: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", None),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
}
CREATED_S = 1_760_000_000


class ChatWire:
    """How api.openai.com reads and answers."""

    name = "openai"
    path = "/v1/chat/completions"
    stream_type = "text/event-stream; charset=utf-8"
    base_suffix = "/v1"

    def __init__(self, specs: Path) -> None:
        file = specs / "openai" / "sdk-types.schema.json"
        self._official: Official = official(
            file, "ChatCompletionCreateParams", "CompletionCreateParamsNonStreaming", "CompletionCreateParamsStreaming"
        )
        self._seen: set[str] = set()

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        return path.partition("?")[0] == self.path

    def read(self, _: str, raw: bytes) -> Body:
        """The body: it says everything."""
        body: Body = json.loads(raw)
        return body

    def unauthorised(self, headers: dict[str, str], key: str) -> str | None:
        """Why the headers are refused with 401, if they are."""
        given = headers.get("authorization")
        return None if given == f"Bearer {key}" else f"authorization is {given!r}"

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when api.openai.com would answer 400."""
        complaint = self._official.complaint(body)
        if complaint:
            raise RejectedError(complaint)
        if body.get("stream_options") and not body.get("stream"):
            raise RejectedError("'stream_options' is only allowed when 'stream' is enabled")
        if body.get("max_tokens") is not None and NO_MAX_TOKENS.match(body["model"]):
            raise RejectedError("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if isinstance(body.get("stop"), list) and len(body["stop"]) > 4:
            raise RejectedError("Invalid 'stop': array too long")
        if body.get("temperature") is not None and not 0 <= body["temperature"] <= 2:
            raise RejectedError("Invalid 'temperature'")
        if body.get("tool_choice") is not None and not body.get("tools"):
            raise RejectedError("'tool_choice' is only allowed when 'tools' are specified")
        _check_tool_turns(body["messages"])
        _check_strict(body)

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        said = say.chosen(_wanted(body), script)
        return said.reply(number, body["model"], self._used(body, said, script), script.thinking)

    def _used(self, body: Body, said: Chosen, script: Script) -> Used:
        total = prompt_tokens(body)
        cached = 0
        if body.get("prompt_cache_key"):
            prefix = json.dumps([body["prompt_cache_key"], body["messages"][:-1]])
            if prefix in self._seen:
                cached = total - prompt_tokens({"messages": body["messages"][-1:]})
            self._seen.add(prefix)
        hidden = say.HIDDEN_REASONING_TOKENS if body.get("reasoning_effort") not in (None, "none") else 0
        reasoning = say.words(script.thinking) or hidden
        return Used(input=total - cached, cache_read=cached, output=said.tokens, reasoning=reasoning)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        refusal = reply.text if reply.finish == "refusal" else None
        message: Body = {"role": "assistant", "content": reply.text or None, "refusal": refusal, "annotations": []}
        if refusal is not None:
            message["content"] = None
        if reply.calls:
            message["tool_calls"] = [_call(reply, index) for index in range(len(reply.calls))]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
        return say.compact({**_top(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply.used)})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))

        def chunk(delta: Body, finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            extra: Body = {"usage": None} if with_usage else {}
            return _frame({**_top(reply, "chat.completion.chunk"), "choices": [choice], **extra})

        yield chunk({"role": "assistant", "content": None if reply.calls else "", "refusal": None}), 0
        for piece in say.pieces(reply.text):
            yield chunk({"refusal" if reply.finish == "refusal" else "content": piece}), 1
        for index in range(len(reply.calls)):
            call = _call(reply, index)
            arguments = call["function"]["arguments"]
            call["function"] = {**call["function"], "arguments": ""}
            yield chunk({"tool_calls": [{"index": index, **call}]}), 0
            for piece in say.pieces(arguments):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), 1
        yield chunk({}, _finish(reply)), 0
        if with_usage:
            yield _frame({**_top(reply, "chat.completion.chunk"), "choices": [], "usage": _usage(reply.used)}), 0
        yield b"data: [DONE]\n\n", 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        kind, code = ERROR_TYPES.get(status, ("server_error", None))
        return say.compact({"error": {"message": message, "type": kind, "param": None, "code": code}})

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error: none."""
        return {}

    def error_frame(self) -> bytes:
        """An error within a stream."""
        error = {"message": "The server had an error", "type": "server_error", "param": None, "code": None}
        return _frame({"error": error})

    def broken_frame(self) -> bytes:
        """A frame whose JSON does not parse."""
        return b'data: {"type": "content_block_delta", "choices": [{\n\n'

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to `GET /v1/models`."""
        rows = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "stand-in"} for name in names]
        return say.compact({"object": "list", "data": rows})


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has, cached ones included."""
    tokens = say.TOOL_TOKENS * len(body.get("tools") or ())
    for message in body["messages"]:
        for part in _parts(message):
            if part["type"] in ("text", "refusal"):
                tokens += say.words(part.get("text") or part.get("refusal") or "")
            else:
                tokens += say.IMAGE_TOKENS if part["type"] == "image_url" else say.DOCUMENT_TOKENS
    return tokens


def _parts(message: Body) -> list[Body]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def _wanted(body: Body) -> Wanted:
    last_turn = _last_turn(body["messages"])
    parts = [part for message in last_turn for part in _parts(message)]
    results = [message for message in last_turn if message["role"] == "tool"]
    tools = tuple(
        (tool["function"]["name"], tool["function"].get("parameters") or {"type": "object"})
        for tool in body.get("tools") or ()
        if tool["type"] == "function"
    )
    choice = body.get("tool_choice")
    form = body.get("response_format") or {}
    schema = form.get("json_schema", {}).get("schema") or (
        {"type": "object"} if form.get("type", "text") != "text" else None
    )
    stop = body.get("stop") or ()
    return Wanted(
        text=" ".join(part["text"] for part in parts if part["type"] == "text"),
        images=sum(part["type"] == "image_url" for part in parts),
        documents=sum(part["type"] == "file" for part in parts),
        tool_results=tuple(" ".join(part.get("text", "") for part in _parts(message)) for message in results),
        tools=() if choice == "none" else tools,
        forced=_forced(choice, tools),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=schema,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        tokens_max=body.get("max_completion_tokens") or body.get("max_tokens"),
    )


def _last_turn(messages: list[Body]) -> list[Body]:
    """Everything after the last assistant message."""
    at = max((index for index, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return [message for message in messages[at + 1 :] if message["role"] in ("user", "tool")]


def _forced(choice: Any, tools: tuple[tuple[str, Any], ...]) -> tuple[str, ...]:
    if choice == "required":
        return (tools[0][0],)
    if isinstance(choice, dict) and choice["type"] == "function":
        return (choice["function"]["name"],)
    return ()


def _check_tool_turns(messages: list[Body]) -> None:
    """Each call is answered by tool messages that follow at once, and each of those answers a call."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise RejectedError("messages with role 'tool' must be a response to a preceding 'tool_calls'")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise RejectedError("an assistant message with 'tool_calls' must be followed by tool messages")
        if message["role"] == "assistant":
            if all(message.get(name) is None for name in ("content", "tool_calls", "refusal")):
                raise RejectedError("an assistant message must have content or tool calls")
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
            for call in message.get("tool_calls") or ():
                json.loads(call["function"]["arguments"] if "function" in call else "{}")
    if waiting:
        raise RejectedError("an assistant message with 'tool_calls' must be followed by tool messages")


def _check_strict(body: Body) -> None:
    """A strict schema lists every property as required and forbids others."""
    schemas = [
        tool["function"].get("parameters") or {}
        for tool in body.get("tools") or ()
        if tool["type"] == "function" and tool["function"].get("strict")
    ]
    form = (body.get("response_format") or {}).get("json_schema") or {}
    if form.get("strict"):
        schemas.append(form["schema"])
    check_strict(schemas)


def check_strict(schemas: list[Body]) -> None:
    """Raise `RejectedError` when one of `schemas`, all of which are to be strict, is not."""
    for schema in schemas:
        if schema.get("additionalProperties") is not False:
            raise RejectedError("Invalid schema: 'additionalProperties' is required to be supplied and to be false")
        if set(schema.get("required", ())) != set(schema.get("properties", ())):
            raise RejectedError("Invalid schema: 'required' is required to list every key in properties")


def _top(reply: Reply, kind: str) -> Body:
    return {
        "id": f"chatcmpl-standin{reply.number}",
        "object": kind,
        "created": CREATED_S,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    }


def _call(reply: Reply, index: int) -> Body:
    call = reply.calls[index]
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"call_{reply.number}x{index}", "type": "function", "function": function}


def _finish(reply: Reply) -> str:
    return FINISHES.get(reply.finish, "stop")


def _usage(used: Used) -> Body:
    prompt, completion = used.input + used.cache_read, used.output + used.reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": used.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _frame(value: Body) -> bytes:
    return b"data: " + say.compact(value) + b"\n\n"
