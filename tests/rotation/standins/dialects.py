"""What the data planes that do not speak like OpenAI answer to a good key."""

from tests.rotation.standins.base import Say
from tests.rotation.standins.plane import (
    Uses,
    anthropic_message,
    anthropic_models,
    bedrock_converse,
    cohere_chat,
    cohere_models,
)
from tests.standin.wire import Request


def anthropic_like(request: Request, key_id: str, uses: Uses) -> Say:
    if request.path.startswith("/v1/models"):
        return Say(anthropic_models())
    assert request.path == "/v1/messages", request.path
    uses.calls[key_id] += 1
    return Say(anthropic_message())


def bedrock_like(request: Request, key_id: str, uses: Uses) -> Say:
    if request.path.startswith("/foundation-models"):
        return Say({"modelSummaries": []})
    assert request.path.endswith("/converse"), request.path
    uses.calls[key_id] += 1
    return Say(bedrock_converse())


def cohere_like(request: Request, key_id: str, uses: Uses) -> Say:
    if request.path.startswith("/v1/models"):
        return Say(cohere_models())
    assert request.path == "/v2/chat", request.path
    uses.calls[key_id] += 1
    return Say(cohere_chat())
