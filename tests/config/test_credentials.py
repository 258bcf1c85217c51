"""What `[[providers.NAME.credentials]]` may say."""

import pytest

from keywright.config import CredentialConfig, parse
from keywright.core.errors import ConfigError

TWO = """
[[providers.openai.credentials]]
name = "production"
api_key = ["env:A", "env:B"]
weight = 3
models = "gpt-4o*"
tags = { cost_centre = "42" }
[[providers.openai.credentials]]
name = "team-a"
api_key = "env:C"
project = "made-while-it-runs"
disabled = true
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "k.toml")
    return str(caught.value).splitlines()


def tables(*lines: str) -> str:
    return "".join(f'[[providers.openai.credentials]]\napi_key = "env:A"\n{line}\n' for line in lines)


def test_a_provider_may_have_several_credentials() -> None:
    assert parse(TWO).providers["openai"].credentials == (
        CredentialConfig(
            name="production", api_key=("env:A", "env:B"), weight=3, models=("gpt-4o*",), tags={"cost_centre": "42"}
        ),
        CredentialConfig(name="team-a", api_key=("env:C",), project="made-while-it-runs", disabled=True),
    )


@pytest.mark.parametrize("name", ["two words", "a/b", "2", "\u00fc", "x" * 65])
def test_a_name_is_one_that_can_be_written_behind_the_providers(name: str) -> None:
    (only,) = faults(tables(f'name = "{name}"'))
    assert only.startswith("k.toml:3: providers.openai.credentials[0].name: ")


def test_two_credentials_of_a_provider_have_two_names() -> None:
    (only,) = faults(tables('name = "a"', 'name = "a"'))
    assert only.startswith("k.toml:6: providers.openai.credentials[1].name: there is another")


def test_a_key_may_not_stand_in_the_file() -> None:
    (only,) = faults('[[providers.openai.credentials]]\nname = "a"\napi_key = "sk-0123456789"\n')
    assert "providers.openai.credentials[0].api_key" in only
    assert "0123456789" not in only


@pytest.mark.parametrize(
    ("beside", "where"),
    [
        ('api_key = "env:B"', "providers.openai.api_key"),
        ('federation = { token_file = "t" }', "providers.openai.federation"),
    ],
)
def test_there_is_one_way_to_name_keys(beside: str, where: str) -> None:
    found = faults(f"[providers.openai]\n{beside}\n" + tables('name = "a"'))
    assert any(f"{where}: " in line for line in found)


@pytest.mark.parametrize("line", ['project = "a/b"', 'tags = { "a=b" = "c" }', "weight = 0", 'colour = "blue"'])
def test_what_cannot_be_right_is_said(line: str) -> None:
    (only,) = faults(tables(f'name = "a"\n{line}'))
    assert "providers.openai.credentials[0]" in only


def test_no_more_credentials_are_there_for_a_call_than_it_would_try() -> None:
    names = [f'name = "c{number}"' for number in range(17)]
    (only,) = faults(tables(*names))
    assert "providers.openai.credentials: at most 16" in only
    parse(tables(*names[:16], 'name = "own"\nproject = "a"'))
