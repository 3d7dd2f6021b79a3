"""The sections about the visitor's own part: documents to agree to, how to get there, and what they told their host."""

from typing import NamedTuple

from flask import url_for

from server.pages import states
from server.pages.visitor.invitation import answered, to_agree, wished
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting
from server.visits import actions, models
from server.visits.actions import Answer, TermsKind
from server.web.formats import local
from server.web.languages import current, gettext


class Line(NamedTuple):
    """Something that was said, and how it stands."""

    what: str
    state: str


def agree(now: Visiting) -> Shown | None:
    """Return the documents that wait to be read and agreed to."""
    if now.is_off or now.is_over or now.has_declined:
        return None
    waiting = to_agree(now)
    if not waiting:
        return None
    documents = [
        (states.document(TermsKind(each.kind)), _url("agree", now, each.id)) for each in waiting
    ]
    return Shown({"documents": documents}, asks=True)


def journey(now: Visiting) -> Shown | None:
    """Return how to get there and what to bring."""
    site = models.welcome_of(now.work.session, now.visit.site)
    directions = actions.in_words(site.directions, current())
    bring = "\n".join(
        part for part in (actions.in_words(site.bring, current()), now.visit.bring) if part
    )
    nothing = not (directions or bring)
    if nothing or now.is_off or now.is_over or now.has_declined:
        return None
    return Shown({"directions": directions, "bring": bring})


def replies(now: Visiting) -> Shown | None:
    """Return what the visitor told their host, and what else they can say."""
    if now.is_off or now.is_over or now.has_declined:
        return None
    session = now.work.session
    wishes = [
        Line(wished(each), answered(Answer(each.state)))
        for each in models.wishes_of(session, now.visit.id)
        if each.visitor == now.visitor.id and each.state is not Answer.REPLACED
    ][:1]
    brought = [
        Line(each.name, _coming(Answer(each.state)))
        for each in models.companions_of(session, now.visit.id)
        if each.brought_by == now.visitor.id
    ]
    agreed = [
        Line(
            states.document(TermsKind(terms.kind)),
            gettext(
                "Version %(version)d, agreed on %(day)s",
                version=terms.version,
                day=local(each.agreed_at, "date"),
            ),
        )
        for each, terms in models.agreements_of(session, now.visitor.id)
    ]
    needs = actions.needs_of(now.work, now.visitor)
    if now.visitor.step_free:
        needs = "\n".join(part for part in (gettext("A way without steps"), needs) if part)
    return Shown(
        {
            "wishes": wishes,
            "companions": brought,
            "agreed": agreed,
            "needs": needs,
            "may_bring": models.welcome_of(session, now.visit.site).most_companions > 0,
            "wish_url": _url("wish", now),
            "companions_url": _url("companions", now),
            "needs_url": _url("needs", now),
            "decline_url": _url("decline", now),
        }
    )


def _coming(answer: Answer) -> str:
    if answer is Answer.ACCEPTED:
        return gettext("Invited, with a mail of their own")
    return answered(answer)


def _url(endpoint: str, now: Visiting, terms_id: str | None = None) -> str:
    return url_for(f"visitor.{endpoint}", token=now.token, terms_id=terms_id)
