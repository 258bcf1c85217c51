"""Providers without a file."""

from pathlib import Path

import pytest

from keywright.config import Config, ProviderConfig, discover, with_found
from keywright.core.errors import ConfigError, SecretError
from keywright.providers import PROVIDERS, find
from keywright.providers.provider import Provider


def test_nothing_set_finds_nothing(tmp_path: Path) -> None:
    assert discover({"PATH": "/bin", "OPENAI_BASE_URL": "http://x"}, tmp_path / ".env") == {}


def test_a_set_variable_is_a_reference_and_the_environment_wins(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=a\nANTHROPIC_API_KEY=b\nGROQ_API_KEY=\n")
    found = discover({"OPENAI_API_KEY": "c", "XAI_API_KEY": " "}, dotenv)
    assert found == {
        "openai": ProviderConfig(api_key=("env:OPENAI_API_KEY",)),
        "anthropic": ProviderConfig(api_key=("dotenv:ANTHROPIC_API_KEY",)),
    }


@pytest.mark.parametrize("row", [row for row in PROVIDERS if row.env and row.base_url], ids=lambda row: row.name)
def test_every_row_is_found_by_each_of_its_variables_and_the_first_wins(tmp_path: Path, row: Provider) -> None:
    for variable in row.env:
        found = discover({variable: "k"}, tmp_path / ".env")
        assert found[row.name].api_key == (f"env:{variable}",)
    found = discover(dict.fromkeys(row.env, "k"), tmp_path / ".env")
    assert found[row.name].api_key == (f"env:{row.env[0]}",)


def test_an_address_comes_from_the_sdks_own_variable(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    found = discover({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://10.0.0.1:1/v1/"}, dotenv)
    assert found["openai"].base_url == "http://10.0.0.1:1/v1"
    dotenv.write_text("OPENAI_BASE_URL=http://10.0.0.2/v1\n")
    assert discover({"OPENAI_API_KEY": "k"}, dotenv)["openai"].base_url == "http://10.0.0.2/v1"
    with pytest.raises(ConfigError, match="env:OPENAI_BASE_URL") as caught:
        discover({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://u:canary@h"}, dotenv)
    assert "canary" not in str(caught.value)


def test_a_dotenv_link_is_not_read_for_discovery_either(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("OPENAI_API_KEY=a\n")
    (tmp_path / ".env").symlink_to("other")
    with pytest.raises(SecretError, match="symbolic link"):
        discover({}, tmp_path / ".env")


def test_found_runtimes_join_but_for_those_that_are_named_already() -> None:
    ollama, lmstudio = find("ollama"), find("lmstudio")
    assert ollama is not None
    assert lmstudio is not None
    config = Config(providers={"mine": ProviderConfig(kind="ollama")})
    assert with_found(Config(), []) == Config()
    assert list(with_found(Config(), [ollama, lmstudio]).providers) == ["ollama", "lmstudio"]
    joined = with_found(config, [ollama, lmstudio])
    assert joined.providers == {
        "mine": ProviderConfig(kind="ollama"),
        "lmstudio": ProviderConfig(base_url=lmstudio.base_url),
    }
    named = Config(providers={"ollama": ProviderConfig(base_url="http://10.0.0.1")})
    assert with_found(named, [ollama]) == named
    assert list(config.providers) == ["mine"]


def test_a_key_that_a_provider_s_own_tool_left_is_found_behind_the_variables(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / ".cache/huggingface/token"
    token.parent.mkdir(parents=True)
    token.write_text("hf_token\n")
    token.chmod(0o600)
    home = {"HOME": str(tmp_path)}
    assert discover(home, tmp_path / ".env") == {"huggingface": ProviderConfig(api_key=(f"file:{token}",))}
    found = discover({**home, "HF_TOKEN": "hf_other"}, tmp_path / ".env")
    assert found["huggingface"].api_key == ("env:HF_TOKEN",)
    token.chmod(0o644)
    assert discover(home, tmp_path / ".env") == {}
    assert "Hugging Face is left out" in caplog.text
    assert "run chmod 600" in caplog.text
