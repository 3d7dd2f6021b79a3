"""When somebody of reception is there, and what is said honestly when nobody is."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import holidays
from babel.dates import format_date, format_time
from pydantic import BaseModel, Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import thread
from server.conversations.events import AnswerWanted
from server.conversations.inbox_models import OfficeHours
from server.conversations.models import Conversation, with_key
from server.conversations.rules import Author, State
from server.conversations.telling import host_path
from server.kernel.errors import Invalid
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.notifications.actions import NoticeKind
from server.places.models import Site
from server.visits import actions as visits

MOST_CLOSED = 100
LOOKED_AHEAD = 60
"""Days within which the next opening is looked for."""
_DAYS = range(7)


class HoursInput(BaseModel):
    """Office hours as somebody sets them."""

    days: dict[int, tuple[time, time]]
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    closed: Annotated[list[date], Field(max_length=MOST_CLOSED)] = []


def countries() -> list[str]:
    """Return the countries whose public holidays are known (ISO 3166-1)."""
    return sorted(each for each in holidays.list_supported_countries() if len(each) == len("JP"))


def is_open(hours: OfficeHours | None, time_zone: str, now: datetime) -> bool:
    """Tell whether somebody is there now."""
    if hours is None:
        return True
    there = now.astimezone(ZoneInfo(time_zone))
    span = _span(hours, there.date())
    return span is not None and span[0] <= there.time() < span[1]


def next_open(hours: OfficeHours, time_zone: str, now: datetime) -> datetime | None:
    """Return when somebody is there next, in the site's zone; None where that is not foreseen."""
    zone = ZoneInfo(time_zone)
    there = now.astimezone(zone)
    for ahead in range(LOOKED_AHEAD):
        day = there.date() + timedelta(days=ahead)
        span = _span(hours, day)
        opens = datetime.combine(day, span[0], zone) if span is not None else None
        if opens is not None and opens > there:
            return opens
    return None


def hours_of(work: Work, site: SiteCode) -> OfficeHours | None:
    """Return the hours of a site; None where somebody is always there."""
    return work.session.get(OfficeHours, site)


def is_staffed(work: Work, site_code: SiteCode) -> bool:
    """Tell whether somebody of reception is there now."""
    site = work.session.get_one(Site, site_code)
    return is_open(hours_of(work, site.code), site.time_zone, work.now)


def set_hours(work: Work, site: SiteCode, wanted: HoursInput | None) -> None:
    """Set the hours of a site; None: somebody is always there. Raises `Invalid` for what cannot be."""
    require(work.principal, Right.PLACES_MANAGE, site)
    work.session.get_one(Site, site)
    found = work.session.get(OfficeHours, site)
    if wanted is None:
        if found is not None:
            work.session.delete(found)
        return
    for day, (begins, ends) in wanted.days.items():
        if day not in _DAYS or begins >= ends:
            raise Invalid([(f"day-{day}", "The end must be after the beginning.")])
    if wanted.country and wanted.country not in countries():
        raise Invalid([("country", "Please choose one of those offered.")])
    found = found or OfficeHours(site=site, days={}, changed_at=work.now)
    found.days = {
        str(day): [f"{begins:%H:%M}", f"{ends:%H:%M}"]
        for day, (begins, ends) in sorted(wanted.days.items())
    }
    found.country = wanted.country
    found.closed = sorted({f"{each:%Y-%m-%d}" for each in wanted.closed})
    found.changed_at = work.now
    work.session.add(found)
    work.session.flush()


def say_when(work: Work, wanted: AnswerWanted) -> None:
    """Say honestly that nobody of reception is there, and when somebody will be; the host is told all the same.

    A conversation that somebody took waits for that person: they know when they are there.
    """
    if wanted.of is not State.RECEPTION:
        return
    found = work.session.get_one(Conversation, wanted.conversation)
    site = work.session.get_one(Site, wanted.site)
    hours = hours_of(work, site.code)
    if found.person is not None or hours is None or is_open(hours, site.time_zone, work.now):
        return
    opens = next_open(hours, site.time_zone, work.now)
    key = f"closed:{opens:%Y-%m-%d}" if opens else "closed"
    if with_key(work.session, found.id, key) is None:
        words = closed_words(Language(found.language), opens)
        thread.add(work, found, Author.BOT, words, key=key)
    if wanted.visit is not None:
        once = f"{wanted.conversation}:{wanted.number}"
        path = host_path(wanted.conversation)
        visits.tell_host(
            work, wanted.visit, wanted.visitor, NoticeKind.MESSAGE, path=path, once=once
        )


def closed_words(language: Language, opens: datetime | None) -> str:
    """Return what is said when nobody is there."""
    if opens is None:
        return _CLOSED_UNKNOWN[language]
    locale = {Language.EN: "en_GB", Language.JA: "ja", Language.ZH: "zh_Hans_CN"}[language]
    day = format_date(opens.date(), "EEEE, d MMMM" if language is Language.EN else "full", locale)
    return _CLOSED[language].format(day=day, time=format_time(opens.time(), "HH:mm", locale=locale))


_CLOSED = {
    Language.EN: "Reception is closed now. Somebody is back on {day} at {time} and will answer you here.",
    Language.JA: "ただいま受付時間外です。{day} {time} に担当者が戻り、こちらでお答えします。",
    Language.ZH: "现在不在接待时间。工作人员将于{day} {time} 回来，并在这里回复您。",
}
_CLOSED_UNKNOWN = {
    Language.EN: "Reception is closed now. Your message is kept, and somebody will answer you here.",
    Language.JA: "ただいま受付時間外です。メッセージはお預かりし、後ほどこちらでお答えします。",
    Language.ZH: "现在不在接待时间。您的消息已保留，我们会在这里回复您。",
}


def _span(hours: OfficeHours, day: date) -> tuple[time, time] | None:
    """Return from when to when somebody is there on a day, if at all."""
    found = hours.days.get(str(day.weekday()))
    if found is None or day.isoformat() in hours.closed:
        return None
    if hours.country and day in holidays.country_holidays(hours.country, years=day.year):
        return None
    return time.fromisoformat(found[0]), time.fromisoformat(found[1])
