"""Ollama's own answers by hand: one line, or many."""

import json

from tests.conformance.plain import Body
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

FINISHES = {"stop": "stop", "length": "length"}


def whole(body: Body) -> Answer:
    """The answer."""
    return lines([body])


def stream(text: str) -> Answer:
    """The answer of a stream of lines."""
    return lines([json.loads(line) for line in text.splitlines() if line])


def lines(read: list[Body]) -> Answer:
    """What all lines say. Those of `/api/generate` have no message: they say it themselves."""
    said, last = [line.get("message", line) for line in read], read[-1]
    called = [call["function"] for message in said for call in message.get("tool_calls") or ()]
    calls: Calls = [(call["name"], spelled(call["arguments"])) for call in called]
    text = "".join(message.get("content") or message.get("response") or "" for message in said)
    finish = ended(FINISHES.get(last["done_reason"], "other"), calls)
    return Answer(text, calls, finish, last.get("prompt_eval_count", 0), last["eval_count"], 0)
