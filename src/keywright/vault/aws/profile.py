"""A profile of the AWS CLI: `~/.aws/config` and `~/.aws/credentials`, of which the second wins.

A message here names files, profiles and settings, never a line of a file: lines hold keys.
"""

import configparser
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from keywright.core.errors import SecretError
from keywright.vault.backends.file import on_read_only_mount
from keywright.vault.home import anyone, home_path, read_handed

FILE_BYTES_MAX: Final = 1_048_576
DEFAULT: Final = "default"

Profile: TypeAlias = Mapping[str, str]
"""Settings by name, as the files write them."""


def read_profiles(environment: Mapping[str, str]) -> dict[str, Profile]:
    """Every profile of this machine, by name; none where there are no files. Blocks on the disk.

    Raises:
        SecretError: a file cannot be read, is open to others, or is no INI file.
    """
    config = home_path(environment, environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    shared = home_path(environment, environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    profiles: dict[str, Profile] = {}
    for section, settings in _sections(config, anyone).items():
        name = _profile_name(section)
        if name is not None:
            profiles[name] = settings
    for name, settings in _sections(shared, on_read_only_mount).items():
        profiles[name] = {**profiles.get(name, {}), **settings}
    return profiles


def _sections(path: Path, may_be_shared: Callable[[int], bool]) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    text = read_handed("AWS", path, FILE_BYTES_MAX, may_be_shared)
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
        return {name: dict(parser.items(name)) for name in parser.sections()}
    except configparser.Error:
        # From None: the parser's errors carry the line.
        raise SecretError(f"AWS: {path} is not an INI file as the AWS CLI writes it") from None


def _profile_name(section: str) -> str | None:
    """The profile that a section of the config file is about; None for sections about something else."""
    if section == DEFAULT:
        return DEFAULT
    try:
        words = shlex.split(section)
    except ValueError:
        return None
    return words[1] if len(words) == 2 and words[0] == "profile" else None
