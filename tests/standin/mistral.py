"""The stand-in for Mistral: chat completions, as api.mistral.ai speaks them. Unknown fields are refused there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.standin import reply as say
from tests.standin.chat import CREATED_S, ChatWire
from tests.standin.official import Strict, strict_type
from tests.standin.reply import RejectedError, Reply, Used
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was validated against its schema
CALL_ID = re.compile(r"^[a-zA-Z0-9]{9}$")
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
TEMPERATURE_MAX = 1.5
FINISHES = {"tools": "tool_calls", "length": "length", "content_filter": "error"}
REASONS = re.compile("^(magistral|mistral-medium|mistral-small)")


class MistralWire(ChatWire):
    """How api.mistral.ai reads and answers. What it wants and the rules of its tokens are those of OpenAI's chats."""

    name = "mistral"
    stream_type = "text/event-stream; charset=utf-8"
    base_suffix = ""

    def __init__(self, specs: Path) -> None:
        self._request: Strict = strict_type(specs / "mistral" / "sdk-types.schema.json", "ChatCompletionRequest")
        self._seen: set[str] = set()

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when api.mistral.ai would answer 400 or 422."""
        complaint = self._request.complaint(body)
        if complaint:
            raise RejectedError(complaint)
        if body.get("temperature") is not None and not 0 <= body["temperature"] <= TEMPERATURE_MAX:
            raise RejectedError(f"temperature: Input should be less than or equal to {TEMPERATURE_MAX}")
        if body.get("top_p") is not None and not 0 < body["top_p"] <= 1:
            raise RejectedError("top_p: Input should be greater than 0")
        if body.get("reasoning_effort") is not None and not REASONS.match(body["model"]):
            raise RejectedError("reasoning_effort is not enabled for this model")
        if not all(NAME.match(tool["function"]["name"]) for tool in body.get("tools") or () if "function" in tool):
            raise RejectedError("Function name must be a-z, A-Z, 0-9, or contain underscores and dashes")
        if body.get("tool_choice") not in (None, "none", "auto") and not body.get("tools"):
            raise RejectedError("Cannot use tool_choice without tools")
        _check_order(body["messages"])
        _check_calls(body["messages"])

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        choice = body.get("tool_choice")
        return super().reply({**body, "tool_choice": "required" if choice == "any" else choice}, script, number)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        message: Body = {"role": "assistant", "content": _content(reply), "tool_calls": None}
        if reply.calls:
            message["tool_calls"] = _calls(reply)
        choice = {"index": 0, "finish_reason": FINISHES.get(reply.finish, "stop"), "message": message}
        return say.compact({**_top(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply.used)})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it. Calls come whole, with the end."""

        def chunk(delta: Body, **more: Any) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}
            return _frame({**_top(reply, "chat.completion.chunk"), "choices": [choice], **more, "p": "abcd"})

        yield chunk({"role": "assistant", "content": ""}), 0
        for piece in say.pieces(reply.thinking):
            yield chunk({"content": [_thought(piece)]}), 1
        for piece in say.pieces(reply.text):
            yield chunk({"content": piece}), 1
        last: Body = {"tool_calls": _calls(reply)} if reply.calls else {"content": ""}
        yield chunk(last, finish=FINISHES.get(reply.finish, "stop"), usage=_usage(reply.used)), 0
        yield b"data: [DONE]\n\n", 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body. Whoever shows no key hears it in another form."""
        if status == 401:
            return say.compact({"detail": "Invalid API Key"})
        return say.compact(_error(status, message))

    def error_frame(self) -> bytes:
        """An error within a stream."""
        return _frame(_error(503, "Service unavailable."))


def _check_order(messages: list[Body]) -> None:
    """Who may speak after whom."""
    if not messages:
        raise RejectedError("Conversation must have at least one message")
    before = ""
    for message in messages:
        role = message["role"]
        if role == "tool" and before not in ("assistant", "tool"):
            raise RejectedError(f"Unexpected role 'tool' after role '{before}'")
        if role == "assistant" and not message.get("content") and not message.get("tool_calls"):
            raise RejectedError("Assistant message must have either content or tool_calls, but not none.")
        before = role
    prefixed = before == "assistant" and messages[-1].get("prefix")
    if before not in ("user", "tool") and not prefixed:
        raise RejectedError(
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got " + before
        )


def _check_calls(messages: list[Body]) -> None:
    """Each call has an id of nine characters and a result, and each result a call."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                raise RejectedError(f"Tool call id {message.get('tool_call_id')} was not found")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise RejectedError("Not the same number of function calls and responses")
        for call in message.get("tool_calls") or ():
            if not CALL_ID.match(call.get("id") or ""):
                raise RejectedError(f"Tool call id was {call.get('id')} but must be a-z, A-Z, 0-9, with a length of 9.")
            json.loads(call["function"]["arguments"])
            waiting.append(call["id"])
    if waiting:
        raise RejectedError("Not the same number of function calls and responses")


def _content(reply: Reply) -> Any:
    """A string, or chunks when there were thoughts."""
    if not reply.thinking:
        return reply.text
    return [_thought(reply.thinking), {"type": "text", "text": reply.text}]


def _thought(text: str) -> Body:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _calls(reply: Reply) -> list[Body]:
    return [
        {
            "id": f"c{reply.number:06}x{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            "index": index,
        }
        for index, call in enumerate(reply.calls)
    ]


def _top(reply: Reply, kind: str) -> Body:
    return {"id": f"standin{reply.number}", "object": kind, "created": CREATED_S, "model": reply.model}


def _usage(used: Used) -> Body:
    prompt, completion = used.input + used.cache_read, used.output + used.reasoning
    cached = {"prompt_tokens_details": {"cached_tokens": used.cache_read}}
    return {"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion, **cached}


def _error(status: int, message: str) -> Body:
    kind = "invalid_request_error" if status < 500 else "internal_server_error"
    return {"object": "error", "message": message, "type": kind, "param": None, "code": "1000"}


def _frame(value: Body) -> bytes:
    return b"data: " + say.compact(value) + b"\n\n"
