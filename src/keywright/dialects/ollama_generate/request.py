"""A whole request, both ways.

Canonically it is a system turn, if there is one, and a turn of the user's: pictures, then the prompt. Fields that say
nothing (an empty template or context, `raw: false`), which older clients always send, are left out.

Towards an upstream there is one prompt and one system text, so only such a request can be said: a conversation and
tools are lost with their meaning. Several texts of one of them are joined by empty lines, as Ollama joins messages.
"""

from collections.abc import Sequence

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid
from keywright.core.json import Json, JsonObject
from keywright.core.message import Base64Source, Image, Part, Text, Turn
from keywright.core.request import Request
from keywright.dialects.fields import Fields
from keywright.dialects.ollama.family import GENERATE, GENERATE_ONLY, RAW
from keywright.dialects.ollama.images import decode_images
from keywright.dialects.ollama.request_in import request_of
from keywright.dialects.ollama.request_out import settings_of
from keywright.dialects.ollama.target import Target
from keywright.dialects.ollama.verbatim import GENERATE_RELIED
from keywright.dialects.whole import asked

JOINT = "\n\n"


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says. Without a prompt it asks to load the model: it has no turns then.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, GENERATE_RELIED, _request)


def _request(body: Fields) -> Request:
    turns = _turns(body)
    if body.flag("raw"):
        body.keep(RAW, value=True)
    for field in GENERATE_ONLY:
        if not body.left.get(field):
            body.json(field)
    return request_of(body, turns, GENERATE)


def _turns(body: Fields) -> tuple[Turn, ...]:
    prompt, system = body.text("prompt"), body.text("system")
    images = decode_images(body.array("images"), "images")
    if not prompt:
        return ()
    asked = Turn("user", (*images, Text(prompt)))
    return (Turn("system", (Text(system),)), asked) if system else (asked,)


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities)
    body: JsonObject = {"model": model, **_prompt(request.turns, target)}
    if request.tools:
        target.meaning("tools", "Ollama's /api/generate takes no tools")
    body |= settings_of(request, target)
    if RAW in body:
        body["raw"] = body.pop(RAW)
    return Encoded(msgspec.json.encode(body), tuple(target.losses.values()))


def _prompt(turns: Sequence[Turn], target: Target) -> JsonObject:
    systems: list[str] = []
    prompts: list[str] = []
    images: list[Json] = []
    asked = [index for index, turn in enumerate(turns) if turn.role == "user"]
    for index, turn in enumerate(turns):
        path = f"turns[{index}]"
        target.extras(turn.extras, path)
        if turn.name is not None:
            target.knob(f"{path}.name", "Ollama has no names of speakers")
        if turn.role in ("system", "developer") and (not asked or index < asked[0]):
            _put(turn.parts, systems, None, path, target)
        elif turn.role == "user" and index == asked[0]:
            _put(turn.parts, prompts, images, path, target)
        else:
            target.meaning(path, "Ollama's /api/generate takes one prompt, not a conversation")
    said: JsonObject = {"prompt": JOINT.join(prompts)}
    if systems:
        said["system"] = JOINT.join(systems)
    if images:
        said["images"] = images
    return said


def _put(parts: Sequence[Part], texts: list[str], images: list[Json] | None, path: str, target: Target) -> None:
    """Put `parts` where they belong; None: no pictures may stand there."""
    for index, part in enumerate(parts):
        at = f"{path}.parts[{index}]"
        if isinstance(part, Text):
            texts.append(part.text)
        elif images is not None and isinstance(part, Image) and isinstance(part.source, Base64Source):
            if not target.abilities.images:
                target.meaning(at, "the model cannot see images")
            elif texts:
                target.knob(at, "pictures are put before the text")
            images.append(part.source.data)
        else:
            target.meaning(at, "Ollama's /api/generate takes text, and images as data, only")
            continue
        target.uncached(part.cache, at)
        target.extras(part.extras, at)
