"""What a `federation` may say: a proof, where tokens are had, and the fields that the provider wants with the proof."""

from collections.abc import Iterator
from typing import Final

from keywright.config.address import parse_address
from keywright.config.document import Path
from keywright.config.faults import Faults, nearest
from keywright.config.tree import FederationConfig, ProviderConfig
from keywright.vault.federation import PLATFORMS, VENDORS
from keywright.vault.secrecy import is_unheard

PROOFS: Final = ("source", "token_file", "token")
OWN: Final = (*PROOFS, "audience", "token_url")
FIELDS: Final = tuple(field for field in FederationConfig.__struct_fields__ if field not in OWN)
"""Those that are the providers'."""


def check_federation(kind: str, config: ProviderConfig, path: Path, faults: Faults) -> None:
    """Note in `faults` what of the federation of the provider at `path`, and of its credentials', cannot be right, but
    for references.
    """
    if config.federation is not None:
        at: Path = (*path, "federation")
        for other in ("api_key", "credentials"):
            if getattr(config, other):
                faults.add(at, f"{other} stands besides: write one of them")
        _check(kind, config.federation, at, faults)
    for index, table in enumerate(config.credentials):
        at = (*path, "credentials", index)
        if bool(table.api_key) == (table.federation is not None):
            faults.add(at, "write api_key, or federation to do without, one of them")
        if table.federation is not None:
            _check(kind, table.federation, (*at, "federation"), faults)


def federations(config: ProviderConfig) -> tuple[FederationConfig, ...]:
    """All of the provider."""
    given = (config.federation, *(table.federation for table in config.credentials))
    return tuple(one for one in given if one is not None)


def federation_fields(given: FederationConfig) -> dict[str, str]:
    """The provider's own fields that are written."""
    return dict(_written(given, FIELDS))


def _written(given: FederationConfig, fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for field in fields:
        value = getattr(given, field)
        if value is not None:
            yield field, value


def _check(kind: str, given: FederationConfig, at: Path, faults: Faults) -> None:
    _check_proof(given, at, faults)
    if given.token_url is not None:
        _check_url(given.token_url, (*at, "token_url"), faults)
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


def _check_proof(given: FederationConfig, at: Path, faults: Faults) -> None:
    if len(dict(_written(given, PROOFS))) != 1:
        faults.add(at, f"write one of {', '.join(PROOFS)}: where the proof of who this workload is comes from")
    if given.source is not None and given.source not in PLATFORMS:
        faults.add((*at, "source"), f"no such platform; {nearest(given.source, PLATFORMS)}")
    if given.source is not None and given.audience is None:
        faults.add((*at, "audience"), "a platform needs to be told whom the proof is for, as the provider expects it")
    if given.source is None and given.audience is not None:
        faults.add((*at, "audience"), "it is for a source: what comes from elsewhere has its audience already")


def _check_url(url: str, at: Path, faults: Faults) -> None:
    try:
        address = parse_address(url)
    except ValueError as error:
        faults.add(at, str(error))
        return
    if not is_unheard(address.origin):
        faults.add(at, "the proof would go there unencrypted: write https://, or an address of this machine")
