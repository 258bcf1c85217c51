"""What a running gateway says besides: one line each, on standard error."""

import logging
from typing import Final

LEVELS: Final = {"keywright": logging.INFO, "uvicorn.error": logging.WARNING}


def log_to_stderr() -> None:
    """Send the program's own messages, and the server's warnings, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(levelname)s: %(message)s"))
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False


class _OneLine(logging.Formatter):
    """Messages of several lines become one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return super().formatMessage(record).replace("\n", "; ")
