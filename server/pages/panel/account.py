"""One's own account: language and API tokens."""

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Invalid, SignInNeeded
from server.kernel.ids import PersonId, TokenId
from server.kernel.pagination import MOST, PageQuery
from server.kernel.request import begin, caller, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.panel import blueprint
from server.people import actions, models
from server.web import languages
from server.web.formats import local
from server.web.forms import Form
from server.web.languages import gettext


@blueprint.get("/account")
def account() -> AnyResponse:
    """Show the account."""
    with reading() as work:
        return _page(work)


@blueprint.post("/account/language")
def set_language() -> AnyResponse:
    """Answer this person in another language, on every browser."""
    wanted = request.form.get("language", "")
    if not languages.choose(wanted):
        raise Invalid([("language", "must be one of the languages offered")])
    with begin() as work:
        change = actions.PersonChange.model_validate({"language": wanted})
        actions.change_person(work, _me(), change)
    flash(gettext("Saved."), "good")
    return redirect(url_for("panel.account"), 303)


@blueprint.post("/account/tokens")
def create_token() -> AnyResponse:
    """Make a token and show its secret this once."""
    form = Form.sent()
    try:
        wanted = actions.NewToken.model_validate(
            {"name": form.value("name"), "scopes": form.every("scopes")}
        )
        with begin() as work:
            _, secret = actions.create_token(work, wanted)
    except ValidationError as error:
        form.take_validation(error, known=("scopes",))
    except Invalid as error:
        form.take(error, known=("name", "scopes"))
    else:
        with reading() as work:
            return _page(work, new_token=secret)
    with reading() as work:
        return _page(work, form, status=Invalid.status)


@blueprint.post("/account/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> AnyResponse:
    """Take a token back."""
    with begin() as work:
        actions.revoke_token(work, TokenId(token_id))
    flash(gettext("The token no longer works."), "good")
    return redirect(url_for("panel.account"), 303)


def _me() -> PersonId:
    person = caller().principal.person
    if person is None:
        raise SignInNeeded("Sign in to see this page.")
    return person


def _page(
    work: Work, token_form: Form | None = None, new_token: str = "", status: int = 200
) -> Response:
    person = actions.find_person(work, _me())
    tokens = actions.list_tokens(work, PageQuery(limit=MOST, cursor=None)).items
    form = token_form or Form()
    text = render_template(
        "panel/account.html",
        person=person,
        roles=states.roles(models.roles_of(work.session, person.id)),
        language_form=Form({"language": person.language}),
        tokens=[_token_line(token) for token in tokens if token.revoked_at is None],
        new_token=new_token,
        token_form=form,
        scopes=sorted(work.principal.rights),
        chosen=form.every("scopes") if token_form else [],
    )
    return Response(text, status, mimetype="text/html")


def _token_line(token: models.ApiToken) -> dict[str, str]:
    if token.last_used_at:
        used = gettext("last used %(time)s", time=local(token.last_used_at, "both"))
    else:
        used = gettext("not used yet")
    return {
        "name": token.name,
        "detail": f"{', '.join(token.scopes)} · {used}",
        "revoke_url": url_for("panel.revoke_token", token_id=token.id),
    }
