"""Reception's inbox: every conversation of every visit and channel, who has taken it, and what is answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import actions
from server.conversations.actions import Channel, Show, Side, State
from server.conversations.models import Conversation, Message
from server.kernel.errors import GenkanError
from server.kernel.ids import ConversationId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.text import on_one_line
from server.kernel.work import Work
from server.pages import calls, chat_views
from server.pages import chat as chats
from server.pages.chat_views import Enter
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.places import models as places
from server.visits.models import Visit
from server.web.forms import sent_cursor
from server.web.languages import current, gettext
from server.web.limits import at_most

A_PAGE = 50
LONGEST_SEARCH = 100
LONGEST_PREVIEW = 120


class Line(NamedTuple):
    """One conversation in the list."""

    url: str
    called: str
    about: str
    words: str
    at: datetime
    state: Badge
    ways: list[str]
    unread: int
    waiting_since: datetime | None
    here: bool


class Tab(NamedTuple):
    """One view of the list."""

    word: str
    url: str
    here: bool
    waiting: int


@blueprint.get("/inbox")
def inbox() -> str:
    """List the conversations: who waits first, the one for longest on top."""
    with reading() as work:
        return render_template("panel/inbox.html", **_list(work))


@blueprint.get("/inbox/list")
def inbox_list() -> str:
    """Return the list alone, for a page that is open."""
    with reading() as work:
        return render_template("panel/inbox_list.html", **_list(work, request.args.get("here", "")))


@blueprint.get("/inbox/<conversation>")
def inbox_conversation(conversation: str) -> Response:
    """Show one conversation; what is shown counts as read."""
    return chat_views.show(_at(conversation))


@blueprint.get("/inbox/<conversation>/thread")
def inbox_thread(conversation: str) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    return chat_views.thread(_at(conversation))


@blueprint.get("/inbox/<conversation>/state")
def inbox_state(conversation: str) -> str:
    """Return whose turn it is, for a page that is open."""
    with reading() as work:
        found = actions.find(work, ConversationId(conversation), Side.RECEPTION)
        return render_template("panel/inbox_state.html", **_head(work, found))


@blueprint.post("/inbox/<conversation>")
@at_most(chats.LARGEST_BODY)
def answer_in_inbox(conversation: str) -> AnyResponse:
    """Answer for reception."""
    return chat_views.say(_at(conversation))


@blueprint.post("/inbox/<conversation>/turn")
def turn_in_inbox(conversation: str) -> AnyResponse:
    """Take a conversation, pass it to the host, give it back to the bot, or close it."""
    wanted = request.form.get("to", "")
    chosen = ConversationId(conversation)
    try:
        with begin() as work:
            actions.find(work, chosen, Side.RECEPTION)
            match wanted:
                case "me":
                    actions.take(work, chosen)
                case "host":
                    actions.hand_over(work, chosen, State.HOST)
                case "bot":
                    actions.give_back(work, chosen)
                case "closed":
                    actions.close(work, chosen)
                case _:
                    flash(gettext("Please choose one of those offered."), "bad")
    except GenkanError as error:
        flash(gettext(error.detail), "bad")
    if wanted == "closed":
        return redirect(url_for("panel.inbox"), 303)
    return redirect(url_for("panel.inbox_conversation", conversation=conversation), 303)


@blueprint.get("/inbox/<conversation>/files/<attachment>")
def inbox_file(conversation: str, attachment: str) -> Response:
    """Return a file of a conversation."""
    return chat_views.file(_at(conversation), attachment)


@blueprint.get("/inbox/<conversation>/picture/<version>")
def inbox_picture(conversation: str, version: str) -> Response:
    """Return the picture that a visitor sent of themselves."""
    return chat_views.picture(_at(conversation), version)


@blueprint.post("/inbox/<conversation>/call")
@at_most(calls.LARGEST_BODY)
def inbox_call(conversation: str) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    return chat_views.call(_at(conversation))


def sites_of(work: Work) -> list[SiteCode]:
    """Return the sites for which the caller answers; raises `Forbidden` where that is none."""
    every = [site.code for site in places.all_sites(work.session)]
    found = [code for code in every if work.principal.may(Right.CONVERSATIONS_ANSWER, code)]
    if not found:
        require(work.principal, Right.CONVERSATIONS_ANSWER)
    return found


def _at(conversation: str) -> Enter:
    url = url_for("panel.inbox_conversation", conversation=conversation)
    template = "panel/inbox_conversation.html"
    return chat_views.of_house(conversation, Side.RECEPTION, url, template, _around)


def _around(work: Work, found: Conversation) -> dict[str, object]:
    ready = actions.canned_of(work.session, found.site)
    return {
        "canned": [(each.name, actions.filled(work, found, each)) for each in ready],
        **_head(work, found),
    }


def _head(work: Work, found: Conversation) -> dict[str, object]:
    names = Names(work)
    visit = work.session.get(Visit, found.visit) if found.visit else None
    mine = found.person is not None and found.person == work.principal.person
    return {
        "conversation": found,
        "name": chats.name_of(found),
        "about": _about(names, found, visit),
        "visit_url": url_for("panel.visit", visit_id=visit.id) if visit else "",
        "badge": _badge(names, work, found),
        "may_take": found.state is not State.RECEPTION or not mine,
        "may_pass": visit is not None and found.state is not State.HOST,
        "may_give_back": found.state in {State.HOST, State.RECEPTION},
        "may_close": found.state is not State.CLOSED,
        "speaks": {
            Language.EN: gettext("writes English"),
            Language.JA: gettext("writes Japanese"),
            Language.ZH: gettext("writes Chinese"),
        }[Language(found.language)],
    }


def _list(work: Work, here: str = "") -> dict[str, object]:
    show = _show()
    search = on_one_line(request.args.get("search", ""))[:LONGEST_SEARCH]
    sites = sites_of(work)
    query = PageQuery(limit=A_PAGE, cursor=sent_cursor())
    page = actions.listed(work.session, sites, show, work.principal.person, query, search)
    cursor, following = query.cursor, page.next_cursor

    def url(endpoint: str, at: str | None) -> str:
        return url_for(endpoint, show=show.value, search=search or None, cursor=at)

    return {
        "lines": _lines(work, page.items, show, here),
        "list_url": url("panel.inbox_list", cursor),
        "first_url": url("panel.inbox", None) if cursor else "",
        "next_url": url("panel.inbox", following) if following else "",
        "tabs": _tabs(work, sites, show),
        "show": show.value,
        "search": search,
        "here": here,
        "now": work.now,
        "nothing": gettext("Nothing here fits this search.") if search else _nothing(show),
        "closed_now": [notice for site in sites if (notice := _closed_now(work, site))],
    }


def _show() -> Show:
    try:
        return Show(request.args.get("show", Show.WAITING.value))
    except ValueError:
        return Show.WAITING


def _lines(work: Work, found: Sequence[Conversation], show: Show, here: str) -> list[Line]:
    names = Names(work)
    ids = [each.id for each in found]
    newest = actions.newest_words(work.session, ids)
    ways = actions.ways_of(work.session, ids)
    ringing = actions.ringing(work.session, ids)
    return [
        Line(
            url=url_for("panel.inbox_conversation", conversation=each.id, show=show.value),
            called=chats.name_of(each),
            about=_about(names, each, work.session.get(Visit, each.visit) if each.visit else None),
            words=_preview(newest.get(each.id)),
            at=each.last_at,
            state=_badge(names, work, each) if each.id not in ringing else _rings(),
            ways=[_way(way) for way in ways.get(each.id, []) if way is not Channel.PAGE],
            unread=actions.unread(work, each, Side.RECEPTION),
            waiting_since=each.waiting_since,
            here=each.id == here,
        )
        for each in found
    ]


def _about(names: Names, found: Conversation, visit: Visit | None) -> str:
    where = names.site(found.site) if len(names.sites()) > 1 else ""
    whom = (
        gettext("Visits %(host)s", host=names.person(visit.host))
        if visit
        else gettext("Without a visit")
    )
    return " · ".join(part for part in (whom, where) if part)


def _preview(newest: Message | None) -> str:
    if newest is None:
        return ""
    words = on_one_line(actions.words_of(newest, Language(current())))
    if not words:
        return gettext("A file")
    return words if len(words) <= LONGEST_PREVIEW else f"{words[:LONGEST_PREVIEW]}…"


def _badge(names: Names, work: Work, found: Conversation) -> Badge:
    """Say whose turn it is, and who has taken it."""
    waits = found.waiting_since is not None
    tone = "waiting" if waits else ""
    match found.state:
        case State.BOT:
            return Badge("", "information", gettext("Answered automatically"))
        case State.CLOSED:
            return Badge("", "approve", gettext("Closed"))
        case State.HOST:
            return Badge(tone, "person", gettext("The host answers"))
        case State.RECEPTION if found.person is None:
            return Badge("waiting", "waiting", gettext("Nobody has taken it"))
        case State.RECEPTION:
            mine = found.person == work.principal.person
            words = (
                gettext("You answer")
                if mine
                else gettext("%(name)s answers", name=names.person(found.person))
            )
            return Badge(tone, "person", words)


def _rings() -> Badge:
    return Badge("waiting", "call", gettext("Is calling"))


def _way(channel: Channel) -> str:
    words = {
        Channel.LINE: "LINE",
        Channel.WECOM: gettext("WeChat"),
        Channel.MAIL: gettext("Mail"),
    }
    return words.get(channel, "")


def _tabs(work: Work, sites: Sequence[SiteCode], show: Show) -> list[Tab]:
    words = {
        Show.WAITING: gettext("Waiting"),
        Show.MINE: gettext("Mine"),
        Show.OPEN: gettext("All open"),
        Show.CLOSED: gettext("Closed ones"),
    }
    waiting = actions.count_waiting(work.session, sites)
    return [
        Tab(
            word,
            url_for("panel.inbox", show=each.value),
            each is show,
            waiting if each is Show.WAITING else 0,
        )
        for each, word in words.items()
    ]


def _nothing(show: Show) -> str:
    match show:
        case Show.WAITING:
            return gettext("Nobody waits for an answer.")
        case Show.MINE:
            return gettext("You have taken no conversation.")
        case Show.OPEN:
            return gettext("There is no open conversation.")
        case Show.CLOSED:
            return gettext("No conversation was closed yet.")


def _closed_now(work: Work, site: SiteCode) -> str:
    """Return that visitors are told now that nobody is there, where that is so."""
    found, hours = work.session.get(places.Site, site), actions.hours_of(work, site)
    if found is None or hours is None or actions.is_open(hours, found.time_zone, work.now):
        return ""
    return gettext(
        "Outside the office hours of %(site)s: visitors are told when somebody is back.",
        site=places.name_in(found, Language(current())),
    )
