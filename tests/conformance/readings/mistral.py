"""Mistral's chat completions by hand: content may be chunks, and cached tokens have a name of their own."""

from typing import Any

from tests.conformance.plain import Body, frames
from tests.conformance.readings.answer import Answer, Calls, ended, spelled
from tests.conformance.readings.openai_chat import FINISHES


def whole(body: Body) -> Answer:
    """The first choice."""
    choice = body["choices"][0]
    message = choice["message"]
    return answer(texts(message.get("content")), called(message), choice["finish_reason"], body["usage"])


def stream(text: str) -> Answer:
    """The first choice of a stream. Each call comes in one piece."""
    chunks = frames(text)
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == 0]
    said = "".join(texts(choice["delta"].get("content")) for choice in choices)
    calls = [call for choice in choices for call in called(choice["delta"])]
    (word,) = (choice["finish_reason"] for choice in choices if choice["finish_reason"])
    return answer(said, calls, word, chunks[-1]["usage"])


def texts(content: Any) -> str:
    """What is said in content, which is a text or chunks of which some are."""
    if isinstance(content, list):
        return "".join(chunk["text"] for chunk in content if chunk["type"] == "text")
    return content or ""


def called(message: Body) -> Calls:
    return [
        (call["function"]["name"], spelled(call["function"]["arguments"])) for call in message.get("tool_calls") or ()
    ]


def answer(text: str, calls: Calls, word: str, usage: Body) -> Answer:
    """Sound counts beside the prompt, as the total says."""
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or usage.get("num_cached_tokens") or 0
    heard = usage["total_tokens"] - usage["prompt_tokens"] - usage["completion_tokens"]
    finish = ended(FINISHES[word], calls)
    return Answer(text, calls, finish, usage["prompt_tokens"] + heard, usage["completion_tokens"], cached)
