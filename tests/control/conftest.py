"""The real ASGI application over a real store, asked as a server would ask it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from msgspec.structs import replace

from keywright.control.blueprint import ControlBlueprint
from keywright.control.door import Control
from keywright.core.clock import SECOND_US, Clock
from keywright.core.identity import Key
from keywright.identity.keystring import digest
from keywright.pipeline.snapshot import Snapshot
from keywright.store.content import read_content
from keywright.store.standing import Standings
from keywright.store.store import Store
from tests.control.custody import Custody, opened_custody
from tests.control.stores import opened_stores
from tests.gateway import gateway, shared_gateway, start
from tests.postgres import database_url, empty_postgres_url, new_database_url, postgres, postgres_url
from tests.routing import routes, source
from tests.standin.fixtures import anthropic_cloud, anthropic_server, openai_cloud, openai_server

__all__ = [
    "anthropic_cloud",
    "anthropic_server",
    "database_url",
    "empty_postgres_url",
    "gateway",
    "new_database_url",
    "openai_cloud",
    "openai_server",
    "postgres",
    "postgres_url",
    "shared_gateway",
    "start",
]

OPERATORS_KEY = "the-operators-key-of-these-tests-0123456789"
START_S = 1_790_000_000
STANDING = Clock(unix_us=lambda: START_S * SECOND_US, ticks_us=lambda: 0)
"""A clock that stands still."""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Api:
    """The administration API of a gateway whose clock stands still until it is told otherwise.

    `folder`: where it keeps secrets, None without any. `custody`: who has its credentials.
    """

    store: Store
    folder: Path | None = None
    custody: Custody | None = None
    now_s: int = START_S
    changes: int = 0
    strangers: list[str] = field(default_factory=list)
    snapshot: Snapshot = field(init=False)
    control: Control = field(init=False)

    def __post_init__(self) -> None:
        operators = Key(
            id="environment", kind="admin", name="operator", sha256=digest(OPERATORS_KEY), created_s=START_S
        )
        self.snapshot = Snapshot(keys={}, foreign={operators.sha256: operators}, routes=routes(source("openai")))
        numbers = iter(range(10**9))
        clock = Clock(unix_us=lambda: self.now_s * SECOND_US, ticks_us=lambda: 0)
        self.control = Control(
            ControlBlueprint(
                store=self.store,
                standings=Standings(self.store.database),
                snapshot=lambda: self.snapshot,
                clock=clock,
                random=secrets.token_bytes,
                new_id=lambda: f"req_{next(numbers)}",
                on_change=self.follow,
                on_stranger=self.strangers.append,
                custodian=None if self.custody is None else self.custody.custodian,
                secrets=None if self.folder is None else opened_stores(self.store, self.folder, clock),
                read_s=0.2,
            )
        )

    async def follow(self) -> None:
        """Know at once what has changed, as the gateway of this process does."""
        self.changes += 1
        content = await read_content(self.store.database, -1)
        self.snapshot = replace(
            self.snapshot,
            keys={key.id: key for key in content.keys},
            realm=content.realm,
            budgets=content.budgets,
            limits=content.limits,
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str = OPERATORS_KEY,
        *,
        raw: bytes | None = None,
        address: str = "127.0.0.1",
        more: bool = False,
        query: Mapping[str, Any] = MappingProxyType({}),
        **headers: str,
    ) -> Reply:
        """One request. `more`: its body never ends. `path` below `/api/v1`; `headers` with underscores for hyphens."""
        target = path if path.startswith("/openapi") else "/api/v1" + quote(path, safe="/%")
        content = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if content:
            given.setdefault("content-type", "application/json")
        if key:
            given.setdefault("authorization", f"Bearer {key}")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": (address, 40000),
            "server": ("127.0.0.1", 4100),
        }
        return await _exchange(self.control, scope, content, more)

    async def get(self, path: str, key: str = OPERATORS_KEY, **query: Any) -> Reply:
        """GET with these parameters."""
        return await self.ask("GET", path, key=key, query=query)

    async def made(self, path: str, body: Any, key: str = OPERATORS_KEY) -> Any:
        """What a POST makes, which must work."""
        reply = await self.ask("POST", path, body, key)
        assert reply.status in (200, 201), reply.body
        return reply.json

    async def user(self, name: str, role: str | None = None, **projects: str) -> str:
        """A new user with these roles, and an admin key of theirs."""
        await self.made("/users", {"name": name, "role": role})
        for project, project_role in projects.items():
            reply = await self.ask("PUT", f"/projects/{project}/members/{name}", {"role": project_role})
            assert reply.status == 200, reply.body
        return str((await self.made("/keys", {"name": name, "kind": "admin", "owner": name}))["key"])


async def _exchange(control: Control, scope: dict[str, Any], body: bytes, more: bool) -> Reply:
    messages = iter([{"type": "http.request", "body": body, "more_body": more}])
    sent: list[Any] = []

    async def receive() -> Any:
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    await control(scope, receive, send)
    start, *bodies = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], headers, b"".join(message["body"] for message in bodies))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A database of either kind."""
    store = await Store.open(database_url)
    yield store
    await store.close()


@pytest.fixture
async def api(store: Store, tmp_path: Path) -> Api:
    api = Api(store, tmp_path)
    await api.follow()
    return api


@pytest.fixture
async def quick_api(tmp_path: Path) -> AsyncIterator[Api]:
    """One whose database is in memory: for tests that ask a lot."""
    store = await Store.open("sqlite://")
    api = Api(store, tmp_path)
    await api.follow()
    yield api
    await store.close()


@pytest.fixture
async def custody(store: Store, tmp_path: Path) -> AsyncIterator[Custody]:
    """Who has the credentials, in a database of either kind."""
    async with opened_custody(store, tmp_path, STANDING) as custody:
        yield custody


@pytest.fixture
async def whole_api(tmp_path: Path) -> AsyncIterator[Api]:
    """One in memory, with everything that a gateway has."""
    store = await Store.open("sqlite://")
    async with opened_custody(store, tmp_path, STANDING) as custody:
        api = Api(store, tmp_path, custody)
        await api.follow()
        yield api
    await store.close()
