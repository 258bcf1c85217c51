"""What a command cannot do, and with which exit code the program then ends."""

from typing import Final

from keywright.core.errors import ConfigError, KeywrightError, SecretError

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130


class CommandError(KeywrightError):
    """The command cannot be done. The message is one line for the person who typed it."""


class ApiRefusedError(CommandError):
    """The administration API refuses, in its own words. `code` is its stable word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: KeywrightError) -> int:
    """2 when the words or the configuration are wrong, else 1."""
    if isinstance(error, ApiRefusedError):
        return MISUSED if error.code == "invalid" else FAILED
    return MISUSED if isinstance(error, ConfigError | SecretError) else FAILED
