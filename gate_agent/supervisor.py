"""Tells the service manager how the gate is: ready, alive, stopping (systemd's sd_notify protocol).

See sd_notify(3). Without `NOTIFY_SOCKET`, as on a desk or in a container, nothing is told.
"""

import os
import socket
from collections.abc import Mapping
from datetime import timedelta

from gate_agent.logs import Log

log = Log(__name__)


class Supervisor:
    """Whoever started this program and wants to know how it is."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find its socket, and how often it wants a sign of life, in the environment."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(environment)
        """Within this time it wants a sign of life; None: it does not ask for any."""
        self._failed = False

    def ready(self, status: str) -> None:
        """The gate works from now on."""
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """Say in a few words how the gate is, for `systemctl status`."""
        self._tell(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Every loop of the gate has gone round."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The gate was told to stop and does so."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.settimeout(0)
                to.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._failed:
                log.warning("supervisor_not_told", why=str(error))
            self._failed = True
        else:
            self._failed = False


def _address(given: str) -> str | None:
    """Return the socket's address; one that begins with @ has no file."""
    if given.startswith("@"):
        return "\0" + given[1:]
    return given if given.startswith("/") else None


def _watchdog(environment: Mapping[str, str]) -> timedelta | None:
    given, meant_for = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not given.isdecimal() or int(given) == 0 or meant_for not in {"", str(os.getpid())}:
        return None
    return timedelta(microseconds=int(given))


def _line(text: str) -> str:
    return " ".join(text.split())
