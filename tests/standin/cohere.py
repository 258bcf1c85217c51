"""The stand-in for Cohere: `/v2/chat`, as api.cohere.com speaks it.

A prompt costs what Cohere's own instructions cost, too: they are in the tokens, and not in what is billed.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.standin import reply as say
from tests.standin.official import Strict, strict_type
from tests.standin.reply import RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request whose messages were validated against their schema
FIELDS = frozenset(
    (
        *("stream", "model", "messages", "tools", "strict_tools", "documents", "citation_options", "response_format"),
        *("safety_mode", "max_tokens", "stop_sequences", "temperature", "seed", "frequency_penalty", "priority"),
        *("presence_penalty", "k", "p", "logprobs", "tool_choice", "thinking", "raw_prompting"),
    )
)
RANGES = {
    "temperature": (0, 2),
    "k": (0, 500),
    "p": (0.01, 0.99),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
    "max_tokens": (1, 2**31),
    "seed": (0, 2**64 - 1),
}
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
STOPS_MAX = 5
THOUGHT = "Let me think about this."
INSTRUCTIONS_TOKENS = 50
FINISHES = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tools": "TOOL_CALL",
    "stop_sequence": "STOP_SEQUENCE",
    "refusal": "COMPLETE",
    "content_filter": "ERROR",
    "pause": "TIMEOUT",
}


class CohereWire:
    """How api.cohere.com reads and answers."""

    name = "cohere"
    path = "/v2/chat"
    stream_type = "text/event-stream"
    base_suffix = ""

    def __init__(self, specs: Path) -> None:
        file = specs / "cohere" / "sdk-types.schema.json"
        self._message: Strict = strict_type(file, "ChatMessageV2")
        self._tool: Strict = strict_type(file, "ToolV2")

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
        """Raise `RejectedError` when api.cohere.com would answer 400."""
        unknown = body.keys() - FIELDS
        if unknown:
            raise RejectedError(f"unknown fields: {sorted(unknown)}")
        if not body.get("model") or not body.get("messages"):
            raise RejectedError("invalid request: model and messages are required")
        for name, validator in (("messages", self._message), ("tools", self._tool)):
            complaints = [validator.complaint(each) for each in body.get(name) or ()]
            if any(complaints):
                raise RejectedError(f"invalid request: {name} {complaints}")
        for name, (low, high) in RANGES.items():
            if body.get(name) is not None and not low <= body[name] <= high:
                raise RejectedError(f"invalid request: {name} must be between {low} and {high}")
        if len(body.get("stop_sequences") or ()) > STOPS_MAX:
            raise RejectedError(f"invalid request: more than {STOPS_MAX} stop sequences")
        _check_messages(body["messages"])
        _check_tools(body)
        _check_form(body)

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        wanted = _wanted(body)
        said = say.chosen(wanted, script)
        thinking = script.thinking or (THOUGHT if wanted.thinking else "")
        used = Used(
            prompt_tokens(body) + INSTRUCTIONS_TOKENS,
            output=said.tokens + say.words(_plan(said.calls)),
            reasoning=say.words(thinking),
        )
        return said.reply(number, body["model"], used, thinking)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        message: Body = {"role": "assistant"}
        if content := _content(reply):
            message["content"] = content
        if reply.calls:
            calls = [_call(reply, index) for index in range(len(reply.calls))]
            message |= {"tool_plan": _plan(reply.calls), "tool_calls": calls}
        ending = {"finish_reason": FINISHES[reply.finish], "usage": _usage(reply.used)}
        return say.compact({"id": f"standin-{reply.number}", "message": message, **ending})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        begun = {"id": f"standin-{reply.number}", "type": "message-start", "delta": {"message": start}}
        yield _frame(begun), 0
        for index, block in enumerate(_content(reply)):
            name = block["type"]
            yield _event("content-start", {"content": {"type": name, name: ""}}, index), 0
            for piece in say.pieces(block[name]):
                yield _event("content-delta", {"content": {name: piece}}, index), 1
            yield _event("content-end", None, index), 0
        for piece in say.pieces(_plan(reply.calls)):
            yield _event("tool-plan-delta", {"tool_plan": piece}), 1
        for index in range(len(reply.calls)):
            call = _call(reply, index)
            arguments = call["function"]["arguments"]
            call["function"] = {**call["function"], "arguments": ""}
            yield _event("tool-call-start", {"tool_calls": call}, index), 0
            for piece in say.pieces(arguments):
                yield _event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index), 1
            yield _event("tool-call-end", None, index), 0
        ending = {"finish_reason": FINISHES[reply.finish], "usage": _usage(reply.used)}
        yield _frame({"type": "message-end", "delta": ending}), 0
        yield b"data: [DONE]\n\n", 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        return say.compact({"id": "standin", "message": message})

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error: none."""
        return {}

    def error_frame(self) -> bytes:
        """An error within a stream: it ends the message."""
        delta = {"error": "the model could not answer", "finish_reason": "ERROR"}
        return _frame({"type": "message-end", "delta": delta})

    def broken_frame(self) -> bytes:
        """A frame whose JSON does not parse."""
        return b'event: content-delta\ndata: {"type": "content-delta", "delta": {\n\n'

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to `GET /v1/models`."""
        return say.compact({"models": [{"name": name, "endpoints": ["chat"]} for name in names]})


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has, without Cohere's own instructions."""
    parts = [part for message in body["messages"] for part in _parts(message)]
    return say.TOOL_TOKENS * len(body.get("tools") or ()) + sum(_part_tokens(part) for part in parts)


def _part_tokens(part: Body) -> int:
    if part["type"] == "image_url":
        return say.IMAGE_TOKENS
    if part["type"] == "document":
        return say.DOCUMENT_TOKENS
    return say.words(part.get("text", ""))


def _parts(message: Body) -> list[Body]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def _wanted(body: Body) -> Wanted:
    made = [index for index, message in enumerate(body["messages"]) if message["role"] == "assistant"]
    last = body["messages"][made[-1] + 1 if made else 0 :]
    parts = [part for message in last if message["role"] == "user" for part in _parts(message)]
    results = [message for message in last if message["role"] == "tool"]
    functions = [tool["function"] for tool in body.get("tools") or ()]
    tools = tuple((function["name"], function["parameters"]) for function in functions)
    choice = body.get("tool_choice")
    form = body.get("response_format") or {"type": "text"}
    schema = form.get("schema") or form.get("json_schema") or {"type": "object"}
    return Wanted(
        text=" ".join(part["text"] for part in parts if part["type"] == "text"),
        images=sum(part["type"] == "image_url" for part in parts),
        documents=len(body.get("documents") or ()),
        tool_results=tuple(_told(message) for message in results),
        tools=() if choice == "NONE" else tools,
        forced=(tools[0][0],) if choice == "REQUIRED" else (),
        schema=None if form["type"] == "text" else schema,
        stop=tuple(body.get("stop_sequences") or ()),
        tokens_max=body.get("max_tokens"),
        thinking=(body.get("thinking") or {}).get("type") == "enabled",
    )


def _told(message: Body) -> str:
    return " ".join(
        part["text"] if part["type"] == "text" else json.dumps(part["document"]) for part in _parts(message)
    )


def _check_messages(messages: list[Body]) -> None:
    """Each call is answered by tool messages that follow at once, and each of those answers a call."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise RejectedError(f"tool call id {message['tool_call_id']} not found in previous tool calls")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise RejectedError(f"missing tool results for tool calls {waiting}")
        if not _parts(message) and not message.get("tool_calls") and not message.get("tool_plan"):
            raise RejectedError("invalid request: a message must be at least 1 token long")
        if message["role"] == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
            for call in message.get("tool_calls") or ():
                json.loads(call["function"]["arguments"])
    if waiting:
        raise RejectedError(f"missing tool results for tool calls {waiting}")


def _check_tools(body: Body) -> None:
    functions = [tool.get("function") or {} for tool in body.get("tools") or ()]
    names = [function.get("name", "") for function in functions]
    if len(set(names)) != len(names) or not all(NAME.match(name) for name in names):
        raise RejectedError(f"invalid request: the names of tools must be unique and match the pattern: {names}")
    for function in functions:
        if (function.get("parameters") or {}).get("type") != "object":
            raise RejectedError("invalid request: the parameters of a tool must be of type object")
    choice = body.get("tool_choice")
    if choice not in (None, "REQUIRED", "NONE") or (choice and not functions):
        raise RejectedError(f"invalid request: tool_choice {choice!r}")
    if body.get("strict_tools") and not all((each["parameters"].get("required")) for each in functions):
        raise RejectedError("invalid request: with strict_tools each tool needs a required parameter")


def _check_form(body: Body) -> None:
    form = body.get("response_format") or {"type": "text"}
    if form["type"] not in ("text", "json_object") or form.keys() - {"type", "json_schema", "schema"}:
        raise RejectedError(f"invalid request: response_format {form}")
    if form["type"] == "json_object" and (body.get("tools") or body.get("documents")):
        raise RejectedError("invalid request: response_format json_object is not supported with tools or documents")
    thinking = body.get("thinking")
    if thinking is not None and "reasoning" not in body["model"] and "plus" not in body["model"]:
        raise RejectedError("invalid request: thinking is not supported by this model")
    if thinking is not None and thinking.keys() - {"type", "token_budget"}:
        raise RejectedError(f"invalid request: thinking {thinking}")


def _plan(calls: tuple[Any, ...]) -> str:
    return "I will use " + " and ".join(call.name for call in calls) if calls else ""


def _content(reply: Reply) -> list[Body]:
    blocks = [{"type": "thinking", "thinking": reply.thinking}] if reply.thinking else []
    return blocks + ([{"type": "text", "text": reply.text}] if reply.text else [])


def _call(reply: Reply, index: int) -> Body:
    call = reply.calls[index]
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": f"{call.name}_{reply.number}x{index}", "type": "function", "function": function}


def _usage(used: Used) -> Body:
    output = used.output + used.reasoning
    tokens: Body = {"input_tokens": used.input, "output_tokens": output}
    if used.reasoning:
        tokens["reasoning_tokens"] = used.reasoning
    billed = {"input_tokens": used.input - INSTRUCTIONS_TOKENS, "output_tokens": output}
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": 0}


def _event(kind: str, message: Body | None, index: int | None = None) -> bytes:
    place = {} if index is None else {"index": index}
    return _frame({"type": kind, **place, **({} if message is None else {"delta": {"message": message}})})


def _frame(value: Body) -> bytes:
    return f"event: {value['type']}\ndata: ".encode() + say.compact(value) + b"\n\n"
