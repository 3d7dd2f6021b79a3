"""Joins the parts: the one place where subjects, reactions, pages and processes meet."""

from typing import Any, cast

from flask_openapi.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from server import reactions, web
from server.access import api as access_api
from server.access import messages as access_messages
from server.arrivals import api as arrivals_api
from server.arrivals import entrance_api
from server.arrivals import messages as arrivals_messages
from server.conversations import api as conversations_api
from server.conversations import messages as conversations_messages
from server.conversations import survey_api
from server.credentials import api as credentials_api
from server.credentials import staff_api
from server.devices import api as devices_api
from server.devices import messages as devices_messages
from server.kernel.clock import Clock
from server.kernel.desk import Desk
from server.kernel.ids import Ids
from server.kernel.request import EXTENSION, Problem, invalid_request
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.meetings import api as meetings_api
from server.meetings import messages as meetings_messages
from server.notifications import api as notifications_api
from server.notifications import messages as notifications_messages
from server.pages import contact, hooks, host, kiosk, panel, poster, trust, visitor
from server.pages.panel import api_reference
from server.pages.timeline import api as timeline_api
from server.people import api as people_api
from server.people import callers
from server.people import messages as people_messages
from server.places import api as places_api
from server.privacy import api as privacy_api
from server.refreshments import api as refreshments_api
from server.refreshments import messages as refreshments_messages
from server.visits import api as visits_api
from server.visits import messages as visits_messages
from server.wayfinding import api as wayfinding_api
from server.web import limits
from server.web.lane import Lane
from server.web.session import COOKIE

VERSION = "0.1.0"

APIS = (
    people_api,
    places_api,
    wayfinding_api,
    devices_api,
    visits_api,
    credentials_api,
    staff_api,
    access_api,
    arrivals_api,
    entrance_api,
    meetings_api,
    conversations_api,
    survey_api,
    refreshments_api,
    notifications_api,
    privacy_api,
    timeline_api,
)
"""The subjects' APIs, in the order of the reference."""

MESSAGES = (
    people_messages,
    devices_messages,
    access_messages,
    arrivals_messages,
    meetings_messages,
    refreshments_messages,
    notifications_messages,
    visits_messages,
    conversations_messages,
)
"""What the worker takes, sends and does on time."""


def create_office(settings: Settings, clock: Clock | None = None, ids: Ids | None = None) -> Office:
    """Return the office of one process, with every reaction registered."""
    office = Office(settings, clock, ids)
    reactions.register(office)
    return office


def create_app(settings: Settings, office: Office | None = None) -> OpenAPI:
    """Return the web application; a test gives its own office."""
    app = OpenAPI(
        __name__,
        info={
            "title": "Genkan",
            "version": VERSION,
            "description": "Visits, credentials, doors and the access ledger of your sites.",
        },
        servers=[{"url": str(settings.base_url).rstrip("/")}],
        security_schemes={
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            "token": {"type": "http", "scheme": "bearer"},
        },
        validation_error_model=Problem,
        validation_error_callback=invalid_request,
        static_folder=None,
        doc_ui=False,
    )
    app.openapi_version = "3.1.0"
    app.extensions[EXTENSION] = office or create_office(settings)
    app.wsgi_app = Lane(app.wsgi_app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    callers.install(app)
    web.install(app, settings)
    for api in APIS:
        app.register_api(api.blueprint.openapi)
    app.add_url_rule(
        "/api/v1/openapi.json",
        "openapi_document",
        limits.limited("60 per minute")(lambda: document(app)),
    )
    panel.install(app)
    host.install(app)
    visitor.install(app)
    poster.install(app)
    app.register_blueprint(kiosk.blueprint)
    app.register_blueprint(contact.blueprint)
    app.register_blueprint(api_reference.blueprint)
    app.register_blueprint(trust.blueprint)
    app.register_blueprint(hooks.blueprint)
    return app


def document(app: OpenAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the application's API."""
    return cast("dict[str, Any]", app.api_doc)  # pyright: ignore[reportUnknownMemberType]


def set_up(desk: Desk) -> None:
    """Let every subject say what the worker does for it."""
    for messages in MESSAGES:
        messages.register(desk)
