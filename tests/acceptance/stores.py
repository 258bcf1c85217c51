"""The stores of a gateway that is tried: what the configuration says of each, its administrator, and its troubles.

Below the gateway, `tests/vault/conformance` asks each kind of store the same; its servers and stand-ins are these.
"""

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import trustme

from tests.acceptance.program import FILE, PROGRAM, START_S
from tests.acceptance.ring import TROUBLE, FileRing
from tests.vault.bao.server import OpenBao, Refused
from tests.vault.cloud import azure as key_vault
from tests.vault.cloud import google as secret_manager
from tests.vault.cloud.azure import Azure
from tests.vault.cloud.google import Google
from tests.vault.cloud.server import Standing
from tests.vault.conformance.place import Fault
from tests.vault.conformance.places import aws
from tests.vault.google.files import service_account

TIMEOUT_S: Final = 1.0
"""How long a question of the gateway's may take."""

ROOT: Final = Path(__file__).resolve().parents[2]
QUESTIONS_MAX: Final = 100


class Station(Protocol):
    """What can be in trouble, with all stores that depend on it."""

    @property
    def faults(self) -> frozenset[Fault]: ...
    def strike(self, fault: Fault) -> None: ...
    def heal(self, fault: Fault) -> None: ...


@dataclass(frozen=True, eq=False)
class Store:
    """A store with the key of one provider, which is called as it is. `table`: the rest of `[secrets.NAME]`. `put`:
    lets a value be at `reference`, behind the gateway's back.
    """

    name: str
    reference: str
    station: Station
    put: Callable[[str], None]
    table: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    canaries: tuple[str, ...] = ()


class Calm:
    """What nothing can happen to."""

    faults: frozenset[Fault] = frozenset()

    def strike(self, fault: Fault) -> None:
        raise NotImplementedError(fault)

    def heal(self, fault: Fault) -> None:
        raise NotImplementedError(fault)


class Bao:
    """An OpenBao whose client may use two key-value engines and a key of transit. Names in it are of this one."""

    faults: frozenset[Fault] = frozenset({"kill", "slow", "seal", "throttle", "deny"})

    def __init__(self, bao: OpenBao, folder: Path) -> None:
        self._bao = bao
        self._folder = folder
        self._name = folder.name
        self.kv2, self.kv1, self.transit = (f"{self._name}-{kind}" for kind in ("kv2", "kv1", "transit"))
        self._mounts = (self.kv2, self.kv1, self.transit)
        bao.mount_kv(self.kv2, 2)
        bao.mount_kv(self.kv1, 1)
        bao.request("POST", f"sys/mounts/{self.transit}", {"type": "transit"})
        bao.request("POST", f"{self.transit}/keys/kek", {})
        self._allow("create read update")
        role = f"auth/approle/role/{self._name}"
        bao.request("POST", role, {"token_policies": [self._name]})
        self.role_id = str(bao.request("GET", f"{role}/role-id")["data"]["role_id"])
        self.secret_id = str(bao.request("POST", f"{role}/secret-id")["data"]["secret_id"])

    def stores(self) -> tuple[Store, ...]:
        login = f'address = "{self._bao.address}"\nrole_id = "{self.role_id}"\nsecret_id = "env:BAO_SECRET_ID"\n'
        kek = f'kek = "vault-transit://{self.transit}/kek"\n'
        rest = {"BAO_SECRET_ID": self.secret_id}, (self.role_id, self.secret_id)
        return (
            Store("vault", f"vault://{self.kv2}/llm#key", self, self._put_kv2, login, *rest),
            Store("kv1", f"kv1://{self.kv1}/llm#key", self, self._put_kv1, f'kind = "vault"\n{login}', *rest),
            Store("sealed", "sealed:llm", self, self._put_sealed, kek, *rest),
        )

    def strike(self, fault: Fault) -> None:
        match fault:
            case "kill":
                self._bao.kill()
            case "slow":
                self._bao.relay.open.clear()
            case "seal":
                self._bao.seal()
            case "throttle":
                for mount in self._mounts:
                    self._use_up(mount)
            case "deny":
                self._allow("deny")

    def heal(self, fault: Fault) -> None:
        match fault:
            case "kill":
                self._bao.start()
            case "slow":
                self._bao.relay.open.set()
            case "seal":
                self._bao.unseal()
            case "throttle":
                for mount in self._mounts:
                    self._bao.request("DELETE", f"sys/quotas/rate-limit/{mount}")
            case "deny":
                self._allow("create read update")

    def _allow(self, what: str) -> None:
        self._bao.policy(self._name, "\n".join(f"{mount}/*: {what}" for mount in self._mounts))

    def _use_up(self, mount: str) -> None:
        self._bao.request("POST", f"sys/quotas/rate-limit/{mount}", {"path": mount, "rate": 0.001, "interval": "1h"})
        for _ in range(QUESTIONS_MAX):
            try:
                self._bao.request("GET", f"{mount}/data/none")
            except Refused as refused:
                if refused.status == 429:
                    return
        raise AssertionError("the limit is never reached")

    def _put_kv2(self, value: str) -> None:
        self._bao.request("POST", f"{self.kv2}/data/llm", {"data": {"key": value}})

    def _put_kv1(self, value: str) -> None:
        self._bao.request("POST", f"{self.kv1}/llm", {"key": value})

    def _put_sealed(self, value: str) -> None:
        """As an operator does, beside the gateway."""
        done = subprocess.run(
            [PROGRAM, "secret", "put", "sealed:llm", "--config", FILE],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "BAO_SECRET_ID": self.secret_id},
            input=value,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr


class Ring:
    """A keyring in `folder`."""

    faults: frozenset[Fault] = frozenset({"kill", "slow", "seal", "deny"})

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder

    def store(self) -> Store:
        return Store(
            "keyring",
            "keyring:llm/key",
            self,
            self._write,
            variables={
                "PYTHONPATH": str(ROOT),
                "PYTHON_KEYRING_BACKEND": f"{FileRing.__module__}.{FileRing.__name__}",
                "KEYRING_PROPERTY_FOLDER": str(self._folder),
            },
        )

    def _write(self, value: str) -> None:
        (self._folder / "llm-key").write_text(value)

    def strike(self, fault: Fault) -> None:
        (self._folder / TROUBLE).write_text(fault)

    def heal(self, _: Fault) -> None:
        (self._folder / TROUBLE).unlink()


class Folder:
    """A folder of this machine: its way leads in a circle (`kill`), or its file is a pipe that nobody writes into
    (`slow`), or open to everybody (`deny`; of a `.env` file, which is trusted then, it is a folder instead).
    """

    faults: frozenset[Fault] = frozenset({"kill", "slow", "deny"})

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True)
        self._file = file
        self._away = file.parent.with_name(f"{file.parent.name}-away")

    def file(self) -> Store:
        return Store("file", f"file:{self._file}", self, self._write)

    def dotenv(self) -> Store:
        table = f'path = "{self._file}"\n'
        return Store("dotenv", "dotenv:LLM", self, lambda value: self._write(f"LLM={value}\n"), table)

    def strike(self, fault: Fault) -> None:
        self._file.parent.rename(self._away)
        if fault == "kill":
            self._file.parent.symlink_to(self._file.parent)
            return
        self._file.parent.mkdir()
        if fault == "slow":
            os.mkfifo(self._file, 0o600)
        elif self._file.name == ".env":
            self._file.mkdir()
        else:
            shutil.copy(self._away / self._file.name, self._file)
            self._file.chmod(0o666)

    def heal(self, fault: Fault) -> None:
        if fault == "kill":
            self._file.parent.unlink()
        else:
            shutil.rmtree(self._file.parent)
        self._away.rename(self._file.parent)

    def _write(self, text: str) -> None:
        fresh = self._file.with_name("fresh")
        fresh.touch(0o600)
        fresh.write_text(text)
        fresh.rename(self._file)


class Cloud:
    """A stand-in, or what stands before one."""

    faults: frozenset[Fault] = frozenset({"kill", "slow", "throttle", "deny"})

    def __init__(self, standing: Standing) -> None:
        self.strike, self.heal = standing.strike, standing.heal


def env() -> Store:
    """The environment, which is what it was at the start."""
    return Store("env", "env:LLM_KEY", Calm(), _unchangeable)


def _unchangeable(_: str) -> None:
    """A process's environment does not change."""


@contextmanager
def aws_sm(moto: str, name: str) -> Iterator[Store]:
    standing = Standing(aws.Door(moto), aws.REFUSALS)
    place = aws.AwsPlace(moto, standing)
    try:
        yield Store(
            "aws-sm",
            f"aws-sm://{name}#{aws.FIELD}",
            Cloud(standing),
            lambda value: place.put(name, value),
            f'region = "{aws.REGION}"\nendpoint = "{standing.url}"\n',
            aws.KEYS,
            place.canaries,
        )
    finally:
        standing.close()


@contextmanager
def gcp_sm(folder: Path) -> Iterator[Store]:
    google = Google()
    standing = Standing(google, secret_manager.REFUSALS)
    account = service_account(standing.url)
    credentials = folder / "account.json"
    credentials.touch(0o600)
    credentials.write_text(account)

    def write(value: str) -> None:
        google.secrets.setdefault("project-7/llm", []).append(secret_manager.Version(value.encode()))

    try:
        yield Store(
            "gcp-sm",
            "gcp-sm://project-7/llm",
            Cloud(standing),
            write,
            f'credentials = "file:{credentials}"\nendpoint = "{standing.url}"\n',
            canaries=(secret_manager.TOKEN, account.partition("PRIVATE KEY-----")[2][10:60]),
        )
    finally:
        standing.close()


@contextmanager
def azure_kv(folder: Path) -> Iterator[Store]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    azure = Azure()
    standing = Standing(azure, key_vault.REFUSALS, tls)
    azure.url = standing.url

    def write(value: str) -> None:
        azure.add("llm", value)

    try:
        yield Store(
            "azure-kv",
            "azure-kv://127/llm",
            Cloud(standing),
            write,
            f'client_secret = "env:ENTRA_SECRET"\nendpoint = "{standing.url}"\nca_file = "{folder / "ca.pem"}"\n',
            {
                "AZURE_AUTHORITY_HOST": standing.url,
                "AZURE_TENANT_ID": key_vault.TENANT,
                "AZURE_CLIENT_ID": key_vault.CLIENT,
                "ENTRA_SECRET": key_vault.SECRET,
            },
            (key_vault.TOKEN, key_vault.SECRET),
        )
    finally:
        standing.close()
