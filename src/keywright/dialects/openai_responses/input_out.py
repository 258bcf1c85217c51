"""Canonical turns to this wire's input items.

What the wire cannot say, and its image:
- a tool's error flag: the content goes, the flag is a knob loss;
- a tool that another provider ran, another dialect's opaque part: meaning is lost;
- thinking that another dialect's provider made: a knob loss, for it is never sent as text;
- thinking that is only an id, to a provider that was told to store nothing: a knob loss, it could not be found;
- citations of another provider, or within a message that its provider gave no id: a knob loss;
- the name of a speaker: a knob loss;
- a call with empty arguments: an empty object, since OpenAI wants JSON there;
- a call's id that is longer than OpenAI takes: a hash of it, in the call and in its result;
- a last turn that the assistant began: sent, but OpenAI does not go on with it, a knob loss.

An assistant's text that came in no item of this wire becomes a message of its own whose content is a string: a list
would need the id that only its provider can give.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, assert_never

from keywright.core.json import Json, JsonObject
from keywright.core.message import (
    Audio,
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
)
from keywright.dialects.openai_responses.fields import INSTRUCTIONS, NAME, item_of
from keywright.dialects.openai_responses.given_out import check_part, given_content, is_marked, kind_of, unmarked
from keywright.dialects.openai_responses.items import is_item
from keywright.dialects.openai_responses.reasoning import read_signature, reasoning_item
from keywright.dialects.openai_responses.target import Target

CALL_ID_CHARS_MAX: Final = 64
"""OpenAI takes no longer id of a call."""


class InputWriter:
    """The items that say some turns. `instructions` is what stands in the field of that name.

    `places`: for each part its turn, its number in it, its item, and its number in the item's content.
    """

    def __init__(self, target: Target) -> None:
        self.items: list[JsonObject] = []
        self.instructions: str | None = None
        self.places: list[tuple[int, int, int, int]] = []
        self._target = target
        self._custom: set[str] = set()  # ids of calls of free-text tools
        self._message: list[Json] | None = None  # the content of the assistant's message that may go on
        self._thoughts: list[Thinking | RedactedThinking] = []  # the texts of an item that is not complete

    def write(self, turns: Sequence[Turn]) -> None:
        """Add the items for `turns`."""
        for number, turn in enumerate(turns):
            path = f"turns[{number}]"
            if turn.name is not None:
                self._target.knob(f"{path}.name", "the Responses API has no names of speakers")
            extra = self._target.extras(turn.extras, path)
            match turn.role:
                case "system" | "developer" | "user":
                    self._spoken(turn, number, path, extra)
                case "assistant":
                    for index, part in enumerate(turn.parts):
                        self._made(part, f"{path}.parts[{index}]")
                        self._placed(number, index)
                    self._end_thoughts()
                    self._message = None
                case "tool":
                    for index, part in enumerate(turn.parts):
                        self._result(part, f"{path}.parts[{index}]")
                        self._placed(number, index)
                case _:
                    assert_never(turn.role)
        if not self._target.plain and turns and turns[-1].role == "assistant" and _is_begun(turns[-1]):
            self._target.knob(
                f"turns[{len(turns) - 1}]", "OpenAI does not go on with an assistant's turn: it answers anew"
            )

    def _placed(self, turn: int, part: int, content: int = -1) -> None:
        if content < 0 and self._message:
            content = len(self._message) - 1
        ahead = 1 if self._thoughts else 0
        self.places.append((turn, part, max(len(self.items) - 1 + ahead, 0), content))

    def _spoken(self, turn: Turn, number: int, path: str, extra: JsonObject) -> None:
        """A turn of a system, a developer or a user."""
        if extra.get(INSTRUCTIONS) and len(turn.parts) == 1 and isinstance(turn.parts[0], Text):
            self.instructions = turn.parts[0].text
            return
        if turn.parts and all(_is_own_item(part) for part in turn.parts):
            for index, part in enumerate(turn.parts):
                self.items.append(_body(part))
                self.places.append((number, index, len(self.items) - 1, -1))
            return
        content: list[Json] = []
        for index, part in enumerate(turn.parts):
            content += given_content(part, f"{path}.parts[{index}]", self._target)
            self.places.append((number, index, len(self.items), len(content) - 1))
        only = turn.parts[0] if len(turn.parts) == 1 else None
        said: Json = content or ""
        if isinstance(only, Text) and not only.extras and not is_marked(only, self._target):
            said = only.text
        role = self._target.abilities.system_role if turn.role == "system" else turn.role
        item = item_of(turn.extras) or {}
        self.items.append({"type": "message", "role": role, "content": said, **unmarked(extra), **item})

    def _made(self, part: Part, path: str) -> None:
        """A part that the assistant made."""
        if isinstance(part, Thinking | RedactedThinking):
            self._thought(part, path)
            return
        self._end_thoughts()
        if isinstance(part, Text | Refusal):
            self._answered(part, path)
            return
        if isinstance(part, Opaque) and part.origin == NAME and not is_item(part):
            if self._message is None:
                self._target.meaning(path, "a content part without the message that it stood in")
            else:
                self._message.append(part.body)
            return
        self._message = None
        match part:
            case ToolCall():
                self._call(part, path)
            case ServerToolCall() | ServerToolResult() | Opaque() if part.origin == NAME:
                self.items.append(_body(part))
            case ServerToolCall() | ServerToolResult() | Opaque():
                self._target.meaning(path, f"only {part.origin} understands {kind_of(part)}")
            case Image() | Document() | Audio() | ToolResult():
                self._target.meaning(path, f"an assistant's turn holds no {kind_of(part)} in the Responses API")
            case _:
                assert_never(part)

    def _thought(self, part: Thinking | RedactedThinking, path: str) -> None:
        self._message = None
        if part.origin != NAME:
            maker = part.origin or "another provider"
            self._target.knob(path, f"thinking made for {maker} means nothing to another provider")
            return
        self._target.extras(part.extras, path)
        if isinstance(part, RedactedThinking) or item_of(part.extras):
            self._end_thoughts()
        self._thoughts.append(part)
        signature = part.data if isinstance(part, RedactedThinking) else part.signature
        if signature is None:
            return
        if read_signature(signature)[1] is None and not self._target.stored:
            self._thoughts.clear()
            self._target.knob(path, "the provider keeps nothing, so it cannot find this thought by its id")
        else:
            self._end_thoughts()

    def _end_thoughts(self) -> None:
        if self._thoughts:
            self.items.append(reasoning_item(self._thoughts))
            self._thoughts = []

    def _answered(self, part: Text | Refusal, path: str) -> None:
        """A text, in the message that its item goes on with, in a new one with an id, or in a plain one."""
        extra = self._target.extras(part.extras, path)
        item = item_of(part.extras)
        check_part(part, path, self._target)
        if item is not None and (item or self._message is not None):
            if item or self._message is None:
                self._message = []
                said = {"status": "completed", **item, **({"phase": extra["phase"]} if "phase" in extra else {})}
                self.items.append({"type": "message", "role": "assistant", "content": self._message, **said})
            self._message.append(self._output(part, path, extra))
            return
        self._message = None
        text = part.text
        if isinstance(part, Text) and part.citations:
            self._target.knob(f"{path}.citations", "citations are sent back only in a message that has its id")
        if isinstance(part, Refusal):
            self._target.knob(path, "a refusal without its message's id is sent as text")
        rest = {field: value for field, value in unmarked(extra).items() if field == "phase"}
        self.items.append({"type": "message", "role": "assistant", "content": text, **rest})

    def _output(self, part: Text | Refusal, path: str, extra: JsonObject) -> JsonObject:
        rest = {field: value for field, value in unmarked(extra).items() if field != "phase"}
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text, **rest}
        if any(citation.origin != NAME for citation in part.citations):
            self._target.knob(f"{path}.citations", "citations of another provider are not sent back")
        annotations: list[Json] = [citation.body for citation in part.citations if citation.origin == NAME]
        return {"type": "output_text", "text": part.text, "annotations": annotations, **rest}

    def _call(self, call: ToolCall, path: str) -> None:
        extra = self._target.extras(call.extras, path)
        check_part(call, path, self._target)
        item: JsonObject
        call_id = self._call_id(call.id)
        if call.custom:
            self._custom.add(call.id)
            item = {"type": "custom_tool_call", "call_id": call_id, "name": call.name, "input": call.arguments}
        else:
            arguments = call.arguments or "{}"
            item = {"type": "function_call", "call_id": call_id, "name": call.name, "arguments": arguments}
        self.items.append({**item, **unmarked(extra), **(item_of(call.extras) or {})})

    def _result(self, part: Part, path: str) -> None:
        """What a tool answered."""
        if not isinstance(part, ToolResult):
            self._target.meaning(path, "only tool results may stand among tool results")
            return
        if part.is_error:
            self._target.knob(f"{path}.is_error", "OpenAI has no flag for a tool's error; its content is sent")
        extra = self._target.extras(part.extras, path)
        check_part(part, path, self._target)
        item = item_of(part.extras) or {}
        only = part.parts[0] if len(part.parts) == 1 else None
        output: Json = ""
        if isinstance(only, Text) and not only.extras and not is_marked(only, self._target):
            check_part(only, f"{path}.parts[0]", self._target)
            output = only.text
        elif part.parts:
            output = [
                each
                for index, piece in enumerate(part.parts)
                for each in given_content(piece, f"{path}.parts[{index}]", self._target)
            ]
        kind = "custom_tool_call_output" if part.call_id in self._custom else "function_call_output"
        if part.name is not None and self._target.plain:
            item = {"name": part.name, **item}
        said: JsonObject = {"type": kind, "call_id": self._call_id(part.call_id), "output": output}
        self.items.append({**said, **unmarked(extra), **item})

    def _call_id(self, call_id: str) -> str:
        """The id of a call as the wire takes it: another provider's may be too long, and then stands for itself."""
        if self._target.plain or len(call_id) <= CALL_ID_CHARS_MAX:
            return call_id
        return f"call_{sha256(call_id.encode()).hexdigest()[:40]}"


def _is_begun(turn: Turn) -> bool:
    """Whether an assistant's turn is the beginning of an answer."""
    return all(isinstance(part, Text) for part in turn.parts)


def _is_own_item(part: Part) -> bool:
    return isinstance(part, Opaque) and part.origin == NAME and is_item(part)


def _body(part: Part) -> JsonObject:
    """The item that a part holds whole."""
    held = part.body if isinstance(part, ServerToolCall | ServerToolResult | Opaque) else None
    return held if isinstance(held, dict) else {}
