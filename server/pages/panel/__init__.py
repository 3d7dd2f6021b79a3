"""The panel: the pages of hosts, security staff and administrators."""

from typing import NamedTuple

from flask import Blueprint, Flask, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import SignInNeeded
from server.kernel.principal import Right
from server.kernel.request import caller, office, reading
from server.pages.names import Names
from server.web import languages
from server.web.languages import gettext

blueprint = Blueprint("panel", __name__, url_prefix="/panel", template_folder="templates")

OPEN_TO_ALL = frozenset({"panel.sign_in", "panel.sign_in_sent"})


class Place(NamedTuple):
    """One entry of the panel's navigation."""

    word: str
    icon: str
    url: str
    here: bool


def install(app: Flask) -> None:
    """Add every page of the panel to the application."""
    # Importing them adds their views to the blueprint.
    from server.pages.panel import (  # noqa: PLC0415
        account,
        check_out,
        devices,
        doors,
        drinks,
        fences,
        groups,
        inbox,
        inbox_settings,
        let_through,
        live,
        lockdown,
        mail,
        meetings,
        messengers,
        passback,
        plans,
        policy,
        posters,
        privacy,
        questions,
        sign_in,
        staff,
        survey,
        visit_form,
        visit_guests,
        visit_replies,
        visits,
        walk_ins,
        welcome,
    )

    del account, devices, doors, drinks, fences, live, mail, messengers, passback
    del meetings, plans, policy
    del inbox, inbox_settings, let_through, questions, staff
    del check_out, groups, posters, privacy, survey, walk_ins
    del sign_in, visit_form, visit_replies, visit_guests, visits, welcome
    app.add_template_global(lockdown.lasting_lockdowns, "lasting_lockdowns")
    app.add_template_global(places, "panel_places")
    app.add_template_global(lambda: caller().name, "signed_in_name")
    app.add_template_global(live_stream, "live_stream")
    app.register_blueprint(blueprint)


@blueprint.before_request
def ask_for_sign_in() -> None:
    """Show the panel to nobody who is not signed in."""
    if request.endpoint not in OPEN_TO_ALL and caller().session is None:
        raise SignInNeeded("Sign in to see this page.")


@blueprint.before_request
def show_times_of_the_site() -> None:
    """Write times as the clocks at the site show them."""
    with reading() as work:
        languages.prefer(None, Names(work).home_time_zone())


def live_stream() -> str:
    """Return the address of the event stream."""
    return f"{str(office().settings.live_url).rstrip('/')}/live"


def places() -> list[Place]:
    """Return where the person at this browser may go."""
    rights = caller().principal
    every = [
        (gettext("Live"), "live", "panel.live", Right.ACCESS_READ),
        (gettext("Visits"), "visits", "panel.visits", None),
        (gettext("Messages"), "message", "panel.inbox", Right.CONVERSATIONS_ANSWER),
        (gettext("Meetings"), "room", "panel.meetings_today", Right.MEETINGS_READ),
        (gettext("At the entrance"), "person", "panel.walk_ins", None),
        (gettext("Doors"), "doors", "panel.doors", Right.ACCESS_READ),
        (gettext("Devices"), "devices", "panel.devices", Right.DEVICES_READ),
        (gettext("Drinks"), "drink", "panel.drinks_page", Right.REFRESHMENTS_MANAGE),
        (gettext("Floor plans"), "building", "panel.floor_plans", Right.PLACES_MANAGE),
        (gettext("Questions"), "information", "panel.questions", Right.CONVERSATIONS_ANSWER),
        (gettext("Posters"), "download", "panel.posters", Right.PLACES_MANAGE),
        (gettext("People"), "people", "panel.staff", Right.PEOPLE_READ),
        (gettext("Policy"), "key", "panel.policy", Right.PLACES_MANAGE),
        (gettext("Data protection"), "information", "panel.privacy", Right.PLACES_MANAGE),
        (gettext("Mail"), "mail", "panel.mail", Right.MAIL_READ),
        (gettext("Account"), "account", "panel.account", None),
    ]
    from server.pages.panel.survey import may_read_any  # noqa: PLC0415  it adds its views to the blueprint above

    if may_read_any():
        every.insert(-1, (gettext("Survey"), "message", "panel.surveys", None))
    return [
        Place(word, icon, url_for(endpoint), request.path.startswith(url_for(endpoint)))
        for word, icon, endpoint, right in every
        if right is None or rights.may(right)
    ]


@blueprint.get("/")
def home() -> AnyResponse:
    """Send people to the page they need first: the doors to guard, or their own visits."""
    guards = caller().principal.may(Right.ACCESS_READ)
    return redirect(url_for("panel.live" if guards else "panel.visits"))
