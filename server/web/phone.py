"""The cookie by which a visitor's phone is known again: a random secret, of which the server keeps the hash only."""

import re

from flask import request
from werkzeug.wrappers import Response

from server.kernel.request import office

COOKIE = "genkan_phone"
KEPT_FOR = 400 * 86_400
"""Seconds; browsers keep no cookie for longer."""
LONGEST_USER_AGENT = 200
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def secret() -> str:
    """Return the secret that this phone sent, or nothing where it has none that could be ours."""
    sent = request.cookies.get(COOKIE, "")
    return sent if _FORM.fullmatch(sent) else ""


def secret_or_new() -> str:
    """Return the phone's secret, a fresh one where it has none; give it back with `keep`."""
    return secret() or office().ids.secret()


def keep(response: Response, secret: str) -> Response:
    """Let the phone keep its secret, as long as browsers do."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=KEPT_FOR,
        secure=office().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def user_agent() -> str:
    """Return what the browser says it is, cut to what is kept of it."""
    return request.user_agent.string[:LONGEST_USER_AGENT]
