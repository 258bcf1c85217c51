"""A whole answer, both ways.

Unknown fields of the answer and of a choice are kept as extras. To clients, only text can be told: thinking is a knob
loss, everything else loses its meaning.
"""

from typing import Final

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.errors import ProviderError
from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import Part, RedactedThinking, Refusal, Text, Thinking
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects.fields import Fields, WrongFieldError, present
from keywright.dialects.foreign import answer_losses
from keywright.dialects.openai_chat.error import failure_of
from keywright.dialects.openai_chat.finish import UNSAID, decode_finish, encode_finish
from keywright.dialects.openai_chat.response import read_usage
from keywright.dialects.openai_chat.usage import encode_usage
from keywright.dialects.openai_completions.logprobs import decode_logprobs, encode_logprobs
from keywright.dialects.openai_completions.prompt import NAME
from keywright.dialects.whole import answered

NO_FIELD: Final = "the completions API has no such field"
ANSWER_FIELDS: Final = frozenset(("id", "object", "created", "model", "choices", "usage"))


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is no completion; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return answered(body, "completion", lambda value: _response(Fields(value)))


def _response(body: Fields) -> Response:
    if "choices" not in body.left and body.left.get("error") is not None:
        raise ProviderError(failure_of(body.left["error"]))
    number = body.text("id") or ""
    body.json("object")
    choices = body.array("choices")
    if not choices:
        raise WrongFieldError("choices", "an array of at least one choice")
    usage, extra_usage = read_usage(body.json("usage"))
    created = body.number("created")
    model = body.text("model") or ""
    decoded = tuple(_choice(Fields(item, f"choices[{index}]"), index) for index, item in enumerate(choices))
    if extra_usage:
        body.keep("usage", extra_usage)
    return Response(number, model, decoded, usage, int(created) if created else None, kept(body.left))


def _choice(choice: Fields, position: int) -> Choice:
    index = choice.integer("index")
    text = choice.text("text")
    if text is None and (message := choice.object("message")) is not None:  # a prompt that its server filled in
        text = message.text("content")
        message.json("role")
        if rest := present(message.left):
            choice.keep("message", rest)
    word = choice.text("finish_reason")
    logprobs = decode_logprobs(choice.json("logprobs"))
    return Choice(
        parts=(Text(text),) if text else (),
        finish=decode_finish(word) if word else None,
        index=position if index is None else index,
        logprobs=logprobs,
        extras=kept(choice.left),
    )


def kept(fields: JsonObject) -> Extras:
    """The extras for fields that are not modelled; nulls say nothing."""
    extra = present(fields)
    return {NAME: extra} if extra else NO_EXTRAS


def encode_response(response: Response, request: Request) -> Encoded:
    """The completion for a client. `created` is 0 where no provider said a time."""
    del request
    losses: list[Loss] = []
    extra = response.extras.get(NAME) or {}
    body: JsonObject = {
        "id": response.id,
        "object": "text_completion",
        "created": response.created_s or 0,
        "model": response.model,
        "choices": [_encoded_choice(choice, losses) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = encode_usage(response.usage, extra.get("usage"))
    losses += answer_losses(response.extras, NAME, "", NO_FIELD)
    body |= {field: value for field, value in extra.items() if field not in ANSWER_FIELDS}
    return Encoded(msgspec.json.encode(body), tuple(losses))


def _encoded_choice(choice: Choice, losses: list[Loss]) -> JsonObject:
    path = f"choices[{choice.index}]"
    text = "".join(said(part, path, losses) for part in choice.parts)
    lose_finish(choice.finish, path, losses)
    losses += answer_losses(choice.extras, NAME, path, NO_FIELD)
    logprobs, _ = encode_logprobs(choice.logprobs)
    return {
        **(choice.extras.get(NAME) or {}),
        "text": text,
        "index": choice.index,
        "logprobs": logprobs,
        "finish_reason": finish_word(choice.finish),
    }


def said(part: Part, path: str, losses: list[Loss]) -> str:
    """The text of `part`; nothing, with a loss, for all that is none."""
    match part:
        case Text():
            if part.citations:
                losses.append(Loss(f"{path}.text", "the completions API has no citations"))
            return part.text
        case Refusal():
            losses.append(Loss(f"{path}.text", "the completions API has no refusals: given as text"))
            return part.text
        case Thinking() | RedactedThinking():
            losses.append(Loss(f"{path}.text", "the completions API shows no thinking"))
        case _:
            losses.append(Loss(f"{path}.text", "a completion is text only", "meaning"))
    return ""


def finish_word(finish: Finish | None) -> str:
    """Why a choice ended, in this wire's words."""
    word = encode_finish(finish, legacy=False)
    return "stop" if word == "tool_calls" else word


def lose_finish(finish: Finish | None, path: str, losses: list[Loss]) -> None:
    """Report a reason whose image says something else, and what another provider said beside it."""
    if finish is None:
        return
    if finish.reason in UNSAID or finish.reason == "tool_calls":
        losses.append(
            Loss(f"{path}.finish_reason", f"the completions API has no word for {finish.raw or finish.reason}")
        )
    losses += answer_losses(finish.extras, NAME, path, NO_FIELD)


def text_or_none(value: Json) -> str | None:
    """`value`, if it is a text."""
    return value if isinstance(value, str) else None
