"""Keys that are replaced while calls come, in a real gateway: no call fails, and one key is left at the provider."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from keywright.core.errors import ChangeRefusedError
from keywright.core.rotation import Rotation
from keywright.core.secret import Secret
from keywright.rotation.steps import Pace
from tests.client import Answer, ask
from tests.gateway import Gateway, Start, until
from tests.rotation.standins.anthropic import ADMIN_KEY, Anthropic
from tests.rotation.standins.google import PROJECT, Google
from tests.rotation.standins.openai import OpenAi
from tests.vault.google.files import service_account

IN_TIME_S = 30.0
PACE = Pace(settle_s=1, look_s=1)


@dataclass
class Traffic:
    """Calls, one after the other, until it is left."""

    gateway: Gateway
    model: str
    statuses: list[int] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Traffic":
        self._thread = threading.Thread(target=self._call, name="traffic")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(IN_TIME_S)

    def _call(self) -> None:
        while not self._over.is_set():
            self.statuses.append(self.gateway.chat(self.model).status)


@pytest.fixture
def openai() -> Iterator[OpenAi]:
    cloud = OpenAi()
    with cloud.open():
        yield cloud


def kept(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return f"file:{path}"


def begun(gateway: Gateway, credential: str) -> Rotation:
    answer = gateway.post("/api/v1/rotations", {"credential": credential, "reason": "a test"})
    assert answer.status == 201, answer.body
    return gateway.run(gateway.house.rotating.engine.get(answer.json["id"]))


def now(gateway: Gateway, rotation: Rotation) -> Rotation:
    return gateway.run(gateway.house.rotating.engine.get(rotation.id))


def given(gateway: Gateway, rotation: Rotation, key: str) -> Answer:
    """The answer to the new key, as a person pastes it."""
    headers = {"authorization": f"Bearer {gateway.admin_key}", "content-type": "application/json"}
    path = f"/api/v1/rotations/{rotation.id}/key"
    return ask(gateway.url, "PUT", path, msgspec.json.encode({"key": key}), headers)


def test_a_key_is_replaced_by_its_providers_api_and_no_call_fails(start: Start, tmp_path: Path, openai: OpenAi) -> None:
    old = openai.add("gateway")
    admin = kept(tmp_path / "admin", openai.admin_key)
    gateway = start(
        f'[providers.live]\nkind = "openai"\nbase_url = "{openai.url}"\n'
        f'api_key = "{kept(tmp_path / "key", old.value)}"\nadmin_key = "{admin}"\n'
        f'rotation = {{ project = "{openai.project}", drain_s = 1, hold_s = 1 }}\n',
        watch=True,
        pace=PACE,
    )
    with Traffic(gateway, "live/gpt-4o") as traffic:
        rotation = begun(gateway, "live")
        assert until(lambda: bool(now(gateway, rotation).outcome), IN_TIME_S), now(gateway, rotation)
        assert until(lambda: len(traffic.statuses) > 20, IN_TIME_S)
    done = now(gateway, rotation)
    assert done.outcome == "done", done
    assert set(traffic.statuses) == {200}
    (left,) = openai.keys.values()
    assert left.id == done.new.id != old.id
    assert (tmp_path / "key").read_text().strip() == left.value
    facts = gateway.run(gateway.house.rotating.states.get("live"))
    assert facts is not None
    assert (facts.fingerprint, facts.kind) == (Secret(left.value).fingerprint, "service account")


def test_a_person_pastes_the_key_where_the_provider_makes_none_by_api(start: Start, tmp_path: Path) -> None:
    cloud = Anthropic()
    with cloud.open():
        old, fresh = cloud.make("gateway"), cloud.make("gateway-2")
        admin = kept(tmp_path / "admin", ADMIN_KEY)
        gateway = start(
            f'[providers.live]\nkind = "anthropic"\nbase_url = "{cloud.url}"\n'
            f'api_key = "{kept(tmp_path / "key", old.key)}"\nadmin_key = "{admin}"\n'
            "rotation = { drain_s = 1, hold_s = 1 }\n",
            watch=True,
            pace=PACE,
        )
        with Traffic(gateway, "live/claude-haiku-4-5") as traffic:
            rotation = begun(gateway, "live")
            assert until(lambda: now(gateway, rotation).waits_for_key, IN_TIME_S)
            assert given(gateway, rotation, fresh.key).json["new"]["fingerprint"] == Secret(fresh.key).fingerprint
            assert until(lambda: bool(now(gateway, rotation).outcome), IN_TIME_S), now(gateway, rotation)
        assert now(gateway, rotation).outcome == "done"
        assert set(traffic.statuses) == {200}
        assert not cloud.lives(old.key)
        assert cloud.lives(fresh.key)


def test_who_administers_google_s_keys_stands_in_a_document_which_may_be_gone_for_a_while(
    start: Start, tmp_path: Path
) -> None:
    with Google().open() as cloud:
        account = tmp_path / "account.json"
        kept(account, json.dumps(json.loads(service_account(cloud.door.url)), indent=2))
        gateway = start(
            f'[providers.live]\nkind = "gemini"\nbase_url = "{cloud.door.url}"\n'
            f'api_key = "{kept(tmp_path / "key", cloud.add("gateway").value)}"\n'
            "[providers.live.rotation]\n"
            f'project = "{PROJECT}"\nservice_account = "file:{account}"\naddress = "{cloud.admin_url}"\n'
        )
        engine = gateway.house.rotating.engine
        assert gateway.run(engine.plan("live")).obstacles == ()
        account.rename(tmp_path / "elsewhere")
        (obstacle,) = gateway.run(engine.plan("live")).obstacles
        assert "account.json" in obstacle


def test_a_key_that_another_credential_has_at_another_place_is_not_replaced(
    start: Start, tmp_path: Path, openai: OpenAi
) -> None:
    old = openai.add("gateway")
    admin, key = kept(tmp_path / "admin", openai.admin_key), kept(tmp_path / "key", old.value)
    other = kept(tmp_path / "other", old.value)
    gateway = start(
        "".join(
            f'[providers.{name}]\nkind = "openai"\nbase_url = "{openai.url}"\napi_key = "{place}"\n'
            f'admin_key = "{admin}"\nrotation = {{ project = "{openai.project}" }}\n'
            for name, place in (("live", key), ("same", key), ("edge", other))
        )
    )
    engine = gateway.house.rotating.engine
    assert gateway.run(engine.plan("live")).obstacles == (
        "edge would lose the same key, which is kept at another place: let both name one place",
    )
    assert "live, same would lose" in gateway.run(engine.plan("edge")).obstacles[0]
    with pytest.raises(ChangeRefusedError, match="edge would lose the same key"):
        gateway.run(engine.begin("live", "a test"))
    assert list(openai.keys) == [old.id]


def test_a_key_of_two_credentials_is_replaced_once_at_a_time(start: Start, tmp_path: Path, openai: OpenAi) -> None:
    key, admin = kept(tmp_path / "key", openai.add("gateway").value), kept(tmp_path / "admin", openai.admin_key)
    gateway = start(
        "".join(
            f'[providers.{name}]\nkind = "openai"\nbase_url = "{openai.url}"\napi_key = "{key}"\n'
            f'admin_key = "{admin}"\nrotation = {{ project = "{openai.project}" }}\n'
            for name in ("live", "same")
        )
    )
    rotation = begun(gateway, "live")
    engine = gateway.house.rotating.engine
    assert gateway.run(engine.plan("same")).obstacles == (
        f"the key of live is being replaced already, by {rotation.id}",
    )


def test_what_cannot_be_written_is_told_before_anything_is_done(start: Start, openai: OpenAi) -> None:
    gateway = start()
    plan = gateway.run(gateway.house.rotating.engine.plan("openai"))
    assert any("env:STANDIN_OPENAI cannot be written" in each for each in plan.obstacles)
    assert plan.assisted_because == (
        "it could be done without a person if the configuration had providers.openai.admin_key, "
        "providers.openai.rotation.project"
    )
