"""The visitor's own pages, reached by the link in the invitation and by nothing else."""

from flask import Blueprint, Flask

from server.pages.thresholds import for_one_phone

blueprint = Blueprint("visitor", __name__, url_prefix="/v", template_folder="templates")
for_one_phone(blueprint)


def install(app: Flask) -> None:
    """Add the pages to the application."""
    # Importing them adds their views to the blueprint; `link` imports the sections of the visit page.
    from server.pages.visitor import link, opening, owntracks, pass_, refusals  # noqa: PLC0415

    del link, opening, pass_, refusals
    app.register_blueprint(blueprint)
    app.register_blueprint(owntracks.blueprint)
