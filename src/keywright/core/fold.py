"""A whole answer is the fold of its stream, and a stream can be made from a whole answer."""

from collections.abc import Iterable, Iterator
from typing import assert_never

import msgspec
from msgspec import Struct

from keywright.core.errors import ProviderError, UpstreamBrokeError, UpstreamMalformedError
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
from keywright.core.json import NO_EXTRAS, Extras, Json
from keywright.core.message import Citation, Part, Refusal, ServerToolCall, Text, Thinking, ToolCall
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage


class _OpenPart(Struct):
    """A part under construction."""

    head: Part
    texts: list[str]
    signatures: list[str]
    citations: list[Citation]

    def built(self) -> Part:
        """The part with everything that its deltas added."""
        added = "".join(self.texts)
        head = self.head
        match head:
            case Text():
                return msgspec.structs.replace(
                    head, text=head.text + added, citations=head.citations + tuple(self.citations)
                )
            case Thinking():
                signature = (head.signature or "") + "".join(self.signatures)
                return msgspec.structs.replace(head, text=head.text + added, signature=signature or None)
            case Refusal():
                return msgspec.structs.replace(head, text=head.text + added)
            case ToolCall() | ServerToolCall():
                return msgspec.structs.replace(head, arguments=head.arguments + added)
            case _:
                return head


class _OpenChoice(Struct):
    """A choice under construction."""

    parts: dict[int, _OpenPart] = {}
    finish: Finish | None = None
    logprobs: Json = None
    extras: Extras = NO_EXTRAS


class Folder:
    """Takes events one by one; `response()` is the answer as far as it has come."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._choices: dict[int, _OpenChoice] = {}
        self._usage: Usage | None = None
        self._billed: Usage | None = None
        self._extras: Extras = NO_EXTRAS
        self.ended = False

    def add(self, event: Event) -> None:
        """Take one event.

        Raises:
            ProviderError: the event is a `Failed`.
            UpstreamMalformedError: a delta for a part that was never opened.
        """
        match event:
            case Started():
                self._started = event
                self._extras = merged(self._extras, event.extras)
            case Opened():
                self._choice(event.choice).parts[event.part] = _OpenPart(event.head, [], [], [])
            case TextDelta() | ArgumentsDelta():
                self._part(event.choice, event.part).texts.append(event.text)
            case SignatureDelta():
                self._part(event.choice, event.part).signatures.append(event.signature)
            case CitationDelta():
                self._part(event.choice, event.part).citations.append(event.citation)
            case LogprobsDelta():
                choice = self._choice(event.choice)
                choice.logprobs = _joined(choice.logprobs, event.body)
            case Finished():
                choice = self._choice(event.choice)
                choice.finish = event.finish
                choice.extras = merged(choice.extras, event.extras)
            case Metered():
                self._usage = event.usage
                self._billed = event.billed
                self._extras = merged(self._extras, event.extras)
            case Failed():
                raise ProviderError(event.failure)
            case Ended():
                self.ended = True
            case Closed() | Aside():
                pass
            case _:
                assert_never(event)

    def response(self) -> Response:
        """What has been folded so far.

        Raises:
            UpstreamBrokeError: nothing has started yet.
        """
        if self._started is None:
            raise UpstreamBrokeError("the answer ended before it began", answered=True)
        return Response(
            id=self._started.id,
            model=self._started.model,
            created_s=self._started.created_s,
            choices=tuple(_built(index, choice) for index, choice in sorted(self._choices.items())),
            usage=self._usage,
            extras=self._extras,
            billed=self._billed,
        )

    def _choice(self, index: int) -> _OpenChoice:
        return self._choices.setdefault(index, _OpenChoice())

    def _part(self, choice: int, part: int) -> _OpenPart:
        found = self._choice(choice).parts.get(part)
        if found is None:
            raise UpstreamMalformedError(f"a delta came for part {part}, which was never opened")
        return found


def fold(events: Iterable[Event]) -> Response:
    """The whole answer that `events` amount to.

    Raises:
        ProviderError: the stream reports a failure.
        UpstreamBrokeError: there is no answer at all.
    """
    folder = Folder()
    for event in events:
        folder.add(event)
    return folder.response()


def unfold(response: Response) -> Iterator[Event]:
    """The shortest stream that folds to `response`."""
    yield Started(response.id, response.model, response.created_s, response.extras)
    for choice in response.choices:
        for number, part in enumerate(choice.parts):
            yield Opened(number, part, choice.index)
            yield Closed(number, choice.index)
        if choice.logprobs is not None:
            yield LogprobsDelta("", choice.logprobs, choice.index)
        if choice.finish is not None or choice.extras:
            yield Finished(choice.finish or Finish("other"), choice.index, choice.extras)
    if response.usage is not None:
        yield Metered(response.usage, billed=response.billed)
    yield Ended()


def merged(first: Extras, second: Extras) -> Extras:
    """Both extras; where a field is in both, the one of `second`."""
    if not first or not second:
        return second or first
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in (*first, *second)}


def _built(index: int, choice: _OpenChoice) -> Choice:
    return Choice(
        index=index,
        parts=tuple(part.built() for _, part in sorted(choice.parts.items())),
        finish=choice.finish,
        logprobs=choice.logprobs,
        extras=choice.extras,
    )


def _joined(before: Json, more: Json) -> Json:
    """Log probabilities of two stretches: their lists joined, field by field."""
    if not isinstance(before, dict) or not isinstance(more, dict):
        return more if before is None else before
    joined = dict(before)
    for field, value in more.items():
        present = joined.get(field)
        joined[field] = present + value if isinstance(present, list) and isinstance(value, list) else value
    return joined
