"""The web process: pages and API under granian, with enough threads that slow clients block nobody."""

import os
import sys

from flask import Flask
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server import Server

from server.app import create_app
from server.kernel import logs
from server.kernel.settings import Settings
from server.processes import ports, tls
from server.processes.orphans import end_with

SWITCHED_AFTER = 0.001
"""Seconds that a thread computes while another waits. With Python's 5 ms a small request, which hands over a dozen
times while it asks the database, is late by all of them where two threads write pages."""
KILLED_AFTER = 10
"""Seconds that a web worker may take to finish its requests when told to stop."""


def application() -> Flask:
    """Make the application of one worker process; granian calls it."""
    end_with(os.getppid())
    sys.setswitchinterval(SWITCHED_AFTER)
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format, "web")
    app = create_app(settings)
    print("web ready", flush=True)  # noqa: T201  `serve` waits for this line
    return app


def run(settings: Settings) -> None:
    """Serve until told to stop; raises `PortTaken` or `NoCertificate`."""
    ports.web(settings).check()
    files = tls.prepare(settings, "web")
    Server(
        "server.processes.web:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.web_host,
        port=settings.web_port,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        respawn_failed_workers=True,
        workers_kill_timeout=KILLED_AFTER,
        ssl_cert=files and files.certificate,
        ssl_key=files and files.key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.error,
    ).serve()
