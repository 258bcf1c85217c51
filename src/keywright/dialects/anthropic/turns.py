"""Turns to `system` and `messages`.

The API wants system text at the top level, one message per speaker in turn, and in a user message the tool results
first. So leading system and developer turns become `system`; `tool` turns are user messages; neighbours of one role are
joined; and results move to the front of their message.

A system turn in mid conversation is sent as one when the model takes such (`abilities.mid_system`). Otherwise its
text goes into the user message at that place, between `<system>` tags, and a knob loss says so: refusing would stop
every OpenAI client that puts reminders between turns, and moving the text to the top would change what it speaks of.
"""

from typing import Literal, TypeAlias

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
from keywright.core.message import Text, Turn
from keywright.dialects.anthropic.blocks import BlockWriter, condensed
from keywright.dialects.anthropic.wire import NAME, Node, report_foreign

_Role: TypeAlias = Literal["user", "assistant", "system"]


class Conversation:
    """The turns as the API takes them: `system` blocks and `messages`."""

    def __init__(self, turns: tuple[Turn, ...], abilities: Abilities, losses: list[Loss]) -> None:
        self.system: list[Node] = []
        self._messages: list[tuple[_Role, list[Node], Node]] = []
        self._writer = BlockWriter(abilities, losses)
        self._mid_system = abilities.mid_system
        self._losses = losses
        for index, turn in enumerate(turns):
            self._add(turn, f"turns[{index}]")

    def messages(self) -> list[Node]:
        """The messages. When only system text was said, that is what the user says: the API wants one turn at least."""
        if not self._messages and self.system:
            self._losses.append(Loss("turns", "the Messages API wants a user turn: the system text is sent as one"))
            self._messages.append(("user", self.system, {}))
            self.system = []
        return [
            {"role": role, "content": condensed(_results_first(blocks) if role == "user" else blocks), **extras}
            for role, blocks, extras in self._messages
        ]

    def _add(self, turn: Turn, path: str) -> None:
        if turn.name is not None:
            self._losses.append(Loss(f"{path}.name", "the Messages API has no names of speakers"))
        report_foreign(turn.extras, path, self._losses)
        match turn.role:
            case "user" | "tool":
                self._append("user", self._writer.blocks(turn.parts, path), turn)
            case "assistant":
                self._append("assistant", self._writer.blocks(turn.parts, path), turn)
            case "system" | "developer":
                self._add_system(turn, path)

    def _add_system(self, turn: Turn, path: str) -> None:
        blocks = self._writer.blocks(turn.parts, path)
        plain = NAME not in turn.extras and all(isinstance(part, Text) for part in turn.parts)
        if plain and not self._messages:
            self.system += blocks
        elif self._mid_system or any(block["type"] != "text" for block in blocks):
            self._append("system", blocks, turn)
        elif blocks:
            self._losses.append(Loss(f"{path}.role", "this model takes system text at the start only: sent as user's"))
            self._append("user", [{**block, "text": f"<system>\n{block['text']}\n</system>"} for block in blocks], turn)

    def _append(self, role: _Role, blocks: list[Node], turn: Turn) -> None:
        if not blocks:
            return
        extras = turn.extras.get(NAME, {})
        if self._messages and self._messages[-1][0] == role:
            self._messages[-1][1].extend(blocks)
            self._messages[-1][2].update(extras)
        else:
            self._messages.append((role, blocks, dict(extras)))


def _results_first(blocks: list[Node]) -> list[Node]:
    results = [block for block in blocks if block["type"] == "tool_result"]
    if (
        not results
        or len(results) == len(blocks)
        or all(block["type"] == "tool_result" for block in blocks[: len(results)])
    ):
        return blocks
    return results + [block for block in blocks if block["type"] != "tool_result"]
