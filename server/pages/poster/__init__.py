"""The pages behind a posted QR: whoever scans it is led to the right step, and never to a sign-in."""

from flask import Blueprint, Flask

from server.pages.thresholds import for_one_phone

blueprint = Blueprint("poster", __name__, url_prefix="/e", template_folder="templates")
for_one_phone(blueprint)


def install(app: Flask) -> None:
    """Add the pages to the application."""
    # Importing them adds their views to the blueprint.
    from server.pages.poster import door, drink, scanned, walk_in  # noqa: PLC0415

    del door, drink, scanned, walk_in
    app.register_blueprint(blueprint)
