"""Turns to `system` and `messages`.

The API wants system text at the top level, speakers in alternation, and text beside a document. So leading system and
developer turns become `system`; `tool` turns are user messages; neighbours of one role are joined, with the results
in front; and a user's message with documents and no text gets a short one.

A system turn in mid conversation is sent as one when the model takes such (`abilities.mid_system`), else as the
user's, between `<system>` tags, as for every API that has no such turns.
"""

from typing import Final, Literal, TypeAlias

from keywright.core.ability import Abilities
from keywright.core.loss import Loss
from keywright.core.message import Text, Turn
from keywright.dialects.bedrock_converse.blocks import BlockWriter
from keywright.dialects.bedrock_converse.wire import Node, own, report_foreign

BESIDE_DOCUMENTS: Final = "See the documents."
"""The text that is put beside documents which came without any: the API refuses them alone."""

_Role: TypeAlias = Literal["user", "assistant", "system"]
_SYSTEM_KINDS: Final = frozenset({"text", "guardContent", "cachePoint"})


class Conversation:
    """The turns as the API takes them: `system` blocks and `messages`."""

    def __init__(self, turns: tuple[Turn, ...], writer: BlockWriter, abilities: Abilities, losses: list[Loss]) -> None:
        self.system: list[Node] = []
        self._messages: list[tuple[_Role, list[Node], Node]] = []
        self._writer = writer
        self._mid_system = abilities.mid_system
        self._losses = losses
        for index, turn in enumerate(turns):
            self._add(turn, f"turns[{index}]")

    def messages(self) -> list[Node]:
        """The messages. When only system text was said, that is what the user says: the API wants one turn at least."""
        if not self._messages and self.system:
            self._losses.append(Loss("turns", "Converse wants a user turn: the system text is sent as one"))
            self._messages.append(("user", self.system, {}))
            self.system = []
        return [self._message(*message) for message in self._messages]

    def _message(self, role: _Role, blocks: list[Node], extras: Node) -> Node:
        if role == "user":
            blocks = _results_first(blocks)
            if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
                self._losses.append(
                    Loss("turns", f"Converse wants text beside documents: {BESIDE_DOCUMENTS!r} is added")
                )
                blocks = [*blocks, {"text": BESIDE_DOCUMENTS}]
        return {"role": role, "content": blocks, **extras}

    def _add(self, turn: Turn, path: str) -> None:
        if turn.name is not None:
            self._losses.append(Loss(f"{path}.name", "Converse has no names of speakers"))
        report_foreign(turn.extras, path, self._losses)
        blocks = self._writer.blocks(turn.parts, path)
        match turn.role:
            case "user" | "tool":
                self._append("user", blocks, turn)
            case "assistant":
                self._append("assistant", blocks, turn)
            case "system" | "developer":
                self._add_system(turn, blocks, path)

    def _add_system(self, turn: Turn, blocks: list[Node], path: str) -> None:
        sayable = all(block.keys() <= _SYSTEM_KINDS for block in blocks)
        if not self._messages and sayable and not own(turn.extras):
            self.system += blocks
        elif self._mid_system or not all(isinstance(part, Text) for part in turn.parts):
            self._append("system", blocks, turn)
        elif blocks:
            self._losses.append(Loss(f"{path}.role", "this model takes system text at the start only: sent as user's"))
            self._append("user", [_tagged(block) for block in blocks], turn)

    def _append(self, role: _Role, blocks: list[Node], turn: Turn) -> None:
        if not blocks:
            return
        extras = own(turn.extras)
        if self._messages and self._messages[-1][0] == role:
            self._messages[-1][1].extend(blocks)
            self._messages[-1][2].update(extras)
        else:
            self._messages.append((role, blocks, dict(extras)))


def _tagged(block: Node) -> Node:
    """A block of system text between tags; any other as it is."""
    return {"text": f"<system>\n{block['text']}\n</system>"} if "text" in block else block


def _results_first(blocks: list[Node]) -> list[Node]:
    """The blocks with the tools' results in front, each with the cache point behind it."""
    if "toolResult" not in blocks[0] and not any("toolResult" in block for block in blocks):
        return blocks
    results: list[Node] = []
    others: list[Node] = []
    into = others
    for block in blocks:
        if "cachePoint" not in block:
            into = results if "toolResult" in block else others
        into.append(block)
    return results + others
