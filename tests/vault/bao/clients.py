"""Backends that ask the server of these tests, and a clock whose hands the test moves."""

from time import monotonic
from typing import Any, Final

from keywright.vault.backends.vault import VaultBackend
from keywright.vault.reference import Reference, parse
from keywright.vault.settings import StoreSettings
from tests.vault.bao.server import OpenBao, resolver

TIMEOUT_S: Final = 5.0
VALUE: Final = "sk-canary-51b2a07c"


class Ticks:
    """The machine's own, and what a test has let pass by."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def __call__(self) -> float:
        return monotonic() + self.passed_s


def backend(bao: OpenBao, ticks: Any = monotonic, secrets: dict[str, str] | None = None, **told: Any) -> VaultBackend:
    """Signed in as `told` says."""
    settings = StoreSettings(**{"address": bao.address, "timeout_s": TIMEOUT_S, **told})
    return VaultBackend(settings, {}, resolver(**(secrets or {})), ticks)


def by_token(bao: OpenBao, token: str, ticks: Any = monotonic, **told: Any) -> VaultBackend:
    return backend(bao, ticks, {"TOKEN": token}, token="env:TOKEN", **told)


def ref(text: str) -> Reference:
    return parse(f"vault://{text}")


def read(place: VaultBackend, text: str) -> str:
    return place.read(ref(text)).secret.reveal()


def mounted(bao: OpenBao, path: str, version: int = 2) -> str:
    bao.mount_kv(path, version)
    return path
