"""The section with which a visit is joined to a messenger, and the two steps behind its buttons."""

from http import HTTPStatus
from typing import NamedTuple

from flask import redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.kernel.errors import NotFound
from server.notifications import actions as notifications
from server.notifications.actions import JoinState, MessengerKind
from server.pages import states
from server.pages.states import Badge
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.visits import actions
from server.web.languages import current, gettext
from server.web.limits import SMALL, at_most, limited


class Joined(NamedTuple):
    """A messenger that the visitor joined."""

    name: str
    state: Badge
    hint: str
    join_url: str
    """Where they may have to join once more."""
    leave_url: str


class Choice(NamedTuple):
    """A messenger that they may join."""

    name: str
    url: str


def section(now: Visiting) -> Shown | None:
    """Return what was joined and what may be, where the site uses a messenger at all."""
    if not now.counts:
        return None
    joined = notifications.joined_of(now.work, [now.visitor.id]).get(now.visitor.id, [])
    known = {each.kind for each in joined}
    open_to = notifications.messenger_choices(now.work.session, now.visit.site)
    if not joined and not open_to:
        return None
    return Shown(
        {
            "joined": [
                Joined(
                    states.messenger(each.kind),
                    states.joined(each.state),
                    _hint(each.state),
                    _url("join_messenger", now, each.kind) if each.kind in open_to else "",
                    _url("leave_messenger", now, each.kind),
                )
                for each in joined
            ],
            "choices": [
                Choice(states.messenger(kind), _url("join_messenger", now, kind))
                for kind in open_to
                if kind not in known
            ],
        }
    )


@blueprint.get("/<token>/messenger/<kind>")
@limited("20 per minute")
def join_messenger(token: str, kind: str) -> AnyResponse:
    """Lead into the messenger's chat with a fresh one-time code.

    A link and no form: browsers apply the page's `form-action` to where a form's answer leads, and that is another
    site here. All that asking for it twice does is that the first code counts no more.
    """
    with visiting(token, writes=True) as now:
        if not now.counts:
            raise NotFound("There is nothing to join: this visit does not take place any more.")
        page = actions.page_of(now.work, now.visit, now.visitor, Language(current()))
        url = notifications.messenger_url(
            now.work, now.visitor.id, now.visit.site, _kind(kind), page
        )
    return redirect(url, HTTPStatus.SEE_OTHER)


@blueprint.post("/<token>/messenger/<kind>/leave")
@limited("20 per minute")
@at_most(SMALL)
def leave_messenger(token: str, kind: str) -> AnyResponse:
    """Write to the visitor there no more, and forget who they are there."""
    with visiting(token, writes=True) as now:
        notifications.leave_messenger(now.work, now.visitor.id, _kind(kind))
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)


def _hint(state: JoinState) -> str:
    match state:
        case JoinState.JOINED:
            return gettext("News comes there.")
        case JoinState.MUTE:
            return gettext("Send any message in the chat, so that news can reach you there.")
        case JoinState.BLOCKED:
            return gettext(
                "You blocked our account there. Unblock it, or use this page and your mail."
            )


def _url(endpoint: str, now: Visiting, kind: MessengerKind) -> str:
    return url_for(f"visitor.{endpoint}", token=now.token, kind=kind.value)


def _kind(word: str) -> MessengerKind:
    try:
        return MessengerKind(word)
    except ValueError:
        raise NotFound("There is no such messenger here.") from None
