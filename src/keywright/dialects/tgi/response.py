"""A whole answer, both ways. `/` gives it in an array, `/generate` alone; both are read, the latter is written.

What `details` say beyond the end is kept as an extra of the choice. To a client, details are told when it asks for
them: without the tokens, whose ids nobody else knows.
"""

from typing import Final

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, RedactedThinking, Refusal, Text, Thinking
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects.fields import Fields, present
from keywright.dialects.foreign import answer_losses
from keywright.dialects.tgi.details import (
    NAME,
    PARAMETER,
    SAID,
    encode_finish,
    finish_of,
    logprobs_of,
    whole_usage,
    without_ending,
)
from keywright.dialects.tgi.error import failure_of
from keywright.dialects.whole import answered

NO_FIELD: Final = "TGI has no such field"
ONE_ANSWER: Final = "TGI gives one answer: the first"


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no generated text; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "generated text", _response)


def _response(value: Json) -> Response:
    answer = Fields(value[0] if isinstance(value, list) and value else value)
    if answer.left.get("error"):
        raise ProviderError(failure_of(answer.left))
    text = answer.needed_text("generated_text")
    details = (answer.object("details") or Fields({})).left
    said: JsonObject = {field: value for field, value in present(details).items() if field != "finish_reason"}
    extra = present(answer.left) | ({"details": said} if said else {})
    finish = finish_of(details)
    text = without_ending(text, finish)
    choice = Choice(
        parts=(Text(text),) if text else (),
        finish=finish,
        logprobs=logprobs_of(details.get("tokens"), details.get("top_tokens")),
        extras={NAME: extra} if extra else NO_EXTRAS,
    )
    return Response("", "", (choice,), whole_usage(details))


def encode_response(response: Response, request: Request) -> Encoded:
    """The answer for a client."""
    losses: list[Loss] = []
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", ONE_ANSWER, "meaning"))
    extra = choice.extras.get(NAME) or {}
    body: JsonObject = {**extra, "generated_text": "".join(said(part, losses) for part in choice.parts)}
    lose_finish(choice.finish, losses)
    losses += answer_losses(choice.extras, NAME, "generated_text", NO_FIELD)
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body.pop("details", None)
    if wants_details(request):
        told = extra.get("details")
        body["details"] = {
            "generated_tokens": generated_tokens(response.usage),
            "prefill": [],
            "tokens": [],
            **(told if isinstance(told, dict) else {}),
            "finish_reason": encode_finish(choice.finish),
        }
    return Encoded(msgspec.json.encode(body), tuple(losses))


def wants_details(request: Request) -> bool:
    """Whether the client asked for details."""
    return bool((request.extras.get(NAME) or {}).get(f"{PARAMETER}details"))


def generated_tokens(usage: Usage | None) -> int:
    """How many tokens were generated, as far as anybody said."""
    return 0 if usage is None else usage.output_total


def said(part: Part, losses: list[Loss]) -> str:
    """The text of `part`; nothing, with a loss, for all that is none."""
    match part:
        case Text():
            if part.citations:
                _lose(Loss("generated_text", "TGI has no citations"), losses)
            return part.text
        case Refusal():
            _lose(Loss("generated_text", "TGI has no refusals: given as text"), losses)
            return part.text
        case Thinking() | RedactedThinking():
            _lose(Loss("generated_text", "TGI shows no thinking"), losses)
        case _:
            _lose(Loss("generated_text", "a generated text is text only", "meaning"), losses)
    return ""


def lose_finish(finish: Finish | None, losses: list[Loss]) -> None:
    """Report a reason whose image says something else."""
    if finish is not None and finish.reason not in SAID:
        losses.append(Loss("details.finish_reason", f"TGI has no word for {finish.raw or finish.reason}"))


def _lose(loss: Loss, losses: list[Loss]) -> None:
    if loss not in losses:
        losses.append(loss)
