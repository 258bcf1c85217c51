"""Where a client of the Responses API finds what a loss speaks of.

Which item a part stood in is what the encoder of this dialect itself would make of the turns: for a request that came
in this dialect, those are the client's items. An input that was a string counts as its only item, a user's content
that was one as its only part.
"""

from typing import Final

from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.message import Text, ToolResult
from keywright.core.request import Request
from keywright.dialects.openai_responses.fields import NAME, item_of
from keywright.dialects.openai_responses.input_out import InputWriter
from keywright.dialects.openai_responses.request_in import LOGPROBS
from keywright.dialects.openai_responses.target import Target
from keywright.dialects.paths import Place, joined, place_of, tool_of
from keywright.dialects.seal import sealed

_FIELDS: Final = {
    "format": "text.format",
    "format.description": "text.format.description",
    "format.name": "text.format.name",
    "format.schema": "text.format.schema",
    "format.strict": "text.format.strict",
    "logprobs": f"include[{LOGPROBS}]",
    "output_tokens_max": "max_output_tokens",
    "reasoning.display": "reasoning.summary",
    "tool_choice.parallel": "parallel_tool_calls",
    "turns": "input",
}
_PART_FIELDS: Final = {"parts": "content", "title": "filename"}
_OF_ITEM: Final = frozenset(("phase",))
"""Fields of a message that its first text carries."""

_ALL: Final = Abilities(audio=True)


def locate(path: str, request: Request) -> str:
    """The canonical `path` in the client's words."""
    if (place := place_of(path, request)) is not None:
        return _in_input(place, request)
    if (tool := tool_of(path, request)) is not None:
        return joined(f"tools[{tool[0]}]", tool[1])
    if path.startswith("tool_choice.") and path not in _FIELDS:
        return "tool_choice"
    return _FIELDS.get(path, path)


def _in_input(place: Place, request: Request) -> str:
    written = InputWriter(Target(_ALL))
    written.write([replace(turn, parts=sealed(turn.parts, NAME)) for turn in request.turns])
    field = _PART_FIELDS.get(place.field, place.field)
    part = place.parts[0] if place.parts else 0
    found = next((each for each in written.places if each[:2] == (place.turn, part)), None)
    if found is None:
        return joined("instructions", field)
    _, _, item, content = found
    at = f"input[{item}]"
    if not place.parts:
        return joined(at, field)
    whole = request.turns[place.turn].parts[part]
    if isinstance(whole, ToolResult):
        inner = f".output[{place.parts[1]}]" if len(place.parts) > 1 else ""
        return joined(f"{at}{inner}", "output" if field == "content" else field)
    made = request.turns[place.turn].role == "assistant"
    if content < 0 or field in _OF_ITEM or (made and isinstance(whole, Text) and item_of(whole.extras) is None):
        return joined(at, field)
    return joined(f"{at}.content[{content}]", field)
