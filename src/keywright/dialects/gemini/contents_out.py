"""Turns to `systemInstruction` and `contents`.

The API wants system text at the top, as text only, and knows two speakers. So leading system and developer turns become
`systemInstruction`; one in mid conversation is what the user says at that place, between `<system>` tags, a knob loss
(refusing would stop every client that puts reminders between turns, moving would change what they speak of).

Functions' responses stand in the order of their calls, which is how the API tells those without ids apart. Models that
sign their calls refuse the calls of the current turn when they come without: those that another model made
get `UNSIGNED`, the value that Google documents for a history "transferred from a different model".
"""

from typing import Final

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
from keywright.core.message import Part, Text, ToolCall, ToolResult, Turn
from keywright.dialects.gemini.parts_in import SIGNATURE
from keywright.dialects.gemini.parts_out import PartWriter
from keywright.dialects.gemini.signatures import placed
from keywright.dialects.gemini.wire import TOGETHER, Node, own, report_foreign

UNSIGNED: Final = "skip_thought_signature_validator"
"""What stands for the signature of a call that this API's models did not make."""


_NOTHING: Final = Text("")


class Conversation:
    """The turns as the API takes them: `system` parts and `contents`."""

    def __init__(self, turns: tuple[Turn, ...], abilities: Abilities, losses: list[Loss]) -> None:
        self.system: list[Node] = []
        self.contents: list[Node] = []
        self._losses = losses
        self._places: dict[str, int] = {}  # of the last calls, by their ids, which later ones may use again
        self._names: dict[str, str] = {}  # of all calls so far
        self._writer = PartWriter(abilities, losses, self._names)
        for index, turn in enumerate(turns):
            self._add(turn, f"turns[{index}]")
        if self.system and not self.contents:
            losses.append(Loss("turns", "Gemini wants a user's turn: the system text is sent as one"))
            self.contents.append({"role": "user", "parts": self.system})
            self.system = []
        if abilities.signed_calls:
            self._sign()

    def _add(self, turn: Turn, path: str) -> None:
        if turn.name is not None:
            self._losses.append(Loss(f"{path}.name", "Gemini has no names of speakers"))
        report_foreign(turn.extras, path, self._losses)
        match turn.role:
            case "system" | "developer":
                self._add_system(turn, path)
            case "user":
                self._append("user", self._nodes(turn.parts, path), turn)
            case "assistant":
                self._note_calls(turn.parts)
                self._append("model", self._nodes(turn.parts, path), turn)
            case "tool":
                self._append("user", self._results(turn, path), turn)

    def _note_calls(self, parts: tuple[Part, ...]) -> None:
        if not self.contents or self.contents[-1]["role"] != "model":
            self._places = {}
        for part in parts:
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
                self._places[part.id] = len(self._places)

    def _nodes(self, parts: tuple[Part, ...], path: str) -> list[Node]:
        """The wire parts of `parts`. An empty text beside others says nothing, and Vertex AI refuses it."""
        return [
            node
            for index, part in placed(parts)
            if part != _NOTHING or len(parts) == 1
            for node in self._writer.nodes(part, f"{path}.parts[{index}]")
        ]

    def _results(self, turn: Turn, path: str) -> list[Node]:
        """The responses in the order of their calls, before the files that came with them."""
        places = self._places
        last = len(places)
        order = sorted(range(len(turn.parts)), key=lambda index: _place(turn.parts[index], places, last))
        nodes = [node for at in order for node in self._writer.nodes(turn.parts[at], f"{path}.parts[{at}]")]
        return sorted(nodes, key=lambda node: "functionResponse" not in node)

    def _add_system(self, turn: Turn, path: str) -> None:
        plain = tuple(part if isinstance(part, Text) else None for part in turn.parts)
        for index, part in enumerate(plain):
            if part is None:
                why = "Gemini's system instruction is text only"
                self._losses.append(Loss(f"{path}.parts[{index}]", why, "meaning"))
        nodes = [
            node
            for index, part in enumerate(plain)
            if part is not None
            for node in self._writer.nodes(part, f"{path}.parts[{index}]")
        ]
        if not self.contents:
            self.system += nodes
        elif nodes:
            self._losses.append(Loss(f"{path}.role", "Gemini takes system text at the start only: sent as the user's"))
            self._append("user", [{"text": f"<system>\n{node['text']}\n</system>"} for node in nodes], turn)

    def _append(self, role: str, parts: list[Node], turn: Turn) -> None:
        if not parts:
            return
        if turn.extras == TOGETHER and self.contents and self.contents[-1]["role"] == role:
            before = self.contents.pop()["parts"]
            assert isinstance(before, list)
            parts = [*before, *parts]
        self.contents.append({"role": role, "parts": parts, **own(turn.extras)})

    def _sign(self) -> None:
        """Give the first call of each of the model's contents in the current turn a signature, where it has none."""
        for content in reversed(self.contents):
            parts = content["parts"]
            assert isinstance(parts, list)
            if content["role"] == "user" and not any("functionResponse" in part for part in parts):
                return
            first = next((part for part in parts if "functionCall" in part), None)
            if first is not None:
                first.setdefault(SIGNATURE, UNSIGNED)


def _place(part: Part, places: dict[str, int], last: int) -> int:
    return places.get(part.call_id, last) if isinstance(part, ToolResult) else last
