"""A gateway behind each edge in turn, before an upstream whose every byte the test decides."""

from collections.abc import Iterator

import pytest

from tests.gateway import EDGES, Gateway, running
from tests.passage.mill import Mill
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = ["anthropic_cloud", "anthropic_server", "openai_cloud", "openai_server"]

ADMIN_KEY = "the-admin-key-of-these-tests-0123456789"
OWN_KEY = "sk-the-providers-own-key-0123456789"
VARIABLES = {
    "MILL_KEY": OWN_KEY,
    "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY,
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-these-tests",
    "AWS_SESSION_TOKEN": "session-token",
}


def config(port: int) -> str:
    url = f"http://127.0.0.1:{port}"
    key = 'api_key = "env:MILL_KEY"\ntimeout_s = { connect = 2, first_byte = 5, idle = 3, total = 30 }'
    return f"""
[store]
url = "sqlite:///test.db"
[retry]
backoff_s = 0.01
backoff_max_s = 0.02
[providers.mill]
kind = "openai"
base_url = "{url}/v1"
{key}
[providers.claude]
kind = "anthropic"
base_url = "{url}/claude"
{key}
[providers.narrow]
kind = "openai"
base_url = "{url}/narrow/v1"
models = ["gpt-4o"]
{key}
[providers.mistral]
base_url = "{url}/mistral"
{key}
[providers.gemini]
base_url = "{url}/gemini"
{key}
[providers.cohere]
base_url = "{url}/cohere"
{key}
[providers.bedrock]
base_url = "{url}/bedrock"
{key}
[providers.signed]
kind = "bedrock"
base_url = "{url}/signed"
region = "eu-west-1"
[models.draw]
route = ["mill/gpt-image-1"]
"""


def is_asgi(gateway: Gateway) -> bool:
    """Whether clients come in over plain ASGI, where the connection is the server's affair."""
    return gateway.folder.name.startswith("passage-asgi")


@pytest.fixture(scope="session")
def mill_server() -> Iterator[Mill]:
    """The upstream, one for all tests."""
    made = Mill()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="session", params=EDGES)
def mill_gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mill_server: Mill
) -> Iterator[Gateway]:
    """The gateway behind `gateway`."""
    folder = tmp_path_factory.mktemp(f"passage-{request.param}")
    with running(folder, config(mill_server.port), VARIABLES, edge=request.param, read_s=1.5) as gateway:
        yield gateway


@pytest.fixture
def mill(mill_server: Mill) -> Iterator[Mill]:
    """The upstream, remembering this test only. No script of the test's may fail."""
    mill_server.reset()
    yield mill_server
    assert mill_server.errors == []


@pytest.fixture
def gateway(mill_gateway: Gateway, mill: Mill) -> Gateway:
    """A gateway before the upstream, once behind each edge."""
    assert mill.seen == []
    return mill_gateway
