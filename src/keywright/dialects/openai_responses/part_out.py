"""What a stream says of one part: the names of its events, and what stands in them beside a number."""

from typing import TypeAlias

from keywright.core.json import JsonObject
from keywright.core.message import Refusal, Thinking, ToolCall
from keywright.dialects.openai_responses.output import Slot

Said: TypeAlias = tuple[str, JsonObject]
"""An event's name and its body."""


def begun(slot: Slot) -> list[Said]:
    """The part begins. A call is all of its item, so nothing is said."""
    if isinstance(slot.head, ToolCall):
        return []
    added = "reasoning_summary_part" if _is_summary(slot) else "content_part"
    return [(f"response.{added}.added", {**_place(slot), "part": slot.content()})]


def piece(slot: Slot) -> Said:
    """More of its text, but for the text itself."""
    name = f"response.{_kind(slot)}.delta"
    said = {"type": name, **_place(slot)}
    return name, {**said, "logprobs": []} if _kind(slot) == "output_text" else said


def done(slot: Slot) -> list[Said]:
    """The part is complete."""
    name, text = f"response.{_kind(slot)}.done", slot.text
    match slot.head:
        case ToolCall() if slot.item.is_custom:
            return [(name, {**_place(slot), "input": text})]
        case ToolCall():
            return [(name, {**_place(slot), "name": slot.head.name, "arguments": text})]
        case Thinking():
            whole: JsonObject = {"text": text}
        case Refusal():
            whole = {"refusal": text}
        case _:
            whole = {"text": text, "logprobs": slot.logprobs}
    ended = "reasoning_summary_part" if _is_summary(slot) else "content_part"
    return [
        (name, {**_place(slot), **whole}),
        (f"response.{ended}.done", {**_place(slot), "part": slot.content()}),
    ]


def annotated(slot: Slot, annotation: JsonObject) -> Said:
    """A citation was added, as the last."""
    body: JsonObject = {"annotation_index": len(slot.citations) - 1, "annotation": annotation}
    return "response.output_text.annotation.added", {**_place(slot), **body}


def _kind(slot: Slot) -> str:
    match slot.head:
        case ToolCall():
            return "custom_tool_call_input" if slot.item.is_custom else "function_call_arguments"
        case Thinking():
            return "reasoning_text" if slot.raw else "reasoning_summary_text"
        case Refusal():
            return "refusal"
        case _:
            return "output_text"


def _is_summary(slot: Slot) -> bool:
    return isinstance(slot.head, Thinking) and not slot.raw


def _place(slot: Slot) -> JsonObject:
    """Where a part stands."""
    place: JsonObject = {"item_id": slot.item.id, "output_index": slot.item.index}
    if isinstance(slot.head, ToolCall):
        return place
    return {**place, "summary_index" if _is_summary(slot) else "content_index": slot.index}
