"""Log probabilities: `logprobsResult` and the form in which every dialect has them here, which is OpenAI's.

A token's id, which only this API says, stays beside it as `tokenId`.
"""

from typing import Final

from keywright.core.json import Json, JsonObject

FORM: Final = "openai_chat"
"""The dialect in whose shape the canonical log probabilities are."""


def logprobs_of(result: Json) -> Json:
    """Canonical log probabilities; None when `result` has none."""
    if not isinstance(result, dict):
        return None
    chosen, top = result.get("chosenCandidates"), result.get("topCandidates")
    if not isinstance(chosen, list):
        return None
    content: list[Json] = []
    for index, candidate in enumerate(chosen):
        token = _token(candidate)
        others = top[index] if isinstance(top, list) and index < len(top) else None
        listed = others.get("candidates") if isinstance(others, dict) else None
        token["top_logprobs"] = [_token(other) for other in listed] if isinstance(listed, list) else []
        content.append(token)
    return {"content": content}


def _token(candidate: Json) -> JsonObject:
    said = candidate if isinstance(candidate, dict) else {}
    text, probability = said.get("token"), said.get("logProbability")
    text = text if isinstance(text, str) else ""
    token: JsonObject = {"token": text, "logprob": probability if isinstance(probability, int | float) else 0.0}
    token["bytes"] = list(text.encode(errors="replace"))
    if "tokenId" in said:
        token["tokenId"] = said["tokenId"]
    return token


def logprobs_result(logprobs: Json) -> JsonObject | None:
    """The wire's form of canonical log probabilities; None when they are in another form, or none."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return None
    result: JsonObject = {"chosenCandidates": [_candidate(token) for token in content]}
    top: list[Json] = []
    for token in content:
        others = token.get("top_logprobs") if isinstance(token, dict) else None
        top.append({"candidates": [_candidate(other) for other in others]} if isinstance(others, list) else {})
    if any(isinstance(each, dict) and each.get("candidates") for each in top):
        result["topCandidates"] = top
    return result


def says_logprobs(logprobs: Json) -> bool:
    """Whether there is anything in canonical log probabilities, in whatever form."""
    return any(logprobs.values()) if isinstance(logprobs, dict) else logprobs is not None


def _candidate(token: Json) -> JsonObject:
    said = token if isinstance(token, dict) else {}
    candidate: JsonObject = {"token": said.get("token"), "logProbability": said.get("logprob")}
    if "tokenId" in said:
        candidate["tokenId"] = said["tokenId"]
    return candidate
