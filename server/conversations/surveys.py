"""The survey afterwards: a visitor says how it was, those responsible read it, and may answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, func, select, update

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations.survey_models import Survey, SurveyAnswer
from server.kernel import live
from server.kernel.errors import Conflict, Forbidden, NotFound
from server.kernel.events import Event
from server.kernel.ids import GroupId, PersonId, SurveyAnswerId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.text import Line, Lines
from server.kernel.work import Work
from server.people import models as people
from server.people.models import GroupMember
from server.places.models import Site
from server.visits import models as visits
from server.visits.actions import CheckOut
from server.visits.models import Visitor

LOWEST, HIGHEST = 1, 5
MOST_QUESTIONS = 3
TOLD_AGAIN = timedelta(minutes=10)
"""The group is told of one answer once within this, however often it changes; what came meanwhile is told then."""
Score = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Words = Annotated[Line, Field(min_length=1, max_length=200)]
Comment = Annotated[Lines, Field(max_length=2000)]


class Question(BaseModel):
    """A question of the site's own, in every language of the screens; answered from 1 to 5."""

    model_config = ConfigDict(extra="forbid")

    ja: Words
    en: Words
    zh: Words


class SurveyInput(BaseModel):
    """What a site asks its visitors, and who reads it."""

    model_config = ConfigDict(extra="forbid")

    asked: bool = True
    questions: list[Question] = Field(default_factory=list[Question], max_length=MOST_QUESTIONS)
    group: GroupId | None = Field(default=None, description="Who reads and answers the comments.")
    low_score: int = Field(
        default=2, ge=0, le=HIGHEST, description="From here downwards the group is told at once."
    )


class NewSurveyAnswer(BaseModel):
    """What a visitor says."""

    model_config = ConfigDict(extra="forbid")

    score: Score
    answers: dict[str, Score] = Field(default_factory=dict[str, int], max_length=MOST_QUESTIONS)
    comment: Comment = ""
    language: Language


class SurveyReply(BaseModel):
    """What somebody of the group answers."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Lines, Field(min_length=1, max_length=2000)]


@dataclass(frozen=True, kw_only=True)
class SurveyAnswered(Event):
    """A visitor said how their visit was, and it is news to the group: `low`, or with a comment that is new."""

    answer: SurveyAnswerId
    site: SiteCode
    low: bool


@dataclass(frozen=True, kw_only=True)
class CommentAnswered(Event):
    """Somebody answered what a visitor wrote."""

    answer: SurveyAnswerId
    visitor: VisitorId | None
    person: PersonId | None


@dataclass(frozen=True, kw_only=True)
class SurveyChanged(Event):
    """A site decided anew what it asks."""

    site: SiteCode


@dataclass(frozen=True)
class Figures:
    """What many said: how often each score, and how many of those who left said anything."""

    distribution: tuple[int, ...]
    """How many gave 1, 2, 3, 4 and 5."""
    left: int
    """Visitors who were checked out in the same time."""
    questions: Mapping[str, float]
    """The mean of each of the site's own questions by its id."""

    @property
    def count(self) -> int:
        """How many answered."""
        return sum(self.distribution)

    @property
    def mean(self) -> float | None:
        """The mean score; None where nobody answered."""
        scores = [
            score for score, times in enumerate(self.distribution, LOWEST) for _ in range(times)
        ]
        return fmean(scores) if scores else None

    @property
    def response_rate(self) -> float | None:
        """Which part of those who left answered, from 0 to 1; None where nobody left."""
        return min(1.0, self.count / self.left) if self.left else None


def survey_of(work: Work, site: SiteCode) -> Survey:
    """Return what a site asks; the usual where it decided nothing."""
    return work.session.get(Survey, site) or Survey(site=site)


def change_survey(work: Work, site: SiteCode, wanted: SurveyInput) -> Survey:
    """Decide what a site asks, and who reads it."""
    require(work.principal, Right.PLACES_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    found = survey_of(work, site)
    found.asked, found.low_score = wanted.asked, wanted.low_score
    found.group = wanted.group
    known = {tuple(sorted(_words(each).items())): each["id"] for each in found.questions}
    # A question whose words stay keeps its id, and with it what was answered.
    found.questions = [
        {"id": known.get(tuple(sorted(new.items()))) or work.ids.new()[-8:], **new}
        for new in (each.model_dump() for each in wanted.questions)
    ]
    work.session.add(found)
    work.session.flush()
    work.record(SurveyChanged(site=site))
    return found


def answer_of(work: Work, visitor: VisitorId) -> SurveyAnswer | None:
    """Return what a visitor said."""
    return work.session.exec(select(SurveyAnswer).where(SurveyAnswer.visitor == visitor)).first()


def answer_survey(work: Work, visitor_id: VisitorId, new: NewSurveyAnswer) -> SurveyAnswer:
    """Note what a visitor says, or says differently now; once somebody answered it, it stays as it was."""
    found = visits.with_visitor(work.session, visitor_id)
    if found is None:
        raise NotFound("There is no such visitor.")
    visit, _ = found
    survey = survey_of(work, visit.site)
    if not survey.asked:
        raise Conflict("There is no survey at this site.")
    work.session.get(Visitor, visitor_id, with_for_update=True)
    before = answer_of(work, visitor_id)
    if before is not None and before.replied_at is not None:
        raise Conflict("Your comment was answered already. Please use the chat to say more.")
    made = before or SurveyAnswer(
        id=SurveyAnswerId(work.ids.new()),
        site=visit.site,
        visitor=visitor_id,
        visit=visit.id,
        score=new.score,
        language=new.language,
        answered_at=work.now,
        changed_at=work.now,
    )
    worsened = new.score <= survey.low_score and (before is None or before.score > survey.low_score)
    said_anew = bool(new.comment) and (before is None or before.comment != new.comment)
    asked = {each["id"] for each in survey.questions}
    made.score, made.comment, made.language = new.score, new.comment, new.language
    made.answers = {name: score for name, score in new.answers.items() if name in asked}
    made.changed_at = work.now
    made.untold = made.untold or worsened or said_anew
    work.session.add(made)
    work.session.flush()
    _tell(work, made)
    live.notice(work, "survey", about=made.id, site=visit.site)
    live.notice(work, "visitor", about=visitor_id, site=visit.site)
    return made


def tell_waiting(work: Work) -> None:
    """Tell the groups what changed since they were told last; a timer calls it."""
    waiting = select(SurveyAnswer).where(
        col(SurveyAnswer.untold), col(SurveyAnswer.told_at) <= work.now - TOLD_AGAIN
    )
    for each in work.session.exec(waiting.order_by(col(SurveyAnswer.id))).all():
        _tell(work, each)


def _tell(work: Work, answer: SurveyAnswer) -> None:
    """Record what is news to the group, unless they heard of this answer a moment ago."""
    if answer.told_at is not None and answer.told_at > work.now - TOLD_AGAIN:
        return
    low = answer.score <= survey_of(work, answer.site).low_score
    if answer.untold and (low or answer.comment):
        answer.told_at = work.now
        work.record(SurveyAnswered(answer=answer.id, site=answer.site, low=low))
    answer.untold = False
    work.session.flush()


def reply_to_comment(work: Work, answer_id: SurveyAnswerId, reply: SurveyReply) -> SurveyAnswer:
    """Answer what a visitor wrote, for the group that reads it; once, for they read it at once."""
    found = work.session.get(SurveyAnswer, answer_id, with_for_update=True)
    if found is None:
        raise NotFound("There is no such comment.")
    require_reader(work, found.site)
    if not found.comment:
        raise Conflict("There is nothing to answer: only a score was given.")
    if found.visitor is None:
        raise Conflict("Nobody would read it: this visitor's data was deleted.")
    if found.replied_at is not None:
        raise Conflict("This comment was answered already.")
    found.reply, found.replied_at, found.replied_by = reply.text, work.now, work.principal.person
    work.session.flush()
    work.record(
        CommentAnswered(answer=found.id, visitor=found.visitor, person=work.principal.person)
    )
    live.notice(work, "survey", about=found.id, site=found.site)
    live.notice(work, "visitor", about=found.visitor, site=found.site)
    return found


def may_read(work: Work, site: SiteCode) -> bool:
    """Tell whether the caller may read what visitors of a site wrote: the group, and administrators."""
    if work.principal.may(Right.PLACES_MANAGE, site):
        return True
    group = survey_of(work, site).group
    person = work.principal.person
    if group is None or person is None:
        return False
    return work.session.get(GroupMember, (group, person)) is not None


def require_reader(work: Work, site: SiteCode) -> None:
    """Raise `Forbidden` unless the caller may read what visitors of a site wrote."""
    if not may_read(work, site):
        raise Forbidden("Only the group that reads the survey of this site sees this.")


def said(work: Work, site: SiteCode, since: datetime, most: int = 100) -> Sequence[SurveyAnswer]:
    """Return what visitors of a site said since a moment, newest first."""
    require_reader(work, site)
    statement = (
        select(SurveyAnswer)
        .where(SurveyAnswer.site == site, SurveyAnswer.answered_at >= since)
        .order_by(col(SurveyAnswer.answered_at).desc(), col(SurveyAnswer.id).desc())
    )
    return work.session.exec(statement.limit(most)).all()


def figures(work: Work, site: SiteCode, since: datetime) -> Figures:
    """Return the figures of a site since a moment."""
    require_reader(work, site)
    found = work.session.exec(
        select(SurveyAnswer).where(SurveyAnswer.site == site, SurveyAnswer.answered_at >= since)
    ).all()
    scores = [each.score for each in found]
    left = select(func.count()).select_from(CheckOut)
    left = left.where(col(CheckOut.site) == site, col(CheckOut.at) >= since)
    asked = [each["id"] for each in survey_of(work, site).questions]
    per_question = {
        name: [int(each.answers[name]) for each in found if name in each.answers] for name in asked
    }
    return Figures(
        distribution=tuple(scores.count(score) for score in range(LOWEST, HIGHEST + 1)),
        left=work.session.exec(left).one(),
        questions={name: fmean(given) for name, given in per_question.items() if given},
    )


def readers_of(work: Work, site: SiteCode) -> tuple[people.Group | None, Sequence[people.Person]]:
    """Return the group that reads what visitors of a site say, and its people."""
    group = survey_of(work, site).group
    found = work.session.get(people.Group, group) if group else None
    return found, people.members_of(work.session, found.id) if found else []


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Delete what a visitor wrote and was answered; the score stays, and nothing says whose it was."""
    work.session.exec(
        update(SurveyAnswer)
        .where(col(SurveyAnswer.visitor) == visitor)
        .values(visitor=None, visit=None, comment="", reply="", untold=False)
    )
    work.session.expire_all()


def about_visitor(work: Work, visitor: VisitorId) -> dict[str, Any]:
    """Return what a visitor said and was answered, in values that JSON knows."""
    found = answer_of(work, visitor)
    if found is None:
        return {}
    return {
        "score": found.score,
        "answers": dict(found.answers),
        "comment": found.comment,
        "answered_at": found.answered_at,
        "reply": found.reply,
        "replied_at": found.replied_at,
    }


def prune_comments(work: Work, site: SiteCode, before: datetime, *, dry: bool) -> int:
    """Delete what was written in the surveys of a site before a moment; return how many comments."""
    old = (SurveyAnswer.site == site, SurveyAnswer.answered_at < before, SurveyAnswer.comment != "")
    if dry:
        return work.session.exec(select(func.count()).select_from(SurveyAnswer).where(*old)).one()
    gone = update(SurveyAnswer).where(
        col(SurveyAnswer.site) == site,
        col(SurveyAnswer.answered_at) < before,
        col(SurveyAnswer.comment) != "",
    )
    return work.session.exec(gone.values(comment="", reply="", untold=False)).rowcount


def _words(question: Mapping[str, str]) -> dict[str, str]:
    return {name: words for name, words in question.items() if name != "id"}
