"""Recorded traffic in plain JSON: what was said, in one form for both wires, sharing nothing with the dialects."""

import json
from collections.abc import Iterator
from typing import Any

from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary
Said = tuple[str, ...]
"""A kind and its texts: ("text", "hi"), ("image", data or address), ("call", name, arguments as sorted JSON), …"""

SYSTEM_OPEN, SYSTEM_CLOSE = "<system>\n", "\n</system>"
FILES_FOLLOW = "Attached below are the files that the tools returned."


def recorded(file: str, endpoint: str) -> Iterator[Body]:
    """The exchanges of one endpoint in one file."""
    with (shared_dir("traffic") / f"{file}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
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
