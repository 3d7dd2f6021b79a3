"""After the visit: thanks, the survey with its answer, and whether we may greet its writer again."""

from http import HTTPStatus
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.conversations import actions as conversations
from server.conversations.actions import NewSurveyAnswer, SurveyAnswer
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.visits import actions
from server.visits.actions import CheckOut
from server.web.formats import local
from server.web.forms import Form
from server.web.languages import current, gettext
from server.web.limits import SMALL, at_most, limited


class Step(NamedTuple):
    """One answer to choose: a number, and the word that says what it means."""

    value: int
    word: str


class Asked(NamedTuple):
    """One question with answers from 1 to 5."""

    name: str
    words: str


def is_afterwards(now: Visiting) -> bool:
    """Tell whether this visitor was here and has left."""
    return now.left is not None


def section(now: Visiting) -> Shown | None:
    """Return the way to the survey, or what was said and answered, once somebody has left."""
    gone = now.left
    if gone is None:
        return None
    said = conversations.answer_of(now.work, now.visitor.id)
    asked = conversations.survey_of(now.work, now.visit.site).asked
    back = now.work.now < now.visit.ends_at and not _ended(now, gone)
    if not asked and said is None and not back:
        return None
    return Shown(
        {
            "asked": asked,
            "said": _said(said),
            "url": url_for("visitor.survey", token=now.token),
            "until": now.visit.ends_at if back else None,
            "may_change": said is not None and said.replied_at is None,
        },
        asks=asked and said is None,
    )


@blueprint.route("/<token>/survey", methods=["GET", "POST"])
@limited("30 per minute")
@at_most(SMALL)
def survey(token: str) -> AnyResponse:
    """Ask how it was."""
    form, back = Form.sent(), url_for("visitor.visit", token=token)
    if request.method == "POST":
        try:
            with visiting(token, writes=True) as now:
                _check_left(now)
                conversations.answer_survey(now.work, now.visitor.id, _typed(now, form))
        except ValidationError as error:
            form.take_validation(error, ("score",))
        except NotFound:
            raise
        except GenkanError as error:
            form.take(error)
        else:
            flash(gettext("Thank you. Somebody will read it."), "good")
            return redirect(back, HTTPStatus.SEE_OTHER)
    with visiting(token) as now:
        said = conversations.answer_of(now.work, now.visitor.id)
        asked = conversations.survey_of(now.work, now.visit.site)
        if now.left is None or not asked.asked or (said is not None and said.replied_at):
            return redirect(back, HTTPStatus.SEE_OTHER)
        if request.method == "GET" and said is not None:
            form.values = _values(said)
        text = render_template(
            "visitor/survey.html",
            form=form,
            token=token,
            site_name=now.names.site(now.visit.site),
            steps=_steps(),
            questions=[
                Asked(f"question-{each['id']}", each.get(current()) or each["en"])
                for each in asked.questions
            ],
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def returning(now: Visiting) -> Shown | None:
    """Return what is kept for the next time, or the question whether it may be, once somebody has left."""
    if not actions.may_be_kept(now.visitor):
        return None
    kept = now.is_kept
    if not kept and not is_afterwards(now):
        return None
    return Shown(
        {
            "kept": kept,
            "keep_url": url_for("visitor.keep_for_next_time", token=now.token),
            "forget_url": url_for("visitor.keep_nothing", token=now.token),
        }
    )


@blueprint.post("/<token>/next-time")
@limited("20 per minute")
@at_most(SMALL)
def keep_for_next_time(token: str) -> AnyResponse:
    """Keep for the next visit what this visitor told us: they have just said yes."""
    with visiting(token, writes=True) as now:
        actions.keep_profile(now.work, now.visitor)
    flash(gettext("Thank you. Next time you need not type this again."), "good")
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)


@blueprint.post("/<token>/next-time/forget")
@limited("20 per minute")
@at_most(SMALL)
def keep_nothing(token: str) -> AnyResponse:
    """Keep nothing for the next visit any more."""
    with visiting(token, writes=True) as now:
        actions.forget_profile(now.work, now.visitor)
    flash(gettext("It is deleted. Next time we ask you everything anew."), "good")
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)


def _ended(now: Visiting, gone: CheckOut) -> bool:
    return (
        gone.how is not actions.CheckOutKind.EXIT_GATE
        or actions.leaving_of(now.work.session, now.visit.site).ends_pass
    )


def _check_left(now: Visiting) -> None:
    if now.left is None:
        raise NotFound("Please tell us how it was once you have left.")


def _typed(now: Visiting, form: Form) -> NewSurveyAnswer:
    questions = conversations.survey_of(now.work, now.visit.site).questions
    answers = {each["id"]: form.value(f"question-{each['id']}") for each in questions}
    return NewSurveyAnswer.model_validate(
        {
            "score": form.value("score") or None,
            "answers": {name: score for name, score in answers.items() if score},
            "comment": form.value("comment"),
            "language": Language(current()),
        }
    )


def _values(said: SurveyAnswer) -> dict[str, str]:
    given = {f"question-{name}": str(score) for name, score in said.answers.items()}
    return given | {"score": str(said.score), "comment": said.comment}


def _said(said: SurveyAnswer | None) -> dict[str, str] | None:
    if said is None:
        return None
    return {
        "score": f"{said.score} · {word_of(said.score)}",
        "comment": said.comment,
        "reply": said.reply,
        "replied_at": local(said.replied_at, "both") if said.replied_at else "",
    }


def word_of(score: int) -> str:
    """Return the word for a score."""
    return next(each.word for each in _steps() if each.value == score)


def _steps() -> list[Step]:
    words = (
        gettext("Very good"),
        gettext("Good"),
        gettext("All right"),
        gettext("Not good"),
        gettext("Bad"),
    )
    return [Step(5 - number, word) for number, word in enumerate(words)]
