"""Plain HTTP beside HTTPS: the page that says how to trust us, needed before a phone does, and redirects."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request

from server.app import create_app
from server.kernel import logs
from server.kernel.settings import Settings
from server.processes import ports
from server.processes.orphans import end_with

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
SERVED = ("/trust", "/static/")
THREADS = 16


class OnlyTrust:
    """Hands the page about trust to the application, and sends everything else to HTTPS."""

    def __init__(self, application: Wsgi, base_url: str) -> None:
        """Wrap an application."""
        self._application = application
        self._base = base_url.rstrip("/")

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if request.method in {"GET", "HEAD"} and request.path.startswith(SERVED):
            return self._application(environ, start_response)
        # 308 keeps the method; nothing is kept by the browser, which may be sent elsewhere tomorrow.
        answer = redirect(f"{self._base}{request.full_path.removesuffix('?')}", 308)
        answer.headers["Cache-Control"] = "no-store"
        return answer(environ, start_response)


def application() -> Wsgi:
    """Make the application; granian calls it."""
    end_with(os.getppid())
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format, "plain")
    made = OnlyTrust(create_app(settings).wsgi_app, str(settings.base_url))
    print("plain ready", flush=True)  # noqa: T201  `serve` waits for this line
    return made


def run(settings: Settings) -> None:
    """Serve until told to stop; raises `PortTaken`."""
    ports.plain(settings).check()
    Server(
        "server.processes.plain:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.web_host,
        port=settings.plain_port,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
    ).serve()
