"""Sees before a process starts that the port it is to listen on is nobody else's.

Granian listens with SO_REUSEPORT, so a second server would share the port of the first without a word, and
the two would answer each other's requests.
"""

import errno
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.kernel.settings import Settings


class PortTaken(Exception):
    """A process cannot listen where its settings say; the message says what to do."""


@dataclass(frozen=True)
class Listening:
    """Where a process listens, and the settings that say so."""

    process: str
    host: str
    port: int
    host_setting: str
    port_setting: str

    def check(self) -> None:
        """Raise `PortTaken` where the port cannot be ours alone."""
        if not self.port:
            return
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind) as probe:
                # Connections that were closed a moment ago hold no port; a listener does.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            raise PortTaken(self._why(error)) from error

    def is_answered(self) -> bool:
        """Tell whether anybody takes connections there."""
        # An address to listen on may mean all of them, which nobody can connect to.
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        try:
            socket.create_connection((address, self.port), 1).close()
        except OSError:
            return False
        return True

    def _why(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"Port {self.port} on {self.host} is taken by another program, so the {self.process} process "
                f"cannot use it. Stop that program (`ss -ltnp 'sport = :{self.port}'` shows it), "
                f"or set {self.port_setting} to a free port."
            )
        return (
            f"The {self.process} process cannot listen on port {self.port} of {self.host}: {error.strerror}. "
            f"Set {self.port_setting} or {self.host_setting} to something else."
        )


def web(settings: Settings) -> Listening:
    """Return where the web process listens."""
    names = ("GENKAN_WEB_HOST", "GENKAN_WEB_PORT")
    return Listening("web", settings.web_host, settings.web_port, *names)


def plain(settings: Settings) -> Listening:
    """Return where plain HTTP is answered beside HTTPS."""
    names = ("GENKAN_WEB_HOST", "GENKAN_PLAIN_PORT")
    return Listening("plain", settings.web_host, settings.plain_port, *names)


def live(settings: Settings) -> Listening:
    """Return where the live process listens."""
    names = ("GENKAN_LIVE_HOST", "GENKAN_LIVE_PORT")
    return Listening("live", settings.live_host, settings.live_port, *names)


def broker(settings: Settings) -> Listening:
    """Return where the broker that we start listens."""
    names = ("GENKAN_BROKER_LISTEN", "GENKAN_BROKER_PORT")
    return Listening("broker", settings.broker_listen, settings.broker_port, *names)


def mail_in(settings: Settings) -> Listening:
    """Return where the answers to our mails are received."""
    parts = urlsplit(settings.mail_in)
    host, port = parts.hostname or "127.0.0.1", parts.port or 0
    return Listening("mail-in", host, port, "GENKAN_MAIL_IN", "GENKAN_MAIL_IN")
