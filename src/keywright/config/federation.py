"""What `[providers.NAME.federation]` may say: a proof, and the fields that the provider wants with it."""

from collections.abc import Iterator
from typing import Final

from keywright.config.document import Path
from keywright.config.faults import Faults
from keywright.config.tree import FederationConfig, ProviderConfig
from keywright.vault.federation import VENDORS

PROOFS: Final = ("source", "token_file", "token", "audience")
FIELDS: Final = tuple(field for field in FederationConfig.__struct_fields__ if field not in PROOFS)


def check_federation(kind: str, config: ProviderConfig, path: Path, faults: Faults) -> None:
    """Note in `faults` what of the federation of the provider at `path` cannot be right, but for its reference."""
    given = config.federation
    if given is None:
        return
    at: Path = (*path, "federation")
    for other in ("api_key", "credentials"):
        if getattr(config, other):
            faults.add(at, f"{other} stands besides: write one of them")
    _check_proof(given, at, faults)
    vendor = VENDORS.get(kind)
    if vendor is None:
        faults.add(at, f"this kind gives no tokens for a proof; those that do: {', '.join(VENDORS)}")
        return
    for field in vendor.needs:
        if getattr(given, field) is None:
            faults.add((*at, field), f"{vendor.title} needs it")
    for field in FIELDS:
        if getattr(given, field) is not None and field not in vendor.needs + vendor.takes:
            faults.add((*at, field), f"{vendor.title} does not know it")


def federation_fields(given: FederationConfig) -> dict[str, str]:
    """The provider's own fields that are written."""
    return dict(_written(given))


def _written(given: FederationConfig) -> Iterator[tuple[str, str]]:
    for field in FIELDS:
        value = getattr(given, field)
        if value is not None:
            yield field, value


def _check_proof(given: FederationConfig, at: Path, faults: Faults) -> None:
    for field in ("source", "audience"):
        if getattr(given, field) is not None:
            faults.add((*at, field), "platforms are not asked for a proof yet: let one write it, and name token_file")
    if (given.token_file is None) == (given.token is None):
        faults.add(at, "write token_file or token, the proof of who this workload is, and not both")
