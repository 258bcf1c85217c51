"""A canonical request to this wire's body, as OpenAI's published schema wants it.

A conversation becomes a plain transcript (see `dialects.transcript`). Tools, and a form of the answer, cannot be asked
for and mean something. Log probabilities are asked for by how many of the likeliest tokens are wanted: at least one
when the client did not say. Extras of this dialect are put over everything else: they are the client's own words.
"""

from typing import Final

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.dialects.openai_chat.target import Target
from keywright.dialects.openai_completions.prompt import NAME, own_prompt
from keywright.dialects.transcript import transcript

STOPS_MAX: Final = 4
LOGPROBS_MAX: Final = 5
_KNOBS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities, NAME, "the completions API")
    body: JsonObject = {"model": model}
    stop = request.stop + _prompt(request, body, target)
    if request.output_tokens_max is not None:
        body["max_tokens"] = request.output_tokens_max
    if stop and not abilities.stop:
        target.knob("stop", "the model takes no stop sequences")
    elif stop:
        if len(stop) > STOPS_MAX:
            target.knob("stop", f"the completions API takes at most {STOPS_MAX} stop sequences")
        body["stop"] = list(stop[:STOPS_MAX])
    extra = target.extras(request.extras)
    _sampling(request, body, extra, target)
    _unsaid(request, extra, target)
    if request.choices is not None:
        body["n"] = request.choices
    if request.user is not None:
        body["user"] = request.user
    if request.stream:
        options = extra.get("stream_options")
        body["stream"] = True
        asked: JsonObject = {"include_usage": True} if abilities.stream_usage else {}
        if isinstance(options, dict):
            asked = {**options, **asked}
        if asked:
            body["stream_options"] = asked
    body.update((field, value) for field, value in extra.items() if field != "stream_options")
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _prompt(request: Request, body: JsonObject, target: Target) -> tuple[str, ...]:
    """Put the prompt into `body`; where its answer must stop, beside the client's own places."""
    own = own_prompt(request.turns)
    if own is not None:
        body["prompt"] = own
        return ()
    for index, turn in enumerate(request.turns):
        target.extras(turn.extras, f"turns[{index}]")
    written = transcript(request.turns)
    body["prompt"] = written.text
    _take(written.losses, target)
    return written.stop


def _take(losses: tuple[Loss, ...], target: Target) -> None:
    for loss in losses:
        (target.meaning if loss.weight == "meaning" else target.knob)(loss.path, loss.why)


def _sampling(request: Request, body: JsonObject, extra: JsonObject, target: Target) -> None:
    sampling = request.sampling
    said: JsonObject = {knob: value for knob in _KNOBS if (value := getattr(sampling, knob)) is not None}
    if sampling.logit_bias is not None:
        said["logit_bias"] = {
            token: int(bias) if bias == int(bias) else bias for token, bias in sampling.logit_bias.items()
        }
    if sampling.logprobs:
        wanted = 1 if sampling.top_logprobs is None else sampling.top_logprobs
        if wanted > LOGPROBS_MAX:
            target.knob("top_logprobs", f"the completions API gives at most {LOGPROBS_MAX}")
        said["logprobs"] = min(wanted, LOGPROBS_MAX)
    if target.abilities.sampling:
        body.update(said)
    else:
        for knob in said:
            target.knob(knob, "the model has no such setting")
    if sampling.top_k is not None and "top_k" not in extra:
        target.knob("top_k", "the completions API has no top_k")


def _unsaid(request: Request, extra: JsonObject, target: Target) -> None:
    """Report what there is no field for."""
    if request.tools and (request.tool_choice is None or request.tool_choice.mode != "none"):
        target.meaning("tools", "the completions API has no tools")
    if request.format is not None and "response_format" not in extra:
        target.meaning("format", "the completions API has no form of answers")
    if request.reasoning is not None:
        target.knob("reasoning", "the completions API has no reasoning")
    for field in ("service_tier", "metadata"):
        if getattr(request, field):
            target.knob(field, f"the completions API has no {field}")
    if request.cache is not None:
        target.knob("cache", "the completions API has no marks to cache")
