"""The panel: the pages of hosts, security staff and administrators."""

from flask import Blueprint, Flask, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.principal import Right
from server.kernel.request import caller, office
from server.pages.thresholds import for_staff

blueprint = Blueprint("panel", __name__, url_prefix="/panel", template_folder="templates")

OPEN_TO_ALL = frozenset(
    {"panel.sign_in", "panel.sign_in_sent", "panel.password", "panel.password_sent"}
)
SHARED = frozenset({"panel.live_now", "panel.live_events", "panel.live_rooms"})
for_staff(blueprint, open_to_all=OPEN_TO_ALL, shared=SHARED)


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
        navigation,
        newcomers,
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
    del newcomers, sign_in, visit_form, visit_replies, visit_guests, visits, welcome
    app.add_template_global(lockdown.lasting_lockdowns, "lasting_lockdowns")
    app.add_template_global(navigation.navigation, "panel_navigation")
    app.add_template_global(lambda: caller().name, "signed_in_name")
    app.add_template_global(live_stream, "live_stream")
    app.register_blueprint(blueprint)


def live_stream() -> str:
    """Return the address of the event stream."""
    return f"{str(office().settings.live_url).rstrip('/')}/live"


@blueprint.get("/")
def home() -> AnyResponse:
    """Send people to the page they need first: the doors to guard, or their own visits."""
    guards = caller().principal.may(Right.ACCESS_READ)
    return redirect(url_for("panel.live" if guards else "panel.visits"))
