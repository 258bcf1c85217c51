"""How much did the model write? In characters, of a part and of an event."""

from typing import Final

from keywright.core.event import ArgumentsDelta, Event, Opened, TextDelta
from keywright.core.message import Part, Refusal, ServerToolCall, Text, Thinking, ToolCall

_NO_ARGUMENTS: Final = frozenset({"", "{}"})


def generated(part: Part) -> int:
    """How many characters the model wrote in `part`. An empty object of arguments it did not write."""
    match part:
        case Text() | Thinking() | Refusal():
            return len(part.text)
        case ToolCall() | ServerToolCall():
            return 0 if part.arguments in _NO_ARGUMENTS else len(part.arguments)
        case _:
            return 0


def generated_in(event: Event) -> int:
    """How many characters `event` brings."""
    match event:
        case TextDelta():
            return len(event.text)
        case ArgumentsDelta():
            return 0 if event.text in _NO_ARGUMENTS else len(event.text)
        case Opened():
            return generated(event.head)
        case _:
            return 0
