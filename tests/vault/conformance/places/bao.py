"""OpenBao, which is HashiCorp Vault to its clients: a key-value engine of either version, signed in to by AppRole."""

from collections.abc import Iterator
from typing import Final

import pytest

from keywright.vault.backends.vault import VaultBackend
from keywright.vault.reference import Reference
from keywright.vault.settings import StoreSettings
from tests.vault.bao.server import OpenBao, Refused, resolver
from tests.vault.conformance.place import Ability, Fault

FIELD: Final = "key"
TIMEOUT_S: Final = 1.0
QUESTIONS_MAX: Final = 100


class BaoPlace:
    """The engine at `mount` of one server."""

    faults: frozenset[Fault] = frozenset({"kill", "slow", "seal", "throttle", "deny"})
    timeout_s = TIMEOUT_S

    def __init__(self, bao: OpenBao, mount: str, version: int) -> None:
        self._bao = bao
        self._mount = mount
        self._data = f"{mount}/data" if version == 2 else mount
        self._rules = f"{mount}/*: create read update list"
        self._policy = mount.replace("/", "-")
        bao.mount_kv(mount, version)
        bao.policy(self._policy, self._rules)
        role = f"auth/approle/role/{self._policy}"
        bao.request("POST", role, {"token_policies": [self._policy]})
        role_id = bao.request("GET", f"{role}/role-id")["data"]["role_id"]
        secret_id = bao.request("POST", f"{role}/secret-id")["data"]["secret_id"]
        self.canaries = (role_id, secret_id)
        self.versions = version == 2
        self.version_absent = "999" if self.versions else ""
        self.abilities: frozenset[Ability] = frozenset({"writes", "fields", "lists"})
        if self.versions:
            self.abilities |= {"versions"}
        self.backend = VaultBackend(
            StoreSettings(address=bao.address, timeout_s=TIMEOUT_S, role_id=role_id, secret_id="env:SECRET_ID"),
            {},
            resolver(SECRET_ID=secret_id),
        )

    def reference(self, name: str, field: str = "") -> Reference:
        return Reference("vault", f"{self._mount}/llm/{name}", field=field or FIELD)

    def put(self, name: str, value: str, field: str = "") -> None:
        data = self._fields(name) | {field or FIELD: value}
        self._bao.request("POST", f"{self._data}/llm/{name}", {"data": data} if self.versions else data)

    def remove(self, name: str) -> None:
        path = f"{self._mount}/metadata" if self.versions else self._mount
        self._bao.request("DELETE", f"{path}/llm/{name}")

    def strike(self, fault: Fault) -> None:
        match fault:
            case "kill":
                self._bao.kill()
            case "slow":
                self._bao.relay.open.clear()
            case "seal":
                self._bao.seal()
            case "throttle":
                self._bao.request("POST", self._quota, {"path": self._mount, "rate": 0.001, "interval": "1h"})
                self._use_up()
            case "deny":
                self._bao.policy(self._policy, f"{self._mount}/*: deny")

    def heal(self, fault: Fault) -> None:
        match fault:
            case "kill":
                self._bao.start()
            case "slow":
                self._bao.relay.open.set()
            case "seal":
                self._bao.unseal()
            case "throttle":
                self._bao.request("DELETE", self._quota)
            case "deny":
                self._bao.policy(self._policy, self._rules)

    @property
    def _quota(self) -> str:
        return f"sys/quotas/rate-limit/{self._policy}"

    def _fields(self, name: str) -> dict[str, str]:
        try:
            data = self._bao.request("GET", f"{self._data}/llm/{name}")["data"]
        except Refused:
            return {}
        found: dict[str, str] = data["data"] if self.versions else data
        return found

    def _use_up(self) -> None:
        for _ in range(QUESTIONS_MAX):
            try:
                self._bao.request("GET", f"{self._data}/llm/none")
            except Refused as refused:
                if refused.status == 429:
                    return
        raise AssertionError("the limit is never reached")


@pytest.fixture(scope="session")
def vault_place(openbao: OpenBao) -> Iterator[BaoPlace]:
    place = BaoPlace(openbao, "team/kv2", 2)
    yield place
    place.backend.close()


@pytest.fixture(scope="session")
def vault_v1_place(openbao: OpenBao) -> Iterator[BaoPlace]:
    place = BaoPlace(openbao, "team/kv1", 1)
    yield place
    place.backend.close()
