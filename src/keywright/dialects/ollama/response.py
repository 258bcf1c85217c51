"""A whole answer for a client."""

import msgspec

from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.response import Choice, Response
from keywright.dialects.foreign import answer_losses
from keywright.dialects.ollama.family import CHAT, foreign
from keywright.dialects.ollama.finish import encode_finish
from keywright.dialects.ollama.logprobs import encode_logprobs
from keywright.dialects.ollama.moment import moment_of
from keywright.dialects.ollama.pieces import Teller, joined, late_fields
from keywright.dialects.ollama.shape import Shape
from keywright.dialects.ollama.usage import counts_of

ONE_ANSWER = "Ollama gives one answer: the first"


def encode_response(response: Response, shape: Shape) -> Encoded:
    """The answer that says `response`. Durations stand in it only where Ollama measured them."""
    losses: list[Loss] = []
    teller = Teller(shape, losses)
    choice = response.choices[0] if response.choices else Choice(())
    if len(response.choices) > 1:
        losses.append(Loss("choices", ONE_ANSWER, "meaning"))
    late, message = late_fields(choice.extras)
    piece = joined([teller.piece(part) for part in choice.parts], message)
    teller.finish(choice.finish)
    losses += answer_losses(foreign(choice.extras), CHAT, shape.place, "Ollama has no such field")
    losses += answer_losses(foreign(response.extras), CHAT, "", "Ollama has no such field")
    body: JsonObject = {
        **late,
        "model": response.model,
        "created_at": moment_of(response.created_s),
        **shape.write(piece),
        "done": True,
        "done_reason": encode_finish(choice.finish),
        **counts_of(response.usage),
    }
    if logprobs := encode_logprobs(choice.logprobs):
        body["logprobs"] = logprobs
    return Encoded(msgspec.json.encode(body), tuple(losses))
