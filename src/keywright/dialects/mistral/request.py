"""A client's body to a canonical request, and where the client finds what a loss speaks of.

Read as OpenAI's chat completions. What differs:
- `random_seed` is the seed;
- `prefix` on the last message says that the model goes on with it, which is what a last turn of the assistant means;
- `max_tokens` is the only limit.
What has no canonical place (`safe_prompt`, `prompt_mode`, `guardrails`, `prediction`, …) is kept as extras.
"""

from typing import Final

from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import Extras, JsonObject
from keywright.core.message import Document, Text, ToolCall, Turn
from keywright.core.request import Request
from keywright.dialects import openai_chat
from keywright.dialects.mistral.wire import NAME, ours, own
from keywright.dialects.openai_chat.request_in import read_request
from keywright.dialects.paths import joined, part_at, place_of
from keywright.dialects.refusal import refused
from keywright.dialects.seal import unsealed_turns

PREFIX: Final = "prefix"
SEED: Final = "random_seed"
_EMPTY: Final = Text("")
_FIELDS: Final = {"output_tokens_max": "max_tokens", "seed": SEED}


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    request = ours(read_request(body))
    last = len(request.turns) - 1
    turns = tuple(_settled(turn, last=at == last) for at, turn in enumerate(unsealed_turns(request.turns)))
    extras = dict(own(request.extras))
    seed = extras.pop(SEED, None)
    if seed is None:
        return replace(request, turns=turns)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise refused("invalid_request", f"{SEED} must be a whole number", SEED)
    sampling = replace(request.sampling, seed=seed)
    return replace(request, turns=turns, sampling=sampling, extras=_without(request.extras, extras))


def _settled(turn: Turn, *, last: bool) -> Turn:
    """`turn`, without a `prefix` that says nothing more (false, or on the last turn), and without the empty text that
    stands for no content beside an assistant's calls.
    """
    if turn.role == "assistant" and _EMPTY in turn.parts:
        turn = replace(turn, parts=tuple(part for part in turn.parts if part != _EMPTY))
    said = own(turn.extras)
    if PREFIX not in said or not (last or said[PREFIX] is False):
        return turn
    rest = {field: value for field, value in said.items() if field != PREFIX}
    return replace(turn, extras=_without(turn.extras, rest))


def _without(extras: Extras, rest: JsonObject) -> Extras:
    others = {name: said for name, said in extras.items() if name != NAME}
    return {**others, NAME: rest} if rest else others


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words: OpenAI's, but thoughts stand among the content."""
    place = place_of(path, request)
    if place is None or not place.parts:
        return _FIELDS.get(path) or openai_chat.locate(path, request)
    turn = request.turns[place.turn]
    part = part_at(turn, place.parts)
    if isinstance(part, Document) and place.field == "title":
        return f"{locate(path.removesuffix('.title'), request)}.document_name"
    if turn.role != "assistant" or isinstance(part, ToolCall):
        return openai_chat.locate(path, request)
    message = openai_chat.locate(f"turns[{place.turn}]", request)
    number = sum(not isinstance(other, ToolCall) for other in turn.parts[: place.parts[0]])
    return joined(f"{message}.content[{number}]", place.field)
