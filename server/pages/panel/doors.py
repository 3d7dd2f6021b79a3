"""The doors: each one's true state as its controller reported it, and opening one once."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from flask import Response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.events import Contact, ControllerEventKind
from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language, sentence
from server.access import actions
from server.access.models import CommandState, DoorCommand
from server.devices import models as devices
from server.devices.models import Device, DoorState
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.places.models import Portal
from server.web.formats import ago, local
from server.web.forms import Form
from server.web.languages import current, gettext

COMMAND_SHOWN_FOR = timedelta(minutes=10)


class Door(NamedTuple):
    """A portal and what its controller says of it."""

    id: str
    name: str
    detail: str
    connection: Badge
    states: Sequence[Badge]
    since: str
    alarms: Sequence[str]
    command: Badge | None
    open_url: str

    @property
    def state(self) -> Badge:
        """The one state that matters most, where there is room for one."""
        if self.alarms:
            return Badge("bad", "alarm", gettext("Alarm"))
        return self.states[-1] if self.states[-1].icon == "door-open" else self.states[0]


@blueprint.get("/doors")
def doors() -> str:
    """List the doors."""
    with reading() as work:
        may_lock_down = work.principal.may(Right.DOORS_LOCKDOWN)
        return render_template(
            "panel/doors.html",
            doors=shown(work),
            may_lock_down=may_lock_down,
            may_open=work.principal.may(Right.DOORS_COMMAND),
        )


@blueprint.get("/doors/list")
def doors_list() -> str:
    """Return the doors alone, for a page that is open."""
    with reading() as work:
        return render_template("panel/doors_list.html", doors=shown(work))


@blueprint.route("/doors/<site>/<portal>/open", methods=["GET", "POST"])
def open_door(site: str, portal: str) -> AnyResponse:
    """Ask for the reason, then ask the controller to open; the list shows what comes of it."""
    form = Form.sent()
    if request.method == "POST":
        form.need("reason")
        if not form.has_errors:
            try:
                wish = actions.OpenPortal(reason=form.value("reason"), access_point=None)
                with begin() as work:
                    actions.open_portal(work, SiteCode(site), PortalId(portal), wish)
            except ValidationError as error:
                form.take_validation(error)
            except GenkanError as error:
                form.take(error)
            else:
                return redirect(f"{url_for('panel.doors')}#door-{portal}", 303)
    with reading() as work:
        require(work.principal, Right.DOORS_COMMAND, SiteCode(site))
        found = [
            each
            for each in actions.list_doors(work, SiteCode(site))
            if each.portal.id == portal and each.controller is not None
        ]
        if not found:
            raise NotFound("There is no such door.")
        door = _door(work, Names(work), found[0])
        text = render_template("panel/open_door.html", form=form, door=door)
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def shown(work: Work) -> list[Door]:
    """Return every door with its true state."""
    names = Names(work)
    return [_door(work, names, each) for each in actions.list_doors(work)]


def _door(work: Work, names: Names, found: actions.Door) -> Door:
    portal, state = found.portal, found.state
    leads_to = dict.fromkeys(names.zone(portal.site, point.zone) for point in found.points)
    may_open = state is not None and work.principal.may(Right.DOORS_COMMAND, portal.site)
    return Door(
        id=portal.id,
        name=names.portal(portal.site, portal.id),
        detail=" · ".join((_kind(portal.kind), *leads_to)),
        connection=_connection(found.controller),
        states=list(_states(portal, state)),
        since=_since(found.controller, state, work),
        alarms=[states.alarm(each) for each in state.lasting_alarms] if state else [],
        command=_command(work, found),
        open_url=url_for("panel.open_door", site=portal.site, portal=portal.id) if may_open else "",
    )


def _kind(kind: str) -> str:
    words = {
        "door": gettext("Door"),
        "turnstile": gettext("Turnstile"),
        "vending": gettext("Vending machine"),
    }
    return words.get(kind, kind)


def _connection(device: Device | None) -> Badge:
    if device is None:
        return Badge("waiting", "unknown", gettext("No controller"))
    return states.connection("online" if device.online else "offline")


def _states(portal: Portal, state: DoorState | None) -> Iterator[Badge]:
    if state is None:
        yield states.lock("unknown")
        return
    yield states.lock(state.lock)
    if state.contact is not Contact.NONE and portal.kind == "door":
        yield states.contact(state.contact)


def _since(device: Device | None, state: DoorState | None, work: Work) -> str:
    if state is not None:
        return gettext("since %(time)s", time=local(state.since, "seconds"))
    heard = device.last_seen or device.status_at if device else None
    if heard is None:
        return gettext("Nothing was heard of its controller yet.")
    return gettext("Last heard %(time)s.", time=ago(heard, work.now))


def _command(work: Work, door: actions.Door) -> Badge | None:
    """Return how the latest request to open stands; that the door opened is the controller's word alone."""
    found = door.last_command
    if found is None or work.now - found.asked_at > COMMAND_SHOWN_FOR:
        return None
    if found.state is CommandState.DONE:
        return Badge("good", "granted", _reported(work, found))
    asked = local(found.asked_at, "seconds")
    why = sentence(found.denied, Language(current())) if found.denied else ""
    words = {
        CommandState.WAITING: gettext(
            "Requested at %(time)s, waiting for the controller.", time=asked
        ),
        CommandState.EXPIRED: gettext(
            "Requested at %(time)s and expired: it will not open later.", time=asked
        ),
        CommandState.NO_ANSWER: gettext(
            "Requested at %(time)s; the controller did not answer.", time=asked
        ),
        CommandState.REFUSED: " ".join(
            (
                gettext("Requested at %(time)s; the controller refused.", time=asked),
                states.refusal(found.refusal),
            )
        ).rstrip(),
        CommandState.DENIED: gettext(
            "Requested at %(time)s and refused. %(why)s", time=asked, why=why
        ),
    }
    looks = {
        CommandState.WAITING: ("waiting", "waiting"),
        CommandState.EXPIRED: ("waiting", "expired"),
        CommandState.NO_ANSWER: ("bad", "offline"),
    }
    tone, icon = looks.get(found.state, ("bad", "refused"))
    return Badge(tone, icon, words[found.state])


def _reported(work: Work, command: DoorCommand) -> str:
    words = {
        ControllerEventKind.UNLOCKED: gettext("The controller unlocked at %(time)s."),
        ControllerEventKind.OPENED: gettext("Opened at %(time)s, says the controller."),
        ControllerEventKind.PASSED: gettext("Somebody passed at %(time)s, says the controller."),
        ControllerEventKind.NOT_PASSED: gettext("Nobody passed; locked again at %(time)s."),
    }
    for report in devices.door_events(
        work.session, command.controller, PageQuery(cursor=None)
    ).items:
        if report.event == command.event and report.what in words:
            return words[report.what] % {"time": local(report.received_at, "seconds")}
    settled = local(command.settled_at or command.asked_at, "seconds")
    return gettext("The controller took the command at %(time)s.", time=settled)
