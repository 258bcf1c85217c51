"""Events to chunks for a client, as OpenAI's SDK reads them."""

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
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_chat.error import encode_error
from keywright.dialects.openai_chat.usage import encode_usage
from keywright.dialects.openai_completions.logprobs import SHAPE, encode_logprobs
from keywright.dialects.openai_completions.prompt import NAME
from keywright.dialects.openai_completions.response import ANSWER_FIELDS, NO_FIELD, finish_word, lose_finish, said
from keywright.dialects.sse import data_frame

_DONE: Final = b"data: [DONE]\n\n"


class StreamWriter:
    """Events to bytes for the client. Everything it could not say is in `losses`."""

    def __init__(self, request: Request) -> None:
        self.losses: list[Loss] = []
        self._with_usage = bool(request.stream_usage)
        self._tail = b',"usage":null}' if self._with_usage else b"}"
        self._head = b""
        self._texts: set[tuple[int, int]] = set()  # the parts that are text, with their choices
        self._offsets: dict[int, int] = {}  # of log probabilities, by choice
        self._metered: Metered | None = None

    def write(self, event: Event) -> bytes:
        """The bytes for `event`; may be empty."""
        match event:
            case TextDelta():
                return self._chunk(event.choice, event.text) if (event.choice, event.part) in self._texts else b""
            case Opened():
                return self._opened(event)
            case LogprobsDelta():
                return self._logprobs(event)
            case Finished():
                return self._finished(event)
            case Started():
                self._start(event)
            case Metered():
                self._metered = event
            case CitationDelta():
                self._lose(Loss(f"choices[{event.choice}].text", "the completions API has no citations"))
            case ArgumentsDelta() | SignatureDelta() | Closed() | Aside():
                pass
            case Failed():
                return data_frame(encode_error(event.failure, ""))
            case Ended():
                return self._usage() + _DONE
            case _:
                assert_never(event)
        return b""

    def _start(self, event: Started) -> None:
        extra = event.extras.get(NAME) or {}
        head: JsonObject = {
            "id": event.id,
            "object": "text_completion",
            "created": event.created_s or 0,
            "model": event.model,
            **{field: value for field, value in extra.items() if field not in ANSWER_FIELDS},
        }
        self._head = msgspec.json.encode(head)[:-1]
        self.losses += answer_losses(event.extras, NAME, "", NO_FIELD)

    def _opened(self, event: Opened) -> bytes:
        losses: list[Loss] = []
        text = said(event.head, f"choices[{event.choice}]", losses)
        for loss in losses:
            self._lose(loss)
        if isinstance(event.head, Text | Refusal):
            self._texts.add((event.choice, event.part))
        return self._chunk(event.choice, text) if text else b""

    def _logprobs(self, event: LogprobsDelta) -> bytes:
        if event.origin not in ("", SHAPE):
            return b""
        body, offset = encode_logprobs(event.body, self._offsets.get(event.choice, 0))
        self._offsets[event.choice] = offset
        return b"" if body is None else self._chunk(event.choice, "", {"logprobs": body})

    def _finished(self, event: Finished) -> bytes:
        lose_finish(event.finish, f"choices[{event.choice}]", self.losses)
        self.losses += answer_losses(event.extras, NAME, f"choices[{event.choice}]", NO_FIELD)
        extra = event.extras.get(NAME) or {}
        return self._chunk(event.choice, "", {**extra, "finish_reason": finish_word(event.finish)})

    def _chunk(self, choice: int, text: str, more: JsonObject | None = None) -> bytes:
        piece: JsonObject = {"text": text, "index": choice, "logprobs": None, "finish_reason": None}
        encoded = msgspec.json.encode(piece | more if more else piece)
        return b'data: %b,"choices":[%b]%b\n\n' % (self._head, encoded, self._tail)

    def _usage(self) -> bytes:
        if self._metered is None or not self._with_usage:
            return b""
        late: JsonObject = dict(self._metered.extras.get(NAME) or {})
        extra: Json = late.pop("usage", None)
        rest = {field: value for field, value in late.items() if field not in ANSWER_FIELDS}
        more = b"," + msgspec.json.encode(rest)[1:-1] if rest else b""
        usage = msgspec.json.encode(encode_usage(self._metered.usage, extra))
        return b'data: %b,"choices":[]%b,"usage":%b}\n\n' % (self._head, more, usage)

    def _lose(self, loss: Loss) -> None:
        if loss not in self.losses:
            self.losses.append(loss)
