"""What programs ask of any provider keeps to that provider's rules, or the gateway refuses it by name."""

import pytest

from tests.client import Answer
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.programs import CHATS, MESSAGES
from tests.gateway import Gateway

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


def test_every_exception_is_one_of_the_programs() -> None:
    assert {*NOT_CARRIED, *REFUSED} <= {*CHATS, *MESSAGES}
    assert {name for names in (*NOT_CARRIED.values(), *REFUSED.values()) for name in names} <= PROVIDERS.keys()


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_keeps_to_the_providers_rules(every_gateway: Gateway, place: Place, name: str) -> None:
    judged(every_gateway.post("/v1/chat/completions", {"model": place.model, **CHATS[name]}), place, name)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_keeps_to_the_providers_rules(every_gateway: Gateway, place: Place, name: str) -> None:
    body = {"model": place.model, "max_tokens": 300, **MESSAGES[name]}
    judged(every_gateway.post("/v1/messages", body, anthropic_version="2023-06-01"), place, name)


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
