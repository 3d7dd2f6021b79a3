"""What makes the host's page an app on a phone: manifest, service worker, and the page that says "offline"."""

import json

from flask import Response, render_template, url_for

from server.pages.host import blueprint
from server.web.languages import current, gettext
from server.web.limits import limited
from server.web.routes import STATIC, static_url

WORKER = STATIC / "host_service_worker.js"


@blueprint.get("/manifest.webmanifest")
@limited("60 per minute")
def manifest() -> Response:
    """Say what the installed page is called, how it looks and where it begins."""
    icons = [
        {"src": static_url(f"icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in (192, 512)
    ]
    maskable = static_url("icon-maskable-512.png")
    icons.append({"src": maskable, "sizes": "512x512", "type": "image/png", "purpose": "maskable"})
    document = {
        "id": "/host/",
        "name": gettext("Genkan for hosts"),
        "short_name": "Genkan",
        "lang": current(),
        "start_url": url_for("host.today"),
        "scope": "/host/",
        "display": "standalone",
        "background_color": "#f7f5f0",
        "theme_color": "#f7f5f0",
        "icons": icons,
    }
    return Response(json.dumps(document), mimetype="application/manifest+json")


@blueprint.get("/service-worker.js")
@limited("120 per minute")
def service_worker() -> Response:
    """Return the worker, with the addresses of its shell and its few words in this browser's language."""
    given = {
        "offline": url_for("host.offline"),
        "shell": [
            static_url(name) for name in ("genkan.css", "icons.svg", "favicon.svg", "host.js")
        ],
        "icon": static_url("icon-192.png"),
        "start": url_for("host.today"),
        "title": gettext("News about a visit"),
        "body": gettext("Please open the page to see it."),
    }
    text = f"const GIVEN = {json.dumps(given)};\n{WORKER.read_text(encoding='utf-8')}"
    response = Response(text, mimetype="text/javascript")
    # Browsers ask for it anew each time; what it holds changes with the stylesheet and the language.
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/offline")
@limited("60 per minute")
def offline() -> str:
    """Show what the worker keeps for the time without a network: nothing personal."""
    return render_template("host/offline.html")
