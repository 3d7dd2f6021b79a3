"""What of a visit's form is about several: dates that repeat, lists of guests, and which dates a change means."""

import re
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import request
from pydantic import ValidationError

from server.kernel.errors import Invalid
from server.kernel.work import Work
from server.visits import actions
from server.visits.actions import Frequency, Repeat, Scope
from server.visits.models import Visit
from server.web.formats import local, span
from server.web.forms import Form, sentence
from server.web.languages import gettext, ngettext

FIELDS = ("frequency", "every", "until", "times", "leave_out")
PERSON = ("name", "email", "company")
_SPLIT = re.compile(r"[\s,;、，；]+")


class Preview(NamedTuple):
    """What the dates would be."""

    words: str
    dates: list[str]


def frequencies() -> list[tuple[str, str]]:
    """Return the ways in which a visit may repeat."""
    return [
        (Frequency.DAILY, gettext("Every day")),
        (Frequency.WEEKDAYS, gettext("Monday to Friday")),
        (Frequency.WEEKLY, gettext("Every week")),
        (Frequency.MONTHLY_DATE, gettext("Every month on this date")),
        (
            Frequency.MONTHLY_WEEKDAY,
            gettext("Every month on this weekday, such as the second Tuesday"),
        ),
        (Frequency.MONTHLY_LAST_WEEKDAY, gettext("Every month on the last such weekday")),
    ]


def weekdays() -> list[tuple[str, str]]:
    """Return the days of the week."""
    names = (
        gettext("Mon"),
        gettext("Tue"),
        gettext("Wed"),
        gettext("Thu"),
        gettext("Fri"),
        gettext("Sat"),
        gettext("Sun"),
    )
    return [(str(number), name) for number, name in enumerate(names)]


def typed(form: Form) -> dict[str, Any] | None:
    """Return the rule as it was typed, or None where the visit does not repeat."""
    if not form.value("repeat.frequency"):
        return None
    rule: dict[str, Any] = {
        name: form.value(f"repeat.{name}")
        for name in ("frequency", "every", "until", "times")
        if form.value(f"repeat.{name}")
    }
    if rule.get("frequency") == Frequency.WEEKLY:
        rule["weekdays"] = form.every("repeat.weekdays")
    days: list[date] = []
    for text in filter(None, _SPLIT.split(form.value("repeat.leave_out"))):
        try:
            days.append(date.fromisoformat(text.replace("/", "-")))
        except ValueError:
            form.refuse(
                "repeat.leave_out",
                gettext("Please write each date like 2026-08-13: %(written)s", written=text[:20]),
            )
    return rule | {"leave_out": days}


def preview(work: Work, form: Form, data: dict[str, Any]) -> Preview | None:
    """Return the dates that the rule gives; what is wrong with it is noted in the form."""
    rule = typed(form)
    if rule is None or not {"starts_at", "ends_at"} <= data.keys():
        return None
    try:
        repeat = Repeat.model_validate(rule)
    except ValidationError as error:
        form.take_validation(_below(error), known())
        return None
    zone = ZoneInfo(actions.first_time_zone(work))
    try:
        found = actions.dates(data["starts_at"], data["ends_at"], repeat, zone)
    except Invalid as error:
        form.take(error, known())
        return None
    words = ngettext(
        "%(num)d date, the last on %(day)s",
        "%(num)d dates, the last on %(day)s",
        len(found),
        day=local(found[-1][0], "day"),
    )
    return Preview(words, [f"{local(start, 'day')}, {span(start, end)}" for start, end in found])


def known() -> list[str]:
    """Return the names of the fields about repeating."""
    return ["repeat.weekdays", "repeat", *(f"repeat.{name}" for name in FIELDS)]


def _below(error: ValidationError) -> ValidationError:
    """Return the error with the places of its fields as the form has them."""
    return ValidationError.from_exception_data(
        error.title,
        [
            {
                "type": each["type"],
                "loc": ("repeat", *each["loc"]),
                "input": each["input"],
                "ctx": each.get("ctx", {}),
            }  # pyright: ignore[reportArgumentType]
            for each in error.errors(include_url=False)
        ],
    )


def take_list(form: Form, count: int) -> int:
    """Put the people of a pasted or uploaded list into the form's rows; return how many rows it has then.

    What is wrong with somebody stands beside them; who finds no room stays in the field for the list.
    """
    text = form.value("guest_list")
    uploaded = request.files.get("guest_file")
    if uploaded is not None and uploaded.filename:
        try:
            text = f"{text}\n{actions.decoded(uploaded.read())}".strip()
        except actions.Unreadable as error:
            form.refuse("guest_file", sentence(str(error)))
            return count
    if not text:
        return count
    rows = [
        number
        for number in range(count)
        if any(form.value(f"visitors.{number}.{name}") for name in PERSON)
    ]
    people = actions.read_guest_list(text, [form.value(f"visitors.{each}.email") for each in rows])
    number = 0 if not rows else count
    left: list[str] = []
    for each in people:
        if number >= actions.MOST_VISITORS:
            left.append(f"{each.name}\t{each.email}\t{each.company}")
            continue
        for name in PERSON:
            form.values[f"visitors.{number}.{name}"] = getattr(each, name)
        for field, why in each.problems:
            form.refuse(f"visitors.{number}.{field}", sentence(why))
        number += 1
    form.values["guest_list"] = "\n".join(left)
    if left:
        most = gettext(
            "At most %(most)d people: the others are still here.", most=actions.MOST_VISITORS
        )
        form.refuse("guest_list", most)
    return max(number, 1)


def has_list(form: Form) -> bool:
    """Tell whether a list was pasted or chosen that is not in the rows yet."""
    uploaded = request.files.get("guest_file")
    return bool(form.value("guest_list")) or bool(uploaded is not None and uploaded.filename)


def scopes(visit: Visit) -> list[tuple[str, str]]:
    """Return which dates may be meant, where the visit is one of a series."""
    if visit.series is None:
        return []
    return [
        (Scope.THIS, gettext("Only this date")),
        (Scope.LATER, gettext("This and all later dates")),
        (Scope.ALL, gettext("All dates that are not over")),
    ]


def scope_sent() -> Scope:
    """Return which dates were meant."""
    try:
        return Scope(request.form.get("scope", Scope.THIS))
    except ValueError:
        return Scope.THIS


def which(work: Work, visit: Visit) -> str:
    """Return which date of its series a visit is, in words; nothing where it is none."""
    if visit.series is None:
        return ""
    found = actions.dates_in(work.session, visit.series)
    number = next((at for at, each in enumerate(found, 1) if each == visit.id), 0)
    return gettext("Date %(number)d of %(count)d", number=number, count=len(found))
