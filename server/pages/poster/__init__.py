"""The pages behind a posted QR: whoever scans it is led to the right step, and never to a sign-in."""

from flask import Blueprint, Flask, Response

blueprint = Blueprint("poster", __name__, url_prefix="/e", template_folder="templates")


def install(app: Flask) -> None:
    """Add the pages to the application."""
    # Importing them adds their views to the blueprint.
    from server.pages.poster import door, drink, scanned, walk_in  # noqa: PLC0415

    del door, drink, scanned, walk_in
    app.register_blueprint(blueprint)


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """What is shown belongs to this phone: caches keep nothing, and other sites hear nothing."""
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Robots-Tag", "noindex")
    return response
