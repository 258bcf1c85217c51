"""Errors as the SDKs raise them: each is the SDK's own class, with the status, the code and the field.

Whoever makes an upstream fail does so behind a gateway of its own, because that opens breakers.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from keywright.core.entry import Entry
from tests.conformance.sdk import TIMEOUT_S, WIRES, WireName
from tests.gateway import Gateway, Start, environment, running, toml, until
from tests.standin.cloud import StandIn
from tests.standin.script import Fault, Script, failing

MODELS: dict[WireName, str] = {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-opus-4-5"}
SDK_ERRORS = (openai.APIError, anthropic.APIError)


class Caller:
    """One SDK at one gateway, asking one upstream. What it raises is a `SDK_ERRORS`, whichever SDK it is."""

    def __init__(self, sdk: WireName, gateway: Gateway, model: str, *, key: str = "", retries: int = 0) -> None:
        self.sdk = sdk
        self.gateway = gateway
        self.model = model
        key = key or gateway.admin_key
        self._chat = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=retries, timeout=TIMEOUT_S)
        self._messages = anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=retries, timeout=TIMEOUT_S)

    def close(self) -> None:
        self._chat.close()
        self._messages.close()

    def ask(self, text: str = "hello", *, timeout_s: float = TIMEOUT_S) -> str:
        """The text of an answer."""
        if self.sdk == "openai":
            answer = self._chat.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": text}], timeout=timeout_s
            )
            return answer.choices[0].message.content or ""
        message = self._messages.messages.create(
            model=self.model, max_tokens=900, messages=[{"role": "user", "content": text}], timeout=timeout_s
        )
        return "".join(block.text for block in message.content if block.type == "text")

    def pieces(self, text: str) -> Iterator[str]:
        """The texts of a stream, as they come."""
        if self.sdk == "openai":
            with self._chat.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": text}], stream=True
            ) as chunks:
                for chunk in chunks:
                    if chunk.choices and chunk.choices[0].delta.content:
                        yield chunk.choices[0].delta.content
        else:
            with self._messages.messages.stream(
                model=self.model, max_tokens=900, messages=[{"role": "user", "content": text}]
            ) as stream:
                yield from stream.text_stream

    def error(self, text: str = "hello") -> openai.APIStatusError | anthropic.APIStatusError:
        """What asking raises."""
        with pytest.raises(SDK_ERRORS) as raised:
            self.ask(text)
        error = raised.value
        assert isinstance(error, openai.APIStatusError | anthropic.APIStatusError)
        assert isinstance(error, openai.APIError) == (self.sdk == "openai")
        return error

    @property
    def entry(self) -> Entry:
        """The ledger's latest entry."""
        return self.gateway.entries()[-1]


@pytest.fixture(params=WIRES, ids=lambda name: f"{name}-sdk")
def sdk(request: pytest.FixtureRequest) -> WireName:
    """Each SDK in turn."""
    name: WireName = request.param
    return name


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> WireName:
    """Each upstream in turn."""
    name: WireName = request.param
    return name


@pytest.fixture
def cloud(wire: WireName, openai_cloud: StandIn, anthropic_cloud: StandIn) -> StandIn:
    """The upstream that is asked."""
    return openai_cloud if wire == "openai" else anthropic_cloud


@pytest.fixture
def caller(
    sdk: WireName, wire: WireName, sdk_gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> Iterator[Caller]:
    """Each SDK to each upstream, at the gateway of all tests."""
    with contextlib.closing(Caller(sdk, sdk_gateway, MODELS[wire])) as made:
        yield made


@pytest.fixture
def fragile(sdk: WireName, wire: WireName, start: Start) -> Iterator[Caller]:
    """Each SDK to each upstream, at a gateway of its own."""
    with contextlib.closing(Caller(sdk, start(), MODELS[wire])) as made:
        yield made


def code_of(error: openai.APIStatusError | anthropic.APIStatusError) -> str:
    """The gateway's own word, in whichever dialect."""
    body: Any = error.body
    if isinstance(error, anthropic.APIStatusError):
        body = body["error"]
    return str(body.get("code") or body["type"])


def test_a_wrong_key(sdk: WireName, sdk_gateway: Gateway) -> None:
    with contextlib.closing(Caller(sdk, sdk_gateway, MODELS["openai"], key="sk-wrong")) as caller:
        error = caller.error()
    assert isinstance(error, openai.AuthenticationError | anthropic.AuthenticationError)
    assert code_of(error) == "invalid_api_key"
    assert "sk-wrong" not in error.message


@pytest.mark.parametrize(("property_", "code"), [("expires_s", "key_expired"), ("revoked_s", "key_revoked")])
def test_a_key_that_is_no_longer_valid(sdk: WireName, sdk_gateway: Gateway, property_: str, code: str) -> None:
    key = sdk_gateway.issue(**{property_: 1})  # type: ignore[arg-type]  # both are seconds
    with contextlib.closing(Caller(sdk, sdk_gateway, MODELS["openai"], key=key)) as caller:
        error = caller.error()
    assert isinstance(error, openai.AuthenticationError | anthropic.AuthenticationError)
    assert code_of(error) == code


def test_a_key_that_may_not_use_the_model(
    sdk: WireName, sdk_gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    key = sdk_gateway.issue(models=("anthropic/*",))
    with contextlib.closing(Caller(sdk, sdk_gateway, MODELS["openai"], key=key)) as caller:
        error = caller.error()
        assert isinstance(error, openai.PermissionDeniedError | anthropic.PermissionDeniedError)
        assert code_of(error) == "model_not_allowed"
        assert "openai/gpt-4o" in error.message
        caller.model = MODELS["anthropic"]
        assert caller.ask() == "You said: hello"
    assert openai_cloud.exchanges == []


def test_a_key_that_may_only_read(sdk: WireName, sdk_gateway: Gateway) -> None:
    key = sdk_gateway.issue(permission="read_only")
    with contextlib.closing(Caller(sdk, sdk_gateway, MODELS["openai"], key=key)) as caller:
        error = caller.error()
    assert isinstance(error, openai.PermissionDeniedError | anthropic.PermissionDeniedError)
    assert code_of(error) == "endpoint_not_allowed"


def test_an_unknown_model(sdk: WireName, sdk_gateway: Gateway) -> None:
    with contextlib.closing(Caller(sdk, sdk_gateway, "openai/gpt-4oo")) as caller:
        error = caller.error()
    assert isinstance(error, openai.NotFoundError | anthropic.NotFoundError)
    assert code_of(error) == "model_not_found"
    assert "openai/gpt-4o" in error.message


def test_a_request_that_is_wrong_by_itself(openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic) -> None:
    """Found by the gateway, where it has to read the request: to the other upstream."""
    wrong: Any = [{"role": "jester", "content": "x"}]
    with pytest.raises(openai.BadRequestError) as raised:
        openai_sdk.chat.completions.create(model=MODELS["anthropic"], messages=wrong)
    assert (raised.value.code, raised.value.param) == ("invalid_request", "messages[0].role")
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.role"):
        anthropic_sdk.messages.create(model=MODELS["openai"], max_tokens=9, messages=wrong)


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        (400, (openai.BadRequestError, anthropic.BadRequestError)),
        (404, (openai.NotFoundError, anthropic.NotFoundError)),
        (413, (openai.APIStatusError, anthropic.ContentTooLargeError)),
    ],
)
def test_what_the_provider_finds_wrong_with_a_request(
    caller: Caller, cloud: StandIn, status: int, errors: tuple[type[Exception], ...]
) -> None:
    error = caller.error(cloud.script(Script(status=status, message="too many monkeys")))
    assert isinstance(error, errors)
    assert error.status_code == status
    assert "too many monkeys" in error.message
    assert len(cloud.exchanges) == 1
    entry = caller.gateway.entry(error.response.headers["x-keywright-request-id"])
    assert (entry.outcome, entry.status, entry.cost_picodollars) == ("failed", status, 0)


def test_a_body_that_is_larger_than_the_gateway_takes(sdk: WireName, start: Start) -> None:
    gateway = start("[server]\nbody_bytes_max = 1048576\n")
    with contextlib.closing(Caller(sdk, gateway, MODELS["openai"])) as caller:
        error = caller.error("x" * 1_100_000)
        assert error.status_code == 413
        assert code_of(error) == "body_too_large"
        assert caller.ask() == "You said: hello"


@pytest.mark.parametrize(
    ("status", "openai_error", "anthropic_error"),
    [
        (500, openai.InternalServerError, anthropic.InternalServerError),
        (503, openai.InternalServerError, anthropic.ServiceUnavailableError),
        (529, openai.InternalServerError, anthropic.OverloadedError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
    ],
)
def test_a_provider_that_fails_is_asked_again_and_then_its_error_is_told(
    fragile: Caller, cloud: StandIn, status: int, openai_error: type, anthropic_error: type
) -> None:
    marker = cloud.script(*failing(status, 2))
    assert fragile.ask(marker) == f"You said: {marker}"
    assert len(cloud.exchanges) == 3
    assert [attempt.status for attempt in fragile.entry.attempts] == [status, status, 200]
    assert (fragile.entry.outcome, fragile.entry.cost_picodollars > 0) == ("ok", True)
    error = fragile.error(cloud.script(*failing(status, 3)))
    assert isinstance(error, openai_error if fragile.sdk == "openai" else anthropic_error)
    assert error.status_code == status
    assert code_of(error) == "upstream_failed"
    assert len(cloud.exchanges) == 6
    assert (fragile.entry.outcome, fragile.entry.status, fragile.entry.cost_picodollars) == ("failed", status, 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_provider_that_refuses_the_gateways_key_does_not_blame_the_client(
    fragile: Caller, cloud: StandIn, status: int
) -> None:
    error = fragile.error(cloud.script(Script(status=status, message="sk-secret is wrong")))
    assert error.status_code == status
    assert code_of(error) == "upstream_failed"
    assert "the provider refused the gateway's credential" in error.message
    assert "sk-secret" not in str(error.body)
    assert len(cloud.exchanges) == 1


def test_the_sdks_own_retry_obeys_retry_after_and_succeeds(
    sdk: WireName,
    wire: WireName,
    cloud: StandIn,
    openai_cloud: StandIn,
    anthropic_cloud: StandIn,
    tmp_path: Path,
) -> None:
    """The gateway does not wait longer than it may: it tells the client how long, and that waits."""
    config = toml(openai_cloud, anthropic_cloud).replace("[retry]", "[retry]\nretry_after_max_s = 0.5")
    with (
        running(tmp_path, config, environment(openai_cloud, anthropic_cloud)) as gateway,
        contextlib.closing(Caller(sdk, gateway, MODELS[wire], retries=2)) as caller,
    ):
        began = time.monotonic()
        assert caller.ask(cloud.script(Script(status=429, retry_after="1"))).startswith("You said: ")
        assert time.monotonic() - began >= 1
        assert len(cloud.exchanges) == 2
        assert [entry.status for entry in gateway.entries()] == [429, 200]


def test_no_sdk_retries_where_it_may_not(fragile: Caller, cloud: StandIn) -> None:
    """`max_retries=0`: the three attempts are the gateway's."""
    fragile.error(cloud.script(*failing(500, 9)))
    assert len(cloud.exchanges) == 3
    assert len(fragile.gateway.entries()) == 1


def test_a_failed_provider_is_replaced_by_the_next_candidate(
    sdk: WireName, start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    with contextlib.closing(Caller(sdk, start(), "fast")) as caller:
        marker = openai_cloud.script(*failing(500, 3))
        assert caller.ask(marker) == f"You said: {marker}"
    assert (len(openai_cloud.exchanges), len(anthropic_cloud.exchanges)) == (3, 1)
    assert caller.entry.served == "anthropic/claude-haiku-4-5"
    assert [attempt.provider for attempt in caller.entry.attempts] == ["openai"] * 3 + ["anthropic"]


def test_a_provider_that_does_not_answer_in_time(sdk: WireName, wire: WireName, start: Start, cloud: StandIn) -> None:
    extra = f"""
[providers.slow]
kind = "{wire}"
api_key = "env:STANDIN_{wire.upper()}"
base_url = "{cloud.base_url}"
timeout_s = {{ first_byte = 0.2 }}
"""
    model = MODELS[wire].partition("/")[2]
    with contextlib.closing(Caller(sdk, start(extra), f"slow/{model}")) as caller:
        error = caller.error(cloud.script(Script(fault="hang")))
    assert error.status_code == 504
    assert isinstance(error, openai.InternalServerError | anthropic.GatewayTimeoutError)
    assert code_of(error) == "upstream_timeout"
    assert len(cloud.exchanges) == 1  # it may be at work on it: asking again could be billed twice
    assert (caller.entry.outcome, caller.entry.status) == ("failed", 504)


def test_an_sdk_that_does_not_wait_so_long(fragile: Caller, cloud: StandIn) -> None:
    marker = cloud.script(Script(head_delay_s=5))
    with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
        fragile.ask(marker, timeout_s=0.3)
    assert until(lambda: cloud.last.outcome == "left")
    assert until(lambda: len(fragile.gateway.entries()) == 1)
    assert (fragile.entry.outcome, fragile.entry.status) == ("cancelled", 499)


@pytest.mark.parametrize("fault", ["cut", "reset", "error_event"])
def test_a_stream_that_fails_midway_raises(fragile: Caller, cloud: StandIn, fault: Fault) -> None:
    said: list[str] = []
    with pytest.raises(SDK_ERRORS) as raised:
        said.extend(fragile.pieces(cloud.script(Script(words=20, fault=fault, after=5, pace_s=0.01))))
    assert isinstance(raised.value, openai.APIError) == (fragile.sdk == "openai")
    assert "".join(said).split() == [f"word{index}" for index in range(5)]
    assert len(cloud.exchanges) == 1
    assert until(lambda: len(fragile.gateway.entries()) == 1)
    entry = fragile.entry
    assert entry.outcome == "failed"
    assert entry.status >= 500
    assert entry.usage.output > 0
    assert entry.cost_picodollars > 0


def test_a_garbled_stream_raises(fragile: Caller, cloud: StandIn) -> None:
    """Where nothing is translated the provider's bytes come as they are, and OpenAI's SDK reads them as JSON."""
    with pytest.raises((*SDK_ERRORS, json.JSONDecodeError)):
        list(fragile.pieces(cloud.script(Script(words=20, fault="malformed", after=5, pace_s=0.01))))
    assert until(lambda: len(fragile.gateway.entries()) == 1)
    assert fragile.entry.outcome != "ok"
    assert fragile.entry.usage.output > 0


@pytest.mark.parametrize("fault", ["cut", "malformed", "not_http"])
def test_a_whole_answer_that_fails_midway_raises(fragile: Caller, cloud: StandIn, fault: Fault) -> None:
    error = fragile.error(cloud.script(Script(words=20, fault=fault)))
    assert error.status_code == 502
    assert code_of(error) == "upstream_failed"
    assert fragile.entry.outcome == "failed"


def test_a_stream_that_fails_before_its_first_word_is_asked_again(fragile: Caller, cloud: StandIn) -> None:
    marker = cloud.script(*failing(529, 2))
    assert "".join(fragile.pieces(marker)) == f"You said: {marker}"
    assert len(cloud.exchanges) == 3
    assert until(lambda: len(fragile.gateway.entries()) == 1)
    assert fragile.entry.outcome == "ok"


def test_a_stream_that_is_refused_raises_as_a_whole_answer_does(caller: Caller, cloud: StandIn) -> None:
    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match="no monkeys"):
        list(caller.pieces(cloud.script(Script(status=400, message="no monkeys"))))
    assert len(cloud.exchanges) == 1
