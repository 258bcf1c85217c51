"""Recorded traffic in plain JSON: what was said, in one form for both wires, sharing nothing with the dialects."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary
Said = tuple[str, ...]
"""A kind and its texts: ("text", "hi"), ("image", data or address), ("call", name, arguments as sorted JSON), …"""

SYSTEM_OPEN, SYSTEM_CLOSE = "<system>\n", "\n</system>"
FILES_FOLLOW = "Attached below are the files that the tools returned."


def recorded(file: str, endpoint: str) -> Iterator[Body]:
    """The exchanges of one endpoint in one file."""
    with (shared_dir("traffic") / f"{file}.jsonl").open(encoding="utf-8") as lines:
        name = json.dumps(endpoint)
        for line in lines:
            if name in line:  # most are of other endpoints, and none of their business
                exchange = json.loads(line)
                if exchange["endpoint"] == endpoint:
                    yield exchange


def spelled(arguments: Any) -> str:
    """Arguments in one spelling, whether they came as text or as an object. What is no object stays as it is."""
    if isinstance(arguments, str):
        try:
            value = json.loads(arguments or "{}")
        except ValueError:
            return arguments
        return json.dumps(value, sort_keys=True) if isinstance(value, dict) else arguments
    if set(arguments) == {"INVALID_JSON"}:
        return str(arguments["INVALID_JSON"])
    return json.dumps(arguments, sort_keys=True)


def openai_said(messages: list[Body]) -> list[Said]:
    """Everything that chat completions' messages say, in order. Thinking is its provider's own and left out."""
    said: list[Said] = []
    for message in messages:
        role = message["role"]
        inner = [found for part in as_list(message.get("content")) for found in openai_part(part)]
        if role in ("system", "developer"):
            said += [("system", *texts) for _, *texts in inner]
        elif role in ("tool", "function"):
            said.append(("result", *(text for _, *texts in inner for text in texts)))
        else:
            said += inner
        if message.get("refusal"):
            said.append(("text", message["refusal"]))
        said += [call_said(call) for call in message.get("tool_calls") or ()]
        if message.get("function_call"):
            said.append(call_said({"function": message["function_call"]}))
    return said


def call_said(call: Body) -> Said:
    if call.get("type") == "custom":
        return ("call", call["custom"]["name"], call["custom"]["input"])
    return ("call", call["function"]["name"], spelled(call["function"]["arguments"]))


def openai_part(part: Body) -> list[Said]:
    match part["type"]:
        case "text":
            return [("text", part["text"])] if part["text"].strip() else []
        case "refusal":
            return [("text", part["refusal"])]
        case "image_url":
            return [("image", part["image_url"]["url"].rpartition(";base64,")[2])]
        case "file":
            return [("file", part["file"]["file_data"].rpartition(";base64,")[2])]
        case other:
            raise AssertionError(other)


def anthropic_said(body: Body) -> list[Said]:
    """Everything that a request of the Messages API says, in the same form."""
    said: list[Said] = [("system", part["text"]) for part in as_list(body.get("system")) if part["text"].strip()]
    for message in body["messages"]:
        found = [each for block in as_list(message["content"]) for each in anthropic_block(block)]
        said += [("system", *each[1:]) for each in found] if message["role"] == "system" else found
    return said


def anthropic_block(block: Body) -> list[Said]:
    match block["type"]:
        case "text":
            text = block["text"]
            if text.startswith(SYSTEM_OPEN):
                return [("system", text.removeprefix(SYSTEM_OPEN).removesuffix(SYSTEM_CLOSE))]
            return [("text", text)] if text.strip() else []
        case "image" | "document" as kind:
            source = block["source"]
            if source["type"] == "text":
                return [("text", source["data"])]
            return [("image" if kind == "image" else "file", source.get("data") or source["url"])]
        case "tool_use":
            return [("call", block["name"], spelled(block["input"]))]
        case "tool_result":
            inner = [each for part in as_list(block.get("content")) for each in anthropic_block(part)]
            texts = [text for kind, *texts in inner if kind == "text" for text in texts]
            return [("result", *texts), *(each for each in inner if each[0] != "text")]
        case "thinking" | "redacted_thinking":
            return []
        case other:
            raise AssertionError(other)


def as_list(content: Any) -> list[Body]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def at_path(body: Any, path: str) -> Any:
    """The value at `messages[2].content[0]`; raises LookupError when there is none."""
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(body, list):
            body = body[int(step)]
        elif isinstance(body, str) and step == "0":
            continue  # the text that is all of the content
        else:
            body = body[step]
    return body


class Answer(NamedTuple):
    """What an answer says, in one form for both wires. `finish` is OpenAI's word; tokens: prompt, cached, output."""

    text: str
    thinking: str
    calls: list[tuple[str, str]]
    finish: str
    tokens: tuple[int, int, int]


FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "function_call": "tool_calls",
}


def openai_answer(body: Body) -> Answer:
    """The first choice of a chat completion. A refusal's words are text."""
    choice, usage = body["choices"][0], body.get("usage") or {}
    details = usage.get("completion_tokens_details") or {}
    if (details.get("audio_tokens") or 0) + (details.get("reasoning_tokens") or 0) > usage.get("completion_tokens", 0):
        usage = {}  # it contradicts itself
    message = choice["message"]
    calls = [call_said(call)[1:] for call in message.get("tool_calls") or ()]
    if message.get("function_call"):
        calls.append(call_said({"function": message["function_call"]})[1:])
    return Answer(
        text=(message.get("content") or "") + (message.get("refusal") or ""),
        thinking=message.get("reasoning_content") or "",
        calls=[(name, arguments) for name, arguments in calls],
        finish=openai_word(choice["finish_reason"]),
        tokens=(
            usage.get("prompt_tokens", 0),
            (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
            usage.get("completion_tokens", 0),
        ),
    )


def anthropic_answer(body: Body) -> Answer:
    """A message. What its provider's own tools did is left out."""
    content, usage = body["content"], body["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    return Answer(
        text="".join(block["text"] for block in content if block["type"] == "text"),
        thinking="".join(block["thinking"] for block in content if block["type"] == "thinking"),
        calls=[(block["name"], spelled(block["input"])) for block in content if block["type"] == "tool_use"],
        finish=openai_word(body["stop_reason"]),
        tokens=(
            usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0),
            cached,
            usage["output_tokens"],
        ),
    )


def openai_word(word: str) -> str:
    """Why an answer ended, in OpenAI's words."""
    return FINISHES.get(word, word)


def frames(stream: str) -> list[Body]:
    """The data of the events of a stream."""
    lines = [line[5:].strip() for line in stream.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line not in ("", "[DONE]")]


def joined(stream: str) -> Body:
    """A stream of chat completion chunks put together by hand: its first choice."""
    message: Body = {"content": "", "refusal": "", "reasoning_content": "", "tool_calls": []}
    finish, usage = "", None
    for chunk in frames(stream):
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            if choice["index"] == 0:
                finish = choice.get("finish_reason") or finish
                add_delta(message, choice.get("delta") or {})
    return {"choices": [{"message": message, "finish_reason": finish or "stop"}], "usage": usage}


def add_delta(message: Body, delta: Body) -> None:
    for field in ("content", "refusal", "reasoning_content"):
        message[field] += delta.get(field) or ""
    for piece in delta.get("tool_calls") or ():
        add_piece(message["tool_calls"], piece)


def add_piece(calls: list[Body], piece: Body) -> None:
    """One piece of a call. Some servers count from another number than zero, or repeat the name."""
    known = next((call for call in calls if call["index"] == piece["index"]), None)
    if known is None:
        known = {
            "index": piece["index"],
            "function": {"name": "", "arguments": ""},
            "custom": {"name": "", "input": ""},
        }
        calls.append(known)
    known["type"] = piece.get("type") or known.get("type")
    for kind, field in (("function", "arguments"), ("custom", "input")):
        said = piece.get(kind) or {}
        known[kind]["name"] = said.get("name") or known[kind]["name"]
        known[kind][field] += said.get(field) or ""


def assembled(text: str) -> Body:
    """A stream put together by hand. Only the first message counts where a recording holds several."""
    message: Body = {}
    arguments: dict[int, str] = {}
    for line in text.splitlines():
        if not line.startswith("data:"):
            continue
        event = json.loads(line[5:])
        match event["type"]:
            case "message_start":
                message = event["message"]
                message["content"] = []
            case "content_block_start":
                message["content"].append(event["content_block"])
                arguments[event["index"]] = ""
            case "content_block_delta":
                filled(message["content"][event["index"]], event["delta"], arguments, event["index"])
            case "message_delta":
                beside = {key: value for key, value in event.items() if key not in ("type", "delta", "usage")}
                message |= {key: value for key, value in (event["delta"] | beside).items() if value is not None}
                message["usage"] |= {key: value for key, value in event["usage"].items() if value is not None}
            case "message_stop":
                break
    for index, written in arguments.items():
        if written:
            message["content"][index]["input"] = json.loads(written)
    return message


def filled(block: Body, delta: Body, arguments: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = block.get("signature", "") + delta["signature"]
        case "citations_delta":
            block["citations"] = (block.get("citations") or []) + [delta["citation"]]
        case "input_json_delta":
            arguments[index] += delta["partial_json"]
        case other:
            raise AssertionError(other)
