"""Finds out who sent a request, before any view runs: the session cookie of a browser, or an API token."""

from flask import Flask, g, request

from server.kernel.errors import Forbidden
from server.kernel.ids import SessionId, TokenId
from server.kernel.principal import Principal
from server.kernel.request import Caller, caller, office
from server.people import actions
from server.web.csrf import HEADER
from server.web.session import COOKIE

SIGN_IN = "/api/v1/session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "bearer "


def install(app: Flask) -> None:
    """Identify the caller of every request; register it before all other hooks."""
    app.before_request(identify)
    app.before_request(check_api_csrf)


def identify() -> None:
    """Set the caller of this request; an API token that is not valid is refused at once."""
    if request.path.startswith("/static/"):
        return
    authorization = request.headers.get("Authorization", "")
    if request.path.startswith("/api/") and authorization.lower().startswith(_BEARER):
        g.caller = _token_caller(authorization[len(_BEARER) :].strip())
    elif secret := request.cookies.get(COOKIE):
        found = _session_caller(secret)
        if found is not None:
            g.caller = found


def check_api_csrf() -> None:
    """Refuse changes through the API that come with a browser's cookie but without its CSRF token."""
    if request.method in _SAFE or not request.path.startswith("/api/") or caller().session is None:
        return
    if request.method == "POST" and request.path == SIGN_IN:
        # It needs the password anyway, and JSON, which no other site's form can send.
        return
    if not actions.csrf_fits(caller().csrf_token, request.headers.get(HEADER, "")):
        raise Forbidden(f"Send the session's csrf_token in the header {HEADER}.")


def _token_caller(secret: str) -> Caller:
    with office().reading(Principal.anonymous()) as work:
        principal, token, person = actions.identify_token(work, secret)
        stale = actions.is_stale(token.last_used_at, work.now)
    if stale:
        _touch(principal, token=token.id)
    return Caller(principal, language=person.language, name=person.name)


def _session_caller(secret: str) -> Caller | None:
    with office().reading(Principal.anonymous()) as work:
        found = actions.identify_session(work, secret)
        if found is None:
            return None
        principal, session, person = found
        stale = actions.is_stale(session.last_used_at, work.now)
    if stale:
        _touch(principal, session=session.id)
    return Caller(principal, session.id, session.csrf_token, person.language, person.name)


def _touch(
    principal: Principal, session: SessionId | None = None, token: TokenId | None = None
) -> None:
    with office().begin(principal) as work:
        actions.touch(work, session, token)
