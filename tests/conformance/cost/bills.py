"""What is to be paid for, by the provider's own numbers: read from plain JSON as the providers' documentation has it.

Shares nothing with `src`. Units are named as the price list's amounts are.
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from tests.conformance.bar.recordings import Body, Exchange
from tests.conformance.plain import frames
from tests.conformance.readings.bedrock import chunks
from tests.conformance.readings.bedrock import frames as messages

Units: TypeAlias = dict[str, int]

REASONING_BESIDE: Final = frozenset({"api.x.ai"})
"""Hosts whose completion tokens are without the thoughts."""
PLAIN_TIERS: Final = frozenset(
    {None, "", "None", "auto", "default", "standard", "on_demand", "provisioned", "ON_DEMAND", "PROVISIONED_THROUGHPUT"}
)
TIERS: Final = {"ON_DEMAND_FLEX": "flex"}


class Bill(NamedTuple):
    """`prompt`: all prompt tokens, by which prices may step. `beside`: what other models were asked, by name."""

    units: Units
    prompt: int
    tier: str = ""
    model: str = ""
    beside: tuple[tuple[str, Units], ...] = ()


def bill_of(exchange: Exchange) -> Bill | None:
    """The bill of an exchange; None where the provider states no numbers."""
    said = list(answers(exchange))
    match exchange.chat or exchange.endpoint:
        case "openai_chat" | "mistral" | "openai_completions" | "embeddings":
            return _chat(said, exchange.item["host"])
        case "openai_responses" | "responses.compact":
            return _responses(said)
        case "anthropic" | "anthropic_vertex":
            return _claude(said)
        case "gemini" | "embedContent":
            return _gemini(said)
        case "bedrock_converse":
            return _converse(said)
        case "bedrock_invoke" | "invoke":
            return _invoke(said, exchange.item["response_headers"])
        case "cohere":
            return _cohere([(body.get("delta") or body).get("usage") for body in said])
        case "rerank" | "v1.embed" | "v2.embed":
            return _cohere([body.get("meta") for body in said]) or _ranked(said)
        case "ollama_chat" | "ollama_generate" | "api.embed":
            return _ollama(said)
        case "predict" | "generateContent":
            return _predicted(said)
        case _:
            return None


def answers(exchange: Exchange) -> Iterator[Body]:
    """The JSON objects of an answer, in order."""
    item = exchange.item
    if item.get("response_base64"):
        stream = b64decode(item["response_base64"])
        yield from chunks(stream) if exchange.chat == "bedrock_invoke" else [body for _, body in messages(stream)]
    elif item.get("response_sse_text"):
        text = item["response_sse_text"]
        if text.lstrip().startswith("{"):
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
        else:
            yield from frames(text)
    else:
        whole = item.get("response_json")
        yield from whole if isinstance(whole, list) else [whole] if isinstance(whole, dict) else []


def _last(said: list[Body], name: str) -> Body | None:
    return next((body[name] for body in reversed(said) if body.get(name)), None)


def _number(value: Any) -> int:
    return int(value or 0)


def _tier(*words: Any) -> str:
    return "-".join(TIERS.get(word, word) for word in words if isinstance(word, str) and word not in PLAIN_TIERS)


def _chat(said: list[Body], host: str) -> Bill | None:
    """Cached, written, audio and picture tokens are of the prompt, thoughts and sound of the completion."""
    usage = _last(said, "usage")
    if usage is None:
        return None
    inner, outer = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    prompt, completion = _number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens"))
    cached = next(
        (
            found
            for name in ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens")
            if (found := _number(inner.get(name) or usage.get(name)))
        ),
        0,
    )
    written = _number(inner.get("cache_write_tokens") or usage.get("cache_creation_input_tokens"))
    heard, seen = _number(inner.get("audio_tokens")), _number(inner.get("image_tokens"))
    thought = _number(outer.get("reasoning_tokens") or usage.get("reasoning_tokens"))
    spoken, drawn = _number(outer.get("audio_tokens")), _number(outer.get("image_tokens"))
    total = _number(usage.get("total_tokens"))
    beside = host in REASONING_BESIDE or thought > completion or (thought and total == prompt + completion + thought)
    if spoken + drawn > completion - (0 if beside else thought):
        return None  # it contradicts itself
    if heard and total == prompt + completion + heard:
        prompt += heard  # Mistral counts sound beside the prompt
    if cached + written > prompt:
        prompt += cached + written  # an Anthropic's numbers, passed on as they were
    overlap = max(0, cached + written + heard + seen - prompt)  # of pictures that were cached, counted as cached
    seen -= min(overlap, seen)
    searches = sum(_number((usage.get(f) or {}).get("web_search_requests")) for f in ("server_tool_use",))
    searches += _number((usage.get("server_tool_use_details") or {}).get("web_search_requests"))
    units = {
        "input": prompt - cached - written - heard - seen,
        "cache_read": cached,
        "cache_write": written,
        "audio_input": heard,
        "image_input": seen,
        "output": completion - spoken - drawn - (0 if beside else thought),
        "reasoning": thought,
        "audio_output": spoken,
        "image_output": drawn,
        "search": searches,
    }
    tiers = [body["service_tier"] for body in said if body.get("service_tier")]
    return Bill(units, prompt, _tier(*tiers[-1:]), _model(said, "model"))


def _model(said: list[Body], name: str) -> str:
    return next((body[name] for body in said if isinstance(body.get(name), str) and body[name]), "")


def _responses(said: list[Body]) -> Bill | None:
    found = [body.get("response") or body for body in said]
    body = next((each for each in reversed(found) if each.get("usage")), None)
    if body is None:
        return None
    usage = body["usage"]
    inner, outer = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    prompt, completion = usage["input_tokens"], usage["output_tokens"]
    cached, written = _number(inner.get("cached_tokens")), _number(inner.get("cache_write_tokens"))
    thought = _number(outer.get("reasoning_tokens"))
    beside = thought > completion or (thought and usage.get("total_tokens") == prompt + completion + thought)
    searches = _number(((body.get("tool_usage") or {}).get("web_search") or {}).get("num_requests"))
    units = {
        "input": prompt - cached - written,
        "cache_read": cached,
        "cache_write": written,
        "output": completion - (0 if beside else thought),
        "reasoning": thought,
        "search": searches,
    }
    return Bill(units, prompt, _tier(body.get("service_tier")), body.get("model") or "")


def _claude(said: list[Body]) -> Bill | None:
    """Cached and written tokens stand beside the input. A stream corrects at its end what it says at its start."""
    usage: Body = {}
    for body in said:
        if body.get("type") == "message_stop":
            break
        told = (body.get("message") or {}).get("usage") or body.get("usage") or {}
        usage |= {name: value for name, value in told.items() if value is not None}
    if not usage:
        return None
    units, prompt = _claude_units(usage)
    units["search"] = _number((usage.get("server_tool_use") or {}).get("web_search_requests"))
    thought = _number((usage.get("output_tokens_details") or {}).get("thinking_tokens"))
    units["reasoning"] = thought
    units["output"] -= thought
    beside = tuple(
        (each.get("model") or "", _claude_units(each)[0])
        for each in usage.get("iterations") or ()
        if each["type"] != "message"
    )
    place = "us" if usage.get("inference_geo") == "us" else None
    heads = [body.get("message") or body for body in said]
    return Bill(
        units, prompt, _tier(usage.get("speed"), usage.get("service_tier"), place), _model(heads, "model"), beside
    )


def _claude_units(usage: Body) -> tuple[Units, int]:
    written = _number(usage.get("cache_creation_input_tokens"))
    hour = _number((usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"))
    units = {
        "input": _number(usage.get("input_tokens")),
        "output": _number(usage.get("output_tokens")),
        "cache_read": _number(usage.get("cache_read_input_tokens")),
        "cache_write": written - hour,
        "cache_write_1h": hour,
    }
    return units, units["input"] + units["cache_read"] + written


def _gemini(said: list[Body]) -> Bill | None:
    """The prompt is with what was cached, and without the results of Google's own tools; thoughts are beside."""
    counted = ("promptTokenCount", "totalTokenCount")
    stated = [body.get("usageMetadata") or {} for body in said]
    told = [usage for usage in stated if any(name in usage for name in counted)]
    if not told:
        return None
    usage = told[-1]
    prompt, cached = _number(usage.get("promptTokenCount")), _number(usage.get("cachedContentTokenCount"))
    cached_heard = _of_kind(usage.get("cacheTokensDetails"), "AUDIO", 4)
    cached_seen = _of_kind(usage.get("cacheTokensDetails"), "IMAGE", 2)
    seen = max(0, min(_of_kind(usage.get("promptTokensDetails"), "IMAGE", 2) - cached_seen, prompt - cached))
    heard = max(0, _of_kind(usage.get("promptTokensDetails"), "AUDIO", 4) - cached_heard)
    written = _number(usage.get("candidatesTokenCount"))
    drawn = min(_of_kind(usage.get("candidatesTokensDetails"), "IMAGE", 2), written)
    spoken = _of_kind(usage.get("candidatesTokensDetails"), "AUDIO", 4)
    by_tools = _number(usage.get("toolUsePromptTokenCount"))
    units = {
        "input": prompt - cached - seen - heard + by_tools,
        "cache_read": cached - cached_heard,
        "audio_cache_read": cached_heard,
        "image_input": seen,
        "audio_input": heard,
        "output": written - drawn - spoken,
        "image_output": drawn,
        "audio_output": spoken,
        "reasoning": _number(usage.get("thoughtsTokenCount")),
    }
    tier = _tier(usage.get("serviceTier"), usage.get("trafficType"))
    return Bill(units, prompt + by_tools, tier, _model(said, "modelVersion"))


def _of_kind(details: list[Body] | None, word: str, number: int) -> int:
    return sum(_number(each.get("tokenCount")) for each in details or () if each.get("modality") in (word, number))


def _converse(said: list[Body]) -> Bill | None:
    usage = _last(said, "usage")
    if usage is None or "outputTokens" not in usage:
        return None
    read, written = (
        _number(usage.get(f"cache{way}InputTokens") or usage.get(f"cache{way}InputTokenCount"))
        for way in ("Read", "Write")
    )
    hour = sum(each["inputTokens"] for each in usage.get("cacheDetails") or () if each["ttl"] == "1h")
    plain = _number(usage.get("inputTokens"))
    units = {
        "input": plain,
        "cache_read": read,
        "cache_write": written - hour,
        "cache_write_1h": hour,
        "output": usage["outputTokens"],
    }
    return Bill(units, plain + read + written)


def _invoke(said: list[Body], headers: Mapping[str, str]) -> Bill | None:
    """Each model's own shape; where a body states nothing, Bedrock does in two headers, or in a stream's last chunk."""
    heads = [body.get("message") or body for body in said]
    if any("content" in body and "usage" in body for body in heads):
        return _claude(said)
    nova = [body.get("metadata") or body for body in said]
    if (found := _converse(nova)) is not None:
        return found
    if "prompt_tokens" in (_last(said, "usage") or {}):
        return _chat(said, "")
    for body in reversed(said):
        metrics = body.get("amazon-bedrock-invocationMetrics") or {}
        for source, prompt, output in (
            (metrics, "inputTokenCount", "outputTokenCount"),
            (body, "prompt_token_count", "generation_token_count"),
        ):
            if output in source:
                return _plain(source[prompt], source[output])
        if "inputTextTokenCount" in body:
            results = body.get("results") or [{}]
            return _plain(body["inputTextTokenCount"], sum(_number(each.get("tokenCount")) for each in results))
    told = {name.lower(): value for name, value in headers.items()}
    if "x-amzn-bedrock-input-token-count" in told and "x-amzn-bedrock-output-token-count" in told:
        return _plain(told["x-amzn-bedrock-input-token-count"], told["x-amzn-bedrock-output-token-count"])
    return None


def _plain(prompt: Any, output: Any) -> Bill:
    return Bill({"input": int(prompt), "output": int(output)}, int(prompt))


def _cohere(told: list[Body | None]) -> Bill | None:
    """Only what is billed is paid for: it is without Cohere's own instructions."""
    usage = next((each for each in reversed(told) if each), None)
    if usage is None:
        return None
    billed = usage.get("billed_units") or usage.get("tokens")
    if billed is None:
        return None
    units = {
        "input": _number(billed.get("input_tokens")),
        "output": _number(billed.get("output_tokens")),
        "image_input": _number(billed.get("image_tokens")),
        "search": _number(billed.get("search_units")),
    }
    return Bill(units, units["input"] + units["image_input"])


def _ranked(said: list[Body]) -> Bill | None:
    """As Jina counts: all tokens are of the prompt."""
    usage = _last(said, "usage")
    return None if usage is None else _plain(usage["total_tokens"], 0)


def _ollama(said: list[Body]) -> Bill | None:
    told = [body for body in said if "prompt_eval_count" in body or "eval_count" in body]
    return _plain(_number(told[-1].get("prompt_eval_count")), _number(told[-1].get("eval_count"))) if told else None


def _predicted(said: list[Body]) -> Bill | None:
    vectors = [each["embeddings"]["statistics"] for body in said for each in body.get("predictions") or ()]
    return _plain(sum(each["token_count"] for each in vectors), 0) if vectors else None
