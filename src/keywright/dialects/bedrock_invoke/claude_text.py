"""Bodies of Claude's text completions, from before there were messages: `prompt` in, `completion` out."""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, text_in, word_in
from keywright.dialects.bedrock_invoke.prompted import shape_of
from keywright.dialects.bedrock_invoke.templates import CLAUDE, Template
from keywright.dialects.bedrock_invoke.wire import sets


def _template(model: str) -> Template:
    del model
    return CLAUDE


def _piece(node: JsonObject) -> Piece:
    return Piece(text_in(node, "completion"), word_in(node, "stop_reason"))


def _answer(piece: Piece, usage: Usage | None) -> JsonObject:
    del usage
    return {"type": "completion", "completion": piece.text, "stop_reason": piece.reason, "stop": None}


SHAPE: Final = shape_of(
    Prompted(
        name="claude_text",
        asks=sets("prompt", "prompt max_tokens_to_sample"),
        answers=sets("completion"),
        chunks=sets("completion", "completion type"),
        prompt="prompt",
        knobs="",
        fields={
            "output_tokens_max": "max_tokens_to_sample",
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop_sequences",
        },
        template=_template,
        piece=_piece,
        answer=_answer,
        chunk=_answer,
        reasons={"stop_sequence": "stop", "max_tokens": "length"},
    )
)
