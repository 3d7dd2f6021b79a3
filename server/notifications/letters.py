"""Letters about a visit: plain facts in, one person's mail out, in that person's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_name

from access_protocol.wording import Language
from server.kernel.text import on_one_line
from server.notifications import calendar
from server.notifications.calendar import Entry, Method, Occasion
from server.notifications.letterpress import template
from server.notifications.mail import Mail
from server.notifications.wording import OVER, WORDS, LetterKind

PASS_PICTURE = "pass@genkan"  # noqa: S105  the content id of a picture
_LOCALES = {Language.JA: "ja_JP", Language.EN: "en_GB", Language.ZH: "zh_Hans_CN"}


@dataclass(frozen=True, kw_only=True)
class SeriesDate:
    """One date of a series, or the series as a whole, for the calendar entry; see `calendar.Occasion`."""

    starts_at: datetime
    ends_at: datetime
    title: str
    note: str
    bring: str
    place: str
    link: str
    date: datetime | None = None
    rule: Mapping[str, int | str | list[str]] | None = None
    left_out: Sequence[datetime] = ()


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What one person is told about a visit: names, times and places as they are to be read."""

    kind: LetterKind
    language: Language
    recipient: str
    name: str
    title: str
    host: str
    site: str
    place: str
    """Where, for people: "Sakura, 3rd floor, Genkan Tokyo"."""
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    """The site's, as an IANA name."""
    note: str = ""
    bring: str = ""
    directions: str = ""
    reason: str = ""
    link: str = ""
    pass_picture: bytes | None = None
    """The QR code as PNG; None where there is none to show."""
    calendar_uid: str = ""
    """Empty: no calendar entry goes with this letter."""
    sequence: int = 0
    series: Sequence[SeriesDate] = ()
    """What the calendar entry says about dates of a series; empty: the entry is this one visit."""
    dates: Sequence[tuple[datetime, datetime]] = ()
    """The dates of a series as they stand, from when to when."""
    code: str = ""
    """Where the letter is about a code and says nothing else."""
    code_life: timedelta = timedelta()


def write(letter: Letter, sender: str, at: datetime) -> Mail:
    """Return the mail for a letter that `sender` writes at this moment."""
    letter = _on_single_lines(letter)
    words = WORDS[letter.language]
    says = words.says[letter.kind]
    filled = {
        "name": letter.name,
        "host": letter.host,
        "site": letter.site,
        "title": letter.title,
        "day": _day(letter),
        "count": len(letter.dates),
        "minutes": int(letter.code_life.total_seconds()) // 60,
    }
    told = {
        "language": letter.language.value,
        "letter": letter,
        "words": words,
        "heading": says.heading,
        "greeting": words.greeting.format_map(filled),
        "opening": says.opening.format_map(filled),
        "closing": words.closing.format_map(filled),
        "link_words": says.link or words.link,
        "before_link": says.before_link or words.before_link,
        "when": when(letter.starts_at, letter.ends_at, letter.time_zone, letter.language),
        "dates": [
            when(start, end, letter.time_zone, letter.language, with_zone=False)
            for start, end in letter.dates
        ],
        "picture": PASS_PICTURE,
    }
    return Mail(
        recipient=letter.recipient,
        name=letter.name,
        subject=on_one_line(says.subject.format_map(filled)),
        text=template("letter.txt").render(told),
        html=template("letter.html").render(told),
        language=letter.language.value,
        pictures={PASS_PICTURE: letter.pass_picture} if letter.pass_picture else {},
        calendar=_calendar(letter, sender, at),
        calendar_method=_method(letter).value,
    )


def _on_single_lines(letter: Letter) -> Letter:
    single = ("name", "title", "host", "site", "place")
    return replace(letter, **{name: on_one_line(getattr(letter, name)) for name in single})


def when(
    starts_at: datetime,
    ends_at: datetime,
    time_zone: str,
    language: Language,
    *,
    with_zone: bool = True,
) -> str:
    """Return from when to when, in the zone's own time and in the words of the language."""
    zone, locale = ZoneInfo(time_zone), _LOCALES[language]
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    first = f"{format_date(start, 'full', locale)} {format_time(start, 'short', locale=locale)}"
    last = format_time(end, "short", locale=locale)
    if start.date() != end.date():
        last = f"{format_date(end, 'full', locale)} {last}"
    named = f" ({get_timezone_name(start, locale=locale)})" if with_zone else ""
    return f"{first} – {last}{named}"


def _day(letter: Letter) -> str:
    start = letter.starts_at.astimezone(ZoneInfo(letter.time_zone))
    return format_date(start, "long", _LOCALES[letter.language])


def _method(letter: Letter) -> Method:
    return Method.CANCEL if letter.kind in OVER else Method.REQUEST


def _calendar(letter: Letter, sender: str, at: datetime) -> bytes | None:
    if not letter.calendar_uid:
        return None
    entry = Entry(
        uid=letter.calendar_uid,
        sequence=letter.sequence,
        method=_method(letter),
        at=at,
        occasions=[_occasion(letter, each) for each in letter.series] or [_single(letter)],
        time_zone=letter.time_zone if letter.series else "",
        organizer=sender,
        organizer_name=letter.host,
        attendee=letter.recipient,
        attendee_name=letter.name,
    )
    return calendar.write(entry)


def _single(letter: Letter) -> Occasion:
    alone = SeriesDate(
        starts_at=letter.starts_at,
        ends_at=letter.ends_at,
        title=letter.title,
        note=letter.note,
        bring=letter.bring,
        place=letter.place,
        link=letter.link,
    )
    return _occasion(letter, alone)


def _occasion(letter: Letter, date: SeriesDate) -> Occasion:
    words = WORDS[letter.language]
    link = f"{words.before_link}\n{date.link}" if date.link else ""
    bring = f"{words.bring}\n{date.bring}" if date.bring else ""
    directions = f"{words.directions}\n{letter.directions}" if letter.directions else ""
    return Occasion(
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        summary=on_one_line(date.title),
        description="\n\n".join(part for part in (date.note, bring, directions, link) if part),
        location=on_one_line(date.place),
        link=date.link,
        date=date.date,
        rule=date.rule,
        left_out=date.left_out,
    )
