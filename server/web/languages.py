"""Chooses the language of a page: what the person picked, their own setting or visit, the browser's wish."""
# pyright: reportUnknownMemberType=false
# Flask-Babel leaves the types of its keyword arguments open.

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import flask_babel
from flask import Flask, g, has_request_context, request, session

from server.kernel.request import caller, office

LANGUAGES = {"ja": "日本語", "en": "English", "zh": "中文"}
"""Each language of the screens, named in itself."""

TRANSLATIONS = Path(__file__).parent / "translations"
DEFAULT_TIME_ZONE = "Asia/Tokyo"
_CHOSEN = "language"


def install(app: Flask, default_language: str) -> None:
    """Set the translations up; `default_language` is for browsers that name none of ours."""
    flask_babel.Babel(
        app,
        default_locale=default_language,
        default_timezone=DEFAULT_TIME_ZONE,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=wanted,
        timezone_selector=_time_zone,
    )
    app.add_template_global(current, "current_language")
    app.add_template_global(choices, "language_choices")


def gettext(text: str, **values: object) -> str:
    """Return the text in the language of this request, `%(name)s` filled in."""
    return flask_babel.gettext(text, **values)


def pgettext(context: str, text: str, **values: object) -> str:
    """Return a text that other languages say otherwise elsewhere: `context` tells translators what is meant."""
    return flask_babel.pgettext(context, text, **values)


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Return the text for this number of things, `%(num)d` being the number."""
    return flask_babel.ngettext(one, many, number, **values)


@contextmanager
def speaking(code: str) -> Generator[None]:
    """Let what is said within be said in this language, whoever asks: paper for everybody speaks several."""
    with flask_babel.force_locale(code):
        yield


def wanted() -> str:
    """Return the code of the language that the request asks for."""
    default = office().settings.default_language
    if not has_request_context():
        return default
    for code in (session.get(_CHOSEN), g.get("preferred_language"), caller().language):
        if code in LANGUAGES:
            return str(code)
    return of_browser() or default


def of_browser() -> str | None:
    """Return the language of ours that this browser asks for, if it asks for any."""
    return request.accept_languages.best_match(list(LANGUAGES))


def current() -> str:
    """Return the code of the language in force."""
    locale = flask_babel.get_locale()
    return str(locale.language) if locale else wanted()


def choices() -> list[tuple[str, str]]:
    """Return code and name of each language."""
    return list(LANGUAGES.items())


def choose(language: str) -> bool:
    """Remember what the person picked for this browser; False for a language that there is not."""
    if language not in LANGUAGES:
        return False
    session[_CHOSEN] = language
    flask_babel.refresh()
    return True


def prefer(language: str | None, time_zone: str | None = None) -> None:
    """Answer this request in the visit's language and in the site's time zone."""
    if language:
        g.preferred_language = language
    if time_zone:
        g.time_zone = time_zone
    flask_babel.refresh()


def _time_zone() -> str | None:
    found = g.get("time_zone")
    return str(found) if found else None
