"""A shell in an empty folder, and a gateway that was started from one."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.shell import Shell, interrupt
from tests.standin.cloud import StandIn
from tests.standin.fixtures import openai_cloud, openai_server

__all__ = ["openai_cloud", "openai_server"]

ADMIN_KEY = "the-admin-key-of-these-tests-0123456789"


@dataclass(frozen=True)
class Up:
    """A gateway that was started with `keywright up`, and a shell whose variables lead to it."""

    url: str
    shell: Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def configuration(cloud: StandIn) -> str:
    """One provider, the stand-in, on a port of its own."""
    return f"""
[server]
port = 0
[providers.openai]
api_key = "env:STANDIN_KEY"
base_url = "{cloud.base_url}"
models = ["gpt-4o*"]
[models.fast]
route = ["openai/gpt-4o-mini"]
"""


@pytest.fixture(scope="session")
def gateway(openai_server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One gateway for all tests that only ask it."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "keywright.toml").write_text(configuration(openai_server))
    shell = Shell(folder, {"STANDIN_KEY": openai_server.key, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY})
    with shell.start("up", "--json") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        yield Up(url, Shell(folder, {"KEYWRIGHT_URL": url, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}))
        done = interrupt(process, signal.SIGTERM)
        assert (done.code, done.out, done.err) == (0, "", "")
