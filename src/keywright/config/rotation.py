"""What `rotation` and `rotate_every` may say."""

from keywright.config.address import parse_address
from keywright.config.document import Path
from keywright.config.faults import Faults
from keywright.config.tree import ProviderConfig, RotationConfig
from keywright.identity.key import duration_s


def check_rotation(config: ProviderConfig, path: Path, faults: Faults) -> None:
    """Note in `faults` what cannot be right of how a provider's keys are replaced."""
    _check_duration(config.rotate_every, (*path, "rotate_every"), faults)
    _check(config.rotation, (*path, "rotation"), faults)
    for index, table in enumerate(config.credentials):
        at: Path = (*path, "credentials", index)
        _check_duration(table.rotate_every, (*at, "rotate_every"), faults)
        if table.rotation is not None:
            _check(table.rotation, (*at, "rotation"), faults)


def _check(rotation: RotationConfig, path: Path, faults: Faults) -> None:
    for name in ("every", "max_age", "lifetime"):
        _check_duration(getattr(rotation, name), (*path, name), faults)
    if rotation.address is not None:
        try:
            parse_address(rotation.address)
        except ValueError as error:
            faults.add((*path, "address"), str(error))


def _check_duration(text: str, path: Path, faults: Faults) -> None:
    try:
        if text:
            duration_s(text)
    except ValueError:
        faults.add(path, "not a duration: write a whole number and a unit, as 12h, 30d or 2w")
