"""Telling visitors at their messenger and on their phone that there is news, and which page of theirs has it."""

from html import escape
from urllib.parse import urlsplit

from access_protocol.wording import Language
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import MessengerPage, NewsKind
from server.places.models import Site, name_in
from server.visits.guests import link_of
from server.visits.models import Visit, Visitor
from server.visits.reply_address import reply_address

_READ_ON = {NewsKind.MESSAGE: "/chat", NewsKind.DRINK: "/drink"}
"""Where below the visit page a push leads; everything else stands on the visit page itself."""


def page_of(
    work: Work, visit: Visit, visitor: Visitor, language: Language, news: NewsKind | None = None
) -> MessengerPage:
    """Return what a message may say of a visit.

    LINE's own browser would be another phone to us; the parameter has LINE open the phone's usual one
    (https://developers.line.biz/en/docs/line-login/using-line-url-scheme/). Others do not look at it.
    """
    site = work.session.get_one(Site, visit.site)
    link = link_of(work, visitor)
    path = urlsplit(link).path + (_READ_ON.get(news, "") if news else "")
    url = f"{link}?openExternalBrowser=1"
    return MessengerPage(url, name_in(site, language), language, visit.ends_at, path)


def tell_joined(work: Work, visitor_id: VisitorId, news: NewsKind) -> None:
    """Tell a visitor that there is news, where they joined a messenger and where they asked their phone for it."""
    visitor = work.session.get(Visitor, visitor_id)
    joined = notifications.joined_of(work, [visitor_id])
    if visitor is None or not (joined or notifications.is_phone_told(work, visitor_id)):
        return
    visit = work.session.get_one(Visit, visitor.visit)
    page = page_of(work, visit, visitor, visitor.language, news)
    notifications.tell_at_messengers(work, visitor_id, news, page)
    notifications.tell_phone(work, visitor_id, news, page)


def end_joined(work: Work, visitor_id: VisitorId) -> None:
    """Tell a visitor that the visit will not take place, and write to them no more."""
    tell_joined(work, visitor_id, NewsKind.CANCELLED)
    notifications.forget_at_messengers(work, visitor_id, keep=NewsKind.CANCELLED)
    notifications.forget_phone(work, visitor_id, keep=NewsKind.CANCELLED)


def mail_news(work: Work, visitor_id: VisitorId, news: NewsKind) -> None:
    """Tell a visitor by mail that there is news, and where to read it; one that waits is not sent twice."""
    visitor = work.session.get(Visitor, visitor_id)
    if visitor is None or not visitor.email:
        return
    visit = work.session.get_one(Visit, visitor.visit)
    page = page_of(work, visit, visitor, visitor.language, news)
    words = notifications.brief(news, visitor.language)
    link = link_of(work, visitor)
    mail = notifications.Mail(
        recipient=visitor.email,
        name=visitor.name,
        subject=f"{page.site_name}: {words}",
        text=f"{words}\n\n{link}\n",
        html=f'<p>{escape(words)}</p><p><a href="{escape(link)}">{escape(link)}</a></p>',
        language=visitor.language,
        reply_to=reply_address(work, visitor.id),
    )
    notifications.send_mail(work, mail, reference=f"{visitor.id}:{news}", deadline=visit.ends_at)
