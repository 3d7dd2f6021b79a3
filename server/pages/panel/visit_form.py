"""The form of a visit: inviting, and changing what was agreed, as the panel and the host's page show it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Conflict, GenkanError, Invalid
from server.kernel.ids import PersonId, VisitId
from server.kernel.principal import Right
from server.kernel.request import begin, caller, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint, visit_repeat
from server.visits import actions, models
from server.visits.models import Visit, Visitor
from server.web.formats import from_local, to_local
from server.web.forms import Form
from server.web.languages import current, gettext

M = TypeVar("M", bound=BaseModel)
FIELDS = ("title", "starts_at", "ends_at", "room", "host", "language", "note", "bring")
PERSON = ("name", "email", "company")
QUARTER = timedelta(minutes=15)
AN_HOUR = timedelta(hours=1)


class Surroundings(NamedTuple):
    """Where the form stands: which template shows it, and where one goes from there."""

    template: str
    visits: str
    """The endpoint of the list."""
    visit: str
    """The endpoint of one visit."""
    asks_purpose: bool = True
    """Whether the purpose has to be typed; otherwise a plain one stands there already."""


PANEL = Surroundings("panel/visit_form.html", "panel.visits", "panel.visit")


@blueprint.route("/visits/new", methods=["GET", "POST"])
def new_visit() -> AnyResponse:
    """Invite visitors."""
    return inviting(PANEL)


@blueprint.route("/visits/<visit_id>/change", methods=["GET", "POST"])
def change_visit(visit_id: str) -> AnyResponse:
    """Change what was agreed; the visitors get a mail with what is new."""
    return changing(PANEL, visit_id)


def inviting(around: Surroundings, like: VisitId | None = None) -> AnyResponse:
    """Show the empty form, or one with the guests and words of the visit `like`; or make the visit that was sent."""
    if request.method == "GET":
        with reading() as work:
            values, count = _first_values(work, around), 1
            if like is not None:
                copied, count = _copied(work, like)
                values |= copied
            return _new_page(work, around, Form(values), count)
    form, count = _sent()
    if visit_repeat.has_list(form) or "save" not in request.form:
        count = visit_repeat.take_list(form, count)
        with reading() as work:
            return _new_page(work, around, form, count)
    form.need("title", "starts_at", "ends_at")
    data = _typed(form) | {"visitors": [_person(form, number) for number in range(count)]}
    repeat = visit_repeat.typed(form)
    if repeat is None:
        made = _try(form, data, actions.NewVisit, actions.create)
    else:
        data["repeat"] = repeat
        made = _try(form, data, actions.NewSeries, _first_of_series)
    if made is None:
        with reading() as work:
            return _new_page(work, around, form, count, Invalid.status)
    if made.state is models.VisitState.PENDING:
        flash(gettext("Saved. The invitations go out once security has approved."), "waiting")
    else:
        flash(gettext("The invitations are on their way."), "good")
    return redirect(url_for(around.visit, visit_id=made.id), 303)


def _first_of_series(work: Work, new: actions.NewSeries) -> Visit:
    return actions.create_series(work, new)[0]


def changing(around: Surroundings, visit_id: str) -> AnyResponse:
    """Show the form with what was agreed, or change it as was sent."""
    with reading() as work:
        visit = actions.get(work, VisitId(visit_id))
        guests = models.visitors_of(work.session, visit.id)
        if request.method == "GET":
            values = _values_of(visit) | {"version": actions.version_of(visit, guests)}
            values |= _values_of_guests(guests)
            for number, guest in enumerate(guests):
                values[f"visitors.{number}.id"] = guest.id
            return _change_page(work, around, visit, Form(values), len(guests))
    form, count = _sent()
    if visit_repeat.has_list(form) or "save" not in request.form:
        count = visit_repeat.take_list(form, count)
        with reading() as work:
            return _change_page(work, around, visit, form, count)
    form.need("title", "starts_at", "ends_at")
    people = [_person(form, number, with_id=True) for number in range(count)]
    data = {"room": None} | _typed(form) | {"visitors": people}
    data |= {"version": form.value("version") or None}
    for name in ("starts_at", "ends_at"):
        # The field has minutes only, and an hour of autumn stands for two: what stays is not sent.
        if form.value(name) == to_local(getattr(visit, name)):
            data.pop(name, None)
    changed = _try(
        form,
        data,
        actions.VisitChange,
        lambda work, wanted: actions.change_dates(
            work, visit.id, wanted, visit_repeat.scope_sent()
        )[0],
    )
    if changed is None:
        with reading() as work:
            return _change_page(work, around, visit, form, count, Invalid.status)
    flash(gettext("Saved. The visitors get a mail where something changed for them."), "good")
    return redirect(url_for(around.visit, visit_id=visit.id), 303)


def _try(
    form: Form, data: dict[str, Any], model: type[M], do: Callable[[Work, M], Visit]
) -> Visit | None:
    """Do it; what is refused is noted in the form, all of it at once, and None returned."""
    try:
        typed = model.model_validate(data)
        if form.has_errors:
            return None
        with begin() as work:
            return do(work, typed)
    except ValidationError as error:
        form.take_validation(error, visit_repeat.known())
    except GenkanError as error:
        form.take(error, {*form.values, *visit_repeat.known()})
        if isinstance(error, Conflict):
            form.values.pop("version", None)
    return None


def _sent() -> tuple[Form, int]:
    """Return the form as sent and how many visitors it has, after adding or removing one."""
    form = Form.sent()
    count = 0
    while f"visitors.{count}.name" in form.values and count < actions.MOST_VISITORS:
        count += 1
    if "add" in request.form and count < actions.MOST_VISITORS:
        count += 1
    removed = request.form.get("remove", "")
    if removed.isdecimal() and int(removed) < count and count > 1:
        _move_up(form, int(removed), count)
        count -= 1
    return form, max(count, 1)


def _move_up(form: Form, removed: int, count: int) -> None:
    for number in range(removed, count):
        for name in (*PERSON, "id"):
            after = form.values.pop(f"visitors.{number + 1}.{name}", None)
            form.values.pop(f"visitors.{number}.{name}", None)
            if after is not None:
                form.values[f"visitors.{number}.{name}"] = after


def _typed(form: Form) -> dict[str, Any]:
    """Return what the action takes; a time that cannot be read is noted in the form."""
    data: dict[str, Any] = {name: form.value(name) for name in FIELDS if form.value(name)}
    data |= {name: form.value(name) for name in ("note", "bring")}
    for name in ("starts_at", "ends_at"):
        if form.value(name):
            try:
                data[name] = from_local(form.value(name))
            except (ValueError, OverflowError):
                form.refuse(name, gettext("Please write a date and a time."))
    return data


def _person(form: Form, number: int, *, with_id: bool = False) -> dict[str, str]:
    at = f"visitors.{number}."
    form.need(f"{at}name", f"{at}email")
    person = {name: form.value(at + name) for name in PERSON}
    if with_id and form.value(f"{at}id"):
        person["id"] = form.value(f"{at}id")
    return person


def _first_values(work: Work, around: Surroundings) -> dict[str, str]:
    next_quarter = datetime.min.replace(tzinfo=work.now.tzinfo)
    steps = -((next_quarter - work.now) // QUARTER)
    begins = next_quarter + steps * QUARTER
    return {
        "title": "" if around.asks_purpose else gettext("Meeting"),
        "starts_at": to_local(begins),
        "ends_at": to_local(begins + AN_HOUR),
        "language": caller().language or current(),
        "host": str(work.principal.person or ""),
    }


def _copied(work: Work, like: VisitId) -> tuple[dict[str, str], int]:
    """Return what of a visit can be invited to again, and how many guests it had; the time is another one."""
    visit = actions.get(work, like)
    guests = models.visitors_of(work.session, visit.id)
    values = _values_of(visit) | _values_of_guests(guests)
    return {name: values[name] for name in values if name not in {"starts_at", "ends_at"}}, len(
        guests
    )


def _values_of_guests(guests: Sequence[Visitor]) -> dict[str, str]:
    return {
        f"visitors.{number}.{name}": getattr(guest, name)
        for number, guest in enumerate(guests)
        for name in PERSON
    }


def _values_of(visit: Visit) -> dict[str, str]:
    return {
        "title": visit.title,
        "note": visit.note,
        "bring": visit.bring,
        "starts_at": to_local(visit.starts_at),
        "ends_at": to_local(visit.ends_at),
        "room": visit.room or "",
        "host": visit.host,
        "language": visit.language,
    }


def _new_page(
    work: Work, around: Surroundings, form: Form, count: int, status: int = 200
) -> Response:
    return _page(
        work,
        around,
        form,
        count,
        status,
        heading=gettext("Invite visitors"),
        submit=gettext("Send the invitations"),
        back=url_for(around.visits),
        repeats=True,
    )


def _change_page(
    work: Work, around: Surroundings, visit: Visit, form: Form, count: int, status: int = 200
) -> Response:
    if not form.value("version"):
        _begin_anew(work, visit, form, count)
    return _page(
        work,
        around,
        form,
        count,
        status,
        heading=gettext("Change the visit"),
        submit=gettext("Save"),
        back=url_for(around.visit, visit_id=visit.id),
        scopes=visit_repeat.scopes(visit),
    )


def _begin_anew(work: Work, visit: Visit, form: Form, count: int) -> None:
    """Let what was typed stand against the visit as it is now: who was removed meanwhile is invited anew."""
    now = actions.get(work, visit.id)
    guests = models.visitors_of(work.session, now.id)
    form.values["version"] = actions.version_of(now, guests)
    known = {guest.id for guest in guests}
    for number in range(count):
        if form.value(f"visitors.{number}.id") not in known:
            form.values.pop(f"visitors.{number}.id", None)


def _hosts(names: Names, form: Form) -> list[tuple[str, str]]:
    """Return whom one can choose, the present host always among them."""
    every = names.hosts()
    present = PersonId(form.value("host"))
    if present and present not in {each for each, _ in every}:
        every.insert(0, (present, names.person(present)))
    return every


def _page(
    work: Work, around: Surroundings, form: Form, count: int, status: int, **words: object
) -> Response:
    names = Names(work)
    may_choose_host = work.principal.may(Right.VISITS_MANAGE)
    preview = None
    if words.get("repeats") and form.value("repeat.frequency"):
        # What is wrong with the times was said already, where the form was sent.
        preview = visit_repeat.preview(work, form, _typed(Form(form.values)))
    text = render_template(
        around.template,
        form=form,
        people=list(range(count)),
        preview=preview,
        frequencies=visit_repeat.frequencies(),
        weekdays=visit_repeat.weekdays(),
        scope=visit_repeat.scope_sent(),
        most_visitors=actions.MOST_VISITORS,
        rooms=names.rooms(),
        hosts=_hosts(names, form) if may_choose_host else [],
        zone_hint=gettext("Times in %(zone)s", zone=names.home_time_zone() or "UTC"),
        **words,
    )
    return Response(text, status, mimetype="text/html")
