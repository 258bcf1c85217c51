"""A provider that takes no notice of the limit sends without end: the gateway ends the stream at its reservation.

Every SDK reads an answer that has reached its limit of length, from a provider of its own dialect and from others; the
provider sees its connection closed; and the call costs no more than was reserved.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import trustme

from keywright.core.budget import Budget, subject
from keywright.core.identity import Project
from keywright.core.money import from_usd
from keywright.server.listen import Tls
from keywright.store.budgets import Budgets
from keywright.store.realms import Realms
from tests.conformance.sdks.bedrock import Bedrock
from tests.conformance.sdks.conftest import BOTO3, MAKERS, PROVIDERS, gateway_of
from tests.conformance.sdks.sdk import Sdk
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.script import Script

ENDLESS = Script(words=5_000, pace_s=0.0001, deaf=True)
TOKENS = 60
CLOSED_WITHIN_S = 1.0
CHARS_MAX = 20_000
"""More than any of these reservations pays for: the answer's tokens, and those of the prompt that were not used."""
PRICE = '[[prices]]\nmodel = "ollama/llama3.2"\ninput = "1"\noutput = "2"\n'
"""Else a provider on this machine costs nothing, and there is nothing to reserve."""

ASKED: dict[str, tuple[str, ...]] = {
    "openai": ("openai", "anthropic"),
    "openai-responses": ("openai", "gemini"),
    "anthropic": ("anthropic", "openai"),
    "google-genai": ("gemini", "openai"),
    "cohere": ("cohere", "bedrock"),
    "mistralai": ("mistral", "anthropic"),
    "ollama": ("ollama", "openai"),
    "huggingface-hub": ("openai", "mistral"),
    BOTO3: ("bedrock", "bedrock-nova", "openai"),
}
"""Whom each SDK asks: first a provider of its own dialect."""


def limit(gateway: Gateway) -> str:
    """A key for which a hard budget counts that is large enough for everything here."""

    async def add() -> None:
        await Realms(gateway.house.store.database).add(Project("bounded", int(time.time())))
        await Budgets(gateway.house.store.database).add(
            Budget("bounded", subject("project:bounded"), from_usd("1000"), "total", int(time.time()), hard=True)
        )
        await gateway.house.refresh()

    gateway.run(add())
    return gateway.issue(project="bounded")


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory, clouds: dict[str, StandIn]) -> Iterator[tuple[Gateway, str]]:
    """A gateway, and a key with a hard budget."""
    with gateway_of(tmp_path_factory.mktemp("bounded"), clouds, prices=PRICE) as gateway:
        yield gateway, limit(gateway)


@pytest.fixture(scope="module")
def bounded_tls(
    tmp_path_factory: pytest.TempPathFactory, clouds: dict[str, StandIn]
) -> Iterator[tuple[Gateway, str, str]]:
    """Another that speaks HTTPS, and the file of the authority to trust."""
    folder = tmp_path_factory.mktemp("bounded-tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    with gateway_of(folder, clouds, Tls(folder / "server.pem", folder / "server.pem"), PRICE) as gateway:
        yield gateway, limit(gateway), str(folder / "ca.pem")


@pytest.mark.parametrize("name", MAKERS)
def test_an_sdk_reads_an_answer_that_has_reached_its_limit(
    bounded: tuple[Gateway, str], clouds: dict[str, StandIn], name: str
) -> None:
    gateway, key = bounded
    with closing(MAKERS[name](gateway.url, key)) as sdk:
        for provider in ASKED[name]:
            check(sdk, gateway, provider, clouds[provider])


def test_boto3_reads_one_too(
    bounded_tls: tuple[Gateway, str, str], clouds: dict[str, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, key, ca_file = bounded_tls
    with closing(Bedrock(gateway.url, key, ca_file, monkeypatch)) as sdk:
        for provider in ASKED[BOTO3]:
            check(sdk, gateway, provider, clouds[provider])


def check(sdk: Sdk, gateway: Gateway, provider: str, cloud: StandIn) -> None:
    """That a stream ends by itself, and how."""
    cloud.reset()
    said = sdk.stream(f"{provider}/{PROVIDERS[provider].model}", cloud.script(ENDLESS), tokens_max=TOKENS)
    assert cloud.wait_for(lambda: cloud.last.outcome == "left", CLOSED_WITHIN_S), "the provider is sent away"
    assert said.finish == "length", (sdk.name, provider)
    assert said.text.startswith("word0 word1 ")
    assert len(said.text) < CHARS_MAX
    entry = gateway.entries()[-1]
    assert (entry.outcome, entry.code, entry.usage_source) == ("ok", "budget_stopped", "counted"), provider
    assert 0 < entry.cost_picodollars <= entry.reserved_picodollars
    if said.usage is not None:
        assert said.usage == (entry.usage.input_total, entry.usage.output_total)
