"""Cohere's chat, version 2, by hand. A plan for its tools is not said to the user: it is thinking."""

import copy

from tests.conformance.plain import Body, frames
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

FINISHES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def whole(body: Body) -> Answer:
    """The answer. Pictures that are more than the whole input stand beside it."""
    message, usage = body["message"], body["usage"]
    calls: Calls = [
        (call["function"]["name"], spelled(call["function"]["arguments"])) for call in message.get("tool_calls") or ()
    ]
    tokens, cached = usage["tokens"], usage.get("cached_tokens") or 0
    images = tokens.get("image_tokens") or 0
    return Answer(
        text="".join(item.get("text") or "" for item in message.get("content") or ()),
        calls=calls,
        finish=ended(FINISHES[body["finish_reason"]], calls),
        input=int(tokens["input_tokens"] + (images if images > tokens["input_tokens"] else 0)),
        output=int(tokens["output_tokens"]),
        cached=int(cached),
    )


def stream(text: str) -> Answer:
    """The answer of a stream."""
    events = frames(text)
    end = events[-1]["delta"]
    return whole({"message": joined(events), "usage": end["usage"], "finish_reason": end["finish_reason"]})


def is_failure(text: str) -> bool:
    """Whether a stream ends with an error."""
    return bool(frames(text)[-1]["delta"]["finish_reason"] == "ERROR")


def joined(events: list[Body]) -> Body:
    """The message that the frames of a stream amount to."""
    message: Body = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    for event in events:
        change = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "content-start":
                message["content"].append(dict(change["content"]))
            case "content-delta":
                for field, text in change["content"].items():
                    message["content"][event["index"]][field] += text
            case "tool-plan-delta":
                message["tool_plan"] += change["tool_plan"]
            case "tool-call-start":
                message["tool_calls"].append(copy.deepcopy(change["tool_calls"]))
            case "tool-call-delta":
                call = message["tool_calls"][event["index"]]
                call["function"]["arguments"] += change["tool_calls"]["function"]["arguments"]
            case "citation-start":
                message["citations"].append(change["citations"])
    return message
