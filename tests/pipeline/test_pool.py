"""Several credentials of one provider in the real program: shares, throttling, and projects with their own keys."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keywright.core.json import JsonObject
from tests.client import Answer
from tests.gateway import ADMIN_KEY, CHAT, Gateway, chat_body, running
from tests.pipeline.pooled import VARIABLES, Cloud, Manner, fingerprint

ENVIRONMENT = {**VARIABLES, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}
BASE = """
[store]
url = "sqlite:///test.db"
[retry]
backoff_s = 0.01
backoff_max_s = 0.02
"""
OWNED = """
[projects.team-a]
[projects.team-b]
tags = {{ cost_centre = "the project's" }}
[providers.openai]
base_url = "{url}"
[[providers.openai.credentials]]
name = "shared"
api_key = "env:KEY_SHARED"
tags = {{ paid_by = "organisation" }}
[[providers.openai.credentials]]
name = "team"
api_key = "env:KEY_TEAM"
project = "team-a"
tags = {{ cost_centre = "team a's key", paid_by = "team a" }}
[providers.lean]
kind = "openai"
base_url = "{url}"
[[providers.lean.credentials]]
name = "other"
api_key = "env:KEY_OTHER"
project = "team-b"
tags = {{ cost_centre = "the key's", paid_by = "team b" }}
[providers.shaky]
kind = "openai"
base_url = "{url}"
[[providers.shaky.credentials]]
name = "shared"
api_key = "env:KEY_SECOND"
[[providers.shaky.credentials]]
name = "lost"
api_key = "env:KEY_LOST"
project = "team-a"
[[providers.shaky.credentials]]
name = "off"
api_key = "env:KEY_OFF"
project = "team-b"
disabled = true
[models.own]
route = ["lean/gpt-4o"]
"""
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n{}\r\n--b--\r\n'
)
BATCH: JsonObject = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


@pytest.fixture(scope="session")
def pool_cloud() -> Iterator[Cloud]:
    """The cloud behind `cloud`."""
    made = Cloud()
    made.start()
    yield made
    made.close()


@pytest.fixture
def cloud(pool_cloud: Cloud) -> Cloud:
    """A cloud in which nothing has been asked."""
    pool_cloud.reset()
    return pool_cloud


@pytest.fixture(scope="session")
def owned_gateway(tmp_path_factory: pytest.TempPathFactory, pool_cloud: Cloud) -> Iterator[Gateway]:
    """The gateway behind `owned`."""
    config = BASE + OWNED.format(url=pool_cloud.url)
    with running(tmp_path_factory.mktemp("owned"), config, ENVIRONMENT) as gateway:
        yield gateway


@pytest.fixture
def owned(owned_gateway: Gateway, cloud: Cloud) -> Gateway:
    """A gateway with shared credentials and those of projects, all well."""
    for source in owned_gateway.house.snapshot.routes.inventory:
        source.breaker.succeeded(float("inf"))
    assert not cloud.asked
    return owned_gateway


@pytest.fixture
def start(tmp_path: Path, cloud: Cloud) -> Iterator[Callable[[str], Gateway]]:
    """Starts gateways with these lines about the provider."""
    with contextlib.ExitStack() as stack:
        yield lambda lines: stack.enter_context(
            running(tmp_path, f'{BASE}[providers.openai]\nbase_url = "{cloud.url}"\n{lines}', ENVIRONMENT)
        )


def table(name: str, weight: int = 1, *lines: str) -> str:
    said = "\n".join((f'name = "{name}"', f'api_key = "env:KEY_{name.upper()}"', f"weight = {weight}", *lines))
    return f"[[providers.openai.credentials]]\n{said}\n"


CALLS: dict[str, Callable[[Gateway, str], Answer]] = {
    "chat": lambda gateway, key: gateway.chat("openai/gpt-4o", key=key),
    "a bare name": lambda gateway, key: gateway.chat("gpt-4o-mini", key=key),
    "a message": lambda gateway, key: gateway.message("openai/gpt-4o", key=key),
    "native": lambda gateway, key: gateway.post("/native/openai/chat/completions", chat_body("gpt-4o"), key),
    "native and unknown": lambda gateway, key: gateway.post("/native/openai/fine_tuning/jobs", b"{}", key),
    "native GET": lambda gateway, key: gateway.get("/native/openai/files", key),
    "files": lambda gateway, key: gateway.post("/v1/files", FORM, key, content_type="multipart/form-data; boundary=b"),
    "batches": lambda gateway, key: gateway.post("/v1/batches", BATCH, key),
    "images": lambda gateway, key: gateway.post(
        "/v1/images/generations", {"model": "openai/gpt-image-1", "prompt": "x"}, key
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_a_project_with_a_key_of_its_own_uses_that(owned: Gateway, cloud: Cloud, name: str) -> None:
    answer = CALLS[name](owned, owned.issue(project="team-a"))
    assert (answer.status, cloud.keys) == (200, ["team"])
    entry = owned.entry(answer.request_id)
    assert (entry.credential, dict(entry.tags)["paid_by"]) == (fingerprint("team"), "team a")


@pytest.mark.parametrize("name", CALLS)
def test_no_call_of_another_project_uses_it(owned: Gateway, cloud: Cloud, name: str) -> None:
    answer = CALLS[name](owned, owned.issue(project="team-b"))
    expected = {"a bare name": "other", "files": "other", "batches": "other"}.get(name, "shared")
    assert (answer.status, cloud.keys) == (200, [expected])


@pytest.mark.parametrize("path", [CHAT, "/native/openai/chat/completions"])
def test_streams_too_stay_with_the_projects_key(owned: Gateway, cloud: Cloud, path: str) -> None:
    model = "openai/gpt-4o" if path == CHAT else "gpt-4o"
    with owned.stream(path, chat_body(model), owned.issue(project="team-a")) as stream:
        assert stream.status == 200
        assert b"[DONE]" in stream.rest()
    assert cloud.keys == ["team"]


def test_a_calls_own_tags_win_over_its_credentials(owned: Gateway) -> None:
    answer = owned.chat("lean/gpt-4o", key=owned.issue(project="team-b"))
    tags = dict(owned.entry(answer.request_id).tags)
    assert tags == {"cost_centre": "the project's", "paid_by": "team b"}


@pytest.mark.parametrize("model", ["lean/gpt-4o", "own"])
def test_what_only_another_projects_key_serves_does_not_exist(owned: Gateway, cloud: Cloud, model: str) -> None:
    stranger = owned.issue(project="team-a")
    answer = owned.chat(model, key=stranger)
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
    assert "lean" not in answer.json["error"]["message"].replace(repr(model), "")
    native = owned.post("/native/lean/chat/completions", chat_body("gpt-4o"), stranger)
    assert native.status == 404
    listed = {row["id"] for row in owned.get("/v1/models", stranger).json["data"]}
    assert "openai/gpt-4o" in listed
    assert not any(name == "own" or name.startswith("lean/") for name in listed)
    assert owned.get(f"/v1/models/{model}", stranger).status == 404
    assert cloud.asked == []
    of_the_owner = {row["id"] for row in owned.get("/v1/models", owned.issue(project="team-b")).json["data"]}
    assert {"own", "lean/gpt-4o", "openai/gpt-4o"} <= of_the_owner


@pytest.mark.parametrize("status", [401, 429, 500])
def test_when_the_projects_key_fails_nobody_else_pays(owned: Gateway, cloud: Cloud, status: int) -> None:
    cloud.manners["team"] = Manner(status)
    key = owned.issue(project="team-a")
    answers = [owned.chat("openai/gpt-4o", key=key), CALLS["native"](owned, key), CALLS["batches"](owned, key)]
    assert all(answer.status >= 400 for answer in answers)
    assert set(cloud.keys) == {"team"}


@pytest.mark.parametrize(
    ("project", "status", "code"), [("team-a", 502, "upstream_failed"), ("team-b", 503, "credential_disabled")]
)
def test_a_key_that_is_not_there_is_not_replaced_by_the_organisations(
    owned: Gateway, cloud: Cloud, project: str, status: int, code: str
) -> None:
    key = owned.issue(project=project)
    answer = owned.chat("shaky/gpt-4o", key=key)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert owned.post("/native/shaky/chat/completions", chat_body("gpt-4o"), key).status == status
    assert owned.get("/native/shaky/files", key).status == status
    assert cloud.asked == []
    assert owned.chat("shaky/gpt-4o", key=owned.issue()).status == 200
    assert cloud.keys == ["second"]


def test_calls_are_shared_by_weight(start: Callable[[str], Gateway], cloud: Cloud) -> None:
    gateway = start(table("shared", 3) + table("second", 1) + table("third", 1, "disabled = true"))
    calls = 200
    assert all(gateway.chat().status == 200 for _ in range(calls))
    shares = Counter(cloud.keys)
    assert set(shares) == {"shared", "second"}
    assert 0.6 < shares["shared"] / calls < 0.9  # of 0.75, in five of its deviations


def test_a_throttled_key_leaves_its_calls_to_the_others_at_once(start: Callable[[str], Gateway], cloud: Cloud) -> None:
    gateway = start(table("shared", 1000) + table("second") + table("third"))
    cloud.manners["shared"] = Manner(429, {"retry-after": "20"})
    began = time.monotonic()
    assert all(gateway.chat().status == 200 for _ in range(20))
    assert time.monotonic() - began < 10, "nobody waited for the throttled one"
    assert cloud.keys.count("shared") == 1
    assert {"second", "third"} <= set(cloud.keys)


def test_a_key_of_which_nothing_is_left_rests_before_it_is_throttled(
    start: Callable[[str], Gateway], cloud: Cloud
) -> None:
    gateway = start(table("shared", 1000) + table("second"))
    told = {"x-ratelimit-limit-tokens": "900", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "60s"}
    cloud.manners["shared"] = Manner(200, told)
    assert all(gateway.chat().status == 200 for _ in range(10))
    assert cloud.keys.count("shared") == 1
    first = gateway.house.snapshot.routes.inventory[0]
    (limit,) = first.gauge.limits(gateway.house.blueprint.clock)
    assert (first.credential_name, limit.kind, limit.limit, limit.remaining) == ("openai/shared", "tokens", 900, 0)
    cloud.reset()
    cloud.manners["second"] = Manner(200, told)
    assert all(CALLS["native"](gateway, ADMIN_KEY).status == 200 for _ in range(10))
    assert cloud.keys[0] == "second"
    assert cloud.keys.count("shared") == 9, "where both rest both are used"


def test_keys_in_a_row_are_tried_in_their_order(start: Callable[[str], Gateway], cloud: Cloud) -> None:
    gateway = start('api_key = ["env:KEY_SHARED", "env:KEY_SECOND"]\n')
    assert [gateway.chat().status for _ in range(3)] == [200] * 3
    assert cloud.keys == ["shared"] * 3
    cloud.manners["shared"] = Manner(429, {"retry-after": "20"})
    assert [gateway.chat().status for _ in range(3)] == [200] * 3
    assert cloud.keys[3:] == ["shared", "second", "second", "second"]
