"""What a running gateway says besides: one line each, on standard error."""

import asyncio
import logging
from typing import Any, Final

from keywright.cli.faults import tell_of_faults
from keywright.core.redaction import Redactor

LEVELS: Final = {"keywright": logging.INFO, "uvicorn.error": logging.ERROR}


def log_to_stderr(redactor: Redactor, worker: int | None = None) -> None:
    """Send the program's own messages, the server's errors and what libraries warn of to standard error, and what
    Python itself tells of faults, all cleared of secrets by `redactor`. Each message names the `worker` it is of.

    Not the server's warnings: whoever can reach the port could fill the log with requests that are no HTTP.
    """
    tell_of_faults(redactor.redact)
    handler = logging.StreamHandler()
    who = "" if worker is None else f"worker {worker}: "
    handler.setFormatter(_OneLine(f"%(levelname)s: {who}%(message)s", redactor))
    for name, level in LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger().handlers = [handler]


def log_loop_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the event loop reports and nobody awaited, as one line. An event loop's exception handler.

    Failures of a connection are left out: whoever made it is told. (The socket library reports them here besides, with
    a traceback that Python's own logging cannot print.)
    """
    error = context.get("exception")
    kind = error if isinstance(error, type) else type(error)  # the socket library gives a class for an instance
    if not issubclass(kind, OSError | asyncio.CancelledError):
        logging.getLogger("keywright").error("%s: %r", context.get("message", "a fault in the event loop"), error)


class _OneLine(logging.Formatter):
    """Messages of several lines become one. Secrets are hidden, in tracebacks too."""

    def __init__(self, form: str, redactor: Redactor) -> None:
        super().__init__(form)
        self._redactor = redactor

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return super().formatMessage(record).replace("\n", "; ")

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(super().format(record))
