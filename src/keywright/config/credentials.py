"""What `[[providers.NAME.credentials]]` may say: several credentials of one provider."""

from collections import Counter
from typing import Final

from keywright.config.document import Path
from keywright.config.faults import Faults
from keywright.config.policy import check_tags, is_project_name
from keywright.config.tree import ProviderConfig

NAME_CHARACTERS_MAX: Final = 64
BESIDE_MAX: Final = 16
"""Of the credentials that the same calls may use no call would try more."""

_NAME: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")


def check_credentials(config: ProviderConfig, path: Path, faults: Faults) -> None:
    """Note in `faults` what of the credentials of the provider at `path` cannot be right, but for their references.

    A project need not be one of `[projects]`: most are made while the gateway runs.
    """
    if not config.credentials:
        return
    if config.api_key:
        faults.add((*path, "api_key"), "there are credentials besides: write one of them")
    seen: set[str] = set()
    for index, table in enumerate(config.credentials):
        at: Path = (*path, "credentials", index)
        if not _is_name(table.name):
            what = f"1 to {NAME_CHARACTERS_MAX} letters, digits, '-', '_' or '.', not digits alone"
            faults.add((*at, "name"), f"a credential's name has {what}")
        elif table.name in seen:
            faults.add((*at, "name"), "there is another credential of that name")
        seen.add(table.name)
        if table.project is not None and not is_project_name(table.project):
            faults.add((*at, "project"), "not the name of a project")
        check_tags(table.tags, (*at, "tags"), faults)
    beside = Counter(table.project for table in config.credentials)
    if max(beside.values()) > BESIDE_MAX:
        faults.add((*path, "credentials"), f"at most {BESIDE_MAX} may be there for the same calls")


def _is_name(name: str) -> bool:
    is_well_formed = 0 < len(name) <= NAME_CHARACTERS_MAX and _NAME.issuperset(name)
    return is_well_formed and not name.isdigit()
