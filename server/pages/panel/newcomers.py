"""Who joins the house: added on the panel, mailed a link, and the page behind the link on which they set a password."""

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import SecretStr, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Conflict, GenkanError, Invalid
from server.kernel.ids import GroupId, PersonId
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.people import actions
from server.people.actions import NewPerson, Role
from server.web.forms import Form
from server.web.languages import LANGUAGES, current, gettext
from server.web.limits import SMALL, at_most, limited

_FIELDS = ("name", "email", "language", "roles", "groups")


@blueprint.get("/people/new")
def new_person() -> Response:
    """Ask who it is, and what they do here."""
    return _form(Form({"language": current()}), [Role.HOST], [])


@blueprint.post("/people/new", endpoint="add_person")
def new_person_sent() -> AnyResponse:
    """Add them and mail them their link, or show what was typed with what is wrong."""
    form = Form.sent()
    roles, groups = form.every("roles"), form.every("groups")
    form.need("name", "email")
    status = Invalid.status
    try:
        typed = {each: form.value(each) for each in ("name", "email", "language")}
        wanted = NewPerson.model_validate({**typed, "roles": roles, "invite": True})
        if not form.has_errors:
            with begin() as work:
                made = actions.create_person(work, wanted)
                actions.join_groups(work, made.id, [GroupId(each) for each in groups])
                url = url_for("panel.staff_person", person=made.id)
            flash(gettext("Added. The link to set a password is on its way to them."), "good")
            return redirect(url, 303)
    except ValidationError as error:
        form.take_validation(error, _FIELDS)
    except GenkanError as error:
        form.take(error, _FIELDS)
        status = error.status
    return _form(form, roles, groups, status)


@blueprint.post("/people/<person>/link")
def send_link(person: str) -> AnyResponse:
    """Mail somebody a link to set their password: the first time, or when they forgot it."""
    try:
        with begin() as work:
            actions.send_password_link(work, PersonId(person))
        flash(gettext("The link to set a password is on its way to them."), "good")
    except Conflict as error:
        flash(gettext(error.detail), "bad")
    return redirect(url_for("panel.staff_person", person=person), 303)


@blueprint.get("/password/<secret>")
@limited("60 per minute")
def password(secret: str) -> Response:
    """Ask for the password of the account that the link belongs to."""
    return _password_form(secret, Form())


@blueprint.post("/password/<secret>", endpoint="password_sent")
@limited("30 per minute")
@at_most(SMALL)
def set_password(secret: str) -> AnyResponse:
    """Take it, and lead to the sign-in."""
    form = Form()
    with reading() as work:
        email = actions.behind_link(work, secret).email
    try:
        # Before the work that writes: it takes a while.
        made = actions.checked_hash(SecretStr(request.form.get("password", "")), email)
    except Invalid as error:
        form.take(error, ("password",))
        return _password_form(secret, form)
    with begin() as work:
        actions.set_password(work, secret, made)
    flash(gettext("Your password is set. Please sign in with it."), "good")
    return redirect(url_for("panel.sign_in"), 303)


def _form(form: Form, roles: list[str], groups: list[str], status: int = 200) -> Response:
    with reading() as work:
        require(work.principal, Right.PEOPLE_MANAGE)
        names = Names(work)
        known = [
            (each.id, f"{each.name} · {names.site(each.site)}")
            for each in actions.list_groups(work)
        ]
    text = render_template(
        "panel/new_person.html",
        form=form,
        roles=[(each.value, states.roles([each])) for each in Role],
        chosen_roles=roles,
        groups=known,
        chosen_groups=groups,
        languages=list(LANGUAGES.items()),
    )
    return Response(text, status, mimetype="text/html")


def _password_form(secret: str, form: Form) -> Response:
    with reading() as work:
        email = actions.behind_link(work, secret).email
    text = render_template("panel/password.html", form=form, email=email)
    response = Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")
    # The address is a secret: no cache keeps it, and no other page hears of it.
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
