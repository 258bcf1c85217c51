"""No image of this process on a disk: it holds every key."""

import ctypes
import resource
import sys
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""From Linux's prctl.h: whether the process may be dumped, or traced by others of its user."""


def forbid_dumps() -> None:
    """Let no core dump be written of this process and of those that it forks, and no other process of its user read its
    memory (on Linux). What a system does not have is passed over.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
