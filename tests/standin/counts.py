"""What providers say when tokens are to be counted, and Cohere when documents are to be ranked."""

import base64
import json
from typing import Any

from tests.standin import bedrock, gemini, messages, responses
from tests.standin import reply as say
from tests.standin.cloud import Wire
from tests.standin.reply import RejectedError

Body = dict[str, Any]  # the JSON boundary
RANKED_FIELDS = {"model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"}
DOCUMENTS_MAX = 1000
MESSAGES_ONLY = {"max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier"}
ROOM_TOKENS = 64_000
COUNTED_FIELDS = {
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"),
    *("truncation", "conversation", "previous_response_id", "personality"),
}


class AnthropicCount:
    """`count_tokens`: of a request without the limits of an answer."""

    def __init__(self, chat: Wire) -> None:
        self._chat = chat

    def __call__(self, body: Body) -> tuple[Body, int]:
        if unknown := body.keys() & MESSAGES_ONLY:
            raise RejectedError(f"{sorted(unknown)}: Extra inputs are not permitted")
        self._chat.check({**body, "max_tokens": ROOM_TOKENS}, {"anthropic-version": messages.OLD_VERSION})
        tokens = messages.prompt_tokens(body)
        return {"input_tokens": tokens}, tokens


class OpenAICount:
    """`/v1/responses/input_tokens`: of a request without what only an answer needs."""

    def __init__(self, chat: Wire) -> None:
        self._chat = chat

    def __call__(self, body: Body) -> tuple[Body, int]:
        if unknown := body.keys() - COUNTED_FIELDS:
            raise RejectedError(f"Unknown parameter: {sorted(unknown)}")
        self._chat.check(body, {})
        tokens = responses.prompt_tokens(body)
        return {"object": "response.input_tokens", "input_tokens": tokens}, tokens


class GeminiCount:
    """`countTokens`: of contents, or of a whole request, never of both."""

    def __init__(self, chat: gemini.GeminiWire) -> None:
        self._chat = chat

    def __call__(self, body: Body) -> tuple[Body, int]:
        asked = gemini.camelled({name: value for name, value in body.items() if name != "model"})
        whole = asked.pop("generateContentRequest", None)
        if set(asked) - {"contents"} or (whole is None) == ("contents" not in asked):
            raise RejectedError(f"Invalid JSON payload received. {sorted(asked)} beside generateContentRequest")
        if whole is not None and whole.pop("model", None) != f"models/{body['model']}":
            raise RejectedError("* CountTokensRequest.generate_content_request.model: must match the path's")
        counted = {**(whole or asked), "model": body["model"], "stream": False}
        self._chat.check(counted, {})
        tokens = gemini.prompt_tokens(counted)
        details = [{"modality": "TEXT", "tokenCount": tokens}]
        return {"totalTokens": tokens, "promptTokensDetails": details}, tokens


class BedrockCount:
    """`count-tokens`: of a Converse request, or of the body of an invocation of Claude."""

    def __init__(self, converse: Wire, invoke: Wire) -> None:
        self._converse = converse
        self._invoke = invoke

    def __call__(self, body: Body) -> tuple[Body, int]:
        if set(body) != {"model", "input"} or len(body["input"]) != 1:
            raise RejectedError("Malformed input request: one of converse and invokeModel")
        if "converse" in body["input"]:
            counted = {**body["input"]["converse"], "model": body["model"], "stream": False}
            self._converse.check(counted, {})
            tokens = bedrock.prompt_tokens(counted)
        else:
            raw = base64.b64decode(body["input"]["invokeModel"]["body"], validate=True)
            counted = self._invoke.read(f"/model/{body['model']}/invoke", raw)
            self._invoke.check(counted, {"content-type": "application/json"})
            tokens = messages.prompt_tokens(counted)
        return {"inputTokens": tokens}, tokens


def ranking(body: Body) -> tuple[Body, int]:
    """`/v2/rerank`: the more words of the query a document has, the better."""
    if unknown := body.keys() - RANKED_FIELDS:
        raise RejectedError(f"unknown fields: {sorted(unknown)}")
    documents = body.get("documents")
    if not body.get("query") or not documents or len(documents) > DOCUMENTS_MAX:
        raise RejectedError("invalid request: query and documents are required")
    if not all(isinstance(document, str) for document in documents):
        raise RejectedError(f"invalid request: documents must be strings: {json.dumps(documents)[:200]}")
    wanted = set(body["query"].split())
    scores = [len(wanted & set(document.split())) / len(wanted) for document in documents]
    best = sorted(range(len(documents)), key=lambda index: -scores[index])[: body.get("top_n")]
    results = [{"index": index, "relevance_score": scores[index]} for index in best]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "standin", "results": results, "meta": meta}, say.words(body["query"])
