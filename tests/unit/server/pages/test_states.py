"""How states are worded: every alarm and refusal that an operator can act on, in each language."""

import flask_babel
import pytest
from flask import Flask

from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm
from server.pages import states
from server.web.languages import LANGUAGES, TRANSLATIONS

ACTED_ON = {
    CommandRefusal.LOCKED_DOWN,
    CommandRefusal.RELAY_LIMIT,
    CommandRefusal.BUSY,
    CommandRefusal.UNKNOWN_SENDER,
}


@pytest.fixture
def app() -> Flask:
    app = Flask("words")
    flask_babel.Babel(app, default_translation_directories=str(TRANSLATIONS))
    return app


def worded(app: Flask, language: str, thing: Alarm | CommandRefusal) -> str:
    with app.app_context(), flask_babel.force_locale(language):  # pyright: ignore[reportUnknownMemberType]
        return states.alarm(thing) if isinstance(thing, Alarm) else states.refusal(thing)


@pytest.mark.parametrize("alarm", Alarm)
def test_every_alarm_of_a_controller_says_what_to_do_in_each_language(
    app: Flask, alarm: Alarm
) -> None:
    assert len({worded(app, language, alarm) for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("refusal", CommandRefusal)
def test_a_refusal_is_explained_where_an_operator_can_do_something_about_it(
    app: Flask, refusal: CommandRefusal
) -> None:
    words = {worded(app, language, refusal) for language in LANGUAGES}
    assert (len(words) == len(LANGUAGES)) is (refusal in ACTED_ON)
    assert refusal in ACTED_ON or words == {""}
