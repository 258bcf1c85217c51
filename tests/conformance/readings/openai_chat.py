"""Chat completions by hand, of OpenAI and of those who speak its wire with their own way of counting."""

from tests.conformance.plain import Body, frames, joined
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

FINISHES = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def whole(body: Body) -> Answer:
    """The first choice of a completion. Some servers answer whole with a `delta`."""
    choice = body["choices"][0]
    message = choice.get("message") or choice.get("delta")
    calls = [called(call) for call in message.get("tool_calls") or ()]
    legacy = message.get("function_call") or {}
    calls += [(legacy["name"], spelled(legacy["arguments"]))] if legacy.get("name") else []
    text = (message.get("content") or "") + (message.get("refusal") or "")
    return Answer(text, calls, finish_of(choice.get("finish_reason"), calls, message), *tokens(body.get("usage")))


def stream(text: str) -> Answer:
    """The first choice of a stream of chunks."""
    return whole(joined(text))


def is_failure(text: str) -> bool:
    """Whether a stream reports an error instead of an answer."""
    return any(chunk.get("error") for chunk in frames(text))


def called(call: Body) -> tuple[str, str]:
    """A function's call, or a custom tool's, whose input is free text."""
    if call.get("type") == "custom":
        return call["custom"]["name"], call["custom"]["input"]
    return call["function"]["name"], spelled(call["function"].get("arguments") or "")


def finish_of(word: str | None, calls: Calls, message: Body) -> str:
    """Why a choice ended."""
    if message.get("refusal") and word == "stop":
        return "refusal"
    return ended(FINISHES[word or "stop"], calls)


def tokens(usage: Body | None) -> tuple[int, int, int]:
    """Input, output, cached. Some count cached tokens, or thinking, beside the whole: where they cannot be in it, or
    the total says so. Where they contradict themselves nothing is told.
    """
    usage = usage or {}
    details = usage.get("completion_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") or usage.get("reasoning_tokens") or 0
    output, spoken = usage.get("completion_tokens") or 0, details.get("audio_tokens") or 0
    if spoken and spoken + reasoning > output:
        return 0, 0, 0
    prompt = usage.get("prompt_tokens") or 0
    parts = usage.get("prompt_tokens_details") or {}
    cached = parts.get("cached_tokens") or usage.get("cached_tokens") or 0
    written = parts.get("cache_write_tokens") or usage.get("cache_creation_input_tokens") or 0
    beside = cached + written if cached + written > prompt else 0
    outside = reasoning > output or (reasoning and usage.get("total_tokens") == prompt + output + reasoning)
    cached = cached or usage.get("prompt_cache_hit_tokens") or 0
    return prompt + beside, output + (reasoning if outside else 0), cached
