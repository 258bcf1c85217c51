"""Stand-ins of the three administration APIs: they hold what was used, page it out, and refuse what is not official."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from tests.reconcile.official import anthropic_complaint, complaint, must_be
from tests.standin.wire import Link, Request, Server

ADMIN_KEY = "admin-key-canary-0123456789"
RESULTS_PER_PAGE = 2


@dataclass
class Use:
    """What one key used of one model. `project` is OpenAI's."""

    model: str
    key: str | None
    requests: int
    input: int
    output: int
    usd: str
    cached: int = 0
    project: str = "proj_1"


@dataclass
class Ledger:
    """What a provider knows: uses by day, and the ends of each key's text by its id."""

    uses: dict[str, list[Use]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


Answer = Callable[["BillingStandIn", str, str], tuple[int, Any]]


class BillingStandIn:
    """One provider's administration API. `faults`: answers given first, `(status, headers)`, each once."""

    def __init__(self, answer: Answer, header: str, value: str, base: str, specs: Path) -> None:
        self.ledger = Ledger()
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.specs = specs
        self.needs: dict[str, str] = {}
        self._answer = answer
        self._header, self._value = header, value
        self._base = base
        self._server = Server(self._handle)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}{self._base}"

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.close()

    async def _handle(self, request: Request, link: Link) -> None:
        self.asked.append(request.path)
        if request.headers.get(self._header) != self._value:
            await link.whole(401, b'{"error":{"message":"bad key"}}')
            return
        if any(request.headers.get(name) != value for name, value in self.needs.items()):
            self.complaints.append(f"{request.path}: needs {self.needs}")
        if self.faults:
            status, headers = self.faults.pop(0)
            await link.whole(status, b"{}", headers)
            return
        path, _, query = request.path.removeprefix(self._base).partition("?")
        status, body = self._answer(self, path, query)
        await link.whole(status, json.dumps(body).encode())


def openai(specs: Path) -> BillingStandIn:
    return BillingStandIn(_openai, "authorization", f"Bearer {ADMIN_KEY}", "/v1", specs)


def anthropic(specs: Path) -> BillingStandIn:
    made = BillingStandIn(_anthropic, "x-api-key", ADMIN_KEY, "", specs)
    made.needs = {"anthropic-version": "2023-06-01"}
    return made


def openrouter(specs: Path) -> BillingStandIn:
    return BillingStandIn(_openrouter, "authorization", f"Bearer {ADMIN_KEY}", "/api/v1", specs)


def _openai(cloud: BillingStandIn, path: str, query: str) -> tuple[int, Any]:
    file = cloud.specs / "openai" / "openapi.yaml"
    if "/api_keys/" in path:
        key = path.rpartition("/")[2]
        if key not in cloud.ledger.keys:
            return 404, {"error": {"message": "no such key"}}
        found: dict[str, Any] = {
            "object": "organization.project.api_key",
            "id": key,
            "name": "gateway",
            "redacted_value": cloud.ledger.keys[key],
            "created_at": 1,
            "last_used_at": None,
            "owner_project_access": "active",
            "owner": {"type": "user"},
        }
        must_be(file, "ProjectApiKey", found)
        return 200, found
    _note(cloud, path, complaint(file, path, query))
    asked = parse_qs(query)
    day = datetime.fromtimestamp(int(asked["start_time"][0]), UTC).date()
    uses = cloud.ledger.uses.get(day.isoformat(), [])
    if path == "/organization/costs":
        results = [_openai_cost(use, part) for use in uses for part in (0, 1)]
        component = "CostsResult"
    elif path == "/organization/usage/completions":
        results, component = (
            [_openai_use(use) for use in uses if "embedding" not in use.model],
            "UsageCompletionsResult",
        )
    elif path == "/organization/usage/embeddings":
        results, component = (
            [_openai_embedding(use) for use in uses if "embedding" in use.model],
            "UsageEmbeddingsResult",
        )
    else:
        results, component = [], ""
    for result in results:
        must_be(file, component, result)
    page, following = _page(results, asked.get("page", [""])[0])
    start = int(asked["start_time"][0])
    bucket = {"object": "bucket", "start_time": start, "end_time": int(asked["end_time"][0]), "results": page}
    return 200, {"object": "page", "data": [bucket], "has_more": following is not None, "next_page": following}


def _openai_use(use: Use) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": use.input,
        "input_cached_tokens": use.cached,
        "output_tokens": use.output,
        "num_model_requests": use.requests,
        "project_id": use.project,
        "api_key_id": use.key,
        "model": use.model,
    }


def _openai_embedding(use: Use) -> dict[str, Any]:
    whole = _openai_use(use)
    names = ("input_tokens", "num_model_requests", "project_id", "api_key_id", "model")
    return {"object": "organization.usage.embeddings.result", **{name: whole[name] for name in names}}


def _openai_cost(use: Use, part: int) -> dict[str, Any]:
    """Half of it for the input, half for the output."""
    return {
        "object": "organization.costs.result",
        "amount": {"value": float(use.usd) / 2, "currency": "usd"},
        "line_item": f"{use.model}, {('input', 'output')[part]}",
        "project_id": use.project,
        "api_key_id": use.key,
    }


def _anthropic(cloud: BillingStandIn, path: str, query: str) -> tuple[int, Any]:
    if "/api_keys/" in path:
        key = path.rpartition("/")[2]
        if key not in cloud.ledger.keys:
            return 404, {"type": "error"}
        return 200, {"id": key, "type": "api_key", "partial_key_hint": cloud.ledger.keys[key], "status": "active"}
    is_cost = path == "/v1/organizations/cost_report"
    groups = {"workspace_id", "description"} if is_cost else {"api_key_id", "model", "workspace_id", "service_tier"}
    _note(cloud, path, anthropic_complaint(groups, query))
    asked = dict(parse_qsl(query))
    uses = cloud.ledger.uses.get(asked["starting_at"][:10], [])
    results = [_anthropic_cost(use) if is_cost else _anthropic_use(use) for use in uses]
    page, following = _page(results, asked.get("page", ""))
    bucket = {"starting_at": asked["starting_at"], "ending_at": asked["ending_at"], "results": page}
    return 200, {"data": [bucket], "has_more": following is not None, "next_page": following}


def _anthropic_use(use: Use) -> dict[str, Any]:
    return {
        "uncached_input_tokens": use.input - use.cached,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": use.cached // 2},
        "cache_read_input_tokens": use.cached - use.cached // 2,
        "output_tokens": use.output,
        "server_tool_use": {"web_search_requests": 0},
        "api_key_id": use.key,
        "workspace_id": None,
        "model": use.model,
        "service_tier": None,
        "context_window": None,
    }


def _anthropic_cost(use: Use) -> dict[str, Any]:
    """In cents, and of no key."""
    return {
        "currency": "USD",
        "amount": f"{float(use.usd) * 100:.5f}",
        "workspace_id": None,
        "description": f"{use.model} Usage - Input Tokens",
        "cost_type": "tokens",
        "context_window": "0-200k",
        "model": use.model,
        "service_tier": "standard",
        "token_type": "uncached_input_tokens",
    }


def _openrouter(cloud: BillingStandIn, path: str, query: str) -> tuple[int, Any]:
    file = cloud.specs / "openrouter" / "openapi.yaml"
    _note(cloud, path, complaint(file, path, query))
    asked = dict(parse_qsl(query))
    if path == "/keys":
        hashes = list(cloud.ledger.keys)[int(asked["offset"]) :][:RESULTS_PER_PAGE]
        return 200, {"data": [{"hash": each, "label": cloud.ledger.keys[each], "name": "k"} for each in hashes]}
    uses = cloud.ledger.uses.get(asked["date"], [])
    wanted = asked.get("api_key_hash")
    items = [_activity(use, asked["date"]) for use in uses if wanted in (None, use.key)]
    for item in items:
        must_be(file, "ActivityItem", item)
    return 200, {"data": items}


def _activity(use: Use, day: str) -> dict[str, Any]:
    return {
        "date": day,
        "model": use.model,
        "model_permaslug": f"{use.model}-2025-04-14",
        "endpoint_id": "550e8400-e29b-41d4-a716-446655440000",
        "provider_name": "OpenAI",
        "usage": float(use.usd) / 4,
        "byok_usage_inference": float(use.usd) * 3 / 4,
        "requests": use.requests,
        "prompt_tokens": use.input,
        "completion_tokens": use.output,
        "reasoning_tokens": 0,
    }


def _page(results: list[Any], page: str) -> tuple[list[Any], str | None]:
    start = int(page.removeprefix("page_") or 0)
    end = start + RESULTS_PER_PAGE
    return results[start:end], f"page_{end}" if end < len(results) else None


def _note(cloud: BillingStandIn, path: str, said: str | None) -> None:
    if said is not None:
        cloud.complaints.append(f"{path}: {said}")


def started(make: Callable[[Path], BillingStandIn], specs: Path) -> Iterator[BillingStandIn]:
    """For a fixture: a stand-in that runs, and whose complaints fail the test."""
    cloud = make(specs)
    cloud.start()
    yield cloud
    cloud.close()
    assert cloud.complaints == []


def yesterday() -> date:
    return date.fromordinal(datetime.now(UTC).date().toordinal() - 1)
