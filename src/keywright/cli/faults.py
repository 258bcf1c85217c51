"""What Python itself would say of a fault, on standard error, past every logger: cleared of secrets like all else."""

import sys
import threading
import warnings
from collections.abc import Callable
from traceback import format_exception
from typing import TextIO

Clear = Callable[[str], str]


def tell_of_faults(clear: Clear) -> None:
    """From now on `clear` what is told of an exception that nobody caught, here or in a thread, of one that could not
    be raised where it happened, and of a warning.
    """

    def tell(text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(clear(text))

    def of_thread(fault: threading.ExceptHookArgs) -> None:
        if fault.exc_value is None or issubclass(fault.exc_type, SystemExit):
            return
        name = "a thread" if fault.thread is None else f"thread {fault.thread.name}"
        tell(f"Exception in {name}:\n{''.join(format_exception(fault.exc_value))}")

    def of_unraisable(fault: "sys.UnraisableHookArgs") -> None:
        what = fault.err_msg or "Exception ignored in"
        error = "".join(format_exception(fault.exc_value)) if fault.exc_value is not None else f"{fault.exc_type}\n"
        tell(f"{what}: {type(fault.object).__name__}\n{error}")

    def of_warning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        tell(f"{filename}:{lineno}: {category.__name__}: {message}\n")

    sys.excepthook = lambda _, error, __: tell("".join(format_exception(error)))
    threading.excepthook = of_thread
    sys.unraisablehook = of_unraisable
    warnings.showwarning = of_warning
