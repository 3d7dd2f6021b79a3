"""The page behind a "contact us" QR: whoever scans it can write to the house, without any visit or account."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.conversations import actions, models
from server.conversations.actions import Side
from server.conversations.models import ContactPoint, Conversation
from server.kernel.errors import GenkanError, NotFound, TooMany
from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages import calls, chat_views
from server.pages import chat as chats
from server.pages.chat import Place
from server.pages.chat_views import Chat, Enter
from server.pages.names import Names
from server.pages.thresholds import for_one_phone
from server.visits import actions as visits
from server.visits import models as visit_models
from server.web import languages, phone
from server.web.languages import current, gettext
from server.web.limits import at_most, limited

blueprint = Blueprint("contact", __name__, url_prefix="/c", template_folder="templates")
for_one_phone(blueprint)


@dataclass(frozen=True)
class Writing:
    """Somebody at a contact point: known by their phone's cookie and by nothing else."""

    work: Work
    point: ContactPoint
    names: Names

    @property
    def found(self) -> Conversation | None:
        """What this phone and the house said so far."""
        identity = self.work.principal.id
        return models.of_stranger(self.work.session, identity, self.point.site)

    def open(self) -> Conversation:
        """The same, begun where there is none; the sign's first scan by this phone counts."""
        if self.found is None:
            actions.note_contact_scan(self.work, self.point)
        return actions.open_for_stranger(
            self.work,
            self.point.site,
            self.work.principal.id,
            Language(current()),
            self.point.id,
        )


@contextmanager
def writing(code: str, *, writes: bool = False) -> Generator[Writing]:
    """Begin work for the phone at a contact point; `NotFound` where none hangs with this code."""
    nobody = Principal.anonymous()
    with office().begin(nobody) if writes else office().reading(nobody) as work:
        point = actions.contact_found(work, code)
        if point is None or point.ended_at is not None:
            raise NotFound("This sign is old. Please look for the one that hangs there now.")
        secret = phone.secret()
        if secret:
            work.principal = actions.stranger(actions.identity(secret))
        names = Names(work)
        languages.prefer(languages.of_browser(), names.time_zone(point.site))
        yield Writing(work, point, names)


@blueprint.errorhandler(GenkanError)
def refused(error: GenkanError) -> Response:
    """Say kindly what does not work."""
    text = render_template(
        "contact/refused.html", title=gettext(error.title), detail=gettext(error.detail)
    )
    response = Response(text, error.status, mimetype="text/html")
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
    return response


@blueprint.get("/<code>")
@limited("240 per minute")
def scanned(code: str) -> AnyResponse:
    """Show the chat; a phone that was never here gets the cookie by which it is known again."""
    if not phone.secret():
        with writing(code) as now:
            url = url_for("contact.scanned", code=now.point.code)
        # Once around: whoever comes back without it keeps no cookies, and is told so.
        if "again" in request.args:
            text = render_template("contact/cookies.html")
            return Response(text, mimetype="text/html")
        return phone.keep(redirect(f"{url}?again=1", 303), phone.secret_or_new())
    return chat_views.show(_at(code, begins=True))


@blueprint.get("/<code>/thread")
@limited("600 per minute")
def thread(code: str) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    return chat_views.thread(_at(code))


@blueprint.post("/<code>")
@limited("40 per minute; 400 per hour")
@at_most(chats.LARGEST_BODY)
def say(code: str) -> AnyResponse:
    """Say something, press a question, or ask for a person."""
    return chat_views.say(_at(code))


@blueprint.get("/<code>/files/<attachment>")
@limited("240 per minute")
def file(code: str, attachment: str) -> Response:
    """Return a file of this chat, to the phone whose it is."""
    return chat_views.file(_at(code), attachment)


@blueprint.get("/<code>/picture/<version>")
@limited("240 per minute")
def picture(code: str, version: str) -> Response:
    """Return the picture that somebody sent of themselves."""
    return chat_views.picture(_at(code), version)


@blueprint.get("/<code>/me")
@limited("120 per minute")
def me(code: str) -> Response:
    """Ask what somebody wants to be called, and with which picture."""
    return chat_views.me(_at(code))


@blueprint.post("/<code>/me")
@limited("20 per minute; 100 per hour")
@at_most(chats.LARGEST_BODY)
def change_me(code: str) -> AnyResponse:
    """Take it."""
    return chat_views.change_me(_at(code))


@blueprint.post("/<code>/call")
@limited("600 per minute")
@at_most(calls.LARGEST_BODY)
def call(code: str) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    return chat_views.call(_at(code))


def _at(code: str, *, begins: bool = False) -> Enter:
    """Return how a phone comes to its chat at a contact point; a new one begins by scanning alone."""

    @contextmanager
    def enter(*, writes: bool = False) -> Generator[Chat]:
        with writing(code, writes=writes) as now:
            found = now.found
            if found is None and not begins:
                raise NotFound("Please scan the sign again.")
            yield Chat(
                now.work,
                Place(Side.VISITOR, url_for("contact.scanned", code=code), chats.before()),
                found,
                now.open,
                "visitor/chat.html",
                lambda shown: _around(now, shown),
                # Outside the office hours nobody would answer; a word is kept until somebody is back.
                rings=gettext("Reception") if actions.is_staffed(now.work, now.point.site) else "",
                site_name=now.names.site(now.point.site),
            )

    return enter


def _around(now: Writing, found: Conversation) -> dict[str, object]:
    live = str(office().settings.live_url).rstrip("/")
    return {
        "back_url": "",
        "me_url": url_for("contact.me", code=now.point.code),
        "stream": f"{live}/live/conversation/{found.id}",
        "number": arrivals.as_read(now.point.check_number),
        "visit_url": _visit_url(now),
    }


def _visit_url(now: Writing) -> str:
    """Return the chat of the visit that this phone keeps here, if it keeps one that is not over."""
    for visit, visitor in visit_models.by_phone(now.work.session, phone.secret()):
        if visit.site == now.point.site and visit.ends_at > now.work.now:
            token = visits.link_of(now.work, visitor).rpartition("/")[2]
            return url_for("visitor.chat", token=token)
    return ""
