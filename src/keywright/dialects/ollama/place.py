"""What Ollama calls the fields of a request, for the `locate` of both dialects."""

from typing import Final

from keywright.core.request import Request
from keywright.dialects.ollama.family import LOAD, RAW
from keywright.dialects.paths import joined, tool_of

_NAMES: Final = {
    "output_tokens_max": "options.num_predict",
    "stop": "options.stop",
    "temperature": "options.temperature",
    "top_p": "options.top_p",
    "top_k": "options.top_k",
    "frequency_penalty": "options.frequency_penalty",
    "presence_penalty": "options.presence_penalty",
    "seed": "options.seed",
    RAW: "raw",
}
_FUNCTION: Final = frozenset({"description", "name", "parameters", "strict"})


def located(path: str, request: Request, prompt: str) -> str:
    """What Ollama calls the field `path`, which is none of the turns. `prompt`: where a request's prompt stands, whose
    lack asks to load the model.
    """
    if path in (LOAD, "turns"):
        return prompt
    if (tool := tool_of(path, request)) is not None:
        index, field = tool
        return joined(f"tools[{index}]", f"function.{field}" if field in _FUNCTION else field)
    return "think" if path.partition(".")[0] == "reasoning" else _NAMES.get(path, path)
