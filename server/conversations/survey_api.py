"""The survey as JSON: what visitors said, the figures, and answering a comment."""

from datetime import datetime, timedelta

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import actions
from server.conversations.actions import Figures, SurveyAnswer, SurveyReply
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import SurveyAnswerId, VisitId, VisitorId
from server.kernel.request import answer, begin, reading

blueprint = ApiBlueprint("Survey", "What visitors say afterwards; for the group that reads it.")


class SitePath(BaseModel):
    """Names a site."""

    site: SiteCode = Field(pattern="^[A-Z]{1,3}$")


class AnswerPath(BaseModel):
    """Names what a visitor said."""

    answer: SurveyAnswerId = Field(pattern="^[0-9a-f]{32}$")


class SpanQuery(BaseModel):
    """How far to look back."""

    days: int = Field(default=30, ge=1, le=3650)


class SurveyAnswerOut(BaseModel):
    """What a visitor said."""

    id: SurveyAnswerId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None = Field(description="null: their data was deleted.")
    score: int = Field(description="From 1, very bad, to 5, very good.")
    answers: dict[str, int] = Field(description="The site's own questions by their ids.")
    comment: str
    language: Language
    answered_at: datetime
    reply: str
    replied_at: datetime | None

    @classmethod
    def of(cls, found: SurveyAnswer) -> "SurveyAnswerOut":
        """Show what was said."""
        return cls.model_validate(found, from_attributes=True)


class FiguresOut(BaseModel):
    """What many said."""

    distribution: list[int] = Field(description="How many gave 1, 2, 3, 4 and 5.")
    mean: float | None
    left: int = Field(description="Visitors who were checked out in the same time.")
    response_rate: float | None = Field(description="Which part of them answered, from 0 to 1.")
    questions: dict[str, float] = Field(description="The mean of each of the site's own questions.")

    @classmethod
    def of(cls, found: Figures) -> "FiguresOut":
        """Show figures."""
        return cls(
            distribution=list(found.distribution),
            mean=found.mean,
            left=found.left,
            response_rate=found.response_rate,
            questions=dict(found.questions),
        )


class SurveyOut(BaseModel):
    """The figures of a time, and what was said in it, newest first."""

    figures: FiguresOut
    items: list[SurveyAnswerOut]


@blueprint.get("/sites/<site>/survey", {200: SurveyOut})
def get_survey(path: SitePath, query: SpanQuery) -> Response:
    """Get what visitors of a site said in the last days, the newest hundred."""
    with reading() as work:
        since = work.now - timedelta(days=query.days)
        found = SurveyOut(
            figures=FiguresOut.of(actions.figures(work, path.site, since)),
            items=[SurveyAnswerOut.of(each) for each in actions.said(work, path.site, since)],
        )
    return answer(found)


@blueprint.put("/survey-answers/<answer>/reply", {200: SurveyAnswerOut})
def reply_to_answer(path: AnswerPath, body: SurveyReply) -> Response:
    """Answer what a visitor wrote; once, for they read it at once."""
    with begin() as work:
        replied = SurveyAnswerOut.of(actions.reply_to_comment(work, path.answer, body))
    return answer(replied)
