"""The unmodified SDKs on one running gateway, whose upstreams are the stand-ins."""

from collections.abc import Iterator, Mapping

import anthropic
import openai
import pytest

from tests.conformance.sdk import TIMEOUT_S, WIRES, Heard, Site, WireName
from tests.gateway import Gateway, environment, gateway, running, shared_gateway, start, toml
from tests.standin.cloud import StandIn
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = ["anthropic_cloud", "anthropic_server", "gateway", "openai_cloud", "openai_server", "shared_gateway", "start"]


@pytest.fixture(scope="session")
def sdk_gateway(
    tmp_path_factory: pytest.TempPathFactory, openai_server: StandIn, anthropic_server: StandIn
) -> Iterator[Gateway]:
    """One gateway for all scenarios. Its upstreams must stay well."""
    config = toml(openai_server, anthropic_server)
    with running(tmp_path_factory.mktemp("sdk"), config, environment(openai_server, anthropic_server)) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def all_heard() -> Heard:
    """What both SDKs heard, in all tests."""
    return Heard()


@pytest.fixture
def heard(all_heard: Heard) -> Heard:
    """What both SDKs heard, in this test."""
    all_heard.heads.clear()
    return all_heard


@pytest.fixture(scope="session")
def openai_sdk(sdk_gateway: Gateway, all_heard: Heard) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK as everybody has it."""
    with openai.OpenAI(
        base_url=f"{sdk_gateway.url}/v1",
        api_key=sdk_gateway.admin_key,
        timeout=TIMEOUT_S,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [all_heard.note]}),
    ) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_sdk(sdk_gateway: Gateway, all_heard: Heard) -> Iterator[anthropic.Anthropic]:
    """Anthropic's SDK as everybody has it."""
    with anthropic.Anthropic(
        base_url=sdk_gateway.url,
        api_key=sdk_gateway.admin_key,
        timeout=TIMEOUT_S,
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [all_heard.note]}),
    ) as client:
        yield client


@pytest.fixture
def sites(
    sdk_gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, heard: Heard
) -> Mapping[WireName, Site]:
    """Both upstreams."""
    opus = "anthropic/claude-opus-4-5"
    return {
        "openai": Site("openai", "openai/gpt-4o", "openai/gpt-5-mini", openai_cloud, sdk_gateway, heard),
        "anthropic": Site("anthropic", opus, opus, anthropic_cloud, sdk_gateway, heard),
    }


@pytest.fixture(params=WIRES)
def site(request: pytest.FixtureRequest, sites: Mapping[WireName, Site]) -> Site:
    """Each upstream in turn."""
    wire: WireName = request.param
    return sites[wire]


@pytest.fixture
def openai_site(sites: Mapping[WireName, Site]) -> Site:
    """OpenAI only."""
    return sites["openai"]


@pytest.fixture
def anthropic_site(sites: Mapping[WireName, Site]) -> Site:
    """Anthropic only."""
    return sites["anthropic"]
