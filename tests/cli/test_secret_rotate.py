"""`keywright secret rotate`: the key at a reference; what is none is refused with what to do instead."""

from pathlib import Path

import pytest

from tests.cli.hand import Hand
from tests.rotation.standins.openai import OpenAi

CONFIG = """
[store]
password = "env:PASSWORD"
[secrets.sealed]
kek = "file:{folder}/kek"
[secrets.vault]
token = "env:TOKEN"
[providers.openai]
base_url = "{url}"
api_key = "file:{folder}/key"
admin_key = "file:{folder}/admin"
rotation = {{ project = "{project}" }}
[providers.edge]
kind = "openai"
base_url = "{url}"
api_key = "file:{folder}/key"
[providers.gemini]
api_key = "env:GEMINI"
rotation = {{ project = "p", service_account = "file:{folder}/account" }}
"""


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Hand:
    folder = tmp_path_factory.mktemp("rotate")
    return Hand(folder, {"PASSWORD": "p", "TOKEN": "t", "GEMINI": "g"})


def test_the_key_at_a_reference_is_replaced_as_that_of_its_credential(hand: Hand) -> None:
    cloud = OpenAi()
    with cloud.open():
        for name, text in (("key", cloud.add("gateway").value), ("admin", cloud.admin_key)):
            (hand.folder / name).write_text(text)
            (hand.folder / name).chmod(0o600)
        text = CONFIG.format(folder=hand.folder, url=cloud.url, project=cloud.project)
        (hand.folder / "keywright.toml").write_text(text)
        assert hand.run("key", "create", "--name", "first", "--json").code == 0
        done = hand.run("secret", "rotate", f"file:{hand.folder}/key", "--dry-run")
    assert done.code == 0
    assert done.out.startswith("openai (api)\n")
    assert " ! " not in done.out
    assert done.err == "edge has its key there as well, and takes the new one from there\n"


@pytest.mark.parametrize(
    ("reference", "instead"),
    [
        ("file:{folder}/admin", "the administration API of openai, no credential's key: make a new one"),
        ("file:{folder}/account", "docs/secrets.md"),
        ("file:{folder}/kek", "keywright secret rewrap"),
        ("env:TOKEN", "secret put"),
        ("env:PASSWORD", "at the database"),
        ("sealed:nothing", "nothing that the configuration names"),
        ("sk-canary", "a secret reference is written"),
    ],
)
def test_what_is_no_credentials_key_is_refused_with_what_to_do(
    hand: Hand, tmp_path: Path, reference: str, instead: str
) -> None:
    url = "https://api.openai.com/v1"
    (tmp_path / "keywright.toml").write_text(CONFIG.format(folder=tmp_path, url=url, project="p"))
    error = Hand(tmp_path, hand.variables).run("secret", "rotate", reference.format(folder=tmp_path)).error
    assert instead in error
    assert "canary" not in error
