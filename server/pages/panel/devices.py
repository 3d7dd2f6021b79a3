"""The devices: gates and controllers, whether they are there, and how a new one is let in."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.topics import Kind
from server.credentials.actions import qr_png
from server.devices import actions, models
from server.devices.models import Device, GateHealthRow
from server.kernel.errors import GenkanError, Invalid
from server.kernel.principal import Right, require
from server.kernel.request import begin, office, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.panel.gate_health import Fact, facts
from server.pages.states import Badge
from server.web.formats import ago
from server.web.forms import Form
from server.web.languages import gettext

OLD_KNOWLEDGE = timedelta(minutes=10)
"""A gate asks every minute; knowledge older than this means that it is cut off."""
ENROLMENTS = "/api/v1/devices/enrolments"


class Line(NamedTuple):
    """One device in its table."""

    id: str
    name: str
    connection: Badge
    heard_at: datetime | None
    values: Sequence[Badge | str]
    code_url: str
    remove_url: str
    facts: Sequence[Fact] = ()
    ails: bool = False
    """Whether one of the facts is something to look after; they are then open to be seen."""


class Group(NamedTuple):
    """The devices of one kind."""

    word: str
    icon: str
    nothing: str
    columns: Sequence[str]
    devices: Sequence[Line]


@blueprint.get("/devices")
def devices() -> str:
    """List the devices."""
    with reading() as work:
        return render_template("panel/devices.html", **_shown(work))


@blueprint.get("/devices/list")
def devices_list() -> str:
    """Return the tables alone, for a page that is open."""
    with reading() as work:
        return render_template("panel/devices_list.html", **_shown(work))


@blueprint.route("/devices/new", methods=["GET", "POST"])
def enrol_device() -> AnyResponse:
    """Register a device and show the code with which it enrols."""
    form = Form.sent() if request.method == "POST" else Form({"kind": Kind.GATE.value})
    if request.method == "POST":
        form.need("id", "name", "kind", "site")
        code = None if form.has_errors else _register(form)
        if code is not None:
            return _code_page(*code)
    with reading() as work:
        require(work.principal, Right.DEVICES_MANAGE)
        sites = Names(work).sites()
    if not form.value("site") and sites:
        form.values["site"] = sites[0][0]
    text = render_template(
        "panel/enrol.html",
        form=form,
        sites=sites,
        kinds=[(Kind.GATE.value, gettext("Gate")), (Kind.CONTROLLER.value, gettext("Controller"))],
    )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


@blueprint.post("/devices/<device>/code")
def device_code(device: str) -> AnyResponse:
    """Make another code, for a device that is set up anew."""
    with begin() as work:
        code = actions.make_code(work, device)
        found = actions.find(work, device)
        kind, enrolment = found.kind, found.enrolment
    return _code_page(code, kind, enrolment)


@blueprint.get("/devices/<device>/enrolment")
def enrolment_state(device: str) -> str:
    """Return whether a device has enrolled since its code was shown."""
    after = request.args.get("after", 0, type=int)
    with reading() as work:
        enrolled = actions.find(work, device).enrolment > after
    return render_template(
        "panel/enrolment_state.html", device=device, enrolment=after, enrolled=enrolled
    )


@blueprint.route("/devices/<device>/remove", methods=["GET", "POST"])
def remove_device(device: str) -> AnyResponse:
    """Ask once more, then remove a device."""
    back = url_for("panel.devices")
    if request.method == "POST":
        with begin() as work:
            actions.revoke(work, device)
        flash(gettext("%(device)s is removed.", device=device), "good")
        return redirect(back, 303)
    with reading() as work:
        name = actions.find(work, device).name
    text = render_template(
        "panel/confirm.html",
        question=gettext("Remove %(device)s?", device=name),
        consequence=gettext(
            "The broker no longer lets it in, and no controller obeys it. "
            "It can be enrolled again later."
        ),
        yes=gettext("Remove the device"),
        no=gettext("Keep it"),
        symbol="remove",
        back=back,
    )
    return Response(text, mimetype="text/html")


def _register(form: Form) -> tuple[actions.ShownCode, Kind, int] | None:
    try:
        new = actions.NewDevice.model_validate(
            {name: form.value(name) for name in ("id", "name", "kind", "site")}
        )
        with begin() as work:
            made = actions.register(work, new)
            return actions.make_code(work, new.id), made.kind, made.enrolment
    except ValidationError as error:
        for each in error.errors():
            if each["loc"] == ("id",):
                form.refuse("id", gettext("Please use 3 to 32 small letters, digits and hyphens."))
            else:
                form.refuse(str(each["loc"][0]), each["msg"])
    except GenkanError as error:
        form.take(error)
    return None


def _code_page(code: actions.ShownCode, kind: Kind, enrolment: int) -> Response:
    server = str(office().settings.base_url).rstrip("/")
    gate = kind is Kind.GATE
    text = render_template(
        "panel/enrolment_code.html",
        device=code.device,
        code=code.code,
        until=code.expires_at,
        seconds=int((code.expires_at - office().clock.now()).total_seconds()),
        server=server,
        enrolment=enrolment,
        enrolled=False,
        picture=base64.b64encode(qr_png(code.ticket)).decode("ascii") if gate else "",
        command=f"python -m gate_agent enrol --server {server} --code {code.code}",
    )
    response = Response(text, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response


def _shown(work: Work) -> dict[str, object]:
    require(work.principal, Right.DEVICES_READ)
    may_enrol = work.principal.may(Right.DEVICES_MANAGE)
    health = models.gate_health(work.session)
    gates = [
        _gate_line(each, health.get(each.id), work.now, may_enrol)
        for each in models.devices(work.session, kind=Kind.GATE)
    ]
    names = Names(work)
    controllers = [
        _line(each, [names.portal_of(each.site, each.id) or gettext("none")], may_enrol)
        for each in models.devices(work.session, kind=Kind.CONTROLLER)
    ]
    columns = [gettext("Knowledge"), gettext("Journal"), gettext("Software")]
    return {
        "groups": [
            Group(gettext("Gates"), "gate", gettext("No gates yet."), columns, gates),
            Group(
                gettext("Controllers"),
                "controller",
                gettext("No controllers yet."),
                [gettext("Portal")],
                controllers,
            ),
        ],
        "may_enrol": may_enrol,
        "now": work.now,
    }


def _line(device: Device, values: Sequence[Badge | str], may_manage: bool) -> Line:  # noqa: FBT001
    if device.enrolled_at is None:
        connection = Badge("waiting", "key", gettext("Not enrolled"))
    else:
        connection = states.connection("online" if device.online else "offline")
    return Line(
        id=device.id,
        name=device.name,
        connection=connection,
        heard_at=device.last_seen or device.status_at,
        values=values,
        code_url=url_for("panel.device_code", device=device.id) if may_manage else "",
        remove_url=url_for("panel.remove_device", device=device.id) if may_manage else "",
    )


def _gate_line(
    device: Device,
    health: GateHealthRow | None,
    now: datetime,
    may_manage: bool,  # noqa: FBT001
) -> Line:
    line = _line(device, _gate_values(health, now), may_manage)
    if health is None:
        return line
    found = facts(health, now)
    ails = any(isinstance(fact.value, Badge) and fact.value.tone != "good" for fact in found)
    return line._replace(facts=found, ails=ails)


def _gate_values(health: GateHealthRow | None, now: datetime) -> list[Badge | str]:
    if health is None:
        return [Badge("waiting", "unknown", gettext("Unknown"))] * 2 + ["–"]
    return [_knowledge(health, now), _journal(health), health.software or "–"]


def _knowledge(health: GateHealthRow, now: datetime) -> Badge:
    if health.knowledge_age_s is None:
        return Badge("waiting", "unknown", gettext("None yet"))
    since = health.received_at - timedelta(seconds=health.knowledge_age_s)
    word = ago(since, now)
    if now - since > OLD_KNOWLEDGE:
        return Badge("waiting", "waiting", word)
    return Badge("good", "granted", word)


def _journal(health: GateHealthRow) -> Badge | str:
    if health.journal_waiting:
        waiting = gettext(
            "%(position)d, %(waiting)d to send",
            position=health.journal_sequence,
            waiting=health.journal_waiting,
        )
        return Badge("waiting", "waiting", waiting)
    return gettext("%(position)d, all stored", position=health.journal_sequence)
