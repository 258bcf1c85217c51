"""The inventory of providers: what every row promises."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from keywright import providers
from keywright.config import ProviderConfig
from keywright.dialects import DIALECTS, WIRES
from keywright.providers import PROVIDERS, find
from keywright.providers.openai import OPENAI
from keywright.providers.provider import MODEL, Bearer, Endpoint, HeaderKey, Provider, endpoint, named_in
from tests.conftest import shared_dir

ROWS = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)

CREDENTIAL_HEADERS = {
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "set-cookie",
    "proxy-authorization",
}

RECORDED_HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "openrouter": "openrouter.ai",
    "groq": "api.groq.com",
    "deepseek": "api.deepseek.com",
    "xai": "api.x.ai",
    "together": "api.together.ai",
    "mistral": "api.mistral.ai",
    "cohere": "api.cohere.com",
    "huggingface": "router.huggingface.co",
    "perplexity": "api.perplexity.ai",
    "cerebras": "api.cerebras.ai",
    "moonshot": "api.moonshot.ai",
    "zai": "api.z.ai",
}


def chat_url(provider: Provider) -> str:
    chat = endpoint(provider, "chat")
    assert chat is not None
    return provider.base_url + chat.path


def recorded_urls() -> Iterator[str]:
    for file in sorted(shared_dir("traffic").glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield str(json.loads(line)["url"]).partition("?")[0]


def test_names_are_unique_and_safe_in_a_path_and_a_toml_key() -> None:
    names = [provider.name for provider in PROVIDERS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,31}", name) for name in names)


def test_the_inventory_names_every_file() -> None:
    folder = Path(providers.__file__).parent
    not_rows = {"__init__", "provider", "discovery", "check"}
    files = {file.stem.replace("_", "-") for file in folder.glob("*.py") if file.stem not in not_rows}
    assert files == {provider.name for provider in PROVIDERS}


def test_find_knows_exactly_the_inventory() -> None:
    assert all(find(provider.name) is provider for provider in PROVIDERS)
    assert find("nobody") is None
    assert find("") is None


@ROWS
def test_an_address_is_plain_https_or_this_machine(provider: Provider) -> None:
    settings = {setting.name: "x" for setting in provider.settings}
    for address in (provider.base_url, *(address for _, _, address in provider.base_urls)):
        if address:
            is_plain(provider, address.format_map(settings))


def is_plain(provider: Provider, address: str) -> None:
    url = urlsplit(address)
    assert not any((url.query, url.fragment, url.username))
    assert not url.path.endswith("/")
    assert url.scheme == "https" or (url.hostname == "127.0.0.1" and url.port == provider.found_on_port)


@ROWS
def test_paths_are_safe_to_append(provider: Provider) -> None:
    assert "chat" in {candidate.kind for candidate in provider.endpoints}
    named = {setting.name for setting in provider.settings} | {MODEL}
    for candidate in provider.endpoints:
        for path in filter(None, (candidate.path, candidate.stream_path)):
            assert named_in(path) <= named
            filled = path.format_map(dict.fromkeys(named, "x"))
            assert re.fullmatch(r"(/[a-z0-9_-]+)+(:[a-zA-Z]+)?(\?[a-z-]+=[a-z]+)?", filled), filled


@ROWS
def test_what_is_spoken_at_an_endpoint_is_a_wire_of_ours(provider: Provider) -> None:
    for candidate in provider.endpoints:
        if candidate.kind in {"chat", "embeddings", "rerank", "count", "fim"}:
            assert candidate.dialect in WIRES, candidate
        assert set(candidate.prefers) <= set(DIALECTS)


@ROWS
def test_a_setting_is_one_that_the_configuration_knows(provider: Provider) -> None:
    known = set(ProviderConfig.__struct_fields__)
    assert {setting.name for setting in provider.settings} <= known
    assert {setting for setting, _, _ in provider.base_urls} <= {setting.name for setting in provider.settings}
    assert named_in(provider.base_url) <= {setting.name for setting in provider.settings if setting.default}


@ROWS
def test_headers_are_lower_case_and_never_a_credential(provider: Provider) -> None:
    assert isinstance(provider.credential, Bearer | HeaderKey)
    names = [name for name, _ in provider.headers] + [*provider.passed_headers, *provider.answer_headers]
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert not CREDENTIAL_HEADERS & set(names)


@ROWS
def test_environment_variables_are_named_as_shells_name_them(provider: Provider) -> None:
    variables = [*provider.env, *filter(None, [provider.base_url_env])]
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in variables)
    assert provider.env or provider.key_optional or provider.identity


@ROWS
def test_a_row_survives_being_written_down(provider: Provider) -> None:
    written = msgspec.json.encode(provider)
    assert msgspec.json.decode(written, type=Provider) == provider


def test_what_is_free_runs_on_this_machine() -> None:
    free = {provider.name for provider in PROVIDERS if provider.free}
    assert free == {"ollama", "lmstudio", "local"}


def test_the_endpoint_of_the_clients_own_dialect_is_preferred() -> None:
    ours = Provider(
        name="two-faced",
        title="Two-faced",
        docs="",
        base_url="http://127.0.0.1:1",
        endpoints=(
            Endpoint(kind="chat", path="/v1/chat/completions", dialect="openai_chat"),
            Endpoint(kind="chat", path="/v1/messages", dialect="anthropic"),
        ),
    )
    assert endpoint(ours, "chat", "anthropic") == ours.endpoints[1]
    assert endpoint(ours, "chat", "gemini") == ours.endpoints[0]
    assert endpoint(ours, "models") is None


@pytest.mark.parametrize(
    ("model", "path"), [("gpt-3.5-turbo-instruct", "/completions"), ("gpt-4o", "/chat/completions")]
)
def test_only_models_that_go_on_with_prompts_are_asked_so_at_openai(model: str, path: str) -> None:
    found = endpoint(OPENAI, "chat", "openai_completions", model)
    assert found is not None
    assert found.path == path


def test_chat_addresses_are_those_that_were_recorded() -> None:
    recorded = set(recorded_urls())
    wrong = [
        chat_url(provider)
        for provider in PROVIDERS
        if provider.name in RECORDED_HOSTS and chat_url(provider) not in recorded
    ]
    assert not wrong
    assert "http://localhost:11434/api/chat" in recorded
    assert {urlsplit(chat_url(row)).hostname for row in PROVIDERS if row.name in RECORDED_HOSTS} == set(
        RECORDED_HOSTS.values()
    )
