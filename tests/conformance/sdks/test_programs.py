"""What programs ask of any provider keeps to that provider's rules, or the gateway refuses it by name."""

import pytest

from tests.client import Answer
from tests.conformance.looped import over
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.programs import CHATS, MESSAGES
from tests.gateway import Gateway
from tests.standin.cloud import StandIn

NOT_CARRIED: dict[str, tuple[str, ...]] = {
    "a picture": ("cohere",),
    "a picture only": ("cohere",),
    "two pictures": ("cohere",),
    "a result with a picture": ("cohere",),
    "a file with an odd name": ("cohere",),
    "a file only": ("cohere",),
    "two files of a name": ("cohere",),
    "a document": ("cohere",),
    "any JSON": ("anthropic", "bedrock", "bedrock-nova"),
    "two choices": ("anthropic", "bedrock", "bedrock-nova", "cohere"),
    "a schema": ("bedrock-nova",),
    "a schema and tools": ("bedrock-nova",),
}
"""What the gateway refuses, since the provider has nothing like it."""

REFUSED: dict[str, tuple[str, ...]] = {
    "an assistant first": ("bedrock-nova",),
    "a schema and tools": ("gemini", "cohere"),
}
"""What the provider itself refuses: each could be said, and nothing was lost or invented to avoid it."""


TOO_OLD = frozenset({"one token", "very many tokens", "an effort and few tokens"})
"""What says `max_tokens`, which OpenAI's reasoning models refuse: a chat passes to OpenAI as it came."""

UNCHOOSING = frozenset({"a certain tool", "any tool", "an effort and a tool", "one call of any tool"})
OTHER_MODELS: dict[str, frozenset[str]] = {
    "openai/gpt-5-mini": TOO_OLD,
    "openai/o3-mini": TOO_OLD,
    "anthropic/claude-opus-4-8": frozenset(),
    "anthropic/claude-3-5-haiku-latest": frozenset(),
    "gemini/gemini-2.5-flash": frozenset({"a schema and tools"}),
    "gemini/gemini-3-flash-preview": frozenset(),
    "bedrock/meta.llama3-3-70b-instruct-v1:0": UNCHOOSING | {"an assistant first"},
    "bedrock/mistral.mistral-large-2407-v1:0": frozenset({"an assistant first"}),
    "bedrock/anthropic.claude-opus-4-6-v1": frozenset(),
    "cohere/command-a-reasoning-08-2025": frozenset({"a schema and tools"}),
    "mistral/mistral-small-latest": frozenset(),
    "mistral/magistral-medium-latest": frozenset(),
    "ollama/qwen3": frozenset(),
    "ollama/gpt-oss": frozenset(),
}
"""Models of other abilities, and what they refuse themselves."""


def test_every_exception_is_one_of_the_programs() -> None:
    assert {*NOT_CARRIED, *REFUSED} <= {*CHATS, *MESSAGES}
    assert {name for names in (*NOT_CARRIED.values(), *REFUSED.values()) for name in names} <= PROVIDERS.keys()


@over("name", CHATS, ids=str)
def test_a_chat_keeps_to_the_providers_rules(every_gateway: Gateway, place: Place, name: str) -> None:
    judged(every_gateway.post("/v1/chat/completions", {"model": place.model, **CHATS[name]}), place, name)


@over("name", MESSAGES, ids=str)
def test_a_message_keeps_to_the_providers_rules(every_gateway: Gateway, place: Place, name: str) -> None:
    body = {"model": place.model, "max_tokens": 300, **MESSAGES[name]}
    judged(every_gateway.post("/v1/messages", body, anthropic_version="2023-06-01"), place, name)


@pytest.mark.parametrize("model", OTHER_MODELS)
def test_every_program_keeps_to_the_rules_of_other_models(
    every_gateway: Gateway, clouds: dict[str, StandIn], model: str
) -> None:
    cloud = clouds[model.partition("/")[0]]
    cloud.reset()
    refused = set()
    asked = [("/v1/chat/completions", {"model": model, **body}, name) for name, body in CHATS.items()]
    asked += [("/v1/messages", {"model": model, "max_tokens": 300, **body}, name) for name, body in MESSAGES.items()]
    for path, body, name in asked:
        answer = every_gateway.post(path, body, anthropic_version="2023-06-01")
        if cloud.take_violations():
            refused.add(name)
        elif answer.status != 200:
            assert (answer.status, b"cannot be carried" in answer.body) == (400, True), (name, answer.body)
    assert refused == OTHER_MODELS[model]


def judged(answer: Answer, place: Place, name: str) -> None:
    """Raise AssertionError when it went otherwise than told above."""
    provider = place.model.partition("/")[0]
    violations = place.cloud.take_violations()
    if provider in NOT_CARRIED.get(name, ()):
        assert (answer.status, b"cannot be carried" in answer.body, violations) == (400, True, [])
    elif provider in REFUSED.get(name, ()):
        assert (answer.status, len(violations)) == (400, 1)
    else:
        assert (answer.status, violations) == (200, []), answer.body
