"""Why an exchange has no bill."""

from typing import Final

from tests.conformance.bar.recordings import Exchange
from tests.conformance.bar.wires import path_of, wire_of

FREE: Final = frozenset({"models", "messages.count_tokens", "bedrock.count-tokens", "countTokens", "moderations"})
"""Endpoints that cost nothing."""
STORED: Final = frozenset({"responses.item", "cachedContents"})
"""What was paid for when it was made, or by the hour."""
UNREAD: Final = frozenset({"batches", "messages.batches", "interactions", "v1.chat"})
"""Paths that pass through unread: who has a budget may call them only if nobody insists on a price."""
SILENT: Final = {
    "openai-chat.completions-a3a10544e9": "its numbers contradict each other: more thoughts and sound than output",
    "openrouter-chat.completions-d8617fe147": "an answer without usage, made so for a test of somebody's",
    "vertex-generateContent-e4e0011313": "the prompt was blocked before any model saw it",
    "openai-responses-533d0b80b3": "the recording ends before the answer does",
    "openai_compat-chat.completions-027bd988e7": "the answer of a proxy that echoes the request",
    "gemini-generateContent-0b90eb9baf": "a cached content, recorded under another endpoint",
}
BACKGROUND: Final = frozenset({"openai-responses-97547ca2ff", "openai-responses-4ae013a4ee"})
"""The provider has only begun when it answers."""


def reason_of(exchange: Exchange) -> str:
    """Why there is no bill; "" for no reason that is known."""
    endpoint = exchange.endpoint
    if exchange.status >= 300:
        return "an error"
    if endpoint in FREE:
        return "free"
    if endpoint in STORED:
        return "stored"
    if endpoint in UNREAD and wire_of(exchange) is None and path_of(exchange) in ("native", "batches"):
        return "not read"
    if exchange.id in BACKGROUND:
        return "background"
    if exchange.id in SILENT:
        return SILENT[exchange.id]
    if exchange.streams:
        return "a stream that was not asked for its usage, or was cut off"
    return "vectors, or a text, without usage" if wire_of(exchange) is not None and exchange.chat is None else ""
