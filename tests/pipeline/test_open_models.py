"""Models that no catalogue lists: asked of providers that have such, and paid by what they say that they chose."""

import json

from tests.gateway import CHAT, Start, chat_body
from tests.standin.cloud import StandIn
from tests.standin.wire import Link, Request, Server

OPENROUTER = """
[providers.openrouter]
api_key = "env:STANDIN_OPENAI"
base_url = "http://127.0.0.1:{port}/v1"
"""


async def answered(request: Request, link: Link) -> None:
    """As OpenRouter does: `auto` is answered by a model that it names."""
    asked = json.loads(request.body)
    answer = {
        "id": "gen-1",
        "object": "chat.completion",
        "created": 1,
        "model": "openai/gpt-4o" if asked["model"] == "openrouter/auto" else asked["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
    await link.whole(200, json.dumps(answer).encode())


def test_auto_is_openrouters_own_choice_and_costs_what_was_chosen(start: Start) -> None:
    server = Server(answered)
    server.start()
    try:
        gateway = start(OPENROUTER.format(port=server.port))
        answer = gateway.post(CHAT, chat_body("openrouter/auto"))
        assert (answer.status, answer.json["model"]) == (200, "openai/gpt-4o")
        entry = gateway.entry(answer.request_id)
        assert entry.served == "openrouter/auto"
        assert entry.cost_picodollars == 1000 * 2_500_000 + 100 * 10_000_000
        assert entry.price.startswith("openrouter/openai/gpt-4o@")
    finally:
        server.close()


def test_what_only_an_open_provider_has_is_asked_of_it_and_unpriced(start: Start) -> None:
    server = Server(answered)
    server.start()
    try:
        gateway = start(OPENROUTER.format(port=server.port))
        answer = gateway.post(CHAT, chat_body("openrouter/somebody/brand-new"))
        assert answer.status == 200
        entry = gateway.entry(answer.request_id)
        assert (entry.cost_picodollars, entry.price) == (0, "")
    finally:
        server.close()


def test_what_a_closed_provider_does_not_list_is_404(start: Start, openai_cloud: StandIn) -> None:
    answer = start().post(CHAT, chat_body("openai/brand-new"))
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
    assert openai_cloud.exchanges == []
