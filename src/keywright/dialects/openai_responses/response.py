"""A whole answer, both ways.

A Response object repeats the settings of its request. Those that a provider repeated are kept together under one name,
`settings`, since they say nothing of the answer; what else it said goes into the extras field by field. To a client
the settings are those of its own request, with the provider's, where it speaks this dialect, put over them.
`created_at` is 0 where no provider said a time. What needs a clock (`completed_at`) is left out.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError
from keywright.core.json import Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Opaque, Part, ServerToolCall, ServerToolResult, Text, ToolCall
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_responses.error import failure_of
from keywright.dialects.openai_responses.fields import NAME, made_tail, noted, own
from keywright.dialects.openai_responses.finish import decode_finish, incomplete_details, lose_finish
from keywright.dialects.openai_responses.items import decode_item
from keywright.dialects.openai_responses.output import Item, Output, Slot
from keywright.dialects.openai_responses.settings import SETTINGS, settings_of
from keywright.dialects.openai_responses.usage import encode_usage, read_usage, unmodelled
from keywright.dialects.seal import sealed
from keywright.dialects.whole import answered

NO_FIELD: Final = "the Responses API has no such field"
ANSWER_FIELDS: Final = frozenset(
    ("id", "object", "created_at", "model", "output", "output_text", "usage", "status", "error", "incomplete_details")
)


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no Response object; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "response", lambda value: _response(Fields(value)))


def _response(body: Fields) -> Response:
    if (error := body.left.get("error")) and (body.left.get("status") == "failed" or "output" not in body.left):
        raise ProviderError(failure_of(error))
    if not isinstance(body.left.get("output"), list):
        raise WrongFieldError("output", "an array")
    parts: list[Part] = []
    logprobs: list[Json] = []
    for index, item in enumerate(body.array("output")):
        if not isinstance(item, dict):
            raise WrongFieldError(f"output[{index}]", "an object")
        parts += decode_item(item, f"output[{index}]")
        logprobs += item_logprobs(item)
    created, model, number = body.number("created_at"), body.text("model") or "", body.text("id") or ""
    choice = Choice(
        parts=tuple(parts),
        finish=decode_finish(body.left, called=any(isinstance(part, ToolCall) for part in parts)),
        logprobs={"content": logprobs} if logprobs else None,
    )
    usage = read_usage(body.left.get("usage"), body.left.get("tool_usage"))
    status = body.left.get("status")
    extras = answer_extras(body.left)
    if choice.finish is None and isinstance(status, str):
        extras = noted({**own(extras), "status": status})
    return Response(number, model, (choice,), usage, int(created) if created else None, extras)


def item_logprobs(item: JsonObject) -> list[Json]:
    """The log probabilities of a message's texts, joined."""
    content = item.get("content")
    found: list[Json] = []
    for part in content if isinstance(content, list) else ():
        logprobs = part.get("logprobs") if isinstance(part, dict) else None
        if isinstance(logprobs, list):
            found += logprobs
    return found


def answer_extras(answer: JsonObject) -> Extras:
    """What a Response object says beside the answer: its request's settings, a price, a state that is no end."""
    settings: JsonObject = {}
    extras: JsonObject = {}
    for field, value in answer.items():
        if field in SETTINGS:
            settings[field] = value
        elif field not in ANSWER_FIELDS and value is not None:
            extras[field] = value
    if settings:
        extras["settings"] = settings
    usage = answer.get("usage")
    if isinstance(usage, dict) and (more := unmodelled(usage)):
        extras["usage"] = more
    return noted(extras)


def encode_response(response: Response, request: Request) -> Encoded:
    """The Response object for a client that asked `request`."""
    losses: list[Loss] = []
    output = Output(made_tail(response.id))
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", "the Responses API gives one answer: the first"))
    slots = [_said(part, output, losses) for part in sealed(choice.parts, NAME)]
    if (tokens := logprobs_of(choice.logprobs)) and (text := next((s for s in slots if _is_text(s)), None)) is not None:
        text.logprobs = tokens
    body = {
        **frame(response.id, response.model, response.created_s, settings_of(request, response.extras)),
        **ending(choice.finish),
        "output": items_of(output.items, choice.finish),
        "usage": None if response.usage is None else encode_usage(response.usage, own(response.extras).get("usage")),
    }
    lose_finish(choice.finish, losses)
    losses += answer_losses(choice.extras, NAME, "output", NO_FIELD)
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body.update(beside(response.extras))
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _said(part: Part, output: Output, losses: list[Loss]) -> Slot | None:
    place = output.place(part)
    if place is None:
        losses.append(Loss("output", lost_part(part)))
    elif isinstance(place, Slot):
        place.item.open -= 1
        citations = part.citations if isinstance(part, Text) else ()
        lost = [citation for citation in citations if place.cite(citation) is None]
        losses += [Loss(annotations_path(place), NO_ADDRESS)] * bool(lost)
        return place
    return None


NO_ADDRESS: Final = "OpenAI's citations need a URL"


def annotations_path(slot: Slot) -> str:
    """Where the annotations of a text stand in the answer."""
    return f"output[{slot.item.index}].content[{slot.index}].annotations"


def _is_text(slot: Slot | None) -> bool:
    return slot is not None and isinstance(slot.head, Text)


def lost_part(part: Part) -> str:
    """Why a part that has no place is lost."""
    if isinstance(part, ServerToolCall):
        what = f"the provider-run tool {part.name}"
    elif isinstance(part, ServerToolResult | Opaque):
        what = f"{part.kind} of {part.origin}"
    else:
        what = f"{part.__struct_config__.tag} parts"
    return f"the Responses API has no place for {what}"


def logprobs_of(logprobs: Json) -> list[Json]:
    """The tokens of log probabilities in chat completions' shape; none when they are in another's."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else []


def frame(number: str, model: str, created_s: int | None, settings: JsonObject) -> JsonObject:
    """A Response object without what was answered."""
    return {"id": number, "object": "response", "created_at": created_s or 0, "model": model, **settings}


def ending(finish: Finish | None) -> JsonObject:
    """The fields that say how an answer ended."""
    details = incomplete_details(finish)
    return {
        "status": "completed" if details is None else "incomplete",
        "error": None,
        "incomplete_details": details,
    }


def items_of(items: Iterable[Item], finish: Finish | None) -> list[Json]:
    """The items. Where the answer is incomplete it is the last that was broken off."""
    all_items = list(items)
    last = "completed" if incomplete_details(finish) is None else "incomplete"
    return [item.body(last if item is all_items[-1] else "completed") for item in all_items]


def beside(extras: Extras) -> JsonObject:
    """What a provider of this dialect said beside the answer, but for settings and usage."""
    return {field: value for field, value in own(extras).items() if field not in ("settings", "usage")}
