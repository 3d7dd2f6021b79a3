"""Turns SIGTERM and Ctrl-C into an event that loops wait on."""

import signal
import threading


def stop_signal() -> threading.Event:
    """Return an event that is set when this process is told to stop; call it from the main thread."""
    stopping = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping
