"""A provider's key that is replaced while calls come: none of them fails, and the ledger names the key of each."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from keywright.config import load
from keywright.core.json import JsonObject
from keywright.core.secret import Secret
from tests.gateway import Gateway, Start, until
from tests.standin.cloud import StandIn
from tests.standin.script import Script

NEW = "sk-standin-replaced-0f3a9c"


@pytest.fixture
def key_file(tmp_path: Path, openai_cloud: StandIn) -> Iterator[Path]:
    """A file with OpenAI's key, which is put back afterwards: the stand-in is everybody's."""
    path = tmp_path / "key"
    old = openai_cloud.key
    write(path, old)
    yield path
    openai_cloud.key = old
    refused = openai_cloud.take_violations()
    assert [each for each in refused if ": 401 " not in each] == []


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def second(path: Path, cloud: StandIn) -> str:
    return f'[providers.edge]\nkind = "openai"\nbase_url = "{cloud.base_url}"\napi_key = "file:{path}"\n'


def fingerprints(gateway: Gateway, request_id: str) -> list[str]:
    return [attempt.credential for attempt in gateway.entry(request_id).attempts]


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_meets_the_replaced_key_is_made_again_with_the_new_one(
    start: Start, key_file: Path, openai_cloud: StandIn, stream: bool
) -> None:
    gateway = start(second(key_file, openai_cloud))
    old = Secret(openai_cloud.key).fingerprint
    assert gateway.chat("edge/gpt-4o").status == 200
    write(key_file, NEW)
    openai_cloud.key = NEW
    answer = gateway.chat("edge/gpt-4o", stream=stream)
    assert answer.status == 200
    entry = gateway.entry(answer.headers["x-keywright-request-id"])
    assert [(each.credential, each.result) for each in entry.attempts] == [
        (old, "401 invalid_api_key"),
        (Secret(NEW).fingerprint, "ok"),
    ]
    assert entry.credential == Secret(NEW).fingerprint


def test_a_passing_call_does_so_too(start: Start, key_file: Path, openai_cloud: StandIn) -> None:
    gateway = start(second(key_file, openai_cloud))
    write(key_file, NEW)
    openai_cloud.key = NEW
    assert gateway.get("/native/edge/v1/models", gateway.admin_key).status == 200


def test_a_key_that_is_refused_and_has_no_other_is_asked_for_once_and_the_call_fails(
    start: Start, key_file: Path, openai_cloud: StandIn
) -> None:
    gateway = start(second(key_file, openai_cloud))
    openai_cloud.key = NEW
    answer = gateway.chat("edge/gpt-4o")
    assert answer.json["error"]["code"] == "upstream_failed"
    assert len(fingerprints(gateway, answer.headers["x-keywright-request-id"])) == 1


def test_a_changed_file_counts_without_a_refusal_and_running_calls_keep_the_key_that_they_began_with(
    start: Start, key_file: Path, openai_cloud: StandIn
) -> None:
    gateway = start(second(key_file, openai_cloud), watch=True)
    old = Secret(openai_cloud.key).fingerprint
    with gateway.stream("/v1/chat/completions", long_call(openai_cloud)) as running:
        write(key_file, NEW)
        held = gateway.house.snapshot.routes.sources[-1].credential
        assert until(lambda: held.fingerprint == Secret(NEW).fingerprint, 10.0)
        openai_cloud.key = NEW
        assert gateway.chat("edge/gpt-4o").status == 200
        request_id = running.request_id
        assert running.status == 200
        running.rest()
    assert fingerprints(gateway, request_id) == [old]
    assert gateway.entry(request_id).credential == old
    assert gateway.entry(request_id).outcome == "ok"


def test_a_key_that_cannot_be_read_is_told_until_it_can_or_nobody_wants_it(
    start: Start, key_file: Path, openai_cloud: StandIn
) -> None:
    gateway = start(second(key_file, openai_cloud))
    look = gateway.house.keeper.look
    key_file.chmod(0o644)
    gateway.run(look(f"file:{key_file}"))
    assert gateway.chat("edge/gpt-4o").status == 200
    assert gateway.get("/health/ready").json == {"status": "ready", "secrets": {"stale": 1, "missing": 0}}
    page = gateway.get("/metrics").body.decode()
    assert 'keywright_secrets_stale{cause="failed",store="file"} 1.0' in page
    assert 'keywright_secret_reads_total{outcome="failed",store="file"} 1.0' in page
    assert 'keywright_secret_reads_total{outcome="ok",store="file"} 1.0' in page
    key_file.chmod(0o600)
    gateway.run(look(f"file:{key_file}"))
    assert gateway.get("/health/ready").json == {"status": "ready"}
    key_file.unlink()
    gateway.run(look(f"file:{key_file}"))
    assert 'keywright_secrets_stale{cause="absent",store="file"} 1.0' in gateway.get("/metrics").body.decode()
    config = load(gateway.folder / "keywright.toml")
    without = {name: provider for name, provider in config.providers.items() if name != "edge"}
    gateway.run(gateway.house.configure(msgspec.structs.replace(config, providers=without), {}))
    assert gateway.get("/health/ready").json == {"status": "ready"}


def test_a_key_that_cannot_be_read_for_too_long_is_used_no_more_until_it_can(
    start: Start, key_file: Path, openai_cloud: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start(second(key_file, openai_cloud) + "[secrets.file]\nkeep_s = 0\n")
    key_file.chmod(0o644)
    look_again(gateway, key_file)
    answers = [gateway.chat("edge/gpt-4o") for _ in range(10)]  # enough for a breaker to open
    assert {answer.code for answer in answers} == {"upstream_failed"}
    assert "the gateway's credential for the provider" in answers[0].message
    assert str(key_file) not in answers[0].message
    assert f"edge cannot be used until its key can be read: file:{key_file} may be touched by others" in caplog.text
    assert gateway.get("/health/ready").json == {"status": "ready", "secrets": {"stale": 0, "missing": 1}}
    key_file.chmod(0o600)
    look_again(gateway, key_file)
    assert gateway.chat("edge/gpt-4o").status == 200


def look_again(gateway: Gateway, key_file: Path) -> None:
    async def look() -> None:
        await gateway.house.keeper.look(f"file:{key_file}")
        gateway.house.custody.take_up()

    gateway.run(look())


def test_that_a_key_s_place_cannot_be_written_is_known_before_it_is_replaced(
    start: Start, key_file: Path, openai_cloud: StandIn
) -> None:
    key_file.rename(key_file.with_name("theirs"))
    key_file.symlink_to("theirs")
    gateway = start(second(key_file, openai_cloud))
    obstacles = gateway.run(gateway.house.rotating.engine.plan("edge")).obstacles
    said = f"file:{key_file} cannot be written: {key_file} is a symbolic link"
    assert [each for each in obstacles if each.startswith(said)]


def long_call(cloud: StandIn) -> JsonObject:
    script = Script(words=20, pace_s=0.2)
    return {"model": "edge/gpt-4o", "messages": [{"role": "user", "content": cloud.script(script)}]}
