"""Canonical turns to this wire's messages, and the documents beside them.

What the wire cannot say, and its image:
- a document of text: one of the request's `documents`, which the model may cite; in a turn before the user's last, or
  where nothing else would be left of the turn, its text is said in its place;
- a document of another kind, sound, a file that was uploaded elsewhere, another dialect's part: meaning is lost;
- a tool's error flag: the content goes, the flag is a knob loss;
- files in a tool's result: Cohere takes text only there, so they follow in a user's message, a knob loss;
- thinking that another dialect's provider made: a knob loss, for it is never sent as text;
- a plan, thinking and text, calls in another order than this: the order, a knob loss;
- a developer's turn: a system's; a call with empty arguments: an empty object.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
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
    Turn,
    UrlSource,
)
from keywright.core.request import Request
from keywright.dialects.cohere.fields import DOCUMENT, NAME, PLAN, own
from keywright.dialects.cohere.parts import document_text, encode_document, image_url
from keywright.dialects.cohere.target import Target
from keywright.dialects.cohere.tools import encode_call
from keywright.dialects.rounds import added

_Placed: TypeAlias = list[tuple[str, Part]]
"""Parts with their canonical paths."""

_MOVED: Final = "Attached below are the files that the tools returned."


class Messages:
    """The messages of a request and the documents that are given with them."""

    def __init__(self, request: Request, target: Target) -> None:
        self.documents: list[Json] = []
        self.messages: list[Json] = []
        self._target = target
        turns = request.turns
        self._last = max((index for index, turn in enumerate(turns) if turn.role == "user"), default=-1)
        for index, turn in enumerate(turns):
            self._add(index, turn)

    def _add(self, index: int, turn: Turn) -> None:
        path = f"turns[{index}]"
        extra = self._target.extras(turn.extras, path)
        if turn.name is not None:
            self._target.knob(f"{path}.name", "Cohere's speakers have no names")
        placed: _Placed = [(f"{path}.parts[{number}]", part) for number, part in enumerate(turn.parts)]
        match turn.role:
            case "system" | "developer":
                self.messages.append({**extra, "role": "system", "content": self._content(placed, "system")})
            case "user":
                if index == self._last:
                    placed = self._without_documents(placed)
                self.messages.append({**extra, "role": "user", "content": self._content(placed, "user")})
            case "assistant":
                self._assistant(placed, path, extra)
            case "tool":
                self._results(placed)
            case _:
                assert_never(turn.role)

    def _without_documents(self, placed: _Placed) -> _Placed:
        """What is left of the user's last turn when its documents of text stand beside the messages."""
        rest: _Placed = []
        found: list[tuple[str, Document, str]] = []
        for path, part in placed:
            text = document_text(part) if isinstance(part, Document) else None
            if text is None or not isinstance(part, Document):
                rest.append((path, part))
            else:
                found.append((path, part, text))
        if not rest:
            return placed
        for path, document, text in found:
            self._target.extras(document.extras, path)
            self._cached(document, path)
            if document.citations is False:
                self._target.knob(f"{path}.citations", "Cohere cites from every document")
            self.documents.append(encode_document(document, text))
        return rest

    def _assistant(self, placed: _Placed, path: str, extra: JsonObject) -> None:
        message: JsonObject = {**extra, "role": "assistant"}
        plans: list[str] = []
        said: _Placed = []
        calls: list[Json] = []
        citations: list[Json] = []
        for at, part in placed:
            if isinstance(part, ToolCall):
                self._call(part, at, calls)
                continue
            if calls:
                self._target.knob(path, "what was said after a tool call is put before it")
            if isinstance(part, Thinking) and own(part.extras).get(PLAN):
                plans.append(part.text)
            else:
                said.append((at, part))
                self._cite(part, at, citations)
        if plans:
            message[PLAN] = "".join(plans)
        content = self._content(said, "assistant")
        if content:
            message["content"] = content
        elif placed and all(isinstance(part, Text) for _, part in placed):
            message["content"] = ""
        if calls:
            message["tool_calls"] = calls
        kept = extra.get("citations")
        citations += kept if isinstance(kept, list) else ()
        if citations:
            message["citations"] = citations
        if len(message) > 1 and not added(message, self.messages):
            self.messages.append(message)

    def _call(self, call: ToolCall, path: str, calls: list[Json]) -> None:
        if call.custom:
            self._target.meaning(path, "Cohere has no tools that take free text")
            return
        self._target.extras(call.extras, path)
        self._cached(call, path)
        calls.append(encode_call(call))

    def _cite(self, part: Part, path: str, citations: list[Json]) -> None:
        for citation in part.citations if isinstance(part, Text) else ():
            if citation.origin == NAME:
                citations.append(citation.body)
            else:
                self._target.knob(f"{path}.citations", "citations of another provider are not sent back")

    def _results(self, placed: _Placed) -> None:
        moved: list[Json] = []
        for path, part in placed:
            if not isinstance(part, ToolResult):
                self._target.meaning(path, "only tool results may stand among tool results")
                continue
            extra = self._target.extras(part.extras, path)
            self._cached(part, path)
            if part.is_error:
                self._target.knob(f"{path}.is_error", "Cohere has no flag for a tool's error; its content is sent")
            worded: _Placed = []
            for number, piece in enumerate(part.parts):
                at = f"{path}.parts[{number}]"
                if isinstance(piece, Image):
                    self._target.knob(at, "Cohere takes only text from a tool; its images follow in a user's message")
                    moved += self._items(piece, "user", at)
                else:
                    worded.append((at, piece))
            content = self._content(worded, "tool")
            self.messages.append({**extra, "role": "tool", "tool_call_id": part.call_id, "content": content})
        if moved:
            self.messages.append({"role": "user", "content": [{"type": "text", "text": _MOVED}, *moved]})

    def _content(self, placed: _Placed, role: str) -> Json:
        """A string when one plain text is all there is, else a list of items; "" for none."""
        if len(placed) == 1:
            path, only = placed[0]
            if isinstance(only, Text) and not only.extras:
                self._cached(only, path)
                return only.text
        return [item for path, part in placed for item in self._items(part, role, path)] or ""

    def _items(self, part: Part, role: str, path: str) -> list[Json]:
        """The content items that say `part`; none when it is lost."""
        match part:
            case Text():
                return [self._text(part, role, path)]
            case Refusal():
                return [self._finished({"type": "text", "text": part.text}, part, path)]
            case Image():
                return self._image(part, role, path)
            case Document():
                return self._inline(part, role, path)
            case Thinking() | RedactedThinking():
                return self._thought(part, role, path)
            case Opaque() if part.origin == NAME:
                return [part.body]
            case Opaque() | Audio() | ToolCall() | ToolResult() | ServerToolCall() | ServerToolResult():
                self._target.meaning(path, f"Cohere's {role} messages hold no {_kind(part)}")
                return []
            case _:
                assert_never(part)

    def _text(self, part: Text, role: str, path: str) -> Json:
        document = own(part.extras).get(DOCUMENT)
        if role == "tool" and document is not None:
            return {"type": "document", "document": document}
        return self._finished({"type": "text", "text": part.text}, part, path)

    def _image(self, part: Image, role: str, path: str) -> list[Json]:
        if role != "user":
            self._target.meaning(path, f"Cohere's {role} messages hold no image")
        elif not self._target.abilities.images:
            self._target.meaning(path, "the model cannot see images")
        elif isinstance(part.source, Base64Source | UrlSource):
            inner: JsonObject = {"url": image_url(part.source)}
            if part.detail is not None:
                inner["detail"] = part.detail
            return [self._finished({"type": "image_url", "image_url": inner}, part, path)]
        else:
            self._target.meaning(path, "Cohere takes images by address or as data only")
        return []

    def _inline(self, part: Document, role: str, path: str) -> list[Json]:
        """The text of a document, in its place."""
        text = document_text(part)
        if text is None:
            self._target.meaning(path, "Cohere takes documents of text only")
            return []
        if role == "tool":
            return [{"type": "document", "document": encode_document(part, text)}]
        if part.title is not None or part.context is not None:
            self._target.knob(f"{path}.title", "a document before the last question is sent as text, without its title")
        return [self._finished({"type": "text", "text": text}, part, path, document=True)]

    def _thought(self, part: Thinking | RedactedThinking, role: str, path: str) -> list[Json]:
        if role != "assistant" or not isinstance(part, Thinking) or part.origin not in (None, NAME):
            self._target.knob(path, f"thinking made for {part.origin} means nothing to another provider")
            return []
        return [self._finished({"type": "thinking", "thinking": part.text}, part, path)]

    def _finished(
        self,
        encoded: JsonObject,
        part: Text | Refusal | Image | Document | Thinking,
        path: str,
        *,
        document: bool = False,
    ) -> Json:
        """`encoded` with the extras of `part`: those of an inner object go into that."""
        extra = self._target.extras(part.extras, path)
        if isinstance(part, Text | Image | Document):
            self._cached(part, path)
        for field, value in extra.items():
            if document or field == DOCUMENT:
                continue
            inner = encoded.get(field)
            encoded[field] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
        return encoded

    def _cached(self, part: Text | Image | Document | ToolCall | ToolResult, path: str) -> None:
        if part.cache is not None:
            self._target.knob(f"{path}.cache", "Cohere caches by itself")


def encode_messages(request: Request, target: Target) -> tuple[Sequence[Json], Sequence[Json]]:
    """The messages that say the request's turns, and the documents that go with them."""
    said = Messages(request, target)
    return said.messages, said.documents


def _kind(part: Part) -> str:
    if isinstance(part, Opaque):
        return f"{part.kind} of {part.origin}"
    return str(part.__struct_config__.tag).replace("_", " ")
