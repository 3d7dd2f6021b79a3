"""The web application of a test: put together once for all tests whose settings are the same, then lent to each.

Putting it together costs a fifth of a second, nearly all of it for the addresses of some 600 views; with over a
thousand tests that ask it something, that was minutes.
"""

from flask_openapi.openapi import OpenAPI

from server.app import create_app
from server.kernel.request import EXTENSION
from server.kernel.work import Office
from server.web.limits import FACTOR

_OF_THE_OFFICE = {"data_folder", "database_url"}
"""The settings that the application itself never reads; secrets are left out of the key by being written as stars."""
_made: dict[str, OpenAPI] = {}


def application(office: Office) -> OpenAPI:
    """Return the application with this office behind it and no request counted yet; the office before has lost it."""
    key = office.settings.model_dump_json(exclude=_OF_THE_OFFICE)
    if key not in _made:
        _made[key] = create_app(office.settings, office)
    app = _made[key]
    app.extensions[EXTENSION] = office
    app.config[FACTOR] = office.settings.limits_factor
    app.secret_key = office.settings.secret_key.get_secret_value()
    for limiter in app.extensions["limiter"]:
        limiter.reset()
    return app
