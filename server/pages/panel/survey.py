"""What visitors said afterwards: figures, comments that can be answered, and what a site asks."""

from datetime import timedelta
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import actions
from server.conversations.actions import (
    Figures,
    Survey,
    SurveyAnswer,
    SurveyInput,
    SurveyReply,
)
from server.kernel.errors import Forbidden, GenkanError, Invalid
from server.kernel.ids import SurveyAnswerId
from server.kernel.principal import Right, require
from server.kernel.request import begin, caller, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.people import models as people
from server.places.models import all_sites
from server.visits.models import Visit, Visitor
from server.web.forms import Form
from server.web.languages import LANGUAGES, current, gettext

SPANS = (30, 90, 365)
"""Days to look back."""
_WIDTH = 180


class Bar(NamedTuple):
    """One bar of the chart."""

    word: str
    number: int
    part: str
    width: int
    y: int


class Said(NamedTuple):
    """What one visitor said."""

    id: str
    score: str
    who: str
    at: object
    comment: str
    reply: str
    replied: str
    replied_at: object
    reply_url: str


@blueprint.get("/survey")
def surveys() -> AnyResponse:
    """Lead to the survey of the site whose comments the caller reads."""
    with reading() as work:
        site = next(
            (each for each in all_sites(work.session) if actions.may_read(work, each.code)), None
        )
        if site is None:
            raise Forbidden("Only the group that reads the survey of a site sees this.")
    return redirect(url_for("panel.survey", site=site.code))


@blueprint.get("/survey/<site>")
def survey(site: str) -> AnyResponse:
    """Show figures and comments of a site."""
    return _shown(SiteCode(site), Form.sent(), "")


@blueprint.post("/survey/<site>/<answer_id>/reply")
def reply_to_comment(site: str, answer_id: str) -> AnyResponse:
    """Answer a comment: the visitor is told."""
    form = Form.sent()
    try:
        reply = SurveyReply.model_validate({"text": form.value("text")})
        with begin() as work:
            actions.reply_to_comment(work, SurveyAnswerId(answer_id), reply)
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error)
    else:
        flash(gettext("Sent. The visitor is told that there is an answer."), "good")
        return redirect(url_for("panel.survey", site=site), 303)
    return _shown(SiteCode(site), form, answer_id)


@blueprint.route("/survey/<site>/questions", methods=["GET", "POST"])
def survey_questions(site: str) -> AnyResponse:
    """Decide what a site asks, and who reads it."""
    code, form = SiteCode(site), Form.sent()
    if request.method == "POST":
        try:
            with begin() as work:
                actions.change_survey(work, code, _typed(form))
        except ValidationError as error:
            form.take_validation(error, _question_fields())
        except GenkanError as error:
            form.take(error)
        else:
            flash(gettext("Saved. Visitors are asked so from now on."), "good")
            return redirect(url_for("panel.survey", site=site), 303)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
        if request.method == "GET":
            form.values = _values(actions.survey_of(work, code))
        groups = [(each.id, each.name) for each in people.groups(work.session, code)]
        text = render_template(
            "panel/survey_questions.html",
            form=form,
            site=code,
            name=Names(work).site(code),
            groups=groups,
            languages=list(LANGUAGES.items()),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def may_read_any() -> bool:
    """Tell whether the person at this browser reads the survey of any site; for the panel's navigation."""
    if caller().session is None:
        return False
    with reading() as work:
        return any(actions.may_read(work, each.code) for each in all_sites(work.session))


def _shown(site: SiteCode, form: Form, answering: str) -> AnyResponse:
    with reading() as work:
        names = Names(work)
        span = _span()
        since = work.now - timedelta(days=span)
        figures = actions.figures(work, site, since)
        found = actions.survey_of(work, site)
        group, members = actions.readers_of(work, site)
        text = render_template(
            "panel/survey.html",
            name=names.site(site),
            site=site,
            form=form,
            answering=answering,
            spans=[(each, each == span) for each in SPANS],
            figures=_figures(figures),
            bars=_bars(figures),
            questions=[
                (each.get(current()) or each["en"], f"{figures.questions[each['id']]:.1f}")
                for each in found.questions
                if each["id"] in figures.questions
            ],
            said=[_said(work, names, each) for each in actions.said(work, site, since)],
            readers=group.name if group else "",
            reads_nobody=not members and not (group and group.email),
            may_change=work.principal.may(Right.PLACES_MANAGE, site),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _span() -> int:
    text = request.args.get("days", "")
    return int(text) if text in {str(each) for each in SPANS} else SPANS[1]


def _figures(found: Figures) -> list[tuple[str, str]]:
    mean = gettext("%(mean)s of 5", mean=f"{found.mean:.1f}") if found.mean is not None else "–"
    rate = f"{found.response_rate:.0%}" if found.response_rate is not None else "–"
    return [
        (gettext("Mean score"), mean),
        (gettext("Answers given"), str(found.count)),
        (gettext("Of those who left, answered"), rate),
    ]


def _bars(found: Figures) -> list[Bar]:
    """Return one bar for each score, the best on top; a screen reader reads numbers and words."""
    total, most = found.count, max([*found.distribution, 1])
    return [
        Bar(
            word=states.score(score),
            number=found.distribution[score - 1],
            part=f"{found.distribution[score - 1] / total:.0%}" if total else "–",
            width=round(_WIDTH * found.distribution[score - 1] / most),
            y=32 * (5 - score),
        )
        for score in range(5, 0, -1)
    ]


def _said(work: Work, names: Names, answer: SurveyAnswer) -> Said:
    guest = work.session.get(Visitor, answer.visitor) if answer.visitor else None
    visit = work.session.get(Visit, answer.visit) if answer.visit else None
    who = [guest.name, guest.company] if guest else [gettext("Somebody whose data was deleted")]
    host = gettext("Visit to %(host)s", host=names.person(visit.host)) if visit else ""
    may_reply = bool(answer.comment) and answer.replied_at is None and guest is not None
    return Said(
        id=answer.id,
        score=states.score(answer.score),
        who=" · ".join(part for part in (*who, host) if part),
        at=answer.answered_at,
        comment=answer.comment,
        reply=answer.reply,
        replied=names.person(answer.replied_by) if answer.replied_by else "",
        replied_at=answer.replied_at,
        reply_url=url_for("panel.reply_to_comment", site=answer.site, answer_id=answer.id)
        if may_reply
        else "",
    )


def _question_fields() -> list[str]:
    return [f"questions.{number}.{code}" for number in range(3) for code in Language]


def _typed(form: Form) -> SurveyInput:
    typed = [
        {code.value: form.value(f"questions.{number}.{code}") for code in Language}
        for number in range(3)
    ]
    return SurveyInput.model_validate(
        {
            "asked": form.value("asked") == "yes",
            "questions": [each for each in typed if any(each.values())],
            "group": form.value("group") or None,
            "low_score": form.value("low_score"),
        }
    )


def _values(found: Survey) -> dict[str, str]:
    values = {
        "asked": "yes" if found.asked else "",
        "group": found.group or "",
        "low_score": str(found.low_score),
    }
    for number, each in enumerate(found.questions):
        values |= {f"questions.{number}.{code}": each.get(code, "") for code in Language}
    return values
