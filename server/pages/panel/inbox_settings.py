"""What stands behind reception's inbox: ready answers, and the hours in which somebody is there."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import NamedTuple, cast

from babel import Locale
from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.conversations import actions
from server.conversations.actions import PLACES, CannedAnswer, CannedInput, HoursInput, OfficeHours
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.ids import CannedAnswerId
from server.kernel.principal import Right
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.panel.inbox import sites_of
from server.web.forms import Form
from server.web.languages import LANGUAGES, current, gettext

_PATIENCE = "host_reacts_within_min"
_USUAL = ("09:00", "18:00")
_WORKDAYS = range(5)
_NEAR = ("JP", "CN", "TW", "US", "GB", "DE")
"""These stand first in the list of countries."""
_LOCALES = {"en": "en_GB", "ja": "ja", "zh": "zh_Hans_CN"}


class Day(NamedTuple):
    """One day of the week in the form."""

    number: int
    word: str
    is_open: bool
    begins: str
    ends: str
    error: str


@blueprint.get("/inbox/settings")
def inbox_settings() -> AnyResponse:
    """Show both, for one site."""
    with reading() as work:
        return _page(work, _site(work))


@blueprint.post("/inbox/settings/<site>/canned")
def put_canned(site: str) -> AnyResponse:
    """Add a ready answer, change one, or remove it."""
    code, form = SiteCode(site), Form.sent()
    canned = CannedAnswerId(form.value("canned")) if form.value("canned") else None
    try:
        if canned and form.value("do") == "remove":
            with begin() as work:
                actions.remove_canned(work, code, canned)
            flash(gettext("Removed."), "good")
        else:
            texts = {each: form.value(f"text.{each}") for each in LANGUAGES}
            wanted = CannedInput.model_validate({"name": form.value("name"), "texts": texts})
            with begin() as work:
                actions.put_canned(work, code, wanted, canned)
            flash(gettext("Saved. It can be used at once."), "good")
        return redirect(url_for("panel.inbox_settings", site=code), 303)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            place = ".".join(str(part) for part in each["loc"]).replace("texts.", "text.")
            words = each["msg"].removeprefix("Value error, ")
            form.refuse(place if place in form.values else "name", words)
    except GenkanError as error:
        form.take(error)
    with reading() as work:
        return _page(work, code, canned=form)


@blueprint.post("/inbox/settings/<site>/hours")
def set_hours(site: str) -> AnyResponse:
    """Set when somebody is there."""
    code, form = SiteCode(site), Form.sent()
    try:
        wanted = _typed(form) if form.value("always") != "yes" else None
        if not form.has_errors:
            with begin() as work:
                actions.set_hours(work, code, wanted)
            flash(gettext("Saved. Visitors who write outside these hours are told."), "good")
            return redirect(url_for("panel.inbox_settings", site=code), 303)
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error, [f"day-{number}" for number in range(7)] + ["country", "closed"])
    with reading() as work:
        return _page(work, code, hours=form)


@blueprint.post("/inbox/settings/<site>/patience")
def set_patience(site: str) -> AnyResponse:
    """Set how long a host has before reception takes over."""
    code, form = SiteCode(site), Form.sent()
    try:
        wanted = actions.PolicyInput.model_validate({_PATIENCE: form.value(_PATIENCE)})
        with begin() as work:
            actions.change_policy(work, code, wanted)
        flash(gettext("Saved. It counts for whoever writes from now on."), "good")
        return redirect(url_for("panel.inbox_settings", site=code), 303)
    except ValidationError:
        form.refuse(_PATIENCE, gettext("Please give whole minutes from 1 to 120."))
    except GenkanError as error:
        form.take(error)
    with reading() as work:
        return _page(work, code, patience=form)


def _site(work: Work) -> SiteCode:
    known = sites_of(work)
    wanted = SiteCode(request.args.get("site", known[0]))
    if wanted not in known:
        raise NotFound("There is no such site.")
    return wanted


def _page(
    work: Work,
    site: SiteCode,
    canned: Form | None = None,
    hours: Form | None = None,
    patience: Form | None = None,
) -> Response:
    names = Names(work)
    known = sites_of(work)
    if site not in known:
        raise NotFound("There is no such site.")
    canned = canned or Form()
    hours = hours or _stored(actions.hours_of(work, site))
    minutes = actions.policy_of(work.session, site).host_reacts_within_min
    patience = patience or Form({_PATIENCE: str(minutes)})
    text = render_template(
        "panel/inbox_settings.html",
        site=site,
        sites=[(code, names.site(code)) for code in known],
        canned=actions.canned_of(work.session, site),
        canned_form=canned,
        edited=canned.value("canned") or request.args.get("edit", ""),
        values_of=_values_of,
        places=", ".join(f"{{{each}}}" for each in PLACES),
        languages=list(LANGUAGES.items()),
        hours_form=hours,
        days=_days(hours),
        countries=_countries(),
        patience_form=patience,
        may_set_hours=work.principal.may(Right.PLACES_MANAGE, site),
        time_zone=names.time_zone(site),
    )
    refused = any(form.has_errors for form in (canned, hours, patience))
    status = Invalid.status if refused else 200
    return Response(text, status, mimetype="text/html")


def _values_of(found: CannedAnswer | None, form: Form) -> Form:
    """Return the form of one answer: what was typed into it, or what is stored."""
    if form.has_errors and form.value("canned") == (found.id if found else ""):
        return form
    if found is None:
        return Form()
    return Form(
        {"name": found.name, **{f"text.{code}": words for code, words in found.texts.items()}}
    )


def _stored(found: OfficeHours | None) -> Form:
    values = {"always": "yes"} if found is None else {}
    days = {str(each): list(_USUAL) for each in _WORKDAYS} if found is None else found.days
    for number, (begins, ends) in days.items():
        values |= {f"open-{number}": "yes", f"begins-{number}": begins, f"ends-{number}": ends}
    if found is not None:
        values |= {"country": found.country, "closed": "\n".join(found.closed)}
    return Form(values)


def _typed(form: Form) -> HoursInput:
    days: dict[int, tuple[time, time]] = {}
    for number in range(7):
        if form.value(f"open-{number}") != "yes":
            continue
        try:
            begins = time.fromisoformat(form.value(f"begins-{number}"))
            ends = time.fromisoformat(form.value(f"ends-{number}"))
        except ValueError:
            form.refuse(f"day-{number}", gettext("Please give both times."))
            continue
        if begins >= ends:
            form.refuse(f"day-{number}", gettext("The end must be after the beginning."))
        days[number] = (begins, ends)
    closed: list[date] = []
    for word in re.split(r"[\s,、，]+", form.value("closed")):
        try:
            closed += [date.fromisoformat(word)] if word else []
        except ValueError:
            form.refuse(
                "closed", gettext("“%(day)s” is no date such as 2026-12-29.", day=word[:40])
            )
    return HoursInput.model_validate(
        {"days": days, "country": form.value("country"), "closed": closed}
    )


def _days(form: Form) -> list[Day]:
    words = Locale.parse(_LOCALES[current()]).days["stand-alone"]["wide"]
    return [
        Day(
            number,
            words[number],
            form.value(f"open-{number}") == "yes",
            form.value(f"begins-{number}") or _USUAL[0],
            form.value(f"ends-{number}") or _USUAL[1],
            form.error(f"day-{number}"),
        )
        for number in range(7)
    ]


def _countries() -> list[tuple[str, str]]:
    known = cast("Mapping[str, str]", Locale.parse(_LOCALES[current()]).territories)  # pyright: ignore[reportUnknownMemberType]
    named = [(code, known.get(code, code)) for code in actions.countries()]
    first = [each for code in _NEAR for each in named if each[0] == code]
    rest = [each for each in named if each not in first]
    return [*first, *sorted(rest, key=_word)]


def _word(country: tuple[str, str]) -> str:
    return country[1]
