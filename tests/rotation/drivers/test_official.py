"""What drivers ask, and what their stand-ins answer, is what the providers' official descriptions say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from keywright.core.secret import Secret
from keywright.rotation.drivers.mistral import MistralDriver, MistralSettings
from keywright.rotation.drivers.openai import OpenAiDriver, OpenAiSettings
from keywright.rotation.drivers.openrouter import OpenRouterDriver, OpenRouterSettings
from keywright.vault.fetch import Fetch
from tests.conftest import shared_dir
from tests.reconcile.official import complaint, must_be, section_of
from tests.rotation.drivers.cases import always
from tests.rotation.standins.mistral import USER, Mistral
from tests.rotation.standins.openai import OpenAi
from tests.rotation.standins.openrouter import OpenRouter

NAME = "keywright-1"


@pytest.fixture(scope="module")
def specs() -> Path:
    return shared_dir("specs")


async def whole_life(driver: OpenAiDriver | OpenRouterDriver | MistralDriver, secret: str) -> None:
    """Every question that the driver has."""
    old = await driver.find(Secret(secret))
    created = await driver.create(NAME, old)
    assert [mark.id for mark in await driver.made(NAME, old)] == [created.mark.id]
    await driver.last_used_s(old)
    await driver.disable(old)
    await driver.enable(old)
    await driver.delete(old)


def queries(asked: list[str], path: str) -> Iterator[str]:
    """The queries of all questions for a list."""
    for each in asked:
        method, _, target = each.partition(" ")
        if method == "GET" and urlsplit(target).path == path:
            yield urlsplit(target).query


async def test_openai_s(specs: Path, fetch: Fetch) -> None:
    file = specs / "openai" / "openapi.yaml"
    with OpenAi().open() as openai:
        settings = OpenAiSettings(openai.project, lifetime_s=60, scopes=("api.responses.write",))
        key = openai.add("old")
        openai.add("a person's", account=None)
        await whole_life(OpenAiDriver(fetch, openai.url, always(openai.admin_key), settings), key.value)
    for operation, body, answer in openai.spoken:
        match operation:
            case "list":
                for each in answer["data"]:
                    must_be(file, "ProjectApiKey", each)
            case "show":
                must_be(file, "ProjectApiKey", answer)
            case "create":
                # The description is older than keys that run out.
                must_be(file, "CreateProjectServiceAccountApiKeyBody", without(body, "expires_in_seconds"))
                must_be(file, "ServiceAccountApiKeyBody", without(answer, "expires_at"))
            case "delete":
                must_be(file, "ProjectApiKeyDeleteResponse", answer)
    assert {operation for operation, _, _ in openai.spoken} == {"list", "show", "create", "delete"}
    path = f"/v1/organization/projects/{openai.project}/api_keys"
    listed = list(queries(openai.door.asked, path))
    described = "/organization/projects/{project_id}/api_keys"
    assert listed
    assert {complaint(file, described, f"project_id={openai.project}&{query}") for query in listed} == {None}


async def test_openrouter_s(specs: Path, fetch: Fetch) -> None:
    file = specs / "openrouter" / "openapi.yaml"
    keys, one = section_of(file, "  /keys:"), section_of(file, "  /keys/{hash}:")
    operations = {
        "list": (None, keys["get"]["responses"]["200"]),
        "create": (keys["post"], keys["post"]["responses"]["201"]),
        "show": (None, one["get"]["responses"]["200"]),
        "change": (one["patch"], one["patch"]["responses"]["200"]),
        "delete": (None, one["delete"]["responses"]["200"]),
    }
    with OpenRouter().open() as openrouter:
        key = openrouter.add("old")
        key.limit, key.limit_reset = 10.0, "weekly"
        driver = OpenRouterDriver(
            fetch, openrouter.url, always(openrouter.admin_key), OpenRouterSettings(lifetime_s=3600)
        )
        await whole_life(driver, key.value)
    for operation, body, answer in openrouter.spoken:
        asked, said = operations[operation]
        jsonschema.validate(answer, schema_of(said))
        if asked is not None:
            jsonschema.validate(body, {**schema_of(asked["requestBody"]), "additionalProperties": False})
    assert {operation for operation, _, _ in openrouter.spoken} == set(operations)
    listed = list(queries(openrouter.door.asked, "/api/v1/keys"))
    assert listed
    assert {complaint(file, "/keys", query) for query in listed} == {None}


async def test_mistral_s(specs: Path, fetch: Fetch) -> None:
    file = specs / "mistral" / "openapi-public-doc.yaml"
    with Mistral().open() as mistral:
        settings = MistralSettings(USER, lifetime_s=3600)
        key = mistral.add("old")
        await whole_life(MistralDriver(fetch, mistral.admin_url, always(mistral.admin_key), settings), key.value)
    for operation, body, answer in mistral.spoken:
        match operation:
            case "list":
                for each in answer["keys"]:
                    must_be(file, "APIKeyExtendedOUT", each)
            case "create":
                must_be(file, "AdminCreateAPIKeyIN", body)
                must_be(file, "APIKeyOUT", answer)
            case "delete":
                must_be(file, "DeleteAPIKeyOUT", answer)
    assert {operation for operation, _, _ in mistral.spoken} == {"list", "create", "delete"}
    listed = list(queries(mistral.door.asked, "/api/admin/api-keys"))
    assert listed
    assert {complaint(file, "/v1/admin/api-keys", query) for query in listed} == {None}


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: inner for each, inner in value.items() if each != name}


def schema_of(described: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = described["content"]["application/json"]["schema"]
    return schema
