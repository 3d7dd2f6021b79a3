"""The bot's list on the panel: what visitors ask and what it answers, tried at once; and the "contact us" signs."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.arrivals.actions import PosterSize
from server.conversations import actions
from server.conversations.actions import NewContactPoint, QuestionInput, Tried
from server.conversations.models import Question
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.ids import ContactPointId, QuestionId
from server.kernel.principal import Right, require
from server.kernel.request import begin, caller, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.web.forms import Form
from server.web.languages import LANGUAGES, current, gettext

LONGEST_TRIAL = 300


class QuestionLine(NamedTuple):
    """A question in the list."""

    id: QuestionId
    words: str
    answer: str
    languages: str
    active: bool
    offered: bool


class SignLine(NamedTuple):
    """A sign that hangs."""

    id: ContactPointId
    address: str
    note: str
    number: str
    scans: int


@blueprint.get("/questions")
def questions() -> str:
    """Show the list of a site, and what the bot would answer to what was typed."""
    typed = request.args.get("try", "")[:LONGEST_TRIAL]
    with reading() as work:
        site = _site(work)
        listed = actions.list_questions(work, site)
        tried = actions.try_out(work, site, typed, Language(current())) if typed else None
        return render_template(
            "panel/questions.html",
            site=site,
            sites=Names(work).sites(),
            questions=[_line(each, place) for place, each in _in_order(listed)],
            typed=typed,
            tried=tried,
            says=_says(tried),
            signs=_signs(work, site),
            may_sign=caller().principal.may(Right.PLACES_MANAGE, site),
        )


@blueprint.route("/questions/new", methods=["GET", "POST"])
def new_question() -> AnyResponse:
    """Write a question."""
    with reading() as work:
        site = _site(work)
        require(work.principal, Right.CONVERSATIONS_ANSWER, site)
        count = len(actions.list_questions(work, site))
    form = (
        Form.sent()
        if request.method == "POST"
        else Form({"position": str(count + 1), "active": "yes"})
    )
    if request.method == "POST":
        try:
            wanted = _typed(form)
            with begin() as work:
                actions.add_question(work, site, wanted)
        except (ValidationError, GenkanError) as error:
            _refuse(form, error)
        else:
            flash(gettext("Added. The bot knows it from now on."), "good")
            return redirect(url_for("panel.questions", site=site), 303)
    return _form(form, site, None)


@blueprint.route("/questions/<question_id>", methods=["GET", "POST"])
def change_question(question_id: str) -> AnyResponse:
    """Write a question anew."""
    wanted_id = QuestionId(question_id)
    with reading() as work:
        found = actions.get_question(work, wanted_id)
    form = Form.sent() if request.method == "POST" else Form(_values(found))
    if request.method == "POST":
        try:
            wanted = _typed(form)
            with begin() as work:
                actions.change_question(work, wanted_id, wanted)
        except (ValidationError, GenkanError) as error:
            _refuse(form, error)
        else:
            flash(gettext("Saved. The bot answers so from now on."), "good")
            return redirect(url_for("panel.questions", site=found.site), 303)
    return _form(form, found.site, found.id)


@blueprint.post("/questions/<question_id>/remove")
def remove_question(question_id: str) -> AnyResponse:
    """Take a question off the list."""
    with begin() as work:
        site = actions.get_question(work, QuestionId(question_id)).site
        actions.remove_question(work, QuestionId(question_id))
    flash(gettext("Removed. What was answered from it stays in the conversations."), "good")
    return redirect(url_for("panel.questions", site=site), 303)


@blueprint.post("/contact-signs")
def put_up_contact() -> AnyResponse:
    """Make a "contact us" sign."""
    form = Form.sent()
    site = SiteCode(form.value("site"))
    try:
        with begin() as work:
            actions.put_up_contact(work, site, NewContactPoint(note=form.value("note")))
    except ValidationError as error:
        raise Invalid(
            [("note", gettext("Please use at most %(most)d characters.", most=100))]
        ) from error
    flash(gettext("The sign is ready to be printed."), "good")
    return redirect(url_for("panel.questions", site=site), 303)


@blueprint.post("/contact-signs/<sign>/take-down")
def take_down_contact(sign: str) -> AnyResponse:
    """Let a sign count no more."""
    with begin() as work:
        site = actions.take_down_contact(work, ContactPointId(sign)).site
    return redirect(url_for("panel.questions", site=site), 303)


@blueprint.get("/contact-signs/<sign>/<size>.pdf")
def contact_sheet(sign: str, size: str) -> AnyResponse:
    """Return the paper of a sign as PDF."""
    if size not in set(PosterSize):
        raise NotFound("There is no such paper.")
    with reading() as work:
        found = actions.get_contact(work, ContactPointId(sign))
        body = actions.contact_pdf(work, found, PosterSize(size))
    answer = Response(body, mimetype="application/pdf")
    name = f"genkan-{found.site}-contact-{size}.pdf"
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return answer


def _site(work: Work) -> SiteCode:
    known = [code for code, _ in Names(work).sites()]
    wanted = request.values.get("site", "")
    if wanted in known:
        return SiteCode(wanted)
    if not known:
        raise NotFound("There is no site yet.")
    return SiteCode(known[0])


def _in_order(listed: Sequence[Question]) -> list[tuple[int, Question]]:
    """Return each question with its place among those that count."""
    place, found = 0, list[tuple[int, Question]]()
    for each in listed:
        place += each.active
        found.append((place, each))
    return found


def _line(found: Question, place: int) -> QuestionLine:
    language = Language(current())
    ways = actions.in_language(found.asked, language) or [""]
    return QuestionLine(
        id=found.id,
        words=ways[0],
        answer=actions.in_language(found.answers, language) or "",
        languages=" · ".join(LANGUAGES[each] for each in LANGUAGES if found.asked.get(each)),
        active=found.active,
        offered=found.active and place <= actions.OFFERED,
    )


def _signs(work: Work, site: SiteCode) -> list[SignLine]:
    if not work.principal.may(Right.PLACES_READ, site):
        return []
    return [
        SignLine(
            each.id,
            actions.contact_address(work, each),
            each.note,
            f"{each.check_number[:2]}-{each.check_number[2:]}",
            each.scans,
        )
        for each in actions.list_contacts(work, site)
    ]


def _says(tried: Tried | None) -> str:
    """Return what the bot would do, in one sentence."""
    if tried is None:
        return ""
    if tried.answer is not None:
        return gettext("The bot would answer, from “%(words)s”:", words=tried.answer.asked_as)
    if tried.nearest is None:
        return gettext(
            "The bot would say that it does not know, and ask a person. Nothing in the list is like it."
        )
    return gettext(
        "The bot would say that it does not know, and ask a person. Nearest, but not near enough: “%(words)s”.",
        words=tried.nearest.asked_as,
    )


def _typed(form: Form) -> QuestionInput:
    return QuestionInput.model_validate(
        {
            "asked": {
                each: [
                    line.strip()
                    for line in form.value(f"asked.{each}").splitlines()
                    if line.strip()
                ]
                for each in LANGUAGES
            },
            "answers": {each: form.value(f"answers.{each}") for each in LANGUAGES},
            "position": form.value("position") or "0",
            "active": bool(form.value("active")),
        }
    )


def _values(found: Question) -> dict[str, str]:
    values = {"position": str(found.position), "active": "yes" if found.active else ""}
    for each in LANGUAGES:
        values[f"asked.{each}"] = "\n".join(found.asked.get(each, []))
        values[f"answers.{each}"] = found.answers.get(each, "")
    return values


def _refuse(form: Form, error: ValidationError | GenkanError) -> None:
    if isinstance(error, GenkanError):
        form.take(error)
        return
    # A line of several phrasings stands in one field: asked.ja.3 belongs to asked.ja.
    known = {f"{part}.{each}" for part in ("asked", "answers") for each in LANGUAGES} | {"position"}
    for each in error.errors(include_url=False):
        place = ".".join(str(part) for part in each["loc"][:2])
        why = str(each["msg"]).removeprefix("Value error, ")
        form.refuse(place if place in known else "", why[:1].upper() + why[1:])


def _form(form: Form, site: SiteCode, question: QuestionId | None) -> Response:
    text = render_template(
        "panel/question.html",
        form=form,
        site=site,
        question=question,
        languages=list(LANGUAGES.items()),
    )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")
