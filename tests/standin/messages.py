"""The stand-in for Anthropic: messages, as api.anthropic.com speaks them, in both versions of the API.

Version 2026-10-21 differs from 2023-06-01 in what it refuses: sampling parameters, documents in assistant turns, and
citations in user turns. SDKs from that version on send the key as `Authorization: Bearer`, older ones as `x-api-key`.
"""

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
TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
THINKING_TOKENS_MIN = 1024
THOUGHT = "Let me think about this."
OLD_VERSION = "2023-06-01"
NEW_VERSION = "2026-10-21"
FINISHES = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "pause": "pause_turn"}
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class MessagesWire:
    """How api.anthropic.com reads and answers."""

    name = "anthropic"
    path = "/v1/messages"
    stream_type = "text/event-stream; charset=utf-8"
    base_suffix = ""

    def __init__(self, specs: Path) -> None:
        file = specs / "anthropic" / "sdk-types.schema.json"
        self._official: Official = official(
            file, "MessageCreateParams", "MessageCreateParamsNonStreaming", "MessageCreateParamsStreaming"
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
        """Why the headers are refused with 401, if they are. The key comes in one of two headers, never in both."""
        given = [headers[name] for name in ("x-api-key", "authorization") if name in headers]
        if given not in ([key], [f"Bearer {key}"]):
            return f"the key is not the one expected, in x-api-key or authorization: {len(given)} given"
        return None

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when api.anthropic.com would answer 400."""
        complaint = self._official.complaint(body)
        if complaint:
            raise RejectedError(complaint)
        version = headers.get("anthropic-version")
        if version not in (OLD_VERSION, NEW_VERSION):
            raise RejectedError(f"anthropic-version: {version} is not a valid version")
        if version == NEW_VERSION:
            _check_new_version(body)
        if not body["messages"]:
            raise RejectedError("messages: at least one message is required")
        if body["max_tokens"] < 1:
            raise RejectedError("max_tokens: must be greater than or equal to 1")
        if body.get("temperature") is not None and not 0 <= body["temperature"] <= 1:
            raise RejectedError("temperature: range: 0..1")
        names = [tool["name"] for tool in body.get("tools") or () if "name" in tool]
        if len(set(names)) != len(names) or not all(TOOL_NAME.match(name) for name in names):
            raise RejectedError("tools: names must be unique and match the pattern")
        if body.get("tool_choice") is not None and not body.get("tools"):
            raise RejectedError("tool_choice may only be specified while providing tools")
        _check_thinking(body)
        _check_turns(body["messages"])
        for message in body["messages"]:
            for block in _blocks(message["content"]):
                _check_block(block)

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        wanted = _wanted(body)
        said = say.chosen(wanted, script)
        thinking = script.thinking or (THOUGHT if wanted.thinking else "")
        return said.reply(number, body["model"], self._used(body, said, thinking), thinking, script.redacted)

    def _used(self, body: Body, said: Chosen, thinking: str) -> Used:
        """Everything up to the last cache breakpoint is written to the cache the first time and read from then on."""
        items = _items(body)
        cut = max((index + 1 for index, (_, block) in enumerate(items) if block.get("cache_control")), default=0)
        cached = sum(tokens for tokens, _ in items[:cut])
        total = sum(tokens for tokens, _ in items)
        used = Used(input=total - cached, output=said.tokens, reasoning=say.words(thinking))
        if not cut:
            return used
        prefix = json.dumps([block for _, block in items[:cut]])
        hour = items[cut - 1][1]["cache_control"].get("ttl") == "1h"
        known = prefix in self._seen
        self._seen.add(prefix)
        field = "cache_read" if known else "cache_write_1h" if hour else "cache_write_5m"
        return Used(**{**vars(used), field: cached})

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        return say.compact({**_message(reply, _content(reply)), **_ending(reply), "usage": _usage(reply.used)})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        start = _message(reply, [])
        start |= {"stop_reason": None, "stop_sequence": None, "usage": {**_usage(reply.used), "output_tokens": 1}}
        yield _frame({"type": "message_start", "message": start}), 0
        for index, block in enumerate(_content(reply)):
            empty, deltas = _taken_apart(block)
            yield _frame({"type": "content_block_start", "index": index, "content_block": empty}), 0
            if index == 0:
                yield _frame({"type": "ping"}), 0
            for delta in deltas:
                tokens = 0 if delta["type"] == "signature_delta" else 1
                yield _frame({"type": "content_block_delta", "index": index, "delta": delta}), tokens
            yield _frame({"type": "content_block_stop", "index": index}), 0
        yield _frame({"type": "message_delta", "delta": _ending(reply), "usage": _usage(reply.used)}), 0
        yield _frame({"type": "message_stop"}), 0

    def error(self, status: int, message: str) -> bytes:
        """An error's body."""
        error = {"type": ERROR_TYPES.get(status, "api_error"), "message": message}
        return say.compact({"type": "error", "error": error, "request_id": "req_standin"})

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error: none."""
        return {}

    def error_frame(self) -> bytes:
        """An error within a stream."""
        return _frame({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})

    def broken_frame(self) -> bytes:
        """A frame whose JSON does not parse."""
        return b'data: {"type": "content_block_delta", "choices": [{\n\n'

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to `GET /v1/models`."""
        created = "2025-10-01T00:00:00Z"
        rows = [{"type": "model", "id": name, "display_name": name, "created_at": created} for name in names]
        return say.compact({"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]})


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has, cached ones included."""
    return sum(tokens for tokens, _ in _items(body))


def _items(body: Body) -> list[tuple[int, Body]]:
    """Everything in the prompt, in the cache's order (tools, system, messages), with its tokens."""
    items: list[tuple[int, Body]] = [(say.TOOL_TOKENS, tool) for tool in body.get("tools") or ()]
    items += [(_block_tokens(block), block) for block in _blocks(body.get("system") or [])]
    for message in body["messages"]:
        items += [(_block_tokens(block), block) for block in _blocks(message["content"])]
    return items


def _block_tokens(block: Body) -> int:
    match block["type"]:
        case "text":
            return say.words(block["text"])
        case "image":
            return say.IMAGE_TOKENS
        case "document":
            return say.DOCUMENT_TOKENS
        case "tool_result":
            return sum(_block_tokens(inner) for inner in _blocks(block.get("content") or []))
        case _:
            return 0


def _blocks(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _wanted(body: Body) -> Wanted:
    blocks = _blocks(body["messages"][-1]["content"])
    results = [block for block in blocks if block["type"] == "tool_result"]
    tools = tuple((tool["name"], tool["input_schema"]) for tool in body.get("tools") or () if "input_schema" in tool)
    choice = body.get("tool_choice") or {"type": "auto"}
    forced = {"any": (tools[0][0],) if tools else (), "tool": (choice.get("name", ""),)}.get(choice["type"], ())
    form = (body.get("output_config") or {}).get("format") or {}
    return Wanted(
        text=" ".join(block["text"] for block in blocks if block["type"] == "text"),
        images=sum(block["type"] == "image" for block in blocks),
        documents=sum(block["type"] == "document" for block in blocks),
        tool_results=tuple(_result_text(block) for block in results),
        tools=() if choice["type"] == "none" else tools,
        forced=forced,
        parallel=not choice.get("disable_parallel_tool_use"),
        schema=form.get("schema"),
        stop=tuple(body.get("stop_sequences") or ()),
        tokens_max=body["max_tokens"],
        thinking=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
    )


def _result_text(block: Body) -> str:
    text = " ".join(inner["text"] for inner in _blocks(block.get("content") or []) if inner["type"] == "text")
    return f"error {text}" if block.get("is_error") else text


def _check_new_version(body: Body) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if name in body:
            raise RejectedError(f"{name}: is not supported in API version {NEW_VERSION}")
    for message in body["messages"]:
        for block in _blocks(message["content"]):
            if message["role"] == "assistant" and block["type"] == "document":
                raise RejectedError("document blocks are not accepted in assistant messages")
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                raise RejectedError("citations are not accepted in user messages")


def _check_thinking(body: Body) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") != "enabled":
        return
    if not THINKING_TOKENS_MIN <= thinking["budget_tokens"] < body["max_tokens"]:
        raise RejectedError("`max_tokens` must be greater than `thinking.budget_tokens`, which must be 1024 or more")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise RejectedError("Thinking may not be enabled when tool_choice forces tool use.")
    if body.get("temperature") not in (None, 1):
        raise RejectedError("`temperature` may only be set to 1 when thinking is enabled.")


def _check_turns(messages: list[Body]) -> None:
    """Each tool use is answered in the next user turn, and each result answers one."""
    waiting: set[str] = set()
    for message in messages:
        blocks = _blocks(message["content"])
        if not blocks:
            raise RejectedError("messages: a turn must have non-empty content")
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != waiting:
            raise RejectedError(
                "`tool_use` ids were found without `tool_result` blocks immediately after, or vice versa"
            )
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if waiting and message["role"] != "assistant":
            raise RejectedError("`tool_use` blocks can only be in `assistant` messages")
    if waiting:
        raise RejectedError("`tool_use` ids were found without `tool_result` blocks immediately after")


def _check_block(block: Body) -> None:
    match block["type"]:
        case "text" if not block["text"].strip():
            raise RejectedError("text content blocks must contain non-whitespace text")
        case "thinking" if block["signature"] != say.sign(block["thinking"]):
            raise RejectedError("Invalid `signature` in `thinking` block")
        case "redacted_thinking" if block["data"] != say.REDACTED:
            raise RejectedError("Invalid `data` in `redacted_thinking` block")
        case _:
            return


def _content(reply: Reply) -> list[Body]:
    blocks: list[Body] = []
    if reply.thinking:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": say.sign(reply.thinking)})
    if reply.redacted:
        blocks.append({"type": "redacted_thinking", "data": say.REDACTED})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    for index, call in enumerate(reply.calls):
        name = f"toolu_{reply.number}x{index}"
        blocks.append({"type": "tool_use", "id": name, "name": call.name, "input": call.arguments})
    return blocks


def _taken_apart(block: Body) -> tuple[Body, list[Body]]:
    """A block as it starts in a stream, and the deltas that fill it."""
    match block["type"]:
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in say.pieces(block["text"])]
            return {"type": "text", "text": ""}, deltas
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in say.pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case "tool_use":
            text = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *say.pieces(text))]
            return {**block, "input": {}}, deltas
        case _:
            return block, []


def _message(reply: Reply, content: list[Body]) -> Body:
    name = f"msg_standin{reply.number}"
    return {"id": name, "type": "message", "role": "assistant", "model": reply.model, "content": content}


def _ending(reply: Reply) -> Body:
    return {"stop_reason": FINISHES.get(reply.finish, reply.finish), "stop_sequence": reply.stop_sequence}


def _usage(used: Used) -> Body:
    return {
        "input_tokens": used.input,
        "cache_creation_input_tokens": used.cache_write_5m + used.cache_write_1h,
        "cache_read_input_tokens": used.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": used.cache_write_5m,
            "ephemeral_1h_input_tokens": used.cache_write_1h,
        },
        "output_tokens": used.output + used.reasoning,
        "output_tokens_details": {"thinking_tokens": used.reasoning},
        "service_tier": "standard",
    }


def _frame(value: Body) -> bytes:
    return f"event: {value['type']}\n".encode() + b"data: " + say.compact(value) + b"\n\n"
