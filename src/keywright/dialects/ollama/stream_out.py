"""Events to lines for a client.

Texts go out as they come. A call goes out when it is whole, since its arguments are an object on this wire; so
parallel calls stay apart however their pieces interleave. The last line says why the answer ended and what was used.
"""

from typing import Final, assert_never

import msgspec

from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, Refusal, Text, Thinking, ToolCall
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.foreign import answer_losses
from keywright.dialects.ollama.error import encode_error
from keywright.dialects.ollama.family import CHAT, foreign
from keywright.dialects.ollama.finish import encode_finish
from keywright.dialects.ollama.logprobs import SHAPE, encode_logprobs
from keywright.dialects.ollama.moment import moment_of
from keywright.dialects.ollama.pieces import Teller, late_fields
from keywright.dialects.ollama.response import ONE_ANSWER
from keywright.dialects.ollama.shape import Piece, Shape
from keywright.dialects.ollama.usage import counts_of

_NOTHING: Final = Piece()


class LineWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, shape: Shape) -> None:
        self.losses: list[Loss] = []
        self._shape = shape
        self._teller = Teller(shape, self.losses)
        self._head = _head("", None)
        self._heads: dict[int, Part] = {}
        self._arguments: dict[int, list[str]] = {}  # of the calls that are not whole yet
        self._finish: Finish | None = None
        self._late: JsonObject = {}
        self._message: JsonObject = {}
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta():
                return self._text(event) if event.choice == 0 else b""
            case ArgumentsDelta() | SignatureDelta() | CitationDelta() | Closed():
                return self._rest(event) if event.choice == 0 else b""
            case Opened():
                return self._opened(event) if event.choice == 0 else self._other_choice()
            case LogprobsDelta():
                return self._logprobs(event) if event.choice == 0 else b""
            case Started():
                self._head = _head(event.model, event.created_s)
                self._lose(foreign(event.extras), "")
                return b""
            case Finished() | Metered() | Aside():
                return self._noted(event)
            case Failed():
                return encode_error(event.failure, "") + b"\n"
            case Ended():
                return self._ended()
            case _:
                assert_never(event)

    def _text(self, event: TextDelta) -> bytes:
        match self._heads.get(event.part):
            case Thinking():
                return self._line(Piece(thinking=event.text))
            case Text() | Refusal():
                return self._line(Piece(text=event.text))
            case _:
                return b""

    def _opened(self, event: Opened) -> bytes:
        self._heads[event.part] = event.head
        if isinstance(event.head, ToolCall):
            self._arguments[event.part] = [event.head.arguments]
            return b""
        return self._line(self._teller.piece(event.head))

    def _rest(self, event: ArgumentsDelta | SignatureDelta | CitationDelta | Closed) -> bytes:
        match event:
            case ArgumentsDelta():
                if event.part in self._arguments:
                    self._arguments[event.part].append(event.text)
            case SignatureDelta():
                self._teller.signed()
            case CitationDelta():
                self._teller.lose("citations", "Ollama has no citations")
            case Closed():
                return self._call(event.part) if event.part in self._arguments else b""
            case _:
                assert_never(event)
        return b""

    def _call(self, part: int) -> bytes:
        head = self._heads[part]
        assert isinstance(head, ToolCall)
        arguments = "".join(self._arguments.pop(part))
        return self._line(self._teller.piece(msgspec.structs.replace(head, arguments=arguments)))

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        items = encode_logprobs(event.body) if event.origin in ("", SHAPE) else []
        return self._line(_NOTHING, items)

    def _other_choice(self) -> bytes:
        loss = Loss("choices", ONE_ANSWER, "meaning")
        if loss not in self.losses:
            self.losses.append(loss)
        return b""

    def _noted(self, event: Finished | Metered | Aside) -> bytes:
        """What is said with the last line only."""
        match event:
            case Finished():
                if event.choice == 0:
                    self._finish = event.finish
                    self._late, self._message = late_fields(event.extras)
                    self._teller.finish(event.finish)
                    self._lose(foreign(event.extras), self._shape.place)
            case Metered():
                self._usage = event.usage
                self._lose(foreign(event.extras), "")
            case Aside():
                pass
            case _:
                assert_never(event)
        return b""

    def _ended(self) -> bytes:
        calls = b"".join(map(self._call, sorted(self._arguments)))
        line: JsonObject = {
            **self._late,
            **self._shape.write(Piece(extra=self._message)),
            "done": True,
            "done_reason": encode_finish(self._finish),
            **counts_of(self._usage),
        }
        return calls + self._head + msgspec.json.encode(line)[1:] + b"\n"

    def _line(self, piece: Piece, logprobs: list[Json] | None = None) -> bytes:
        """A line that says `piece`; none when that says nothing."""
        if not logprobs and piece == _NOTHING:
            return b""
        said = self._shape.write(piece)
        if logprobs:
            said["logprobs"] = logprobs
        return self._head + msgspec.json.encode(said)[1:-1] + b',"done":false}\n'

    def _lose(self, extras: Extras, path: str) -> None:
        self.losses += answer_losses(extras, CHAT, path, "Ollama has no such field")


def _head(model: str, created_s: int | None) -> bytes:
    """What every line begins with."""
    return msgspec.json.encode({"model": model, "created_at": moment_of(created_s)})[:-1] + b","
