"""Bodies of Mistral's first models: `prompt` in, `outputs` out. Its larger ones take chats (see `chat`)."""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, first_in, text_in, word_in
from keywright.dialects.bedrock_invoke.prompted import shape_of
from keywright.dialects.bedrock_invoke.templates import MISTRAL, Template
from keywright.dialects.bedrock_invoke.wire import sets


def _template(model: str) -> Template:
    del model
    return MISTRAL


def _piece(node: JsonObject) -> Piece:
    output = first_in(node, "outputs")
    return Piece(text_in(output, "text"), word_in(output, "stop_reason"))


def _answer(piece: Piece, usage: Usage | None) -> JsonObject:
    del usage
    return {"outputs": [{"text": piece.text, "stop_reason": piece.reason}]}


SHAPE: Final = shape_of(
    Prompted(
        name="mistral",
        asks=sets("prompt", "prompt stop", "prompt max_tokens"),
        answers=sets("outputs"),
        chunks=sets("outputs"),
        prompt="prompt",
        knobs="",
        fields={
            "output_tokens_max": "max_tokens",
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop",
        },
        template=_template,
        piece=_piece,
        answer=_answer,
        chunk=_answer,
        reasons={"stop": "stop", "length": "length", "tool_calls": "tool_calls"},
    )
)
