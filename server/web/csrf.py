"""Refuses changes that another site's page asks of a browser: every form carries a token."""

import secrets
from hmac import compare_digest

from flask import Flask, request, session

from server.kernel.errors import Forbidden
from server.kernel.request import caller

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_CHECKS = ("/api/", "/hooks/", "/owntracks/")


def install(app: Flask) -> None:
    """Check every changing request of a page; register it after the hook that finds the caller."""
    app.before_request(check)
    app.add_template_global(token, "csrf_token")


def token() -> str:
    """Return the token of the session, or of this browser where nobody is signed in."""
    if caller().csrf_token:
        return caller().csrf_token
    if FIELD not in session:
        session[FIELD] = secrets.token_urlsafe(24)
    return str(session[FIELD])


def check() -> None:
    """Raise `Forbidden` for a page's changing request without the token.

    The API is not looked at here: it asks for the token itself where a session and no API token calls. Nor is
    what knows its caller by other means than a cookie, which no page of another site can make a browser send.
    """
    if request.method in _SAFE or request.path.startswith(_OWN_CHECKS):
        return
    sent = request.headers.get(HEADER) or request.form.get(FIELD, "")
    expected = caller().csrf_token or str(session.get(FIELD, ""))
    if not expected or not compare_digest(expected.encode(), sent.encode()):
        raise Forbidden(
            "This page was open for too long. Go back, load it again and repeat the step."
        )
