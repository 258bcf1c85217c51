"""Bedrock's answers by hand: Converse's, and those of InvokeModel in each model's own shape, whole or in frames."""

import json
import struct
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from tests.conformance.plain import Body, assembled
from tests.conformance.readings.answer import Answer, Calls, ended, spelled


def frames(stream: bytes) -> Iterator[tuple[str, Body]]:
    """The events of a stream: their names and contents. Both checksums are right."""
    at = 0
    while at < len(stream):
        total, length, first = struct.unpack_from(">III", stream, at)
        assert crc32(stream[at : at + 8]) == first
        assert struct.unpack_from(">I", stream, at + total - 4)[0] == crc32(stream[at : at + total - 4])
        headers = stream[at + 12 : at + 12 + length]
        name = headers.split(b":event-type\x07")[1]
        word = name[2 : 2 + int.from_bytes(name[:2], "big")].decode()
        yield word, json.loads(stream[at + 12 + length : at + total - 4])
        at += total


def chunks(stream: bytes) -> list[Body]:
    """What the chunks of a stream hold."""
    return [json.loads(b64decode(content["bytes"])) for _, content in frames(stream)]


class Said:
    """What an answer says, by hand."""

    def __init__(self) -> None:
        self.text = ""
        self.thinking = ""
        self.signatures: list[str] = []
        self.redacted = 0
        self.calls: list[tuple[str, str]] = []
        self.served: list[str] = []
        self.cited: list[str] = []
        self.finish = ""
        self.tokens: tuple[int, int, int, int] | None = None

    def as_tuple(self) -> tuple[Any, ...]:
        thoughts = (self.thinking, self.signatures, self.redacted)
        return (self.text, thoughts, self.calls, self.served, self.cited, self.finish, self.tokens)


def sorted_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def by_hand(exchange: Body) -> Said:
    """A recorded answer of any endpoint."""
    if exchange["endpoint"] == "converse":
        return converse_by_hand(exchange["response_json"])
    if exchange["endpoint"] == "converse-stream":
        return converse_by_hand(converse_assembled(list(frames(b64decode(exchange["response_base64"])))))
    whole = exchange.get("response_json")
    return stream_by_hand(chunks(b64decode(exchange["response_base64"]))) if whole is None else whole_by_hand(whole)


def converse_by_hand(body: Body) -> Said:
    said = Said()
    for block in body["output"]["message"]["content"]:
        ((kind, value),) = block.items()
        match kind:
            case "text":
                said.text += value
            case "citationsContent":
                said.text += "".join(item["text"] for item in value["content"])
                said.cited += ["".join(s["text"] for s in each.get("sourceContent", ())) for each in value["citations"]]
            case "toolUse" if value.get("type") == "server_tool_use":
                said.served.append(value["toolUseId"])
            case "toolUse":
                said.calls.append((value["name"], sorted_json(value["input"])))
            case "toolResult":
                said.served.append(value["type"])
            case "reasoningContent" if "redactedContent" in value:
                said.redacted += 1
            case "reasoningContent":
                said.thinking += value["reasoningText"]["text"]
                said.signatures += (
                    [value["reasoningText"]["signature"]] if "signature" in value["reasoningText"] else []
                )
            case other:
                raise AssertionError(other)
    said.finish = body["stopReason"]
    said.tokens = converse_tokens(body["usage"])
    return said


def converse_tokens(usage: Body) -> tuple[int, int, int, int] | None:
    if "outputTokens" not in usage:
        return None
    cached = [
        usage.get(f"cache{way}InputTokens") or usage.get(f"cache{way}InputTokenCount") or 0 for way in ("Read", "Write")
    ]
    return (usage["inputTokens"], usage["outputTokens"], cached[0], cached[1])


def converse_assembled(events: list[tuple[str, Body]]) -> Body:
    """A stream of Converse's put together by hand."""
    blocks: dict[int, Body] = {}
    body: Body = {"usage": {}}
    for kind, event in events:
        match kind:
            case "contentBlockStart":
                ((name, start),) = event["start"].items()
                blocks[event["contentBlockIndex"]] = {name: {**start, "input": "", "content": []}}
            case "contentBlockDelta":
                converse_filled(blocks, event["contentBlockIndex"], event["delta"])
            case "messageStop":
                body["stopReason"] = event["stopReason"]
            case "metadata":
                body["usage"] = event["usage"]
    content = [block for _, block in sorted(blocks.items())]
    for block in content:
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return {**body, "output": {"message": {"content": content}}}


def converse_filled(blocks: dict[int, Body], index: int, delta: Body) -> None:
    ((kind, value),) = delta.items()
    match kind:
        case "text" | "citation" if value:
            block = blocks.setdefault(index, {"citationsContent": {"content": [{"text": ""}], "citations": []}})
            if kind == "citation":
                block["citationsContent"]["citations"].append(value)
            else:
                block["citationsContent"]["content"][0]["text"] += value
        case "toolUse":
            blocks[index]["toolUse"]["input"] += value["input"]
        case "toolResult":
            blocks[index]["toolResult"]["content"] += value
        case "reasoningContent" if "redactedContent" in value:
            blocks[index] = {"reasoningContent": value}
        case "reasoningContent":
            inner = blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": ""}}})["reasoningContent"]
            inner["reasoningText"]["text"] += value.get("text", "")
            if "signature" in value:
                inner["reasoningText"]["signature"] = value["signature"]


def claude_by_hand(message: Body) -> Said:
    said = Said()
    said.text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    said.calls = [
        (block["name"], sorted_json(block["input"])) for block in message["content"] if block["type"] == "tool_use"
    ]
    said.finish = message["stop_reason"]
    usage = message["usage"]
    cached = (usage.get("cache_read_input_tokens", 0), usage.get("cache_creation_input_tokens", 0))
    said.tokens = (usage["input_tokens"], usage["output_tokens"], *cached)
    return said


def whole_by_hand(body: Body) -> Said:
    """A whole answer of InvokeModel's, of any shape."""
    said = Said()
    match body:
        case {"output": _}:
            return converse_by_hand(body)
        case {"content": _}:
            return claude_by_hand(body)
        case {"results": [result]}:
            said.text, said.finish = result["outputText"], result["completionReason"]
            said.tokens = (int(body["inputTextTokenCount"]), int(result["tokenCount"]), 0, 0)
        case {"generation": text}:
            said.text, said.finish = text, body["stop_reason"]
            said.tokens = (body["prompt_token_count"], body["generation_token_count"], 0, 0)
        case {"generations": [generation]}:
            said.text, said.finish = generation["text"], generation["finish_reason"]
        case {"outputs": [output]}:
            said.text, said.finish = output["text"], output["stop_reason"]
        case {"completion": text}:
            said.text, said.finish = text, body["stop_reason"]
        case {"text": text}:
            said.text, said.finish = text, body["finish_reason"]
        case _:
            raise AssertionError(body)
    return said


def stream_by_hand(events: list[Body]) -> Said:
    """A stream of InvokeModel's, of any shape."""
    if "type" in events[0]:
        return claude_by_hand(assembled("".join(f"data: {json.dumps(event)}\n" for event in events)))
    if "messageStart" in events[0]:
        kinds = (
            "messageStart",
            "contentBlockStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata",
        )
        named = [(kind, event[kind]) for event in events for kind in kinds if kind in event]
        return converse_by_hand(converse_assembled(named))
    said = Said()
    said.text = "".join(event["outputText"] for event in events)
    said.finish = events[-1]["completionReason"]
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    said.tokens = (metrics["inputTokenCount"], metrics["outputTokenCount"], 0, 0)
    return said


FINISHES = {
    "end_turn": "stop",
    "endoftext": "stop",
    "FINISH": "stop",
    "COMPLETE": "stop",
    "stop": "stop",
    "stop_sequence": "stop",
    "STOP_SEQUENCE": "stop",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "length": "length",
    "LENGTH": "length",
    "tool_use": "tool_calls",
    "tool_calls": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def answer(exchange: Body) -> Answer:
    """A recorded answer of any endpoint, in the form that all wires share. Where no tokens stand, none are told."""
    said = by_hand(exchange)
    calls: Calls = [(name, spelled(arguments)) for name, arguments in said.calls]
    plain, output, read, written = said.tokens or (0, 0, 0, 0)
    return Answer(said.text, calls, ended(FINISHES[said.finish], calls), plain + read + written, output, read)
