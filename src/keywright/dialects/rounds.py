"""One round of calls in one message, for the wires that want each call answered right behind the message that makes it.

Some clients (Gemini's may) say the calls of one round in several turns of the model's.
"""

from typing import Final

from keywright.core.json import Json, JsonObject

_ONLY_CALLS: Final = frozenset(("role", "content", "tool_calls"))


def added(message: JsonObject, messages: list[Json]) -> bool:
    """Whether `message`, which only calls, was added to the last of `messages`, whose calls nothing answered yet."""
    before = messages[-1] if messages else None
    if not isinstance(before, dict) or message.get("content") or not message.keys() <= _ONLY_CALLS:
        return False
    calls, more = before.get("tool_calls"), message.get("tool_calls")
    if not isinstance(calls, list) or not isinstance(more, list):
        return False
    messages[-1] = {**before, "tool_calls": [*calls, *more]}
    return True
