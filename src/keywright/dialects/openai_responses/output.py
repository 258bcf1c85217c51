"""An answer's parts as the items that a client of this wire gets, whole or as they come.

On this wire content stands in items: neighbouring texts share a message, neighbouring thoughts of this dialect's
provider an item of reasoning, until one is signed. `Output` decides which item a part goes to, and holds what has been
said of it; the whole answer is read off at the end, and a stream says each step as an event.
"""

from typing import Final, assert_never

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    Citation,
    Document,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from keywright.dialects.openai_responses.content import encode_citation
from keywright.dialects.openai_responses.fields import ITEM, NAME, item_of, made_id, own
from keywright.dialects.openai_responses.reasoning import RAW, read_signature

_MARKS: Final = frozenset((ITEM, RAW))


class Slot:
    """A part in its item. `index`: its number among the item's contents, or among its summaries. `raw`: a thought that
    is no summary.
    """

    __slots__ = ("citations", "head", "index", "item", "logprobs", "raw", "signature", "texts")

    def __init__(self, item: "Item", index: int, head: Part) -> None:
        self.item = item
        self.index = index
        self.head = head
        self.raw = isinstance(head, Thinking) and bool(own(head.extras).get(RAW))
        self.texts: list[str] = []
        self.signature = ""
        self.citations: list[JsonObject] = []  # as annotations
        self.logprobs: list[Json] = []
        match head:
            case Text() | Refusal():
                self.texts.append(head.text)
            case Thinking():
                self.texts.append(head.text)
                self.signature = head.signature or ""
            case ToolCall():
                self.texts.append(head.arguments)
            case _:
                pass

    @property
    def text(self) -> str:
        """The text, or the arguments, so far."""
        if len(self.texts) > 1:
            self.texts = ["".join(self.texts)]
        return self.texts[0] if self.texts else ""

    def cite(self, citation: Citation) -> JsonObject | None:
        """Add a citation of the text so far. Its annotation; None when the wire cannot say it."""
        annotation = encode_citation(citation, len(self.text))
        if annotation is not None:
            self.citations.append(annotation)
        return annotation

    def content(self) -> JsonObject:
        """The content part."""
        if isinstance(self.head, Text):
            extra = own(self.head.extras)
            rest = {field: value for field, value in extra.items() if field not in _MARKS and field != "phase"}
            return {
                "type": "output_text",
                "annotations": list[Json](self.citations),
                "logprobs": self.logprobs,
                "text": self.text,
                **rest,
            }
        if isinstance(self.head, Refusal):
            return {"type": "refusal", "refusal": self.text}
        return {"type": "reasoning_text" if self.raw else "summary_text", "text": self.text}


class Item:
    """One item. `whole`: its body, where it is a part that came complete. `open`: how many of its parts are open."""

    __slots__ = ("id", "index", "kind", "open", "slots", "whole")

    def __init__(self, index: int, kind: str, item_id: str, whole: JsonObject | None = None) -> None:
        self.index = index
        self.kind = kind
        self.id = item_id
        self.whole = whole
        self.slots: list[Slot] = []
        self.open = 0

    @property
    def growing(self) -> bool:
        """Whether further parts may come to stand in it."""
        if self.kind == "reasoning":
            last = self.slots[-1] if self.slots else None
            return last is not None and not self.open and _origin(last.head) == NAME and not last.signature
        return self.kind == "message"

    def add(self, head: Part) -> Slot:
        """A place for a part."""
        index = len(self.slots)
        if self.kind == "reasoning":
            raw = isinstance(head, Thinking) and bool(own(head.extras).get(RAW))
            index = sum(slot.raw == raw for slot in self.slots)
        slot = Slot(self, index, head)
        self.slots.append(slot)
        self.open += 1
        return slot

    def body(self, status: str) -> JsonObject:
        """The item as it is, with the given status."""
        if self.whole is not None:
            return self.whole
        said: JsonObject = {"id": self.id, "type": self.kind}
        if self.kind == "message":
            content: list[Json] = [slot.content() for slot in self.slots]
            return {**said, "status": status, "role": "assistant", "content": content, **self._phase()}
        if self.kind == "reasoning":
            return {**said, **self._thoughts()}
        return {**said, "status": status, **self._call()}

    def begun(self) -> JsonObject:
        """The item as it is when it begins: without contents."""
        if self.whole is not None:
            return self.whole
        said: JsonObject = {"id": self.id, "type": self.kind}
        if self.kind == "message":
            return {**said, "status": "in_progress", "role": "assistant", "content": [], **self._phase()}
        if self.kind == "reasoning":
            return {**said, "summary": []}
        return {**said, "status": "in_progress", **self._call(), "input" if self.is_custom else "arguments": ""}

    @property
    def is_custom(self) -> bool:
        """Whether it is a call of a free-text tool."""
        return self.kind == "custom_tool_call"

    def _phase(self) -> JsonObject:
        head = self.slots[0].head if self.slots else None
        phase = own(head.extras).get("phase") if isinstance(head, Text | Refusal) else None
        return {} if phase is None else {"phase": phase}

    def _call(self) -> JsonObject:
        slot = self.slots[0]
        call = slot.head
        assert isinstance(call, ToolCall)
        rest = {field: value for field, value in own(call.extras).items() if field not in _MARKS}
        return {"call_id": call.id, "name": call.name, "input" if call.custom else "arguments": slot.text, **rest}

    def _thoughts(self) -> JsonObject:
        summary: list[Json] = [slot.content() for slot in self.slots if not slot.raw]
        content: list[Json] = [slot.content() for slot in self.slots if slot.raw]
        first, last = self.slots[0], self.slots[-1]
        said: JsonObject = {"summary": summary}
        if content:
            said["content"] = content
        if isinstance(first.head, Thinking):
            said.update((field, value) for field, value in (item_of(first.head.extras) or {}).items() if field != "id")
        encrypted = read_signature(last.signature)[1]
        if encrypted is not None:
            said["encrypted_content"] = encrypted
        return said


class Output:
    """The items of one answer, in their order. `tail` ends the ids that are made up here."""

    def __init__(self, tail: str) -> None:
        self.items: list[Item] = []
        self._tail = tail

    def place(self, head: Part) -> Slot | Item | None:
        """The place of a part that opens; its item, where the part is all of it; None when the wire has none for it."""
        match head:
            case Text() | Refusal():
                return self._message(head).add(head)
            case Thinking():
                return self._thought(head).add(head)
            case ToolCall():
                kind = "custom_tool_call" if head.custom else "function_call"
                return self._item(kind, "ctc" if head.custom else "fc", item_of(head.extras)).add(head)
            case RedactedThinking():
                return self._redacted(head)
            case ServerToolCall() | ServerToolResult() | Opaque():
                if head.origin != NAME or not isinstance(head.body, dict):
                    return None
                return self._whole(head.body)
            case Image():
                return self._picture(head)
            case Audio() | Document() | ToolResult():
                return None
            case _:
                assert_never(head)

    def reserve(self, item_id: str) -> int:
        """The number of an item that was announced before it is known: of the one with that id, or of the next."""
        return next((item.index for item in self.items if item.id == item_id), len(self.items))

    def _item(self, kind: str, prefix: str, said: JsonObject | None = None, whole: JsonObject | None = None) -> Item:
        index = len(self.items)
        told = (said or {}).get("id")
        item_id = told if isinstance(told, str) and told else made_id(prefix, index, self._tail)
        item = Item(index, kind, item_id, whole)
        self.items.append(item)
        return item

    def _message(self, head: Text | Refusal) -> Item:
        last = self.items[-1] if self.items else None
        said = item_of(head.extras)
        if last is not None and last.kind == "message" and not said:
            return last
        return self._item("message", "msg", said)

    def _thought(self, head: Thinking) -> Item:
        last = self.items[-1] if self.items else None
        said = item_of(head.extras)
        if last is not None and last.kind == "reasoning" and last.growing and head.origin == NAME and not said:
            return last
        return self._item("reasoning", "rs", said)

    def _redacted(self, head: RedactedThinking) -> Item:
        item_id, encrypted = read_signature(head.data)
        item = self._item("reasoning", "rs", {"id": item_id})
        item.whole = {**(item_of(head.extras) or {}), "id": item.id, "type": "reasoning", "summary": []}
        if encrypted is not None:
            item.whole["encrypted_content"] = encrypted
        return item

    def _whole(self, body: JsonObject) -> Item:
        return self._item(str(body.get("type")), "item", body, body)

    def _picture(self, head: Image) -> Item | None:
        """A picture that the model made goes out as what OpenAI's own tool for that gives."""
        if not isinstance(head.source, Base64Source):
            return None
        item = self._item("image_generation_call", "ig")
        form = head.source.media_type.partition("/")[2]
        item.whole = {"id": item.id, "type": item.kind, "status": "completed", "result": head.source.data}
        if form in ("png", "webp", "jpeg"):
            item.whole["output_format"] = form
        return item


def _origin(head: Part) -> str | None:
    return head.origin if isinstance(head, Thinking | RedactedThinking) else None
