"""`up`: a gateway from the first line on the screen to the exit code, and what other commands see of it."""

import json
import signal
import socket
import time

import pytest

from keywright.identity.keystring import read_id
from tests.cli.conftest import ADMIN_KEY, Up, configuration
from tests.cli.shell import Shell, interrupt
from tests.client import ask
from tests.standin.cloud import StandIn
from tests.standin.script import Script

READY_S = 30.0
"""Far above what a start takes (0.7 s), as the machine may be busy."""
KEY_COUNTS_S = 2.0
"""The promise: a key made while the gateway runs works within two seconds."""


def chat(url: str, key: str, text: str = "hello", *, stream: bool = False) -> tuple[int, bytes]:
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": text}], "stream": stream}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = ask(url, "POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
    return answer.status, answer.body


def test_it_serves_until_ctrl_c_and_lets_the_running_call_finish(shell: Shell, openai_cloud: StandIn) -> None:
    (shell.folder / "keywright.toml").write_text(configuration(openai_cloud))
    started = time.monotonic()
    with shell.start("up", STANDIN_KEY=openai_cloud.key) as process:
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("Keywright listens on ").strip()
        assert time.monotonic() - started < READY_S
        told = [process.stderr.readline() for _ in range(7)]
        assert told[0].split() == ["openai", "key", "from", "env:STANDIN_KEY"]
        key = told[2].strip().removeprefix("export KEYWRIGHT_ADMIN_KEY=")
        assert read_id(key) is not None
        assert "curl" in told[4]
        marker = openai_cloud.script(Script(words=5, pace_s=0.2))
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            body = {"model": "fast", "messages": [{"role": "user", "content": marker}], "stream": True}
            text = json.dumps(body)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
            client.sendall(f"{head}content-length: {len(text)}\r\n\r\n{text}".encode())
            received = client.recv(65536)
            done = interrupt(process)
            while piece := client.recv(65536):
                received += piece
        assert b"[DONE]" in received
    assert done.code == 0
    assert done.out == ""
    assert done.err == "Stopping: the running call finishes first.\n"
    assert openai_cloud.last.outcome == "complete"
    with shell.start("up", "--json", STANDIN_KEY=openai_cloud.key) as process:
        assert process.stdout is not None
        document = json.loads(process.stdout.readline())
        assert chat(document.pop("url"), key)[0] == 200
        assert document == {
            "admin_key": None,
            "providers": [{"name": "openai", "keys": ["env:STANDIN_KEY"], "url": openai_cloud.base_url}],
        }
        done = interrupt(process, signal.SIGTERM)
    assert (done.code, done.out, done.err) == (0, "", "")
    (row,) = shell.run("usage", "--by", "project", "--json").json["rows"]
    assert (row["calls"], row["ok"]) == (2, 2)


def test_it_says_how_to_get_a_provider_when_there_is_none(shell: Shell) -> None:
    with shell.start("serve", "--port", "0") as process:
        assert process.stderr is not None
        told = "".join(process.stderr.readline() for _ in range(8))
        done = interrupt(process)
    assert done.code == 0
    for hint in ("OPENAI_API_KEY", "keywright init", "keywright demo", "KEYWRIGHT_ADMIN_KEY=sk-kw-a"):
        assert hint in told


def test_a_port_that_is_taken_changes_nothing(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = shell.run("up", "--port", str(taken.getsockname()[1]))
    assert done.code == 2
    assert "Address already in use" in done.error
    assert not (shell.folder / "keywright.db").exists()


def test_a_start_that_fails_has_not_used_up_the_admin_key(shell: Shell) -> None:
    file = shell.folder / "keywright.toml"
    file.write_text('[server]\nport = 0\n[providers.openai]\napi_key = "env:NOT_SET"\n')
    assert "env:NOT_SET" in shell.run("up").error
    with shell.start("up", "--json", NOT_SET="sk-now-it-is-set") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["admin_key"].startswith("sk-kw-a")


@pytest.mark.parametrize(
    ("variables", "words", "expected"),
    [
        ({"KEYWRIGHT_ADMIN_KEY": "too short"}, (), "KEYWRIGHT_ADMIN_KEY has 9 characters"),
        ({}, ("--host", "no such host"), "server.host 'no such host'"),
    ],
)
def test_a_start_that_cannot_be_is_one_line(
    shell: Shell, variables: dict[str, str], words: tuple[str, ...], expected: str
) -> None:
    done = shell.run("up", "--port", "0", *words, **variables)
    assert done.code == 2
    assert expected in done.error


def test_what_goes_wrong_while_it_runs_is_one_line(shell: Shell) -> None:
    file = shell.folder / "keywright.toml"
    file.write_text("[server]\nport = 0\n")
    with shell.start("up", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = json.loads(process.stdout.readline())["url"]
        file.write_text("[nobody]\n[nothing]\n")
        line = process.stderr.readline()
        assert line.startswith("ERROR: the changed configuration is refused, the old one stays: keywright.toml:1: ")
        assert "; keywright.toml:2: nothing: " in line
        assert ask(url, "GET", "/health/live", None, {}).status == 200
        assert interrupt(process).code == 0


def test_a_key_made_while_it_runs_works_within_two_seconds(gateway: Up) -> None:
    document = gateway.shell.run("key", "create", "--name", "new", "--json", KEYWRIGHT_URL="").json
    deadline = time.monotonic() + KEY_COUNTS_S
    while (status := chat(gateway.url, document["key"])[0]) == 401 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status == 200
    gateway.shell.run("key", "revoke", document["id"], "--yes", KEYWRIGHT_URL="")
    deadline = time.monotonic() + KEY_COUNTS_S
    while (status := chat(gateway.url, document["key"])[0]) == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status == 401


def test_the_models_are_those_of_the_running_gateway(gateway: Up) -> None:
    listed = gateway.shell.run("models", "--json").json
    assert listed["models"][0] == "fast"
    assert "openai/gpt-4o" in listed["models"]
    assert gateway.shell.run("models").out.splitlines() == listed["models"]


@pytest.mark.parametrize(
    ("variables", "code", "expected"),
    [
        ({"KEYWRIGHT_ADMIN_KEY": ""}, 2, "there is no key for the gateway: set KEYWRIGHT_API_KEY"),
        ({"KEYWRIGHT_API_KEY": "sk-wrong-key"}, 1, "401 invalid_api_key"),
        ({"KEYWRIGHT_URL": "http://127.0.0.1:1"}, 1, "no gateway answers at http://127.0.0.1:1"),
        ({"KEYWRIGHT_URL": "gateway.example"}, 2, "KEYWRIGHT_URL: an address starts with https:// or http://"),
    ],
)
def test_a_gateway_that_cannot_be_asked_is_one_line(
    gateway: Up, variables: dict[str, str], code: int, expected: str
) -> None:
    done = gateway.shell.run("models", **variables)
    assert done.code == code
    assert expected in done.error
    assert ADMIN_KEY not in done.err
    assert "sk-wrong-key" not in done.err


def test_a_failed_handshake_with_an_upstream_is_told_to_the_client_and_not_as_a_traceback(
    shell: Shell, openai_cloud: StandIn
) -> None:
    base_url = openai_cloud.base_url.replace("http://", "https://")
    (shell.folder / "keywright.toml").write_text(
        "[server]\nport = 0\n[retry]\nattempts = 1\n"
        f'[providers.edge]\nkind = "openai-compatible"\nbase_url = "{base_url}"\n'
    )
    with shell.start("up", "--json", KEYWRIGHT_ADMIN_KEY=ADMIN_KEY) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        body = json.dumps({"model": "edge/m", "messages": [{"role": "user", "content": "hi"}]}).encode()
        headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
        assert ask(url, "POST", "/v1/chat/completions", body, headers).status == 502
        done = interrupt(process)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert "Logging error" not in done.err
