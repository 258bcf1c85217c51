"""One gateway with every stand-in behind it, and every SDK in turn."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from keywright.server.listen import Tls
from tests.conformance.sdks.anthropic import Anthropic
from tests.conformance.sdks.bedrock import Bedrock
from tests.conformance.sdks.cohere import Cohere
from tests.conformance.sdks.genai import GoogleGenai
from tests.conformance.sdks.huggingface import HuggingFace
from tests.conformance.sdks.mistral import Mistral
from tests.conformance.sdks.ollama import Ollama
from tests.conformance.sdks.openai_chat import OpenAIChat
from tests.conformance.sdks.openai_responses import OpenAIResponses
from tests.conformance.sdks.sdk import Sdk
from tests.gateway import ADMIN_KEY, Gateway, running
from tests.standin.cloud import StandIn
from tests.standin.fixtures import (
    CLAUDE_ON_BEDROCK,
    anthropic_server,
    bedrock_server,
    cohere_server,
    gemini_server,
    mistral_server,
    ollama_server,
    openai_server,
)

__all__ = [
    "anthropic_server",
    "bedrock_server",
    "cohere_server",
    "gemini_server",
    "mistral_server",
    "ollama_server",
    "openai_server",
]

MAKERS: dict[str, Callable[[str, str], Sdk]] = {
    "openai": OpenAIChat,
    "openai-responses": OpenAIResponses,
    "anthropic": Anthropic,
    "google-genai": GoogleGenai,
    "cohere": Cohere,
    "mistralai": Mistral,
    "ollama": Ollama,
    "huggingface-hub": HuggingFace,
}
BOTO3 = "boto3"


@dataclass(frozen=True)
class Place:
    """A provider behind the gateway: the model to ask for, and the cloud that answers."""

    model: str
    cloud: StandIn


@dataclass(frozen=True)
class Row:
    """A provider of the gateway: its kind, its model, and the fixture of its cloud."""

    kind: str
    model: str
    fixture: str


PROVIDERS: dict[str, Row] = {
    "openai": Row("openai", "gpt-4o", "openai_server"),
    "anthropic": Row("anthropic", "claude-haiku-4-5", "anthropic_server"),
    "gemini": Row("gemini", "gemini-2.5-pro", "gemini_server"),
    "gemini-3": Row("gemini", "gemini-3-pro-preview", "gemini_server"),
    "bedrock": Row("bedrock", CLAUDE_ON_BEDROCK, "bedrock_server"),
    "bedrock-nova": Row("bedrock", "amazon.nova-pro-v1:0", "bedrock_server"),
    "cohere": Row("cohere", "command-a-03-2025", "cohere_server"),
    "mistral": Row("mistral", "mistral-large-latest", "mistral_server"),
    "ollama": Row("ollama", "llama3.2", "ollama_server"),
}


RANKING = '[[prices]]\nmodel = "cohere/rerank-v3.5"\ninput = "0"\noutput = "0"\nper_request = "0.002"\n'
"""The catalogue knows no model that ranks."""


@pytest.fixture(scope="session")
def clouds(request: pytest.FixtureRequest) -> dict[str, StandIn]:
    """Every stand-in, by its provider."""
    return {name: request.getfixturevalue(row.fixture) for name, row in PROVIDERS.items()}


@contextlib.contextmanager
def gateway_of(
    folder: Path, clouds: dict[str, StandIn], tls: Tls | None = None, prices: str = RANKING
) -> Iterator[Gateway]:
    """A gateway with all clouds behind it. Nothing is tried twice: a scripted failure is what the client sees."""
    tables = [
        f'[providers.{name}]\nkind = "{PROVIDERS[name].kind}"\n'
        f'api_key = "env:{_variable(name)}"\nbase_url = "{cloud.base_url}"\n'
        for name, cloud in clouds.items()
    ]
    config = '[store]\nurl = "sqlite:///test.db"\n[retry]\nattempts = 1\n' + prices + "".join(tables)
    variables = {_variable(name): cloud.key for name, cloud in clouds.items()}
    with running(folder, config, {**variables, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}, tls=tls) as gateway:
        yield gateway


def _variable(name: str) -> str:
    return f"KEY_{name.upper().replace('-', '_')}"


@pytest.fixture(scope="session")
def started() -> list[Gateway]:
    """The gateways of this process that all tests share."""
    return []


@pytest.fixture(autouse=True)
def _nobody_remembers(started: list[Gateway]) -> None:
    """What failed in other tests is no reason not to be asked in this one, whichever those were."""
    for gateway in started:
        gateway.close_breakers()


@pytest.fixture(scope="session")
def every_gateway(
    tmp_path_factory: pytest.TempPathFactory, clouds: dict[str, StandIn], started: list[Gateway]
) -> Iterator[Gateway]:
    """One gateway for all scenarios."""
    with gateway_of(tmp_path_factory.mktemp("sdks"), clouds) as gateway:
        started.append(gateway)
        yield gateway
        started.remove(gateway)


@pytest.fixture(scope="session")
def secure_gateway(
    tmp_path_factory: pytest.TempPathFactory, clouds: dict[str, StandIn], started: list[Gateway]
) -> Iterator[tuple[Gateway, str]]:
    """Another, which speaks HTTPS, and the file of the authority to trust."""
    folder = tmp_path_factory.mktemp("secure")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    with gateway_of(folder, clouds, Tls(folder / "server.pem", folder / "server.pem")) as gateway:
        started.append(gateway)
        yield gateway, str(folder / "ca.pem")
        started.remove(gateway)


@pytest.fixture(scope="session", params=[*MAKERS, BOTO3])
def sdk(request: pytest.FixtureRequest) -> Iterator[Sdk]:
    """Every SDK in turn; one client for all scenarios."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made: Sdk
        if request.param == BOTO3:
            secure, ca_file = request.getfixturevalue("secure_gateway")
            made = Bedrock(secure.url, secure.admin_key, ca_file, monkeypatch)
        else:
            gateway = request.getfixturevalue("every_gateway")
            made = MAKERS[request.param](gateway.url, gateway.admin_key)
        yield made
        made.close()


@pytest.fixture(params=PROVIDERS)
def place(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Every provider in turn. A request that breaks its rules fails the test."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []
