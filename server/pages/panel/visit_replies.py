"""What the visitors of a visit said: on which phone it is, what they agreed to, need and ask; and the host's answer."""

from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.ids import CompanionId, VisitId, VisitorId, WishId
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.visits import actions, models
from server.visits.actions import Answer, TermsKind
from server.visits.models import Visit, Visitor
from server.web.formats import local, span
from server.web.languages import LANGUAGES, gettext

PANEL, HOST = "panel", "host"


class Agreed(NamedTuple):
    """A document that somebody agreed to."""

    what: str
    detail: str
    text_hash: str


class GuestCard(NamedTuple):
    """What one visitor said."""

    name: str
    badge: Badge | None
    phone: str
    needs: str
    agreed: list[Agreed]
    outstanding: str
    expect_url: str


class Question(NamedTuple):
    """Something asked of the host."""

    who: str
    what: str
    state: Badge
    answer_url: str
    """Empty where it was answered, or is somebody else's to answer."""


class Card(NamedTuple):
    """All of it."""

    guests: list[GuestCard]
    questions: list[Question]
    page: str
    """Of whom it is part of a page, and where an answer leads back to: `panel` or `host`."""


def card(work: Work, visit: Visit, page: str = PANEL) -> Card:
    """Return what was said, for whoever may see the visit, as part of the page of the panel or of the host."""
    guests = models.visitors_of(work.session, visit.id)
    may_answer = _may_answer(work, visit)
    by_id = {guest.id: guest.name for guest in guests}
    questions = [
        Question(
            by_id.get(each.visitor, ""),
            _wished(each),
            _badge(Answer(each.state)),
            _url("answer_wish", visit, wish_id=each.id)
            if may_answer and each.state is Answer.WAITING
            else "",
        )
        for each in models.wishes_of(work.session, visit.id)
        if each.state is not Answer.REPLACED
    ]
    questions += [
        Question(
            by_id.get(each.brought_by, ""),
            gettext(
                "Would like to bring %(who)s",
                who=" · ".join(part for part in (each.name, each.company, each.email) if part),
            ),
            _badge(Answer(each.state)),
            _url("answer_companion", visit, companion_id=each.id)
            if may_answer and each.state is Answer.WAITING
            else "",
        )
        for each in models.companions_of(work.session, visit.id)
        if each.state is not Answer.REPLACED
    ]
    shown = [_guest(work, visit, guest, may_answer=may_answer) for guest in guests]
    return Card(shown, questions, page)


@blueprint.get("/visits/<visit_id>/replies")
def visit_replies(visit_id: str) -> str:
    """Return the card alone, for a page that is open."""
    with reading() as work:
        found = card(work, actions.get(work, VisitId(visit_id)))
        return render_template("panel/visit_replies.html", replies=found)


@blueprint.post("/visits/<visit_id>/wishes/<wish_id>")
def answer_wish(visit_id: str, wish_id: str) -> AnyResponse:
    """Answer what a visitor asked for; where that is another time, the visit moves there."""
    accept = request.form.get("answer") == "yes"
    with begin() as work:
        actions.answer_wish(work, VisitId(visit_id), WishId(wish_id), accept=accept)
    said = gettext("Accepted. The visitor sees it, and gets a mail where the time is another one.")
    flash(said if accept else gettext("The visitor is told that the visit stays as it is."), "good")
    return redirect(_back(visit_id), 303)


@blueprint.post("/visits/<visit_id>/companions/<companion_id>")
def answer_companion(visit_id: str, companion_id: str) -> AnyResponse:
    """Say whether somebody may be brought."""
    accept = request.form.get("answer") == "yes"
    with begin() as work:
        actions.answer_companion(work, VisitId(visit_id), CompanionId(companion_id), accept=accept)
    said = gettext("Accepted. They get an invitation of their own.")
    flash(said if accept else gettext("The visitor sees that nobody else can be brought."), "good")
    return redirect(_back(visit_id), 303)


@blueprint.post("/visits/<visit_id>/visitors/<visitor_id>/expect")
def expect_again(visit_id: str, visitor_id: str) -> AnyResponse:
    """Expect somebody after all who had declined."""
    with begin() as work:
        actions.expect_again(work, VisitId(visit_id), VisitorId(visitor_id))
    flash(gettext("Expected again. A new invitation is on its way."), "good")
    return redirect(_back(visit_id), 303)


def _back(visit_id: str) -> str:
    """Return the page that the answer was given on."""
    page = HOST if request.form.get("page") == HOST else PANEL
    return url_for(f"{page}.visit", visit_id=visit_id)


def _may_answer(work: Work, visit: Visit) -> bool:
    own = visit.host == work.principal.person and work.principal.may(Right.VISITS_INVITE)
    open_now = visit.state in {actions.VisitState.PENDING, actions.VisitState.CONFIRMED}
    allowed = own or work.principal.may(Right.VISITS_MANAGE, visit.site)
    return allowed and open_now and work.now < visit.ends_at


def _guest(work: Work, visit: Visit, guest: Visitor, *, may_answer: bool) -> GuestCard:
    missing = actions.outstanding(work, visit, guest.id)
    needs = actions.needs_of(work, guest)
    if guest.step_free:
        needs = "\n".join(part for part in (gettext("A way without steps"), needs) if part)
    declined = guest.declined_at is not None
    return GuestCard(
        name=guest.name,
        badge=Badge("bad", "cancelled", gettext("Declined")) if declined else None,
        phone=_phone(work, guest),
        needs=needs,
        agreed=[
            Agreed(
                states.document(TermsKind(terms.kind)),
                gettext(
                    "Version %(version)d in %(language)s, %(time)s",
                    version=terms.version,
                    language=LANGUAGES[each.language],
                    time=local(each.agreed_at, "both"),
                ),
                each.text_hash,
            )
            for each, terms in models.agreements_of(work.session, guest.id)
        ],
        outstanding=", ".join(states.document(TermsKind(each.kind)) for each in missing),
        expect_url=_url("expect_again", visit, visitor_id=guest.id)
        if declined and may_answer
        else "",
    )


def _phone(work: Work, guest: Visitor) -> str:
    binding = models.phone_of(work.session, guest.id)
    if binding is None:
        return gettext("Not opened yet")
    when = local(binding.bound_at, "both")
    if binding.moves:
        return gettext("Moved to another phone on %(time)s", time=when)
    return gettext("Opened on a phone on %(time)s", time=when)


def _wished(wish: models.Wish) -> str:
    when = ""
    if wish.starts_at and wish.ends_at:
        times = f"{local(wish.starts_at, 'day')}, {span(wish.starts_at, wish.ends_at)}"
        when = gettext("Asks for another time: %(when)s", when=times)
    return "\n".join(part for part in (when, wish.message) if part)


def _badge(answer: Answer) -> Badge:
    match answer:
        case Answer.WAITING:
            return Badge("waiting", "waiting", gettext("Waits for an answer"))
        case Answer.ACCEPTED:
            return Badge("good", "approve", gettext("Accepted"))
        case Answer.REFUSED | Answer.REPLACED:
            return Badge("", "close", gettext("Not accepted"))


def _url(endpoint: str, visit: Visit, **values: str) -> str:
    return url_for(f"panel.{endpoint}", visit_id=visit.id, **values)  # pyright: ignore[reportArgumentType]  # the keywords are the path's
