"""A client's messages to turns. Messages of tools that stand together are one turn; each other message is one.

Pictures come before the text, as Ollama puts them into the prompt.
"""

from typing import Final

from keywright.core.json import Extras
from keywright.core.message import Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.ollama.family import CHAT
from keywright.dialects.ollama.images import decode_images
from keywright.dialects.ollama.tools import decode_calls, identified

_SPOKEN: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}


def decode_messages(body: Fields) -> tuple[Turn, ...]:
    """The turns of the request.

    Raises:
        WrongFieldError: a message is malformed.
    """
    reader = _Conversation()
    for index, item in enumerate(body.array("messages")):
        reader.add(Fields(item, f"messages[{index}]"), index)
    return tuple(reader.turns)


class _Conversation:
    """The turns so far, the calls that no result has answered yet, and the ids that were made for calls without."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._waiting: list[ToolCall] = []
        self._made: set[str] = set()

    def add(self, message: Fields, index: int) -> None:
        role = message.needed_text("role")
        content = message.text("content") or ""
        parts: list[Part] = [*decode_images(message.array("images"), message.at("images"))]
        if content or (not parts and role != "assistant"):
            parts.append(Text(content))
        if role == "assistant":
            self._assistant(message, parts, index)
        elif role == "tool":
            self._result(message, tuple(parts), index)
        elif role in _SPOKEN:
            self._waiting.clear()
            self.turns.append(Turn(_SPOKEN[role], tuple(parts), extras=_extras(message)))
        else:
            raise WrongFieldError(message.at("role"), "system, user, assistant or tool")

    def _assistant(self, message: Fields, parts: list[Part], index: int) -> None:
        thinking = message.text("thinking")
        told = decode_calls(message)
        calls = identified(told, f"call_{index}_")
        self._waiting += calls
        self._made.update(call.id for call, came in zip(calls, told, strict=True) if not came.id)
        thoughts: list[Part] = [Thinking(thinking, origin=CHAT)] if thinking else []
        self.turns.append(Turn("assistant", (*thoughts, *parts, *calls), extras=_extras(message)))

    def _result(self, message: Fields, parts: tuple[Part, ...], index: int) -> None:
        number, name = message.text("tool_call_id"), message.text("tool_name") or message.text("name")
        answered = self._answered(number, name)
        if answered is not None:
            self._waiting.remove(answered)
            number, name = answered.id, name or answered.name
        result = ToolResult(number or f"call_{index}", parts, name=name, extras=_extras(message))
        if self.turns and self.turns[-1].role == "tool":
            self.turns[-1] = Turn("tool", (*self.turns[-1].parts, result))
        else:
            self.turns.append(Turn("tool", (result,)))

    def _answered(self, number: str | None, name: str | None) -> ToolCall | None:
        """The call that a result answers: by its id, or else the first of that tool. There are clients that keep the id
        in the result, and not in the call: so an id may be of a call that came without.
        """
        if number and (known := next((call for call in self._waiting if call.id == number), None)):
            return known
        open_calls = [call for call in self._waiting if call.id in self._made] if number else self._waiting
        return next((call for call in open_calls if not name or call.name == name), None)


def _extras(message: Fields) -> Extras:
    extra = present(message.left)
    return {CHAT: extra} if extra else {}
