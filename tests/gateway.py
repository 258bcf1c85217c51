"""A real gateway for tests: a house built from a real file, served in a thread of its own, behind either edge.

    with running(tmp_path, toml(openai_cloud, anthropic_cloud)) as gateway:
        answer = gateway.chat(...)
        entry = gateway.entry(answer.request_id)

Fixtures: `gateway` is behind both edges in turn, and one for all tests, so none may make its upstreams fail (that opens
breakers); `start` makes a gateway of the test's own. A room's `conftest.py` imports them with the stand-ins'.
"""

import asyncio
import contextlib
import secrets
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec
import pytest
import uvloop
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from keywright.catalog.snapshot import DATA_FILE
from keywright.core.entry import Entry
from keywright.core.identity import Key, KeyKind, Network, Permission
from keywright.core.json import Json, JsonObject
from keywright.house.blueprint import plan_house
from keywright.house.house import House
from keywright.house.watch import Watch
from keywright.identity.keystring import issue
from keywright.rotation.steps import USUAL, Pace
from keywright.server.edge import READ_S
from keywright.server.listen import Address, Door, Tls, bind
from keywright.server.protocol import DataPlaneProtocol
from keywright.store.price_lists import PriceLists
from keywright.store.store import Store
from tests.client import Answer, Stream, ask, streaming
from tests.sqlite import copied, lay
from tests.standin.cloud import StandIn

Edge: TypeAlias = Literal["protocol", "asgi"]
"""How clients come in: our protocol class, or plain ASGI through uvicorn's own."""

EDGES: tuple[Edge, ...] = ("protocol", "asgi")
SOON_S = 30.0
ADMIN_KEY = "the-admin-key-of-these-tests-0123456789"
DATABASE = "test.db"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
Result = TypeVar("Result")


@dataclass
class Gateway:
    """A gateway that is listening at `url`. Everything here may be called from the test's thread."""

    url: str
    admin_key: str
    house: House
    folder: Path
    loop: asyncio.AbstractEventLoop
    door: Door

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` gives, run in the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SOON_S)

    def entry(self, request_id: str) -> Entry:
        """The ledger's entry of that call, once it is in the store."""
        found = self.run(self._entry(request_id))
        assert found is not None, f"no entry for {request_id}"
        return found

    def entries(self) -> list[Entry]:
        """Every entry, the oldest first."""
        return self.run(self._entries())

    def issue(
        self,
        *,
        kind: KeyKind = "user",
        name: str = "test",
        project: str = "default",
        permission: Permission = "all",
        models: tuple[str, ...] = (),
        endpoints: tuple[str, ...] = (),
        cidrs: tuple[Network, ...] = (),
        expires_s: int | None = None,
        revoked_s: int | None = None,
    ) -> str:
        """A new key with these properties, known to the store and to the gateway."""
        issued = issue(kind, secrets.token_bytes)
        key = Key(
            id=issued.id,
            kind=kind,
            name=name,
            sha256=issued.sha256,
            created_s=int(time.time()),
            project=project,
            permission=permission,
            models=models,
            endpoints=endpoints,
            cidrs=cidrs,
            expires_s=expires_s,
            revoked_s=revoked_s,
        )
        self.run(self._learn(key))
        return issued.secret.reveal()

    def get(self, path: str, key: str = "", **headers: str) -> Answer:
        """GET; `headers` with underscores for hyphens."""
        return ask(self.url, "GET", path, None, _headers(key, headers))

    def post(self, path: str, body: bytes | JsonObject, key: str | None = None, **headers: str) -> Answer:
        """POST with `key`, the administrator's unless another is given; `headers` with underscores for hyphens."""
        key = self.admin_key if key is None else key
        return ask(self.url, "POST", path, _bytes(body), _headers(key, headers))

    def chat(self, model: str = "openai/gpt-4o", text: str = "hello", key: str | None = None, **fields: Json) -> Answer:
        """An OpenAI chat completion."""
        return self.post(CHAT, chat_body(model, text, **fields), key)

    def message(
        self, model: str = "anthropic/claude-haiku-4-5", text: str = "hello", key: str | None = None, **fields: Json
    ) -> Answer:
        """An Anthropic message."""
        return self.post(MESSAGES, message_body(model, text, **fields), key)

    def stream(
        self, path: str, body: JsonObject, key: str | None = None, **headers: str
    ) -> contextlib.AbstractContextManager[Stream]:
        """A POST whose answer is read as it comes."""
        key = self.admin_key if key is None else key
        return streaming(self.url, path, _bytes({**body, "stream": True}), _headers(key, headers))

    def close_breakers(self) -> None:
        """Forget which upstreams failed: each is tried again."""
        self.run(self._close_breakers())

    async def _close_breakers(self) -> None:
        for source in self.house.app.edge.desk.snapshot().routes.sources:
            source.breaker.reset()

    async def _entry(self, request_id: str) -> Entry | None:
        deadline = time.monotonic() + SOON_S / 2
        while True:
            await self.house.ledger.flush()
            found = await self.house.store.entry(request_id)
            if found is not None or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.01)

    async def _entries(self) -> list[Entry]:
        await self.house.ledger.flush()
        with contextlib.closing(sqlite3.connect(self.folder / DATABASE)) as database:
            ids = [row[0] for row in database.execute("SELECT id FROM entries ORDER BY started_us, id")]
        found = [await self.house.store.entry(name) for name in ids]
        return [entry for entry in found if entry is not None]

    async def _learn(self, key: Key) -> None:
        await self.house.store.add_key(key)
        self.house.learn_key(key)


class Start(Protocol):
    """Starts a gateway of the test's own and ends it with the test. `extra` is more of the configuration."""

    def __call__(
        self,
        extra: str = "",
        *,
        edge: Edge = "protocol",
        watch: bool = False,
        shutdown_s: float = 2.0,
        read_s: float = READ_S,
        pace: Pace = USUAL,
    ) -> Gateway: ...


def toml(openai: StandIn, anthropic: StandIn, extra: str = "") -> str:
    """A configuration with both stand-ins, and aliases across them."""
    return f"""
[store]
url = "sqlite:///{DATABASE}"
[retry]
backoff_s = 0.01
backoff_max_s = 0.05
[providers.openai]
api_key = "env:STANDIN_OPENAI"
base_url = "{openai.base_url}"
[providers.anthropic]
api_key = "env:STANDIN_ANTHROPIC"
base_url = "{anthropic.base_url}"
[models.fast]
route = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
[models.careful]
route = ["anthropic/claude-opus-4-5", "openai/gpt-4o"]
{extra}
"""


def environment(openai: StandIn, anthropic: StandIn) -> dict[str, str]:
    """What the configuration of `toml` refers to."""
    return {
        "STANDIN_OPENAI": openai.key,
        "STANDIN_ANTHROPIC": anthropic.key,
        "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY,
    }


@cache
def priced() -> bytes:
    """The content of a database that knows the release's prices, as at a gateway's second start."""

    async def adopt(url: str) -> None:
        store = await Store.open(url)
        await PriceLists(store.database).adopt(DATA_FILE.read_bytes(), int(time.time()))
        await store.close()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        file = Path(folder) / DATABASE
        thread.submit(asyncio.run, adopt(lay(file))).result(SOON_S)  # whoever asks may have a loop that runs
        return file.read_bytes()


@contextlib.contextmanager
def running(
    folder: Path,
    config: str,
    variables: Mapping[str, str],
    *,
    edge: Edge = "protocol",
    watch: bool = False,
    shutdown_s: float = 2.0,
    read_s: float = READ_S,
    tls: Tls | None = None,
    pace: Pace = USUAL,
) -> Iterator[Gateway]:
    """A gateway by `config` in `folder`, listening on a free port until the block is left."""
    path = folder / "keywright.toml"
    path.write_text(config)
    if DATABASE in config and not (folder / DATABASE).exists():
        copied(priced(), folder / DATABASE)
    ready = threading.Event()
    made: list[Gateway] = []
    failures: list[BaseException] = []

    async def live() -> None:
        house = await House.open(replace(await plan_house(path, variables, folder), pace=pace))
        follow = Watch(house)
        bound = bind(Address("127.0.0.1", 0))
        port = bound.getsockname()[1]
        app = replace(house.app, edge=replace(house.app.edge, read_s=read_s))
        door = Door(app, shutdown_s, DataPlaneProtocol if edge == "protocol" else None, tls)
        scheme = "http" if tls is None else "https"
        admin = variables.get("KEYWRIGHT_ADMIN_KEY") or (house.admin.new.reveal() if house.admin.new else "")
        made.append(Gateway(f"{scheme}://127.0.0.1:{port}", admin, house, folder, asyncio.get_running_loop(), door))
        try:
            if watch:
                follow.start()
            ready.set()
            await door.serve(sockets=[bound])
        finally:
            await follow.stop()
            await house.close()

    def thread() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(live())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    running = threading.Thread(target=thread, name="gateway", daemon=True)
    running.start()
    assert ready.wait(SOON_S), "the gateway did not start"
    if failures:
        raise failures[0]
    try:
        yield made[0]
    finally:
        made[0].loop.call_soon_threadsafe(made[0].door.stop)
        running.join(SOON_S + shutdown_s)
        assert not running.is_alive(), "the gateway did not stop"
        if failures:
            raise failures[0]


@pytest.fixture(scope="session", params=EDGES)
def shared_gateway(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    openai_server: StandIn,
    anthropic_server: StandIn,
) -> Iterator[Gateway]:
    """The gateway behind `gateway`."""
    folder = tmp_path_factory.mktemp(f"gateway-{request.param}")
    config = toml(openai_server, anthropic_server)
    with running(folder, config, environment(openai_server, anthropic_server), edge=request.param) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn) -> Gateway:
    """A gateway with both stand-ins, once behind each edge. Its upstreams must stay well."""
    assert openai_cloud.exchanges == anthropic_cloud.exchanges == []
    return shared_gateway


@pytest.fixture
def start(tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn) -> Iterator[Start]:
    """Makes gateways of the test's own."""
    with contextlib.ExitStack() as stack:

        def make(
            extra: str = "",
            *,
            edge: Edge = "protocol",
            watch: bool = False,
            shutdown_s: float = 2.0,
            read_s: float = READ_S,
            pace: Pace = USUAL,
        ) -> Gateway:
            config = toml(openai_cloud, anthropic_cloud, extra)
            variables = environment(openai_cloud, anthropic_cloud)
            return stack.enter_context(
                running(
                    tmp_path,
                    config,
                    variables,
                    edge=edge,
                    watch=watch,
                    shutdown_s=shutdown_s,
                    read_s=read_s,
                    pace=pace,
                )
            )

        yield make


def chat_body(model: str = "openai/gpt-4o", text: str = "hello", **fields: Json) -> JsonObject:
    """An OpenAI request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def message_body(model: str = "anthropic/claude-haiku-4-5", text: str = "hello", **fields: Json) -> JsonObject:
    """An Anthropic request."""
    return {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": text}], **fields}


def counted(gateway: Gateway, code: str) -> float:
    """How many callers that proved no key the metrics have counted with `code`."""
    for family in text_string_to_metric_families(gateway.get("/metrics").body.decode()):
        for sample in family.samples:
            if sample.name == "keywright_unauthenticated_total" and sample.labels == {"code": code}:
                return sample.value
    return 0.0


def until(condition: Callable[[], bool], within_s: float = 30.0) -> bool:
    """Whether `condition` became true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _bytes(body: bytes | JsonObject) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def _headers(key: str, headers: Mapping[str, str]) -> dict[str, str]:
    given = {"authorization": f"Bearer {key}"} if key else {}
    return {"content-type": "application/json", **given, **{n.replace("_", "-"): v for n, v in headers.items()}}
