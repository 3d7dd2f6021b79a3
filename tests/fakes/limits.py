"""Limits of requests as a test wants them: far away, or reached at once."""

from flask import Flask

from server.web import limits


def lift(app: Flask) -> None:
    """Let an address ask a thousand times as often as usual."""
    app.config[limits.FACTOR] = 1000.0


def narrow(app: Flask, factor: float = 0.001) -> None:
    """Let an address ask less often than usual; unless said otherwise, once in each window."""
    app.config[limits.FACTOR] = factor
