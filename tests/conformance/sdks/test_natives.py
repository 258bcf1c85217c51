"""What clients of five more dialects ask keeps to the rules of every provider, or is refused by name."""

from urllib.parse import quote

import pytest

from tests.conformance.sdks.conftest import Place
from tests.conformance.sdks.natives import COHERE, CONVERSE, GEMINI, OLLAMA, RESPONSES
from tests.conformance.sdks.programs import Body
from tests.gateway import Gateway

PATHS = {
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/{model}:generateContent",
    "converse": "/model/{quoted}/converse",
    "cohere": "/v2/chat",
    "ollama": "/api/chat",
}
ASKED: dict[str, dict[str, Body]] = {
    "responses": RESPONSES,
    "gemini": GEMINI,
    "converse": CONVERSE,
    "cohere": COHERE,
    "ollama": OLLAMA,
}
NOT_CARRIED = frozenset(
    {
        *("a picture", "a result with a picture", "a file", "a document", "any JSON", "a schema", "a JSON schema"),
        *("any tool", "a certain tool", "any function", "a certain function", "a tool that must be called"),
        *("a free-text tool", "a search", "a guardrail"),
    }
)
"""What some provider has nothing like."""

REFUSED: dict[tuple[str, str], frozenset[str]] = {
    ("responses", "openai"): frozenset({"an agent"}),
    ("responses", "ollama"): frozenset({"an agent"}),
    ("converse", "bedrock-nova"): frozenset({"thinking"}),
}
"""By dialect and provider: what that provider refuses itself, of a client whose bytes it gets as they are."""


@pytest.mark.parametrize("dialect", ASKED)
def test_each_request_keeps_to_the_providers_rules(every_gateway: Gateway, place: Place, dialect: str) -> None:
    provider = place.model.partition("/")[0]
    refused, not_carried = set(), set()
    path = PATHS[dialect].format(model=place.model, quoted=quote(place.model, safe=""))
    named: Body = {} if "{" in PATHS[dialect] else {"model": place.model, "stream": False}
    for name, body in ASKED[dialect].items():
        answer = every_gateway.post(path, {**named, **body})
        if place.cloud.take_violations():
            refused.add(name)
        elif answer.status != 200:
            assert (answer.status, b"cannot be carried" in answer.body) == (400, True), (name, answer.body)
            not_carried.add(name)
    assert refused == REFUSED.get((dialect, provider), frozenset())
    assert not_carried <= NOT_CARRIED
