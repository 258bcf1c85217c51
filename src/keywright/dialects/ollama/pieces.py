"""What of an answer's parts a line can say, and what is lost."""

from typing import Final, assert_never

from keywright.core.json import Extras, JsonObject
from keywright.core.loss import Loss
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
)
from keywright.core.response import Finish
from keywright.dialects.foreign import answer_losses
from keywright.dialects.ollama.family import CHAT, foreign, shared
from keywright.dialects.ollama.finish import misleads
from keywright.dialects.ollama.shape import Piece, Shape
from keywright.dialects.ollama.tools import INVALID_JSON, arguments_object

NO_PLACE: Final = "an answer of Ollama cannot hold this"


class Teller:
    """Turns parts into pieces, and keeps what is lost (each place and reason once)."""

    def __init__(self, shape: Shape, losses: list[Loss]) -> None:
        self._shape = shape
        self._losses = losses

    def lose(self, field: str, why: str, *, meant: bool = False) -> None:
        """Report something that cannot be said."""
        place = f"{self._shape.place}.{field}" if field else self._shape.place
        loss = Loss(place, why, "meaning" if meant else "knob")
        if loss not in self._losses:
            self._losses.append(loss)

    def piece(self, part: Part) -> Piece:
        """What is said of `part`; an empty piece when it is nothing, or lost."""
        match part:
            case Text():
                if part.citations:
                    self.lose("citations", "Ollama has no citations")
                return Piece(text=part.text)
            case Refusal():
                self.lose("refusal", "Ollama has no refusals: given as text")
                return Piece(text=part.text)
            case Thinking():
                if part.signature is not None:
                    self.signed()
                return Piece(thinking=part.text)
            case ToolCall():
                return self._call(part)
            case Image():
                if isinstance(part.source, Base64Source):
                    return Piece(images=(part,))
                self.lose("images", "Ollama gives pictures as data only", meant=True)
            case RedactedThinking():
                self.lose("thinking", "thinking that only another provider can read")
            case Document() | Audio() | ToolResult() | ServerToolCall() | ServerToolResult() | Opaque():
                self.lose("", NO_PLACE, meant=True)
            case _:
                assert_never(part)
        return Piece()

    def signed(self) -> None:
        """Report a signature."""
        self.lose("thinking", "Ollama has no signatures: the thinking cannot be given back to its provider")

    def finish(self, finish: Finish | None) -> None:
        """Report a reason whose image says something else."""
        if finish is None:
            return
        if misleads(finish):
            self._losses.append(Loss("done_reason", f"Ollama has no word for {finish.raw or finish.reason}"))
        self._losses += answer_losses(foreign(finish.extras), CHAT, "done_reason", "Ollama has no such field")

    def _call(self, call: ToolCall) -> Piece:
        if not self._shape.calls:
            self.lose("tool_calls", NO_PLACE, meant=True)
            return Piece()
        if arguments_object(call.arguments) is None:
            self.lose("tool_calls", f"arguments that are no JSON object are given inside {INVALID_JSON}")
        return Piece(calls=(call,))


def joined(pieces: list[Piece], extra: JsonObject) -> Piece:
    """One piece for a whole answer."""
    return Piece(
        text="".join(piece.text for piece in pieces),
        thinking="".join(piece.thinking for piece in pieces),
        images=tuple(image for piece in pieces for image in piece.images),
        calls=tuple(call for piece in pieces for call in piece.calls),
        extra=extra,
    )


def late_fields(extras: Extras) -> tuple[JsonObject, JsonObject]:
    """The extras of a choice: those of its last line, and those of its message."""
    own = dict(shared(extras))
    message = own.pop("message", None)
    return own, message if isinstance(message, dict) else {}
