"""Building a gateway: what it takes, what it refuses, and what it leaves behind when it refuses."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import trustme

from keywright.core.errors import ConfigError, SecretError
from keywright.house.blueprint import plan_house, store_url, with_address
from keywright.house.bookkeeping import spool_folder
from keywright.house.house import House
from keywright.identity.keystring import issue
from tests.gateway import ADMIN_KEY, Gateway, running

PROVIDER = '[providers.openai]\napi_key = "env:OPENAI_API_KEY"\nbase_url = "http://127.0.0.1:1/v1"\n'
KEY = {"OPENAI_API_KEY": "sk-of-these-tests"}


async def opened(folder: Path, text: str, variables: Mapping[str, str]) -> House:
    path = folder / "keywright.toml"
    path.write_text(text)
    return await House.open(await plan_house(path, variables, folder))


async def test_the_first_start_makes_an_admin_key_and_no_other_start_does(tmp_path: Path) -> None:
    house = await opened(tmp_path, PROVIDER, KEY)
    assert house.admin.new is not None
    first = house.admin.new.reveal()
    await house.close()
    with running(tmp_path, PROVIDER, KEY) as again:
        assert again.house.admin.new is None
        assert again.get("/v1/models", first).status == 200


async def test_the_admin_key_is_kept_as_a_digest_only(tmp_path: Path) -> None:
    house = await opened(tmp_path, PROVIDER, KEY)
    assert house.admin.new is not None
    secret = house.admin.new.reveal()
    await house.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
            assert secret[-49:].encode() not in file.read_bytes(), file


async def test_a_start_that_fails_uses_up_no_admin_key(tmp_path: Path) -> None:
    with pytest.raises(SecretError):
        await opened(tmp_path, PROVIDER, {})
    house = await opened(tmp_path, PROVIDER, KEY)
    assert house.admin.new is not None, "the key is told of once, so not to a start that failed"
    await house.close()


@pytest.mark.parametrize("variables", [{}, {**KEY, "KEYWRIGHT_ADMIN_KEY": "x"}])
async def test_a_start_that_fails_leaves_nothing_running(tmp_path: Path, variables: Mapping[str, str]) -> None:
    with pytest.raises((ConfigError, SecretError)):
        await opened(tmp_path, PROVIDER, variables)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not any(tmp_path.glob("*.spool/*"))


@pytest.mark.parametrize("key", ["x", "x" * 31, " " * 10 + "x" * 31 + " " * 10])
async def test_a_short_admin_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=r"KEYWRIGHT_ADMIN_KEY has .* characters; it needs 32 or more") as caught:
        await opened(tmp_path, PROVIDER, {**KEY, "KEYWRIGHT_ADMIN_KEY": key})
    assert key.strip() == "x" or key.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("x" * 32, id="short"),
        pytest.param(f"{ADMIN_KEY}\n", id="line"),
        pytest.param("sk-kw-" + "a" * 67, id="nearly of our form"),
        pytest.param(issue("admin", secrets.token_bytes).secret.reveal(), id="of our form"),
        pytest.param(secrets.token_urlsafe(200), id="long"),
    ],
)
def test_an_admin_key_may_be_any_text_that_is_long_enough(tmp_path: Path, key: str) -> None:
    with running(tmp_path, PROVIDER, {**KEY, "KEYWRIGHT_ADMIN_KEY": key}) as gateway:
        assert gateway.get("/v1/models", key.strip()).status == 200
        assert gateway.get("/v1/models", key.strip()[:-1]).status == 401
        assert gateway.house.admin.new is None


def test_an_admin_key_may_be_text_of_any_script(tmp_path: Path) -> None:
    key = "schlüssel-🔑-" * 4
    with running(tmp_path, PROVIDER, {**KEY, "KEYWRIGHT_ADMIN_KEY": key}) as gateway:
        sent = key.encode().decode("latin-1")  # http.client writes latin-1, so that UTF-8 goes over the wire
        assert gateway.get("/v1/models", sent).status == 200


async def test_a_missing_provider_key_is_refused_with_the_reference_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"providers\.openai\.api_key: env:OPENAI_API_KEY is not set"):
        await opened(tmp_path, PROVIDER, {})


async def test_a_provider_without_a_key_is_refused_with_a_reference_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'providers\.openai.*"env:OPENAI_API_KEY"'):
        await opened(tmp_path, '[providers.openai]\nbase_url = "http://127.0.0.1:1/v1"\n', KEY)


async def test_one_readable_key_of_several_is_enough(tmp_path: Path) -> None:
    text = PROVIDER.replace('"env:OPENAI_API_KEY"', '["env:NOWHERE", "env:OPENAI_API_KEY"]')
    house = await opened(tmp_path, text, KEY)
    assert len(house.snapshot.routes.sources) == 1
    await house.close()
    with pytest.raises(SecretError, match=r"NOWHERE.*OPENAI_API_KEY"):
        await opened(tmp_path, text, {})


async def test_no_error_of_a_start_shows_a_secret(tmp_path: Path) -> None:
    secret = "sk-proj-" + "Abc123" * 8
    text = PROVIDER.replace("env:OPENAI_API_KEY", secret)
    with pytest.raises(ConfigError) as caught:
        await opened(tmp_path, text, KEY)
    assert secret not in str(caught.value)


async def test_paths_in_the_file_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    (home / "certs").mkdir(parents=True)
    elsewhere.mkdir()
    trustme.CA().cert_pem.write_to_path(str(home / "certs/ca.pem"))
    monkeypatch.chdir(elsewhere)
    text = '[store]\nurl = "sqlite:///data.db"\n' + PROVIDER + 'ca_file = "certs/ca.pem"\n'
    house = await opened(home, text, KEY)
    assert store_url(house.blueprint) == f"sqlite:///{home / 'data.db'}"
    assert spool_folder(house.blueprint) == home / "data.spool"
    assert house.snapshot.routes.sources[0].reach.ca_file == str(home / "certs/ca.pem")
    await house.close()
    assert (home / "data.db").exists()
    assert list(elsewhere.iterdir()) == []


async def test_certificates_that_cannot_be_read_are_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(ConfigError, match=rf"providers\.openai: ca_file .*{name} cannot be read"):
            await opened(tmp_path, PROVIDER + f'ca_file = "{name}"\n', KEY)


async def test_a_spool_folder_may_be_named(tmp_path: Path) -> None:
    house = await opened(tmp_path, '[store]\nspool = "spools/here"\n' + PROVIDER, KEY)
    assert (tmp_path / "spools/here").is_dir()
    await house.close()


async def test_without_a_file_providers_come_from_the_environment_and_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-ant-x\n")
    blueprint = await plan_house(None, {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, tmp_path)
    assert blueprint.config_path is None
    house = await House.open(blueprint)
    found = {source.name: source for source in house.snapshot.routes.sources}
    assert {"openai", "anthropic"} <= set(found)
    assert found["openai"].reach.origin.port == 1
    await house.close()


async def test_what_is_wrong_with_dotenv_is_said_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-canary\n")
    dotenv.chmod(0o644)
    with caplog.at_level(logging.WARNING, "keywright"):
        house = await House.open(await plan_house(None, {}, tmp_path))
    await house.close()
    assert any("chmod 600" in record.message for record in caplog.records if record.name == "keywright")
    assert "sk-canary" not in caplog.text


async def test_a_store_of_variables_is_warned_of_as_the_file_beside_the_configuration_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "team" / ".git").mkdir(parents=True)
    file = tmp_path / "team" / "keys.env"
    file.write_text("KEY=sk-canary\n")
    file.chmod(0o600)
    path = tmp_path / "keywright.toml"
    text = (
        PROVIDER.replace("env:OPENAI_API_KEY", "team:KEY") + '[secrets.team]\nkind = "dotenv"\npath = "team/keys.env"\n'
    )
    path.write_text(text)
    with caplog.at_level(logging.WARNING, "keywright"):
        house = await House.open(await plan_house(path, {}, tmp_path))
        said = f"git would track {file}: add keys.env to .gitignore"
        assert [record.message for record in caplog.records if record.name == "keywright"] == [said]
        caplog.clear()
        config = house.blueprint.config
        await house.configure(config, {})
        assert said not in caplog.text
        moved = msgspec.structs.replace(config.secrets["team"], path=str(file))
        await house.configure(msgspec.structs.replace(config, secrets={"team": moved}), {})
        assert said in caplog.text
    await house.close()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretError, match=r"team:KEY: .*keys\.env is not read: it is a symbolic link"):
        await House.open(await plan_house(path, {}, tmp_path))


async def test_the_command_line_s_address_wins(tmp_path: Path) -> None:
    path = tmp_path / "keywright.toml"
    path.write_text('[server]\nhost = "::1"\nport = 1\n' + PROVIDER)
    blueprint = await plan_house(path, KEY, tmp_path)
    assert with_address(blueprint, None, None).config.server == blueprint.config.server
    other = with_address(blueprint, "0.0.0.0", 0).config.server
    assert (other.host, other.port) == ("0.0.0.0", 0)


def test_a_gateway_of_free_local_models_needs_no_key_at_all(tmp_path: Path) -> None:
    text = '[providers.local]\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["tiny"]\n'
    with running(tmp_path, text, {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}) as gateway:
        assert [row["id"] for row in gateway.get("/v1/models", ADMIN_KEY).json["data"]] == ["local/tiny"]
        assert gateway.chat("local/tiny").status == 502


def test_an_answer_of_this_gateway_is_not_held_by_another_s_key(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    keys = []
    for folder in folders:
        folder.mkdir()
        with running(folder, PROVIDER, KEY) as gateway:
            assert isinstance(gateway, Gateway)
            keys.append(gateway.admin_key)
    with running(folders[0], PROVIDER, KEY) as gateway:
        assert gateway.get("/v1/models", keys[0]).status == 200
        assert gateway.get("/v1/models", keys[1]).status == 401
