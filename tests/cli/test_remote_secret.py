"""`keywright secret` from another machine: over the network, on the stores of a gateway that runs there."""

import hashlib
import logging
import secrets
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywright.core.secret import Secret
from keywright.vault.sealed.keys import new_kek
from tests.cli.shell import PROGRAM, WITHIN_S, Done, Shell
from tests.client import ask
from tests.gateway import ADMIN_KEY, Gateway, running

VALUE = "sk-canary-from-afar-0123456789abcdef"
CONFIG = """
[store]
url = "sqlite:///test.db"
[secrets.sealed]
kek = "file:{folder}/kek"
[secrets.slow]
kind = "vault"
address = "http://127.0.0.1:{port}"
token = "env:TOKEN"
timeout_s = 0.5
[providers.openai]
api_key = "dotenv:OPENAI_KEY"
[providers.groq]
api_key = "slow://secret/llm#groq"
"""


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """The port of a store that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def gateway(silent: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all of these tests."""
    folder = tmp_path_factory.mktemp("gateway")
    for name, text in (("kek", new_kek(secrets.token_bytes)), (".env", "OPENAI_KEY=sk-the-first-of-all-0123\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    variables = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, "TOKEN": "token-of-the-silent-one"}
    with running(folder, CONFIG.format(folder=folder, port=silent), variables) as gateway:
        yield gateway


@pytest.fixture
def afar(gateway: Gateway, tmp_path: Path) -> Shell:
    """A shell on another machine: it has nothing but the gateway's address and a key."""
    return Shell(tmp_path, {"KEYWRIGHT_URL": gateway.url, "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY})


def asked(shell: Shell, *words: str, piped: str = "") -> Done:
    done = shell.run("secret", *words, piped=piped)
    assert VALUE not in done.out + done.err
    return done


def test_a_secret_is_put_there_and_known_by_its_fingerprint(afar: Shell) -> None:
    done = asked(afar, "put", "sealed:mine", "--json", piped=VALUE + "\n")
    assert done.json == {"reference": "sealed:mine", "fingerprint": Secret(VALUE).fingerprint, "version": "1"}
    assert asked(afar, "get-fingerprint", "sealed:mine").out.strip() == Secret(VALUE).fingerprint
    assert asked(afar, "list", "sealed", "--json").json == {"rows": ["sealed:mine"]}
    assert list(afar.folder.iterdir()) == []


def test_what_cannot_be_had_there_is_told_and_fails_the_check(afar: Shell) -> None:
    done = asked(afar, "check", "--json")
    states = {row["used_for"]: row["state"] for row in done.json["rows"]}
    assert states == {
        "the key of openai": "ok",
        "the key of groq": "unreachable",
        "the store sealed: encrypts its keys": "ok",
        "the store slow: token": "ok",
    }
    assert done.code == 1
    assert asked(afar, "check", "dotenv:OPENAI_KEY").code == 0
    stores = {row["name"]: row["reachable"] for row in asked(afar, "list", "--json").json["rows"]}
    assert stores == {"dotenv": True, "env": True, "sealed": True, "slow": False}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("get-fingerprint", "file:/etc/passwd"),
            "is on the gateway's own machine, and its configuration does not name",
        ),
        (("get-fingerprint", "sealed:nothing"), "sealed:nothing: there is no such secret"),
        (("get-fingerprint", "slow://secret/llm#groq"), "gave no answer within 0.5 s"),
        (("get-fingerprint", VALUE), "a secret reference is written env:NAME"),
        (("list", "dotenv"), "no store 'dotenv' is listed from another machine"),
        (("migrate", "--from", "env", "--to", "sealed:"), "unset KEYWRIGHT_URL"),
    ],
)
def test_what_is_refused_there_is_told_in_its_words(afar: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in asked(afar, *words).error


def test_what_is_no_secret_is_not_put_there(afar: Shell) -> None:
    for text, said in (
        ("", "no secret was given"),
        (f"{VALUE} {VALUE}", "holds white space"),
        (VALUE * 300, "longer than 8192 characters"),
        (VALUE * 9000, "more than 262144 bytes"),
    ):
        assert said in asked(afar, "put", "sealed:none", piped=text).error
    assert "there is no such secret" in asked(afar, "get-fingerprint", "sealed:none").error


def test_what_is_no_text_is_not_put_whatever_the_shells_settings(afar: Shell) -> None:
    done = subprocess.run(
        [PROGRAM, "secret", "put", "sealed:none"],
        env=afar.environment({"LC_ALL": "C"}),
        input=b"sk-\xff" + VALUE.encode(),
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"error: what was given is not UTF-8 text: nothing was written\n"


def test_nothing_of_a_value_is_kept_but_its_fingerprint(
    gateway: Gateway, afar: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    value = f"sk-canary-{secrets.token_hex(20)}"
    body = b'{"reference":"sealed:kept","value":"%s"}' % value.encode()
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json", "idempotency-key": "once"}
    assert ask(gateway.url, "PUT", "/api/v1/secrets", body, headers).status == 200
    assert asked(afar, "put", "slow://secret/llm#groq", piped=value).code == 1
    marks = [hashlib.sha256(text) for text in (value.encode(), body)]
    found = b"".join(path.read_bytes() for path in gateway.folder.rglob("*") if path.is_file()) + caplog.text.encode()
    for text in (
        value.encode(),
        b64encode(value.encode()).rstrip(b"="),
        *(mark.hexdigest().encode() for mark in marks),
        *(mark.digest() for mark in marks),
    ):
        assert text not in found
    assert Secret(value).fingerprint in caplog.text
