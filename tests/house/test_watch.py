"""What a running gateway follows: keys of other processes, its file, and what providers list."""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from keywright.core.identity import Key
from keywright.house.blueprint import store_url
from keywright.identity.keystring import IssuedKey, issue
from keywright.store.store import Store
from tests.gateway import CHAT, Gateway, Start, chat_body, until
from tests.standin.cloud import StandIn
from tests.standin.script import Script

PROMISED_S = 2.0
Result = TypeVar("Result")


def elsewhere(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives in a loop of its own, as in another process."""
    return asyncio.run(work)


async def add(url: str) -> IssuedKey:
    issued = issue("user", secrets.token_bytes)
    store = await Store.open(url)
    await store.add_key(Key(id=issued.id, kind="user", name="other", sha256=issued.sha256, created_s=int(time.time())))
    await store.close()
    return issued


async def revoke(url: str, key_id: str) -> None:
    store = await Store.open(url)
    await store.revoke_key(key_id, int(time.time()))
    await store.close()


def test_a_key_that_another_process_made_or_revoked_counts_within_two_seconds(start: Start) -> None:
    gateway = start(watch=True)
    url = store_url(gateway.house.blueprint)
    issued = elsewhere(add(url))
    key = issued.secret.reveal()
    assert until(lambda: gateway.chat(key=key).status == 200, PROMISED_S), "made"
    elsewhere(revoke(url, issued.id))
    assert until(lambda: gateway.chat(key=key).status == 401, PROMISED_S), "revoked"
    assert gateway.chat(key=key).code == "key_revoked"


def test_a_running_stream_outlives_the_revocation_of_its_key(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(watch=True)
    issued = elsewhere(add(store_url(gateway.house.blueprint)))
    key = issued.secret.reveal()
    assert until(lambda: gateway.chat(key=key).status == 200, PROMISED_S)
    text = openai_cloud.script(Script(words=100, pace_s=0.01))
    with gateway.stream(CHAT, chat_body(text=text), key) as stream:
        stream.piece()
        elsewhere(revoke(store_url(gateway.house.blueprint), issued.id))
        assert b"[DONE]" in stream.rest()
    entry = gateway.entry(stream.request_id)
    assert (entry.outcome, entry.key_id) == ("ok", issued.id)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the gateway that `start` makes."""
    return tmp_path / "keywright.toml"


def has_model(gateway: Gateway, name: str) -> bool:
    return name in [row["id"] for row in gateway.get("/v1/models", gateway.admin_key).json["data"]]


def test_a_changed_file_counts_without_a_restart(start: Start, file: Path, openai_cloud: StandIn) -> None:
    gateway = start(watch=True)
    assert gateway.chat("new").status == 404
    text = openai_cloud.script(Script(words=150, pace_s=0.01))
    with gateway.stream(CHAT, chat_body(text=text)) as stream:
        stream.piece()
        file.write_text(file.read_text() + '[models.new]\nroute = ["anthropic/claude-haiku-4-5"]\n')
        assert until(lambda: has_model(gateway, "new"), 3)
        assert gateway.chat("new").headers["x-keywright-model"] == "anthropic/claude-haiku-4-5"
        assert b"[DONE]" in stream.rest(), "a running stream is not harmed"


BROKEN = (
    "[models.new\n",
    '[providers.more]\nkind = "openai"\napi_key = "env:NOT_SET"\nbase_url = "http://127.0.0.1:1/v1"\n',
    '[models.new]\nroute = ["nobody/x"]\nnonsense = 1\n',
)


def test_a_broken_file_is_refused_and_the_old_one_stays(
    start: Start, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start('[models.old]\nroute = ["openai/gpt-4o"]\n', watch=True)
    good = file.read_text()
    for broken in BROKEN:
        caplog.clear()
        file.write_text(good + broken)
        assert until(lambda: "is refused, the old one stays" in caplog.text, 3), broken
        assert gateway.chat("old").status == 200
        assert not has_model(gateway, "new")
    file.write_text(good + '[models.mended]\nroute = ["openai/gpt-4o"]\n')
    assert until(lambda: has_model(gateway, "mended"), 3)


def test_what_a_changed_file_cannot_change_in_a_running_gateway_is_said(
    start: Start, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start(watch=True)
    file.write_text("[server]\nport = 1\n" + file.read_text() + '[models.new]\nroute = ["openai/gpt-4o"]\n')
    assert until(lambda: has_model(gateway, "new"), 3)
    assert "count from the next start on" not in caplog.text, "the command line may have set the port"
    for before, after in (("port = 1", "port = 2"), ("port = 2", "calls_max = 7")):
        caplog.clear()
        file.write_text(file.read_text().replace(before, after))
        assert until(lambda: "[ledger] of" in caplog.text, 3), after
    assert gateway.house.app.edge.calls_max != 7


def test_a_file_that_vanishes_takes_nothing_with_it(start: Start, file: Path) -> None:
    gateway = start(watch=True)
    file.unlink()
    time.sleep(1.2)
    assert gateway.chat().status == 200


def test_models_that_no_catalogue_has_are_listed_by_their_provider(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(
        f'[providers.edge]\nkind = "openai-compatible"\napi_key = "env:STANDIN_OPENAI"\n'
        f'base_url = "{openai_cloud.base_url}"\n'
        '[providers.gone]\nkind = "openai-compatible"\nbase_url = "http://127.0.0.1:1/v1"\n',
        watch=True,
    )
    assert until(lambda: has_model(gateway, "edge/o3-mini"), 3)
    assert not any("gone/" in name for name in gateway.get("/v1/models", gateway.admin_key).body.decode().split('"'))
    assert gateway.chat("edge/o3-mini").status == 200


def test_a_provider_that_joins_by_the_file_is_asked_for_its_models(
    start: Start, file: Path, openai_cloud: StandIn
) -> None:
    gateway = start(watch=True)
    file.write_text(
        file.read_text() + '[providers.edge]\nkind = "openai-compatible"\napi_key = "env:STANDIN_OPENAI"\n'
        f'base_url = "{openai_cloud.base_url}"\n'
    )
    assert until(lambda: has_model(gateway, "edge/o3-mini"), 4)


def test_a_store_that_fails_leaves_the_keys_that_are_known_and_a_changed_file_counts(
    start: Start, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start(watch=True)
    key = gateway.issue()
    database = gateway.folder / "test.db"
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    gateway.run(gateway.house.store.close())  # who looks next opens it anew
    assert until(lambda: "what was known before still counts" in caplog.text, 4)
    assert gateway.chat(key=key).status == 200
    file.write_text(file.read_text() + '[models.new]\nroute = ["openai/gpt-4o"]\n')
    assert until(lambda: "counts now, but for its projects, budgets and limits" in caplog.text, 30)
    assert gateway.chat("new", key=key).status == 200, "routes need no store"
    database.rmdir()
    database.with_suffix(".away").rename(database)
