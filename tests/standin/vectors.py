"""What providers say to requests for vectors. A text's vector can be computed by a test: `vector`."""

import base64
import math
import struct
from typing import Any

from tests.dialects.gemini.official import Proto
from tests.standin import reply as say
from tests.standin.gemini import camelled
from tests.standin.reply import RejectedError

Body = dict[str, Any]  # the JSON boundary
OPENAI_FIELDS = {"model", "input", "encoding_format", "dimensions", "user"}
MISTRAL_FIELDS = {"model", "input", "encoding_format", "output_dimension", "output_dtype", "metadata"}
MISTRAL_DIMENSIONS = 1024
OLLAMA_FIELDS = {"model", "input", "truncate", "dimensions", "keep_alive", "options"}
OLLAMA_DIMENSIONS = 768
COHERE_FIELDS = {
    *("model", "texts", "images", "inputs", "input_type", "embedding_types", "output_dimension", "truncate"),
    *("max_tokens", "priority"),
}
COHERE_PURPOSES = ("search_document", "search_query", "classification", "clustering", "image")
COHERE_DIMENSIONS = (256, 512, 1024, 1536)
TITAN_FIELDS = {"inputText", "dimensions", "normalize", "embeddingTypes"}
TITAN_DIMENSIONS = (256, 512, 1024)
TEXTS_MAX = 96
GEMINI_TEXTS_MAX = 100


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of `text`, of length 1."""
    seed = sum(text.encode()) + 1
    values = [float((seed * (index + 1)) % 101 - 50) for index in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [struct.unpack("<f", struct.pack("<f", value / length))[0] for value in values]


def openai(body: Body) -> tuple[Body, int]:
    """`/v1/embeddings`."""
    _known(body, OPENAI_FIELDS)
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise RejectedError("'$.input' is invalid.")
    form = body.get("encoding_format", "float")
    if form not in ("float", "base64"):
        raise RejectedError("'encoding_format' is invalid.")
    vectors = [vector(text, body.get("dimensions") or 1536) for text in texts]
    said = [_packed(each) if form == "base64" else each for each in vectors]
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(said)]
    tokens = sum(map(say.words, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}, tokens


def mistral(body: Body) -> tuple[Body, int]:
    """Mistral's `/v1/embeddings`: as OpenAI's, but it has its own word for how long they shall be."""
    _known(body, MISTRAL_FIELDS)
    asked = {name: value for name, value in body.items() if name in OPENAI_FIELDS}
    if body.get("output_dtype", "float") != "float":
        raise RejectedError("output_dtype: only floats are served here")
    return openai({**asked, "dimensions": body.get("output_dimension") or MISTRAL_DIMENSIONS})


def ollama_as_openai(body: Body) -> tuple[Body, int]:
    """Ollama's `/v1/embeddings`."""
    return openai({"dimensions": OLLAMA_DIMENSIONS, **body})


def ollama(body: Body) -> tuple[Body, int]:
    """`/api/embed`."""
    _known(body, OLLAMA_FIELDS)
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not texts or not all(isinstance(text, str) for text in texts):
        raise RejectedError("invalid input type")
    tokens = sum(map(say.words, texts))
    found = [vector(text, body.get("dimensions") or OLLAMA_DIMENSIONS) for text in texts]
    times = {"total_duration": 1, "load_duration": 1}
    return {"model": body["model"], "embeddings": found, **times, "prompt_eval_count": tokens}, tokens


def cohere(body: Body) -> tuple[Body, int]:
    """`/v2/embed`."""
    _known(body, COHERE_FIELDS)
    texts = body.get("texts") or [
        "".join(part["text"] for part in item["content"] if part["type"] == "text") for item in body.get("inputs") or ()
    ]
    if not texts or len(texts) > TEXTS_MAX:
        raise RejectedError(f"invalid request: between 1 and {TEXTS_MAX} texts")
    if body.get("input_type") not in COHERE_PURPOSES:
        raise RejectedError("invalid request: valid input_type must be provided with the provided model")
    if body.get("output_dimension") not in (None, *COHERE_DIMENSIONS):
        raise RejectedError("invalid request: output_dimension")
    kinds = body.get("embedding_types") or ["float"]
    if not set(kinds) <= {"float", "base64"}:
        raise RejectedError(f"invalid request: only floats and base64 are served here, not {kinds}")
    vectors = [vector(text, body.get("output_dimension") or COHERE_DIMENSIONS[-1]) for text in texts]
    tokens = sum(map(say.words, texts))
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}}
    forms = {"float": vectors, "base64": [_packed(each) for each in vectors]}
    found = {"id": "standin", "texts": texts, "embeddings": {kind: forms[kind] for kind in kinds}}
    return {**found, "meta": meta, "response_type": "embeddings_by_type"}, tokens


def titan(body: Body) -> tuple[Body, int]:
    """Bedrock's `invoke` of `amazon.titan-embed-text-v2:0`."""
    asked = {name: value for name, value in body.items() if name != "model"}
    _known(asked, TITAN_FIELDS)
    if not body.get("inputText") or body.get("dimensions", 1024) not in TITAN_DIMENSIONS:
        raise RejectedError("Malformed input request: inputText or dimensions.")
    found = vector(body["inputText"], body.get("dimensions", 1024))
    tokens = say.words(body["inputText"])
    return {"embedding": found, "embeddingsByType": {"float": found}, "inputTextTokenCount": tokens}, tokens


class Gemini:
    """Gemini's requests for vectors, held to its proto files."""

    def __init__(self, proto: Proto) -> None:
        self._proto = proto

    def many(self, body: Body) -> tuple[Body, int]:
        """`batchEmbedContents`."""
        asked = camelled({name: value for name, value in body.items() if name != "model"})
        complaint = self._proto.complaint(asked, "BatchEmbedContentsRequest")
        requests = asked.get("requests") or []
        if complaint or not 1 <= len(requests) <= GEMINI_TEXTS_MAX:
            raise RejectedError(f"Invalid JSON payload received. {complaint or 'requests'}")
        if any(request.get("model") != f"models/{body['model']}" for request in requests):
            raise RejectedError("* BatchEmbedContentsRequest.requests[0].model: must match the model of the path")
        found = [self._one(request) for request in requests]
        tokens = sum(count for _, count in found)
        return {"embeddings": [said for said, _ in found], "usageMetadata": {"promptTokenCount": tokens}}, tokens

    def single(self, body: Body) -> tuple[Body, int]:
        """`embedContent`."""
        asked = camelled({name: value for name, value in body.items() if name != "model"})
        complaint = self._proto.complaint(asked, "EmbedContentRequest")
        if complaint:
            raise RejectedError(f"Invalid JSON payload received. {complaint}")
        said, tokens = self._one(asked)
        return {"embedding": said, "usageMetadata": {"promptTokenCount": tokens}}, tokens

    def _one(self, request: Body) -> tuple[Body, int]:
        parts = request.get("content", {}).get("parts") or []
        text = "".join(part.get("text", "") for part in parts)
        if not text:
            raise RejectedError("* EmbedContentRequest.content: contents is not specified")
        if request.get("title") and request.get("taskType") != "RETRIEVAL_DOCUMENT":
            raise RejectedError("`title` is only for the task type RETRIEVAL_DOCUMENT")
        return {"values": vector(text, request.get("outputDimensionality", 3072))}, say.words(text)


def _packed(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def _known(body: Body, fields: set[str]) -> None:
    if unknown := body.keys() - fields:
        raise RejectedError(f"unknown fields: {sorted(unknown)}")
