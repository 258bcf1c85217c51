"""The bytes that are sent: requests of clients, fixed answers and stream frames of upstreams.

Sizes are those of ordinary traffic: chat requests of 300 bytes, completions of 700, frames of 150 to 250.
"""

from typing import Final

import msgspec

MARK: Final = b"@"
"""Begins the time at which a frame was sent; occurs nowhere else in a frame."""
MARK_DIGITS: Final = 16

_encode = msgspec.json.encode

QUESTION: Final = "Name the three longest rivers of Europe, with their lengths in kilometres, as a short list."
SYSTEM: Final = "You are a careful geographer. Answer briefly and say so when you are not certain."
ANSWER: Final = (
    "1. The Volga, about 3,530 km.\n2. The Danube, about 2,850 km.\n3. The Ural, about 2,428 km, whose lower course is "
    "often counted as the border between Europe and Asia."
)
TOOL_QUESTION: Final = "What is the weather in Busan today, and do I need an umbrella?"
TOOL_ARGUMENTS: Final = {"city": "Busan", "country": "KR", "unit": "celsius", "days": 1}
TOOL_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The name of the city"},
        "country": {"type": "string", "description": "Its ISO 3166 country code"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city"],
}
TOOL_NAME: Final = "get_weather"
TOOL_TEXT: Final = "The weather of a city, for today and up to six days after."
CALL_ID: Final = "call_9fQ2c1VxkT3mYb7LwZs4Hd0R"


def openai_request(model: str) -> bytes:
    """A plain question to `/v1/chat/completions`."""
    return _encode(_openai_question(model))


def openai_stream_request(model: str) -> bytes:
    """The same, streamed, with usage at the end."""
    return _encode({**_openai_question(model), "stream": True, "stream_options": {"include_usage": True}})


def openai_tool_request(model: str) -> bytes:
    """A question with one tool that answers it."""
    tool = {"name": TOOL_NAME, "description": TOOL_TEXT, "parameters": TOOL_SCHEMA}
    return _encode(
        {
            "model": model,
            "max_tokens": 256,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TOOL_QUESTION}],
            "tools": [{"type": "function", "function": tool}],
            "tool_choice": "auto",
        }
    )


def anthropic_tool_request(model: str) -> bytes:
    """The same question to `/v1/messages`."""
    return _encode(
        {
            "model": model,
            "max_tokens": 256,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": TOOL_QUESTION}],
            "tools": [{"name": TOOL_NAME, "description": TOOL_TEXT, "input_schema": TOOL_SCHEMA}],
            "tool_choice": {"type": "auto"},
        }
    )


def anthropic_stream_request(model: str) -> bytes:
    """The plain question to `/v1/messages`, streamed."""
    return _encode(
        {
            "model": model,
            "max_tokens": 256,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": QUESTION}],
            "stream": True,
        }
    )


def models() -> bytes:
    """What `/v1/models` lists."""
    return _encode({"object": "list", "data": [{"id": "bench", "object": "model", "owned_by": "bench"}]})


def openai_completion() -> bytes:
    """A whole chat completion."""
    return _openai_answer({"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}, "stop")


def openai_tool_completion() -> bytes:
    """A chat completion that calls the tool."""
    arguments = _encode(TOOL_ARGUMENTS).decode()
    call = {"id": CALL_ID, "type": "function", "function": {"name": TOOL_NAME, "arguments": arguments}}
    return _openai_answer({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")


def anthropic_tool_message() -> bytes:
    """A message that says a sentence and calls the tool."""
    return _encode(
        {
            "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
            "type": "message",
            "role": "assistant",
            "model": "bench",
            "content": [
                {"type": "text", "text": "I'll look up the weather in Busan for you."},
                {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": TOOL_NAME, "input": TOOL_ARGUMENTS},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 472,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 89,
            },
        }
    )


class Frames(msgspec.Struct, frozen=True):
    """One stream: `head` once, then `chunk_head` + mark + `chunk_tail` for each chunk, then `tail`."""

    head: bytes
    chunk_head: bytes
    chunk_tail: bytes
    tail: bytes

    def chunk(self, sent_us: int) -> bytes:
        """A frame whose text is the time at which it is sent, in microseconds of the monotonic clock."""
        return b"%b%b%0*d%b" % (self.chunk_head, MARK, MARK_DIGITS, sent_us, self.chunk_tail)


def openai_frames(chunks: int) -> Frames:
    """What `/v1/chat/completions` streams; the usage says `chunks` tokens."""
    usage = {"prompt_tokens": 48, "completion_tokens": chunks, "total_tokens": 48 + chunks}
    chunk = _openai_chunk({"content": " SPLIT"}, None)
    before, _, after = chunk.partition(b"SPLIT")
    return Frames(
        head=_openai_chunk({"role": "assistant", "content": "", "refusal": None}, None),
        chunk_head=before,
        chunk_tail=after,
        tail=_openai_chunk({}, "stop") + _openai_chunk(None, None, usage) + b"data: [DONE]\n\n",
    )


def anthropic_frames(chunks: int) -> Frames:
    """What `/v1/messages` streams; the usage says `chunks` tokens."""
    message: dict[str, object] = {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "bench",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 48, "output_tokens": 1},
    }
    delta = {"type": "text_delta", "text": " SPLIT"}
    chunk = _anthropic_event("content_block_delta", {"index": 0, "delta": delta})
    before, _, after = chunk.partition(b"SPLIT")
    ended = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": chunks}}
    return Frames(
        head=_anthropic_event("message_start", {"message": message})
        + _anthropic_event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        chunk_head=before,
        chunk_tail=after,
        tail=_anthropic_event("content_block_stop", {"index": 0})
        + _anthropic_event("message_delta", ended)
        + _anthropic_event("message_stop", {}),
    )


def _openai_question(model: str) -> dict[str, object]:
    return {
        "model": model,
        "max_tokens": 256,
        "temperature": 0.2,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}],
    }


def _openai_answer(message: dict[str, object], reason: str) -> bytes:
    details = {"cached_tokens": 0, "audio_tokens": 0}
    return _encode(
        {
            "id": "chatcmpl-BxQ7mW2kLr9TzVnYpHc4DsJe1aUf",
            "object": "chat.completion",
            "created": 1764000000,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            "usage": {
                "prompt_tokens": 48,
                "completion_tokens": 57,
                "total_tokens": 105,
                "prompt_tokens_details": details,
            },
            "service_tier": "default",
            "system_fingerprint": "fp_44709d6fcb",
        }
    )


def _openai_chunk(delta: object, reason: str | None, usage: object = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
    chunk = {
        "id": "chatcmpl-BxQ7mW2kLr9TzVnYpHc4DsJe1aUf",
        "object": "chat.completion.chunk",
        "created": 1764000000,
        "model": "bench",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + _encode(chunk) + b"\n\n"


def _anthropic_event(name: str, fields: dict[str, object]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode({"type": name, **fields}) + b"\n\n"
