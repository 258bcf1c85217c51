"""The stand-in for Mistral's completions that fill in a middle; it answers as Mistral's chats do."""

from typing import Any

from tests.standin import reply as say
from tests.standin.mistral import TEMPERATURE_MAX, MistralWire
from tests.standin.reply import RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary
TYPES: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "prompt": str,
    "suffix": (str, type(None)),
    "stream": bool,
    "max_tokens": (int, type(None)),
    "min_tokens": (int, type(None)),
    "temperature": (int, float, type(None)),
    "top_p": (int, float, type(None)),
    "stop": (str, list, type(None)),
    "random_seed": (int, type(None)),
    "metadata": (dict, type(None)),
}


class FimWire(MistralWire):
    """How `/v1/fim/completions` reads. It says which two ends it was given."""

    path = "/v1/fim/completions"

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when api.mistral.ai would answer 422."""
        if unknown := body.keys() - TYPES.keys():
            raise RejectedError(f"Extra inputs are not permitted: {sorted(unknown)}")
        if wrong := [name for name, value in body.items() if not isinstance(value, TYPES[name])]:
            raise RejectedError(f"Input should be a valid value: {wrong}")
        if not body.get("model") or "prompt" not in body:
            raise RejectedError("Field required: model, prompt")
        if not 0 <= (body.get("temperature") or 0) <= TEMPERATURE_MAX:
            raise RejectedError("temperature")

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        stop = body.get("stop") or ()
        wanted = Wanted(
            text=f"{body['prompt']} ... {body.get('suffix') or ''}".strip(),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            tokens_max=body.get("max_tokens"),
        )
        said = say.chosen(wanted, script)
        tokens = say.words(body["prompt"]) + say.words(body.get("suffix") or "")
        return said.reply(number, body["model"], Used(tokens, output=said.tokens))
