"""Each SDK lists the models, and tells of one, in its own objects; and only of those that its key may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import anthropic
import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import errors, types
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway

ALLOWED = ("openai/gpt-4o", "anthropic/claude-haiku-4-5")
FORBIDDEN = "openai/gpt-4o-mini"


class Lister(Protocol):
    """Lists models by an SDK. `names` are all of them; `one` is the name in what it tells of one."""

    missing: type[Exception]

    def names(self) -> list[str]: ...
    def one(self, name: str) -> str: ...


class OpenAILister:
    missing = openai.NotFoundError

    def __init__(self, url: str, key: str, _: httpx.Client) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=TIMEOUT_S)

    def names(self) -> list[str]:
        with self._client as client:
            return [model.id for model in client.models.list()]

    def one(self, name: str) -> str:
        with self._client as client:
            return client.models.retrieve(name).id


class AnthropicLister:
    missing = anthropic.NotFoundError

    def __init__(self, url: str, key: str, _: httpx.Client) -> None:
        self._client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT_S)

    def names(self) -> list[str]:
        with self._client as client:
            return [model.id for model in client.models.list(limit=1000)]

    def one(self, name: str) -> str:
        with self._client as client:
            return client.models.retrieve(name).id


class GenaiLister:
    missing = errors.ClientError

    def __init__(self, url: str, key: str, _: httpx.Client) -> None:
        self._client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def names(self) -> list[str]:
        with self._client as client:
            return [(model.name or "").removeprefix("models/") for model in client.models.list()]

    def one(self, name: str) -> str:
        with self._client as client:
            found = client.models.get(model=f"models/{name}")
        assert found.input_token_limit
        assert "generateContent" in (found.supported_actions or ())
        return (found.name or "").removeprefix("models/")


class MistralLister:
    missing = MistralError

    def __init__(self, url: str, key: str, http: httpx.Client) -> None:
        client: Any = http  # as the SDK's protocol of clients asks for
        self._client: Any = Mistral(api_key=key, server_url=url, client=client)

    def names(self) -> list[str]:
        return [model.id for model in self._client.models.list().data or ()]

    def one(self, name: str) -> str:
        found = self._client.models.retrieve(model_id=name)
        assert found.capabilities.completion_chat
        return str(found.id)


class CohereLister:
    missing = cohere.NotFoundError

    def __init__(self, url: str, key: str, http: httpx.Client) -> None:
        self._client = cohere.ClientV2(api_key=key, base_url=url, httpx_client=http)

    def names(self) -> list[str]:
        return [model.name or "" for model in self._client.models.list().models]

    def one(self, name: str) -> str:
        found = self._client.models.get(name, request_options={"max_retries": 0})
        assert "chat" in (found.endpoints or ())
        return found.name or ""


class OllamaLister:
    missing = ollama.ResponseError

    def __init__(self, url: str, key: str, _: httpx.Client) -> None:
        self._client: Any = ollama.Client(host=url, headers={"authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)

    def names(self) -> list[str]:
        listed = self._client.list()
        self._client.close()
        return [model.model for model in listed.models]

    def one(self, name: str) -> str:
        try:
            shown = self._client.show(name)
        finally:
            self._client.close()
        assert {"completion", "tools"} <= set(shown.capabilities)
        return str(shown.modelinfo["general.architecture"]) + "/" + name.partition("/")[2]


LISTERS: dict[str, Any] = {
    "openai": OpenAILister,
    "anthropic": AnthropicLister,
    "google-genai": GenaiLister,
    "mistralai": MistralLister,
    "cohere": CohereLister,
    "ollama": OllamaLister,
}


class Opened(Protocol):
    """Opens the SDK with a key."""

    def __call__(self, key: str) -> Lister: ...


@pytest.fixture(params=LISTERS)
def opened(request: pytest.FixtureRequest, every_gateway: Gateway) -> Iterator[Opened]:
    """Every SDK in turn."""
    with httpx.Client(timeout=TIMEOUT_S) as http:
        yield lambda key: LISTERS[request.param](every_gateway.url, key, http)


@contextmanager
def missing(lister: Lister) -> Iterator[None]:
    with pytest.raises(lister.missing) as caught:
        yield
    error: Any = caught.value
    assert (getattr(error, "status_code", None) or error.code) == 404


def test_every_model_of_every_provider_is_listed(opened: Opened, every_gateway: Gateway) -> None:
    names = opened(every_gateway.admin_key).names()
    assert {*ALLOWED, FORBIDDEN} <= set(names)
    assert sorted(names) == sorted(every_gateway.house.snapshot.routes.names())


def test_only_what_the_key_may_use_is_listed(opened: Opened, every_gateway: Gateway) -> None:
    key = every_gateway.issue(models=ALLOWED)
    assert sorted(opened(key).names()) == sorted(ALLOWED)


def test_a_key_that_may_use_nothing_is_shown_an_empty_list(opened: Opened, every_gateway: Gateway) -> None:
    assert opened(every_gateway.issue(models=("nothing",))).names() == []


def test_one_model_is_told_of(opened: Opened, every_gateway: Gateway) -> None:
    key = every_gateway.issue(models=ALLOWED)
    assert opened(key).one("openai/gpt-4o") == "openai/gpt-4o"


@pytest.mark.parametrize("name", [FORBIDDEN, "openai/gpt-nonsense"])
def test_what_the_key_may_not_use_does_not_exist(opened: Opened, every_gateway: Gateway, name: str) -> None:
    key = every_gateway.issue(models=ALLOWED)
    lister = opened(key)
    with missing(lister):
        lister.one(name)
