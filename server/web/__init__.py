"""What every page shares: templates, static files, languages, security headers and errors."""

from flask import Flask

from server.kernel.settings import Settings
from server.web import csrf, errors, formats, languages, limits, routes, security


def install(app: Flask, settings: Settings) -> None:
    """Prepare a Flask application for pages; call it after the hook that finds the caller."""
    app.secret_key = settings.secret_key.get_secret_value()
    app.config.update(  # pyright: ignore[reportUnknownMemberType]  # Flask leaves the type of its configuration open
        SESSION_COOKIE_NAME="genkan_browser",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=settings.largest_request,
        MAX_FORM_MEMORY_SIZE=settings.largest_request,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    languages.install(app, settings.default_language)
    limits.install(app, settings.limits_factor)
    csrf.install(app)
    security.install(app, str(settings.live_url), https_for_good=settings.https_for_good)
    formats.install(app)
    errors.install(app)
    routes.install(app)
