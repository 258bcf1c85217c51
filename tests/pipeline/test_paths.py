"""A model's name that stands in a provider's path: as one segment, or not at all."""

import pytest

from keywright import providers
from keywright.core.ability import Abilities
from keywright.core.http import Origin, Reach
from keywright.pipeline.routes import Source, Target
from keywright.providers.provider import EndpointKind
from keywright.transport.breaker import Breaker, BreakerSettings
from keywright.vault.credential import NoCredential

HOSTILE = [
    *("..", ".", "../..", "a/../b", "gemini-x/../../claude-opus-4-5", "a/./b", "a/..", "%2e%2e", "a%2F..%2Fb", "a%00"),
    *("a\r\nb", "a\nx: y", "a\0b", "a\tb", "a\u2028b", "a?alt=sse", "a?key=1", "a#b", "a\\..\\b", "..;", "a/..;/b"),
]
PLAIN = ["x", "{region}", "{model}", "{0.__class__}", "a:b@c", "é", "arn:aws:bedrock:us-east-1:1:x/y", "...", "a..b"]
SETTINGS = {"region": "eu-west-1", "api_version": "2024-10-21", "project": "p", "location": "global"}
WAYS: list[tuple[str, EndpointKind, str]] = [
    ("azure", "chat", ""),
    ("bedrock", "chat", ""),
    ("huggingface", "embeddings", ""),
    ("vertex", "chat", "gemini-"),
    ("vertex", "embeddings", "gemini-embedding-2"),
    ("gemini", "count", ""),
]


def path(provider: str, kind: EndpointKind, model: str) -> bytes | None:
    """The path at which that model of the provider is asked; None when it is not."""
    row = providers.find(provider)
    assert row is not None
    source = Source(
        name=provider,
        row=row,
        reach=Reach(Origin("https", "x.example", 443)),
        base_path="",
        credential=NoCredential(provider),
        breaker=Breaker(BreakerSettings()),
        settings=SETTINGS,
    )
    target = Target(source, model, f"{provider}/{model}", Abilities(), None, b"")
    lane = target.lane(kind, "gemini")
    return None if lane is None else lane.path


@pytest.mark.parametrize(("provider", "kind", "beginning"), WAYS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_could_be_read_as_another_path_goes_nowhere(
    provider: str, kind: EndpointKind, beginning: str, name: str
) -> None:
    if beginning and name.startswith("."):
        name = f"x/{name}"
    assert path(provider, kind, beginning + name) is None


@pytest.mark.parametrize(("provider", "kind", "beginning"), WAYS)
@pytest.mark.parametrize("name", PLAIN)
def test_any_other_name_is_one_segment(provider: str, kind: EndpointKind, beginning: str, name: str) -> None:
    said, usual = path(provider, kind, beginning + name), path(provider, kind, beginning + "usual")
    assert said is not None
    assert usual is not None
    assert said.count(b"/") == usual.count(b"/")
    assert said.isascii()
