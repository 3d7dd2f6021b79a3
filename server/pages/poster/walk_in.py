"""Walk-ins: a stranger at a poster says who they are, and waits on a page that learns the answer by itself."""

from flask import Response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.arrivals.actions import EntryAnswer, NewWalkIn
from server.arrivals.models import Poster, WalkIn
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.poster import blueprint
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import TermsKind
from server.visits.models import Visit, Visitor, VisitState
from server.web import languages, phone
from server.web.forms import Form
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited

_FIELDS = ("name", "company", "email", "whom", "purpose")


@blueprint.get("/<code>/walk-in")
@limited("120 per minute")
def walk_in(code: str) -> AnyResponse:
    """Ask a stranger who they are and whom they want to see."""
    with office().reading(Principal.anonymous()) as work:
        return _form(work, _poster(work, code), Form(_known_from_before(work)))


@blueprint.post("/<code>/walk-in")
@limited("30 per minute; 400 per day")
@at_most(SMALL)
def register_walk_in(code: str) -> AnyResponse:
    """Note the stranger, and let host and guards know."""
    form, secret = Form.sent(), phone.secret_or_new()
    sent = {each: form.value(each) for each in _FIELDS}
    with office().begin(Principal.anonymous()) as work:
        poster = _poster(work, code)
        try:
            new = NewWalkIn.model_validate(
                sent | {"email": sent["email"] or None, "language": languages.current()}
            )
            arrivals.register_walk_in(work, poster, new, secret)
        except ValidationError as error:
            form.take_validation(error)
            return _form(work, poster, form)
        except GenkanError as error:
            form.take(error)
            return _form(work, poster, form)
    return phone.keep(redirect(url_for("poster.waiting", code=code), 303), secret)


@blueprint.get("/<code>/waiting")
@limited("300 per minute")
def waiting(code: str) -> AnyResponse:
    """Show the stranger that somebody looks after them."""
    return _shown(code, "poster/waiting.html")


@blueprint.get("/<code>/waiting/state")
@limited("600 per minute")
def waiting_state(code: str) -> AnyResponse:
    """Return what was answered so far."""
    return _shown(code, "poster/waiting_state.html")


@blueprint.post("/<code>/go-on")
@limited("60 per minute")
def go_on(code: str) -> AnyResponse:
    """Bind this phone to the visit that an approval made, note what its holder agreed to, and go on to the door."""
    secret, form = phone.secret(), Form.sent()
    with office().begin(Principal.anonymous()) as work:
        mine = arrivals.walk_in_of_phone(work, secret)
        if mine is None:
            raise NotFound("Nobody of that name is expected.")
        visit, guest = arrivals.keep_walk_in_on_phone(work, mine, secret, phone.user_agent())
        agreed = set(request.form.getlist("agreed"))
        for terms in visits.outstanding(work, visit, guest.id):
            # In the language in which it was just shown; what is left out is asked for again.
            if terms.id in agreed:
                visits.agree(work, visit, guest, terms.id, _language())
            else:
                form.refuse("agreed", gettext("Please tick this if you agree."))
    if form.has_errors:
        return _shown(code, "poster/waiting.html", form)
    return redirect(url_for("poster.scanned", code=code), 303)


def _known_from_before(work: Work) -> dict[str, str]:
    """Return what the owner of this phone allowed us to keep at an earlier visit, so that they need not type it."""
    for _, guest in reversed(visit_models.by_phone(work.session, phone.secret())):
        kept = visits.kept_of(work, guest)
        if kept is not None:
            return {"name": kept.name, "company": kept.company, "email": kept.email}
    return {}


def _shown(code: str, template: str, form: Form | None = None) -> AnyResponse:
    with office().reading(Principal.anonymous()) as work:
        poster = _poster(work, code)
        mine = arrivals.walk_in_of_phone(work, phone.secret())
        if mine is None:
            return redirect(url_for("poster.walk_in", code=poster.code), 303)
        languages.prefer(languages.of_browser() or mine.language)
        text = render_template(
            template,
            code=poster.code,
            state=_state(work, mine),
            documents=_documents(work, mine),
            form=form or Form.sent(),
            **_where(work, poster),
        )
    return Response(text, Invalid.status if form else 200, mimetype="text/html")


def _documents(work: Work, mine: WalkIn) -> list[tuple[str, str, str]]:
    """Return id, title and text of what the site asks its guests to agree to, once they are welcome."""
    guest = work.session.get(Visitor, mine.visitor) if mine.visitor else None
    visit = work.session.get(Visit, guest.visit) if guest else None
    if guest is None or visit is None:
        return []
    return [
        (each.id, states.document(TermsKind(each.kind)), each.texts[_language()])
        for each in visits.outstanding(work, visit, guest.id)
    ]


def _language() -> Language:
    return Language(languages.current())


def _state(work: Work, mine: WalkIn) -> str:
    """Return waiting, confirming, approved, refused or unanswered."""
    if mine.answer is EntryAnswer.REFUSED:
        return "refused"
    if mine.answer is EntryAnswer.WAITING:
        return "waiting" if arrivals.walk_in_waits(work, mine) else "unanswered"
    guest = work.session.get(Visitor, mine.visitor) if mine.visitor else None
    visit = work.session.get(Visit, guest.visit) if guest else None
    if visit is not None and visit.state is VisitState.PENDING:
        return "confirming"
    stands = visit is not None and visit.state is VisitState.CONFIRMED
    return "approved" if stands else "refused"


def _form(work: Work, poster: Poster, form: Form) -> Response:
    text = render_template(
        "poster/walk_in.html", form=form, code=poster.code, **_where(work, poster)
    )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _where(work: Work, poster: Poster) -> dict[str, str]:
    names = Names(work)
    return {
        "site": names.site(poster.site),
        "portal": names.portal(poster.site, poster.portal),
    }


def _poster(work: Work, code: str) -> Poster:
    poster = arrivals.poster_found(work, code)
    if poster is None or poster.ended_at is not None:
        raise NotFound("This poster is old. Please look for the one that hangs there now.")
    return poster
