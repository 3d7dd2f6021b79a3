"""The few addresses that belong to no subject: the start, static files, and the choice of a language."""

import gzip
import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, g, redirect, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.request import office
from server.kernel.text import breaks_line
from server.web import languages, limits

STATIC = Path(__file__).parent / "static"
_A_YEAR = 31_536_000
_TEXTS = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml"})

blueprint = Blueprint(
    "web",
    __name__,
    static_folder="static",
    static_url_path="/static",
    template_folder="templates",
)


def install(app: Flask) -> None:
    """Add the addresses, and for the templates `static_url` and `visitor_stream`."""
    app.register_blueprint(blueprint)
    app.add_template_global(static_url)
    app.add_template_global(visitor_stream)


def static_url(name: str) -> str:
    """Return the address of a static file, which changes with its content, so that browsers may keep it."""
    # A long list has hundreds of icons, all of them in one file.
    known: dict[str, str] = g.setdefault("static_urls", {})
    if name not in known:
        known[name] = url_for("web.static", filename=name, v=_fingerprint(name))
    return known[name]


def visitor_stream(token: str) -> str:
    """Return the address of the event stream of one visitor's page."""
    return f"{str(office().settings.live_url).rstrip('/')}/live/visitor/{token}"


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def local_path(path: str) -> str:
    """Return the path if it stays on this server, and the start page otherwise."""
    # Browsers drop tabs and line ends from an address: "/<tab>/example.org" would lead away.
    broken = any(breaks_line(character) for character in path)
    if broken or not path.startswith("/") or path.startswith(("//", "/\\")):
        return url_for("web.start")
    return path.removesuffix("?")


@blueprint.after_request
def _keep(response: Response) -> Response:
    if request.endpoint == "web.static" and "v" in request.args:
        response.headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
    if request.endpoint == "web.static" and "gzip" in request.accept_encodings:
        _make_smaller(response)
    return response


def _make_smaller(response: Response) -> None:
    """Send a static text compressed. Pages are not: beside what somebody typed their tokens could be guessed."""
    path = safe_join(str(STATIC), str((request.view_args or {}).get("filename", "")))
    if response.status_code != HTTPStatus.OK or path is None or response.mimetype not in _TEXTS:
        return
    # What was to be streamed is not: its file is closed.
    response.close()
    response.direct_passthrough = False
    response.set_data(_compressed(Path(path), Path(path).stat().st_mtime_ns))
    response.headers["Content-Encoding"] = "gzip"
    response.headers.add("Vary", "Accept-Encoding")


@cache
def _compressed(path: Path, _changed_at: int) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


@blueprint.get("/")
@limits.limited("120 per minute")
def start() -> AnyResponse:
    """Send people to the panel; visitors come by their own links."""
    return redirect(url_for("panel.home"))


@blueprint.get("/favicon.ico")
@limits.limited("120 per minute")
def favicon() -> AnyResponse:
    """Give the icon to browsers which ask for it by its old name."""
    return redirect(static_url("favicon.svg"), 301)


@blueprint.get("/robots.txt")
@limits.limited("120 per minute")
def robots() -> Response:
    """Ask search engines to stay away: every page here is personal."""
    return current_app.response_class("User-agent: *\nDisallow: /\n", mimetype="text/plain")


@blueprint.post("/language")
@limits.limited("60 per minute")
@limits.at_most(limits.SMALL)
def choose_language() -> AnyResponse:
    """Answer this browser in another language from now on."""
    if not languages.choose(request.form.get("language", "")):
        raise BadRequest("There is no such language here.")
    return redirect(local_path(request.form.get("return_to", "")), 303)
