"""The headers that every answer carries: content policy, referrer, framing, and HTTPS from now on."""

from urllib.parse import urlsplit

from flask import Flask, Response, g

_PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), payment=(), usb=()"
)
_A_YEAR = 31_536_000


def install(app: Flask, live_url: str, *, https_for_good: bool) -> None:
    """Add the headers to every answer; pages may talk to this server and to the live process only."""
    policy = content_policy(live_url)

    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", g.get("content_policy", policy))
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Permissions-Policy", g.get("permissions", _PERMISSIONS))
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if https_for_good:
            headers.setdefault("Strict-Transport-Security", f"max-age={_A_YEAR}")
        if response.mimetype == "text/html":
            headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(add_headers)


def content_policy(live_url: str) -> str:
    """Return the policy of our own pages: nothing inline, nothing from elsewhere."""
    parts = urlsplit(live_url)
    live = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' data:; connect-src 'self'{live}; form-action 'self'; "
        "frame-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def permit_position() -> None:
    """Let the page of this answer ask its reader where they are; the browser then asks them again."""
    g.permissions = _PERMISSIONS.replace("geolocation=()", "geolocation=(self)")


def permit_calls() -> None:
    """Let the page of this answer ask for microphone and camera; the browser then asks its reader."""
    g.permissions = _PERMISSIONS.replace("camera=()", "camera=(self)").replace(
        "microphone=()", "microphone=(self)"
    )


def sandbox_answer() -> None:
    """Give this answer the policy for a stranger's HTML: shown in our frame, able to do nothing."""
    g.content_policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
