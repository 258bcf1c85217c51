"""What a command cannot do, and with which exit code the program then ends."""

from typing import Final

from keywright.core.errors import ConfigError, KeywrightError, SecretError

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130


class CommandError(KeywrightError):
    """The command cannot be done. The message is one line for the person who typed it."""


def exit_code(error: KeywrightError) -> int:
    """2 when the words or the configuration are wrong, else 1."""
    return MISUSED if isinstance(error, ConfigError | SecretError) else FAILED
