"""How a host is told: push, mail, messengers, quiet hours, the deputy, and what became of each notice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.kernel.errors import GenkanError, Invalid, SignInNeeded
from server.kernel.ids import ChannelId, PersonId
from server.kernel.pagination import PageQuery
from server.kernel.request import begin, caller, no_content, reading
from server.kernel.work import Work
from server.notifications import actions, models
from server.notifications.actions import (
    SERVICES,
    ChannelKind,
    DeliveryState,
    Failure,
    MailUse,
    NewChannel,
    QuietWay,
)
from server.notifications.models import Channel, Delivery, Notice
from server.pages.host import blueprint
from server.pages.names import Names
from server.pages.states import Badge
from server.people import actions as people
from server.people.models import Person
from server.web.forms import Form
from server.web.languages import current, gettext

MOST_NOTICES = 20
LONGEST_LABEL = 100


class ChannelLine(NamedTuple):
    """One way to be reached, and whether it works."""

    id: ChannelId
    label: str
    goes_to: str
    icon: str
    state: Badge
    added_at: datetime
    test: Badge | None


class NoticeLine(NamedTuple):
    """One thing that was told, and what became of it on each way."""

    key: str
    title: str
    at: datetime
    reacted: bool
    deputy_told: bool
    deliveries: list[tuple[str, Badge, str]]
    """Where to, how it stands, and why where it is not plain sailing."""


@blueprint.get("/alerts")
def alerts() -> AnyResponse:
    """Show how one is told; asked for by the open page, only what became of it."""
    with reading() as work:
        if "HX-Request" in request.headers:
            text = render_template(
                "host/alerts_now.html", told=_told(work), channels=_channels(work)
            )
            return Response(text, mimetype="text/html")
    return _page(_stored(), Form())


@blueprint.get("/alerts/push-key")
def push_key() -> Response:
    """Return the server's public key, which a browser needs to subscribe (VAPID, RFC 8292)."""
    with begin() as work:
        return Response(actions.push_key(work), mimetype="text/plain")


@blueprint.post("/alerts/push")
def subscribe() -> Response:
    """Take the subscription of this browser, as `PushSubscription.toJSON()` gives it."""
    body: Any = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest("This is no push subscription.")
    try:
        new = NewChannel.model_validate({"label": _browser(), "subscription": body})
    except ValidationError as error:
        raise BadRequest("This is no push subscription.") from error
    with begin() as work:
        actions.add_channel(work, _me(), new)
    return no_content()


@blueprint.post("/alerts/channels")
def add_channel() -> AnyResponse:
    """Add a messenger by its address."""
    form = Form.sent()
    try:
        new = NewChannel.model_validate({"label": form.value("label"), "url": form.value("url")})
        with begin() as work:
            actions.add_channel(work, _me(), new)
    except ValidationError as error:
        form.take_validation(error, known=("url", "label"))
    except GenkanError as error:
        form.take(error, known=("url", "label"))
    else:
        flash(gettext("Added. Send a test to see that it arrives."), "good")
        return redirect(url_for("host.alerts"), 303)
    return _page(_stored(), form, Invalid.status)


@blueprint.post("/alerts/channels/<channel_id>/test")
def test_channel(channel_id: str) -> AnyResponse:
    """Send a test message on one way."""
    with begin() as work:
        actions.send_test(work, ChannelId(channel_id), Language(current()))
    flash(gettext("A test is on its way. What became of it stands below."), "good")
    return redirect(url_for("host.alerts"), 303)


@blueprint.post("/alerts/channels/<channel_id>/remove")
def remove_channel(channel_id: str) -> AnyResponse:
    """Remove one way."""
    with begin() as work:
        actions.remove_channel(work, ChannelId(channel_id))
    flash(gettext("Removed. Nothing is sent there any more."), "good")
    return redirect(url_for("host.alerts"), 303)


@blueprint.post("/alerts/preferences")
def set_preferences() -> AnyResponse:
    """Keep quiet hours, mail, names and the deputy, all of it or nothing."""
    form = Form.sent()
    days = form.every("days")
    try:
        with begin() as work:
            wanted = _wanted(form, days, Names(work).home_time_zone() or "UTC")
            actions.set_preferences(work, _me(), wanted)
            people.set_deputy(work, _me(), PersonId(form.value("deputy")) or None)
    except ValidationError as error:
        form.take_validation(error, known=_PREFERENCES)
    except GenkanError as error:
        form.take(error, known=_PREFERENCES)
    else:
        flash(gettext("Saved."), "good")
        return redirect(url_for("host.alerts"), 303)
    return _page(form, Form(), Invalid.status, days=days)


_PREFERENCES = ("begin", "end", "days", "deputy", "deputy_after", "mail", "in_quiet")


def _wanted(form: Form, days: Sequence[str], time_zone: str) -> actions.PreferencesInput:
    hours = None
    if form.value("quiet"):
        form.need("begin", "end")
        hours = {"begin": form.value("begin"), "end": form.value("end"), "days": days}
    return actions.PreferencesInput.model_validate(
        {
            "time_zone": time_zone,
            "quiet_hours": hours,
            "urgent_passes": bool(form.value("urgent_passes")),
            "in_quiet": form.value("in_quiet") or QuietWay.WAIT,
            "mail": form.value("mail") or MailUse.OTHERWISE,
            "hide_names": bool(form.value("hide_names")),
            "deputy_after": form.value("deputy_after") or None,
        }
    )


def _me() -> PersonId:
    person = caller().principal.person
    if person is None:
        raise SignInNeeded("Sign in to see this page.")
    return person


def _stored() -> Form:
    """Return the present choices as the form shows them."""
    with reading() as work:
        now = actions.preferences_of(work, _me())
        deputy = work.session.get_one(Person, _me()).deputy
    hours = now.quiet_hours
    values = {
        "quiet": "1" if hours else "",
        "begin": f"{hours.begin:%H:%M}" if hours else "20:00",
        "end": f"{hours.end:%H:%M}" if hours else "07:30",
        "urgent_passes": "1" if now.urgent_passes else "",
        "in_quiet": now.in_quiet.value,
        "mail": now.mail.value,
        "hide_names": "1" if now.hide_names else "",
        "deputy_after": str(now.deputy_after or ""),
        "deputy": deputy or "",
    }
    return Form(values)


def _page(
    wanted: Form, channel: Form, status: int = 200, *, days: Sequence[str] | None = None
) -> Response:
    with reading() as work:
        if days is None:
            hours = actions.preferences_of(work, _me()).quiet_hours
            days = [str(day) for day in (hours.days if hours else range(1, 8))]
        names = Names(work)
        text = render_template(
            "host/alerts.html",
            form=wanted,
            channel_form=channel,
            chosen_days=days,
            week=_week(),
            people=[each for each in names.hosts() if each[0] != _me()],
            minutes=[(str(each), str(each)) for each in (2, 3, 5, 10, 15, 30)],
            services=sorted(SERVICES.items(), key=lambda each: each[1].lower()),
            channels=_channels(work),
            told=_told(work),
            email=work.session.get_one(Person, _me()).email,
            zone_hint=gettext("Times in %(zone)s", zone=names.home_time_zone() or "UTC"),
        )
    return Response(text, status, mimetype="text/html")


def _week() -> list[tuple[str, str]]:
    words = (
        gettext("Monday"),
        gettext("Tuesday"),
        gettext("Wednesday"),
        gettext("Thursday"),
        gettext("Friday"),
        gettext("Saturday"),
        gettext("Sunday"),
    )
    return [(str(number), word) for number, word in enumerate(words, 1)]


def _browser() -> str:
    """Return what to call this browser, from what it says of itself."""
    said = request.user_agent.string
    systems = ("iPhone", "iPad", "Android", "Windows", "Mac OS", "CrOS", "Linux")
    browsers = (("Edg", "Edge"), ("Firefox", "Firefox"), ("OPR", "Opera"), ("Chrome", "Chrome"))
    browser = next((name for mark, name in browsers if mark in said), "Safari")
    system = next((name for name in systems if name in said), "")
    return " · ".join(part for part in (browser, system) if part)[:LONGEST_LABEL]


def _channels(work: Work) -> list[ChannelLine]:
    return [
        ChannelLine(
            id=each.id,
            label=each.label,
            goes_to=each.goes_to,
            icon="phone" if each.kind is ChannelKind.PUSH else "message",
            state=_health(each),
            added_at=each.created_at,
            test=_delivery(tried) if (tried := actions.latest_test(work, each.id)) else None,
        )
        for each in actions.list_channels(work, _me())
    ]


def _health(channel: Channel) -> Badge:
    if channel.failing_since is not None:
        return Badge("bad", "alarm", gettext("Does not arrive"))
    if channel.last_sent_at is not None:
        return Badge("good", "granted", gettext("Works"))
    return Badge("", "unknown", gettext("Not tried yet"))


def _told(work: Work) -> list[NoticeLine]:
    found = actions.notices_of(work, _me(), PageQuery(limit=MOST_NOTICES)).items
    deliveries = models.deliveries_of(work.session, [each.id for each in found])
    return [_line(each, deliveries.get(each.id, [])) for each in found]


def _line(notice: Notice, deliveries: Sequence[Delivery]) -> NoticeLine:
    worded = actions.word(notice.kind, Language(current()), notice.details)
    return NoticeLine(
        key=notice.id,
        title=worded.title,
        at=notice.created_at,
        reacted=notice.reacted_at is not None,
        deputy_told=notice.deputy_told_at is not None,
        deliveries=[(_where(each), _delivery(each), _why(each.failure)) for each in deliveries],
    )


def _where(delivery: Delivery) -> str:
    return gettext("Mail") if delivery.kind is ChannelKind.MAIL else delivery.label


def _delivery(delivery: Delivery) -> Badge:
    """Return how a delivery stands."""
    if delivery.state is DeliveryState.WAITING:
        if delivery.failure is not None:
            return Badge("waiting", "waiting", gettext("Tried, will be tried again"))
        if delivery.due_at > delivery.created_at:
            return Badge("waiting", "clock", gettext("Waits for the end of the quiet hours"))
    return {
        DeliveryState.WAITING: Badge("waiting", "waiting", gettext("On its way")),
        DeliveryState.SENT: Badge("good", "sent", gettext("Sent")),
        DeliveryState.FAILED: Badge("bad", "alarm", gettext("Failed")),
        DeliveryState.WITHDRAWN: Badge("", "close", gettext("Not needed any more")),
        DeliveryState.QUIET: Badge("", "clock", gettext("Not sent in quiet hours")),
    }[delivery.state]


def _why(failure: Failure | None) -> str:
    """Return what went wrong and what one can do about it."""
    if failure is None:
        return ""
    words = {
        Failure.GONE: gettext("This browser takes no pushes any more. Turn them on there again."),
        Failure.UNREACHABLE: gettext("Nobody answered there."),
        Failure.REFUSED: gettext("It was refused there. Please check the address."),
        Failure.BUSY: gettext("It asked to be tried again later."),
        Failure.FORBIDDEN_ADDRESS: gettext(
            "The address leads into a private network, which is not allowed here."
        ),
        Failure.TOO_LARGE: gettext("The message was too large."),
        Failure.TOO_LATE: gettext("It would have come too late to be of use."),
        Failure.SEALED: gettext("The address can no longer be read. Please add it again."),
    }
    return words.get(failure, gettext("It did not work. An administrator finds more in the log."))
