"""A keyring for a program that is tried: one file for each entry, and a word in a file that says what is wrong."""

import time
from pathlib import Path
from typing import Final

from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked

TROUBLE: Final = "trouble"
SLOW_S: Final = 30.0


class PromptDismissedException(Exception):  # noqa: N818 - not our name
    """What the Secret Service of a desktop raises when its user says no."""


class FileRing(KeyringBackend):
    """The keyring in `folder`, which the library sets from `KEYRING_PROPERTY_FOLDER`."""

    priority = -1.0  # taken by nobody who has not named it
    folder = ""

    def get_password(self, service: str, username: str) -> str | None:
        self._suffer()
        path = Path(self.folder, f"{service}-{username}")
        return path.read_text() if path.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError

    def _suffer(self) -> None:
        trouble = Path(self.folder, TROUBLE)
        match trouble.read_text() if trouble.exists() else "":
            case "kill":
                raise InitError("Failed to connect to the session's bus")
            case "seal":
                raise KeyringLocked("Failed to unlock the collection!")
            case "deny":
                raise KeyringLocked("no") from PromptDismissedException()
            case "slow":
                ends = time.monotonic() + SLOW_S
                while trouble.exists() and time.monotonic() < ends:
                    time.sleep(0.02)
