"""Events to frames for a client: one for each piece of text, and a last one that says the whole text and the end.

The wire wants an id and a log probability of each token, which nobody else tells: both are 0.
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
from keywright.core.json import Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Refusal, Text
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.foreign import answer_losses
from keywright.dialects.sse import data_frame
from keywright.dialects.tgi.details import NAME, encode_finish
from keywright.dialects.tgi.error import encode_error
from keywright.dialects.tgi.response import NO_FIELD, ONE_ANSWER, generated_tokens, lose_finish, said, wants_details

_NO_CITATIONS: Final = "TGI has no citations"


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:
        self.losses: list[Loss] = []
        self._detailed = wants_details(request)
        self._texts: set[int] = set()  # the parts that are text
        self._said: list[str] = []
        self._index = 0
        self._finish: Finish | None = None
        self._told: Json = None
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta():
                return self._text(event.text) if event.choice == 0 and event.part in self._texts else b""
            case Opened():
                return self._opened(event)
            case Finished():
                if event.choice == 0:
                    self._finish = event.finish
                    self._told = (event.extras.get(NAME) or {}).get("details")
                    lose_finish(event.finish, self.losses)
                    self.losses += answer_losses(event.extras, NAME, "generated_text", NO_FIELD)
            case Metered():
                self._usage = event.usage
            case Started():
                self.losses += answer_losses(event.extras, NAME, "", NO_FIELD)
            case CitationDelta():
                self._lose(Loss("generated_text", _NO_CITATIONS))
            case ArgumentsDelta() | SignatureDelta() | LogprobsDelta() | Closed() | Aside():
                pass
            case Failed():
                return data_frame(encode_error(event.failure, ""))
            case Ended():
                return self._ended()
            case _:
                assert_never(event)
        return b""

    def _opened(self, event: Opened) -> bytes:
        if event.choice != 0:
            self._lose(Loss("choices", ONE_ANSWER, "meaning"))
            return b""
        if isinstance(event.head, Text | Refusal):
            self._texts.add(event.part)
        losses: list[Loss] = []
        text = said(event.head, losses)
        for loss in losses:
            self._lose(loss)
        return self._text(text) if text else b""

    def _text(self, text: str) -> bytes:
        self._said.append(text)
        return self._frame(text, special=False)

    def _ended(self) -> bytes:
        """The last frame. Its own token is a special one without text: the end mark."""
        details: JsonObject | None = None
        if self._detailed:
            details = {
                "generated_tokens": generated_tokens(self._usage),
                "input_length": 0 if self._usage is None else self._usage.input_total,
                **(self._told if isinstance(self._told, dict) else {}),
                "finish_reason": encode_finish(self._finish),
            }
        return self._frame("", special=True, generated_text="".join(self._said), details=details)

    def _frame(
        self, text: str, *, special: bool, generated_text: str | None = None, details: JsonObject | None = None
    ) -> bytes:
        self._index += 1
        frame: JsonObject = {
            "index": self._index,
            "token": {"id": 0, "text": text, "logprob": 0, "special": special},
            "generated_text": generated_text,
            "details": details,
        }
        return b"data: " + msgspec.json.encode(frame) + b"\n\n"

    def _lose(self, loss: Loss) -> None:
        if loss not in self.losses:
            self.losses.append(loss)
