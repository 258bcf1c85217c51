"""The data plane of stand-ins: just enough for a gateway to verify a key, and to call with it."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.rotation.standins.base import Say
from tests.standin.wire import Request

Now = Callable[[], float]
"""Unix seconds."""

wall: Now = time.time


class Uses:
    """Who called, by key id, and how often a key was refused. Looking whether a key is good is no call."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.refused = 0


def bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def openai_like(request: Request, key_id: str, uses: Uses) -> Say:
    """What OpenAI and those that speak like it answer to a good key."""
    path = request.path.partition("?")[0]
    if path.endswith("/models"):
        return Say(openai_models())
    if path.endswith("/me"):
        return Say({"object": "user", "id": "user-1", "name": key_id})
    assert path.endswith("/chat/completions"), f"there is nothing at {path}"
    uses.calls[key_id] += 1
    return Say(openai_chat())


def refusal(status: int, message: str, uses: Uses | None = None) -> Say:
    if uses is not None:
        uses.refused += 1
    error: dict[str, Any] = {"message": message, "type": "invalid_request_error", "code": status, "param": None}
    return Say({"error": error}, status)


def openai_models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}


def openai_chat() -> dict[str, Any]:
    message = {"role": "assistant", "content": "yes", "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


def anthropic_models() -> dict[str, Any]:
    model = {"type": "model", "id": "m", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}
    return {"data": [model], "has_more": False, "first_id": "m", "last_id": "m"}


def anthropic_message() -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "yes"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }


def cohere_models() -> dict[str, Any]:
    return {"models": [{"name": "m", "endpoints": ["chat"]}]}


def cohere_chat() -> dict[str, Any]:
    tokens = {"input_tokens": 3, "output_tokens": 1}
    return {
        "id": "c-1",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "yes"}]},
        "usage": {"billed_units": tokens, "tokens": tokens},
    }


def bedrock_converse() -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": "yes"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
        "metrics": {"latencyMs": 1},
    }
