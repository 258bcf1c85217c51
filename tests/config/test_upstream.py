"""From a provider's configuration to its row and to how it is reached."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.config import (
    Address,
    ProviderConfig,
    Timeouts,
    deadlines,
    parse_address,
    reach,
    resolve_provider,
    settings_of,
)
from keywright.core.errors import ConfigError
from keywright.core.http import Deadlines, Origin
from keywright.providers import PROVIDERS, find
from keywright.providers.provider import Provider


def row(name: str) -> Provider:
    found = find(name)
    assert found is not None
    return found


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_built_in_provider_without_settings_is_its_row(provider: Provider) -> None:
    resolved = resolve_provider(provider.name, ProviderConfig())
    assert msgspec.structs.replace(resolved, base_url=provider.base_url) == provider
    assert resolved.base_url == provider.base_url or provider.base_urls


def test_an_address_is_made_of_the_settings() -> None:
    def url(kind: str, environment: dict[str, str] | None = None, **said: str) -> str:
        return resolve_provider("x", ProviderConfig(kind=kind, **said), environment or {}).base_url  # type: ignore[arg-type]

    assert url("bedrock") == "https://bedrock-runtime.us-east-1.amazonaws.com"
    assert url("bedrock", {"AWS_REGION": "eu-west-1"}) == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert url("bedrock", {"AWS_REGION": "eu-west-1"}, region="us-west-2").startswith(
        "https://bedrock-runtime.us-west-2."
    )
    assert url("bedrock", region="cn-north-1") == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
    assert url("vertex") == "https://aiplatform.googleapis.com"
    assert url("vertex", location="us-east5") == "https://us-east5-aiplatform.googleapis.com"
    assert url("vertex", {"GOOGLE_CLOUD_LOCATION": "eu"}) == "https://aiplatform.eu.rep.googleapis.com"


@pytest.mark.parametrize(
    "value",
    [
        *(
            "evil.example/",
            "x.evil.example#",
            "x.evil.example?",
            "evil.example:444/",
            "u@evil.example/",
            "x.evil.example",
        ),
        *("x\\", "a b", "x\r\nhost: y", "é", "{region}", "{0}", "a" * 64, "%2f", "[::1]"),
    ],
)
def test_no_setting_makes_another_host_of_an_address(value: str) -> None:
    for kind, variable, setting in (
        ("bedrock", "AWS_REGION", "region"),
        ("vertex", "GOOGLE_CLOUD_LOCATION", "location"),
    ):
        for config, environment in (
            (ProviderConfig(kind=kind), {variable: value}),
            (ProviderConfig(kind=kind, **{setting: value}), {}),  # type: ignore[arg-type]
        ):
            with pytest.raises(ConfigError, match=setting) as refused:
                reach("x", config, environment)
            assert value not in str(refused.value)
    moved = ProviderConfig(kind="bedrock", base_url="https://a.example")
    assert reach("x", moved, {"AWS_REGION": value}).origin.host == "a.example"


def test_where_a_key_is_given_another_way_to_sign_in_is_not_looked_for() -> None:
    environment = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "us-east5"}
    row_of_vertex = row("vertex")
    with_key = settings_of(row_of_vertex, ProviderConfig(api_key=("env:K",)), environment)
    assert with_key == {"location": "global"}
    assert settings_of(row_of_vertex, ProviderConfig(), environment) == {"project": "p", "location": "us-east5"}


def test_another_name_keeps_its_kinds_ways() -> None:
    config = ProviderConfig(kind="anthropic", base_url="http://10.0.0.1:8080/", headers={"X-Team": "a"})
    ours = resolve_provider("eu", config)
    theirs = row("anthropic")
    assert (ours.name, ours.title, ours.base_url) == ("eu", "eu", "http://10.0.0.1:8080")
    assert ours.headers == (*theirs.headers, ("x-team", "a"))
    assert (ours.endpoints, ours.credential, ours.catalogue) == (theirs.endpoints, theirs.credential, theirs.catalogue)


def test_the_operators_header_replaces_the_rows() -> None:
    name, _ = row("anthropic").headers[0]
    ours = resolve_provider("anthropic", ProviderConfig(headers={name.upper(): "operator"}))
    assert dict(ours.headers)[name] == "operator"
    assert len(ours.headers) == len(row("anthropic").headers)


def test_what_the_operator_did_not_write_may_not_be_private() -> None:
    public = reach("openai", ProviderConfig())
    assert public.origin == Origin("https", "api.openai.com", 443)
    assert not public.private
    assert reach("openai", ProviderConfig(base_url="http://10.0.0.1")).private
    assert reach("ollama", ProviderConfig()).private
    assert reach("ollama", ProviderConfig()).origin == Origin("http", "127.0.0.1", 11434)


def test_the_operators_words_reach_the_transport() -> None:
    config = ProviderConfig(ca_file="/ca.pem", proxy="", timeout_s=Timeouts(connect=1.0), connections_max=7)
    found = reach("openai", config)
    assert (found.ca_file, found.proxy, found.connections_max) == ("/ca.pem", "", 7)
    assert found.deadlines == Deadlines(connect_s=1.0)


def test_one_number_limits_every_phase() -> None:
    assert deadlines(Timeouts()) == Deadlines()
    assert deadlines(30.0) == Deadlines(connect_s=10.0, first_byte_s=30.0, idle_s=30.0, total_s=30.0)
    assert deadlines(2.0) == Deadlines(2.0, 2.0, 2.0, 2.0)


def test_what_cannot_be_reached_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="no kind"):
        resolve_provider("nobody", ProviderConfig())
    with pytest.raises(ConfigError, match=r"providers\.local\.base_url"):
        reach("local", ProviderConfig())


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.openai.com/v1", Address(Origin("https", "api.openai.com", 443), "/v1")),
        ("http://127.0.0.1:8000/", Address(Origin("http", "127.0.0.1", 8000), "")),
        ("HTTPS://EU.Example.ORG:8443/a/b//", Address(Origin("https", "eu.example.org", 8443), "/a/b")),
        ("http://[::1]:11434", Address(Origin("http", "::1", 11434), "")),
    ],
)
def test_an_address_has_parts(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com/v1",
        "//host",
        "https://",
        "https:///v1",
        "ftp://host",
        "file:///etc/passwd",
        "https://user@host",
        "https://user:canary@host",
        "https://@host",
        "https://host?key=canary",
        "https://host?",
        "https://host/#canary",
        "https://host/#",
        "https://host:0",
        "https://host:",
        "https://host:99999",
        "https://host:x",
        "https://[::1",
        "https://[v1.x]/",
        "https://ho st",
        "https://host\r\nx: canary",
        "https://host/a\tb",
        "https://host\\evil",
        "https://hößt",
        "https://ho%73t",
        "https://host/a/../b",
        "https://host/./b",
        "https://host/a//b",
        "https://host/%2e%2e/",
        " https://host",
        "https://host/" + "a" * 3000,
    ],
)
def test_what_is_no_plain_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_address(url)
    assert "canary" not in str(caught.value)


@given(st.one_of(st.text(), st.text().map("https://{}".format), st.text().map("http://h/{}".format)))
def test_any_text_is_an_address_or_a_value_error(url: str) -> None:
    with contextlib.suppress(ValueError):
        address = parse_address(url)
        assert address.origin.host
        assert not address.path or address.path.startswith("/")
        assert not address.path.endswith("/")
