"""Lets a child process end when the process that started it was killed and could not tell it to.

Without it Mosquitto, or a web worker, would go on alone and keep its port from whoever is started next.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def end_with(parent: int) -> None:
    """Have this process killed when `parent`, who started it, ends; on other systems than Linux nothing."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before we asked; nobody will tell us any more.
        os.kill(os.getpid(), signal.SIGKILL)


def ending_with_this_process() -> Callable[[], None]:
    """Return what a child calls between its start and its program (`preexec_fn`)."""
    this = os.getpid()
    return lambda: end_with(this)
