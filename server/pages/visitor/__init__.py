"""The visitor's own pages, reached by the link in the invitation and by nothing else."""

from flask import Blueprint, Flask

blueprint = Blueprint("visitor", __name__, url_prefix="/v", template_folder="templates")


def install(app: Flask) -> None:
    """Add the pages to the application."""
    # Importing it adds its views to the blueprint.
    from server.pages.visitor import link  # noqa: PLC0415

    del link
    app.register_blueprint(blueprint)
