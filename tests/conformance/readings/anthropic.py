"""Messages by hand."""

from tests.conformance.plain import Body, assembled
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def whole(body: Body) -> Answer:
    """A message. Cached tokens stand beside the input, and both that were read and written are of the prompt."""
    content, usage = body["content"], body["usage"]
    calls: Calls = [(block["name"], spelled(block["input"])) for block in content if block["type"] == "tool_use"]
    cached = usage.get("cache_read_input_tokens") or 0
    return Answer(
        text="".join(block["text"] for block in content if block["type"] == "text"),
        calls=calls,
        finish=ended(FINISHES[body["stop_reason"]], calls),
        input=usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0),
        output=usage["output_tokens"],
        cached=cached,
    )


def stream(text: str) -> Answer:
    """The message of a stream, the first where several were recorded as one."""
    return whole(assembled(text))
