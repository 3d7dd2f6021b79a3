"""The cookie of a browser's session: given at sign-in, taken back at sign-out."""

from werkzeug.wrappers import Response

from server.kernel.request import office

COOKIE = "genkan_session"
"""Its name; the live process reads it too."""


def begin(response: Response, secret: str) -> Response:
    """Give the browser the cookie of a session just opened."""
    settings = office().settings
    response.set_cookie(
        COOKIE,
        secret,
        max_age=settings.session_longest,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def end(response: Response) -> Response:
    """Take the session's cookie from the browser."""
    secure = office().settings.secure_cookies
    response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="Lax")
    return response
