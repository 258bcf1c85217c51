"""What the gateway itself refuses is the SDK's own error, with the status that the SDK's users look at."""

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.sdks.bedrock import Bedrock
from tests.conformance.sdks.conftest import BOTO3, MAKERS
from tests.conformance.sdks.sdk import FailedError, Sdk
from tests.gateway import Gateway
from tests.standin.cloud import StandIn

ALLOWED, FORBIDDEN = "openai/gpt-4o", "anthropic/claude-haiku-4-5"
KEYS: dict[str, Callable[[Gateway], str]] = {
    "nobody's": lambda _: "sk-kw-nobody",
    "revoked": lambda gateway: gateway.issue(revoked_s=1),
    "expired": lambda gateway: gateway.issue(expires_s=1),
}
"""Keys that are refused."""


class Bench:
    """One kind of SDK at its gateway: made anew for each key."""

    def __init__(self, name: str, gateway: Gateway, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gateway = gateway
        self._name = name
        self._ca_file = ca_file
        self._monkeypatch = monkeypatch
        self._made: list[Sdk] = []

    def sdk(self, key: str) -> Sdk:
        """The SDK with `key`."""
        url = self.gateway.url
        made: Sdk = (
            Bedrock(url, key, self._ca_file, self._monkeypatch) if self._name == BOTO3 else MAKERS[self._name](url, key)
        )
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()


@pytest.fixture(params=[*MAKERS, BOTO3])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Every SDK in turn."""
    if request.param == BOTO3:
        gateway, ca_file = request.getfixturevalue("secure_gateway")
    else:
        gateway, ca_file = request.getfixturevalue("every_gateway"), ""
    made = Bench(request.param, gateway, ca_file, monkeypatch)
    yield made
    made.close()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_that_does_not_hold_is_401(bench: Bench, key: Callable[[Gateway], str], streamed: bool) -> None:
    sdk = bench.sdk(key(bench.gateway))
    with pytest.raises(FailedError) as caught:
        (sdk.stream if streamed else sdk.ask)(ALLOWED, "hello")
    assert caught.value.status == 401


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_model_that_the_key_may_not_use_is_403(bench: Bench, clouds: dict[str, StandIn], streamed: bool) -> None:
    clouds["anthropic"].reset()
    sdk = bench.sdk(bench.gateway.issue(models=(ALLOWED,)))
    with pytest.raises(FailedError) as caught:
        (sdk.stream if streamed else sdk.ask)(FORBIDDEN, "hello")
    assert caught.value.status == 403
    assert clouds["anthropic"].exchanges == []
    assert sdk.ask(ALLOWED, "hello").text == "You said: hello"


def test_a_key_for_other_endpoints_is_403(bench: Bench) -> None:
    sdk = bench.sdk(bench.gateway.issue(permission="restricted", endpoints=("embeddings",)))
    with pytest.raises(FailedError) as caught:
        sdk.ask(ALLOWED, "hello")
    assert caught.value.status == 403


def test_no_error_tells_of_a_key(bench: Bench) -> None:
    key = bench.gateway.issue(models=("nothing",))
    with pytest.raises(FailedError) as caught:
        bench.sdk(key).ask(ALLOWED, "hello")
    assert key not in caught.value.message
    assert ALLOWED in caught.value.message
