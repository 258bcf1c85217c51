"""A conversation as one text, for wires that take one prompt and for servers whose model's template is not known.

A lone turn of the user's is its own text, untouched: that is what such wires are for. Anything else becomes

    You answer briefly.

    User: Hello.

    Assistant: Hi.

    User: How are you?

    Assistant:

and the answer is cut off where the model would go on as the user (`stop`; a server that leaves the stop sequence in
its answer needs `ending` as well). An assistant's turn at the end is left open,
so that the model goes on with it. That it is a transcript is reported as a knob loss: the words arrive, but not in the
form that a chat model was trained on. What is not text cannot be told so, and means something: pictures, documents but
plain texts, sound, tools' calls and results. Thinking is never sent as something that was said: a knob loss.

Two alternatives were rejected. To refuse conversations would make base models useless to chat clients. To fill in a
template by the model's name would be right for some models and silently wrong for the others.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from msgspec import Struct

from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    BlocksSource,
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
from keywright.dialects.documents import plain_text

NEXT_TURN: Final = "\nUser:"
"""Where a model begins to speak for the user."""

_LABELS: Final = {"system": "", "developer": "", "user": "User: ", "assistant": "Assistant: ", "tool": "Tool: "}
_BETWEEN_TURNS: Final = "\n\n"
_BETWEEN_PARTS: Final = "\n"


class Transcript(Struct, frozen=True):
    """The prompt, where its answer must stop, and what could not be said."""

    text: str
    stop: tuple[str, ...]
    losses: tuple[Loss, ...]


def transcript(turns: Sequence[Turn]) -> Transcript:
    """The text that says `turns`."""
    writer = _Writer()
    if len(turns) == 1 and turns[0].role == "user":
        text = writer.turn(turns[0], "turns[0]")
        return Transcript(text, (), tuple(writer.losses))
    writer.losses.append(Loss("turns", "sent as a plain transcript: the model's own template is not known"))
    said = [_LABELS[turn.role] + writer.turn(turn, f"turns[{index}]") for index, turn in enumerate(turns)]
    if not turns or turns[-1].role != "assistant":
        said.append(_LABELS["assistant"].rstrip())
    return Transcript(_BETWEEN_TURNS.join(said), (NEXT_TURN,), tuple(writer.losses))


def ending(text: str) -> int:
    """How many characters at the end of `text` are a beginning of the user's next turn, or all of it."""
    longest = min(len(text), len(NEXT_TURN))
    return next((size for size in range(longest, 0, -1) if text.endswith(NEXT_TURN[:size])), 0)


class _Writer:
    """Writes turns, and keeps what is lost."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []

    def turn(self, turn: Turn, path: str) -> str:
        if turn.name is not None:
            self._knob(f"{path}.name", "a transcript names no speakers")
        said = [self._part(part, f"{path}.parts[{index}]") for index, part in enumerate(turn.parts)]
        return _BETWEEN_PARTS.join(text for text in said if text)

    def _part(self, part: Part, path: str) -> str:
        """The text of `part`, or nothing, reported."""
        match part:
            case Text():
                if part.cache is not None:
                    self._knob(f"{path}.cache", "a plain prompt has no marks to cache")
                if part.citations:
                    self._knob(f"{path}.citations", "a plain prompt has no citations")
                return part.text
            case Refusal():
                return part.text
            case Document():
                return self._document(part, path)
            case Thinking() | RedactedThinking():
                self._knob(path, "thinking is no part of a plain prompt")
            case Image() | Audio():
                self._meaning(path, "a plain prompt holds text only")
            case ToolCall() | ToolResult():
                self._meaning(path, "a plain prompt knows no tools")
            case Opaque() | ServerToolCall() | ServerToolResult():
                self._meaning(path, f"only {part.origin} understands this part")
            case _:
                assert_never(part)
        return ""

    def _document(self, part: Document, path: str) -> str:
        for field in ("title", "context", "citations", "cache"):
            if getattr(part, field):
                self._knob(f"{path}.{field}", "a plain prompt has a document as its bare text")
        text = plain_text(part.source)
        if text is not None:
            return text
        if isinstance(part.source, BlocksSource):
            pieces = [self._part(piece, f"{path}.parts[{index}]") for index, piece in enumerate(part.source.parts)]
            return _BETWEEN_PARTS.join(text for text in pieces if text)
        self._meaning(path, "a plain prompt holds text only")
        return ""

    def _knob(self, path: str, why: str) -> None:
        self.losses.append(Loss(path, why))

    def _meaning(self, path: str, why: str) -> None:
        self.losses.append(Loss(path, why, "meaning"))
