"""Bodies of Cohere's first Command models: `prompt` in, `generations` out."""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, first_in, text_in, word_in
from keywright.dialects.bedrock_invoke.prompted import shape_of
from keywright.dialects.bedrock_invoke.templates import COMMAND, Template
from keywright.dialects.bedrock_invoke.wire import sets


def _template(model: str) -> Template:
    del model
    return COMMAND


def _piece(node: JsonObject) -> Piece:
    said = first_in(node, "generations") if "generations" in node else node
    return Piece(text_in(said, "text"), word_in(said, "finish_reason"))


def _answer(piece: Piece, usage: Usage | None) -> JsonObject:
    del usage
    return {"id": "", "generations": [{"id": "", "text": piece.text, "finish_reason": piece.reason}], "prompt": ""}


def _chunk(piece: Piece, usage: Usage | None) -> JsonObject:
    del usage
    if piece.reason is None:
        return {"text": piece.text, "is_finished": False}
    return {"text": piece.text, "is_finished": True, "finish_reason": piece.reason}


SHAPE: Final = shape_of(
    Prompted(
        name="command",
        asks=sets(
            "prompt",
            *(
                f"prompt max_tokens {field}"
                for field in ("p", "k", "stop_sequences", "return_likelihoods", "num_generations")
            ),
        ),
        answers=sets("generations"),
        chunks=sets("text is_finished", "generations"),
        prompt="prompt",
        knobs="",
        fields={
            "output_tokens_max": "max_tokens",
            "temperature": "temperature",
            "top_p": "p",
            "top_k": "k",
            "stop": "stop_sequences",
        },
        template=_template,
        piece=_piece,
        answer=_answer,
        chunk=_chunk,
        reasons={
            "COMPLETE": "stop",
            "MAX_TOKENS": "length",
            "STOP_SEQUENCE": "stop_sequence",
            "ERROR": "error",
            "ERROR_TOXIC": "content_filter",
            "ERROR_LIMIT": "context_window",
        },
    )
)
