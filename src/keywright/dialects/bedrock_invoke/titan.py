"""Titan's text bodies: `inputText` in, `results` out; a stream's chunks hold one result each, spread out."""

from typing import Final

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.bedrock_invoke.pieces import Piece, Prompted, first_in, text_in, word_in
from keywright.dialects.bedrock_invoke.prompted import shape_of
from keywright.dialects.bedrock_invoke.templates import TITAN, Template
from keywright.dialects.bedrock_invoke.wire import sets


def _template(model: str) -> Template:
    del model
    return TITAN


def _piece(node: JsonObject) -> Piece:
    if "results" in node:
        result = first_in(node, "results")
        tokens = result.get("tokenCount")
    else:
        result, tokens = node, node.get("totalOutputTextTokenCount")
    return Piece(
        text_in(result, "outputText"), word_in(result, "completionReason"), node.get("inputTextTokenCount"), tokens
    )


def _answer(piece: Piece, usage: Usage | None) -> JsonObject:
    result: JsonObject = {
        "tokenCount": 0 if usage is None else usage.output_total,
        "outputText": piece.text,
        "completionReason": piece.reason,
    }
    return {"inputTextTokenCount": 0 if usage is None else usage.input_total, "results": [result]}


def _chunk(piece: Piece, usage: Usage | None) -> JsonObject:
    return {
        "outputText": piece.text,
        "index": 0,
        "totalOutputTextTokenCount": None if usage is None else usage.output_total,
        "completionReason": piece.reason,
        "inputTextTokenCount": None if usage is None else usage.input_total,
    }


SHAPE: Final = shape_of(
    Prompted(
        name="titan",
        asks=sets("inputText", "inputText textGenerationConfig"),
        answers=sets("results"),
        chunks=sets("outputText", "completionReason"),
        prompt="inputText",
        knobs="textGenerationConfig",
        fields={
            "output_tokens_max": "maxTokenCount",
            "temperature": "temperature",
            "top_p": "topP",
            "stop": "stopSequences",
        },
        template=_template,
        piece=_piece,
        answer=_answer,
        chunk=_chunk,
        reasons={
            "FINISH": "stop",
            "FINISHED": "stop",
            "LENGTH": "length",
            "STOP_CRITERIA_MET": "stop_sequence",
            "CONTENT_FILTERED": "content_filter",
            "RAG_QUERY_WHEN_RAG_DISABLED": "other",
        },
    )
)
