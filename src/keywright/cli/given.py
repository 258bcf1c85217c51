"""A secret as it is given to a command: typed, or on standard input, and never as an argument, which others may see."""

import sys
from getpass import getpass
from typing import Final

from keywright.cli.errors import CommandError
from keywright.core.secret import Secret

GIVEN_BYTES_MAX: Final = 262_144
"""No store takes more."""

NO_TEXT: Final = "what was given is not UTF-8 text: nothing was written"


def given_secret() -> Secret:
    """The secret, without white space around it.

    Raises:
        CommandError: there is none, or it is no text.
    """
    text = (_typed() if sys.stdin.isatty() else _piped()).strip()
    if not text:
        raise CommandError("no secret was given: type it, or send it on standard input")
    return Secret(text)


def _typed() -> str:
    try:
        text, again = getpass("The secret: "), getpass("Once more: ")
        text.encode()  # where the shell's settings let bytes through that are no text
    except UnicodeError:  # from None: the error carries the bytes
        raise CommandError(NO_TEXT) from None
    if text != again:
        raise CommandError("the two are not the same: nothing was written")
    return text


def _piped() -> str:
    """All of standard input: its bytes, since how Python would read them as text depends on the shell's settings."""
    content = sys.stdin.buffer.read(GIVEN_BYTES_MAX + 1)
    if len(content) > GIVEN_BYTES_MAX:
        raise CommandError(f"more than {GIVEN_BYTES_MAX} bytes came on standard input: that is no secret")
    try:
        return content.decode()
    except UnicodeDecodeError:  # from None: the error carries the bytes
        raise CommandError(NO_TEXT) from None
