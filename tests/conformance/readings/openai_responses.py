"""Responses by hand. Items that are neither said nor called are the provider's own doings."""

from tests.conformance.plain import Body, frames
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

LAST = ("response.completed", "response.incomplete")


def whole(body: Body) -> Answer:
    """The answer. Some servers write both fields into every part, one of them null."""
    output = body["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    text = "".join((part.get("text") or "") + (part.get("refusal") or "") for part in parts)
    calls: Calls = []
    for item in output:
        if item["type"] == "function_call":
            calls.append((item["name"], spelled(item["arguments"])))
        elif item["type"] == "custom_tool_call":
            calls.append((item["name"], item["input"]))
    refused = any(part.get("refusal") for part in parts)
    usage = body.get("usage") or {}
    cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
    finish = "refusal" if refused else finish_of(body, calls)
    return Answer(text, calls, finish, usage.get("input_tokens", 0), usage.get("output_tokens", 0), cached)


def stream(text: str) -> Answer:
    """The answer as the last event has it whole."""
    (last,) = [event["response"] for event in frames(text) if event["type"] in LAST]
    return whole(last)


def is_failure(text: str) -> bool:
    """Whether a stream ends without an answer."""
    return not any(event["type"] in LAST for event in frames(text))


def finish_of(body: Body, calls: Calls) -> str:
    """Why it ended. What was only begun in the background has not."""
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return "content_filter" if reason == "content_filter" else "length"
    return ended("stop", calls)
