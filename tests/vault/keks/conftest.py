"""Key management services, started when the first test asks for them: moto, and stand-ins of Google's and Azure's."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from keywright.vault.kek import Kek
from keywright.vault.keks.inventory import open_kek
from tests.vault.cloud.server import Standing
from tests.vault.conformance.places.aws import AwsPlace, aws_sm_place, client
from tests.vault.conformance.places.azure import VAULT, AzurePlace, azure_kv_place
from tests.vault.conformance.places.gcp import GcpPlace, gcp_sm_place

__all__ = ["aws_sm_place", "azure_kv_place", "gcp_sm_place"]

TIMEOUT_S: Final = 10.0
"""For what is to succeed, on a busy machine."""


class Cloud(Struct, kw_only=True):
    """A service. `place`: the store of its vendor's that the same settings reach. `key`, `absent`: a key of it, and
    none, as `kek` writes them; `id`: what the key is called in rows.
    """

    place: AwsPlace | GcpPlace | AzurePlace
    store: str
    key: str
    absent: str
    id: str
    opened: list[Any] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        return self.place.standing

    def kek(self, text: str = "", timeout_s: float = TIMEOUT_S) -> Kek:
        """The key that `text` names, else `key`."""
        resolve = self.place.resolve if not isinstance(self.place, AwsPlace) else _nothing
        settings = {self.store: replace(self.place.settings, timeout_s=timeout_s)}
        made = open_kek(text or self.key, settings, self.place.environment, resolve)
        self.opened.append(made)
        return made


def _nothing(text: str) -> Any:
    raise AssertionError(f"{text} is not asked for")


@pytest.fixture(scope="session")
def aws_kms(moto: str, aws_sm_place: AwsPlace) -> Cloud:
    """By an alias."""
    kms = client(moto, "kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/keywright", TargetKeyId=arn)
    absent = f"{arn.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    return Cloud(
        place=aws_sm_place,
        store="aws-sm",
        key="aws-kms://alias/keywright",
        absent=f"aws-kms://{absent}",
        id=f"aws-kms://{arn}",
    )


@pytest.fixture(scope="session")
def gcp_kms(gcp_sm_place: GcpPlace) -> Cloud:
    ring = "gcp-kms://projects/p/locations/global/keyRings/r/cryptoKeys"
    return Cloud(place=gcp_sm_place, store="gcp-sm", key=f"{ring}/k", absent=f"{ring}/absent", id=f"{ring}/k")


@pytest.fixture(scope="session")
def azure_key(azure_kv_place: AzurePlace) -> Cloud:
    place = f"azure-key://{VAULT}"
    return Cloud(place=azure_kv_place, store="azure-kv", key=f"{place}/k", absent=f"{place}/k/absent", id=f"{place}/k")


@pytest.fixture(params=["aws_kms", "gcp_kms", "azure_key"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Each in turn."""
    found: Cloud = request.getfixturevalue(request.param)
    yield found
    while found.opened:
        found.opened.pop().close()
