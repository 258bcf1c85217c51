"""Llama's bodies: `prompt` in, `generation` out, by the template of the model's generation."""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, text_in, word_in
from keywright.dialects.bedrock_invoke.prompted import shape_of
from keywright.dialects.bedrock_invoke.templates import LLAMA_2, LLAMA_3, LLAMA_4, Template
from keywright.dialects.bedrock_invoke.wire import sets

_BY_GENERATION: Final = {"llama2": LLAMA_2, "llama4": LLAMA_4}


def _template(model: str) -> Template:
    return next((template for mark, template in _BY_GENERATION.items() if mark in model), LLAMA_3)


def _piece(node: JsonObject) -> Piece:
    return Piece(
        text_in(node, "generation"),
        word_in(node, "stop_reason"),
        node.get("prompt_token_count"),
        node.get("generation_token_count"),
    )


def _answer(piece: Piece, usage: Usage | None) -> JsonObject:
    return {
        "generation": piece.text,
        "prompt_token_count": None if usage is None else usage.input_total,
        "generation_token_count": None if usage is None else usage.output_total,
        "stop_reason": piece.reason,
    }


SHAPE: Final = shape_of(
    Prompted(
        name="llama",
        asks=sets("prompt", "prompt max_gen_len"),
        answers=sets("generation"),
        chunks=sets("generation"),
        prompt="prompt",
        knobs="",
        fields={"output_tokens_max": "max_gen_len", "temperature": "temperature", "top_p": "top_p"},
        template=_template,
        piece=_piece,
        answer=_answer,
        chunk=_answer,
        reasons={"stop": "stop", "length": "length"},
    )
)
