"""The bot's list: what visitors ask at a site and what it answers; edited, tried, and asked by the conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import Field, model_validator

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import matching, models
from server.conversations.models import LONGEST_ANSWER, LONGEST_QUESTION, Question
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import QuestionId
from server.kernel.principal import Right, require
from server.kernel.text import Line, Lines
from server.kernel.work import Work
from server.visits.actions import Input

MOST_QUESTIONS = 200
"""Questions in the list of one site."""
MOST_PHRASINGS = 30
OFFERED = 6
"""Questions that are offered as buttons."""

Words = TypeVar("Words")
Phrasing = Annotated[Line, Field(min_length=1, max_length=LONGEST_QUESTION)]
AnswerText = Annotated[Lines, Field(max_length=LONGEST_ANSWER)]


class QuestionInput(Input):
    """A question of the list as somebody writes it."""

    asked: dict[Language, Annotated[list[Phrasing], Field(max_length=MOST_PHRASINGS)]] = Field(
        description="By language, how people ask it; the first of each is how a button says it."
    )
    answers: dict[Language, AnswerText] = Field(description="By language, what the bot answers.")
    position: int = Field(
        default=0, ge=0, le=10_000, description=f"The first {OFFERED} are offered as buttons."
    )
    active: bool = True

    @model_validator(mode="after")
    def _is_whole(self) -> "QuestionInput":
        asked = {language for language, ways in self.asked.items() if ways}
        answered = {language for language, answer in self.answers.items() if answer}
        if not asked or not answered:
            raise ValueError("a question needs at least one language with words and an answer")
        if asked - answered:
            raise ValueError(f"an answer is missing in: {', '.join(sorted(asked - answered))}")
        return self


@dataclass(frozen=True)
class Answer:
    """What the bot says, and from which question."""

    question: QuestionId
    text: str
    asked_as: str
    """The phrasing of the list that was nearest."""
    score: float
    """From 0 to 100."""


@dataclass(frozen=True)
class Tried:
    """What the bot would do: its answer, or None, and what came nearest."""

    answer: Answer | None
    nearest: Answer | None
    threshold: float


def list_questions(work: Work, site: SiteCode) -> Sequence[Question]:
    """Return the list of a site, for those who keep it."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)
    return models.questions_of(work.session, site)


def get(work: Work, question_id: QuestionId) -> Question:
    """Return a question, for those who keep the list."""
    found = work.session.get(Question, question_id)
    if found is None:
        require(work.principal, Right.CONVERSATIONS_ANSWER)
        raise NotFound("There is no such question.")
    require(work.principal, Right.CONVERSATIONS_ANSWER, found.site)
    return found


def add(work: Work, site: SiteCode, new: QuestionInput) -> Question:
    """Add a question to the list of a site."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)
    if len(models.questions_of(work.session, site)) >= MOST_QUESTIONS:
        raise Conflict(f"The list holds at most {MOST_QUESTIONS} questions.")
    made = Question(
        id=QuestionId(work.ids.new()),
        site=site,
        position=0,
        asked={},
        answers={},
        changed_at=work.now,
    )
    return _written(work, made, new)


def change(work: Work, question_id: QuestionId, new: QuestionInput) -> Question:
    """Write a question anew."""
    return _written(work, get(work, question_id), new)


def remove(work: Work, question_id: QuestionId) -> None:
    """Take a question off the list; what was answered from it stays in the conversations."""
    work.session.delete(get(work, question_id))
    work.session.flush()


def offered(work: Work, site: SiteCode, question_id: str) -> Question:
    """Return a question that is offered as a button."""
    for each in buttons(work, site):
        if each.id == question_id:
            return each
    raise NotFound("This question is not offered any more.")


def buttons(work: Work, site: SiteCode) -> Sequence[Question]:
    """Return the questions that are offered as buttons."""
    return models.questions_of(work.session, site, active_only=True)[:OFFERED]


def answer(work: Work, site: SiteCode, text: str, language: Language) -> Answer | None:
    """Return what the bot answers; None where it does not know."""
    tried = _tried(work, site, text, language)
    return tried.answer


def try_out(work: Work, site: SiteCode, text: str, language: Language) -> Tried:
    """Return what the bot would answer, for those who keep the list; nothing is said anywhere."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)
    return _tried(work, site, text, language)


def in_language(by_language: Mapping[str, Words], language: Language) -> Words | None:
    """Return what stands there in a language, else in English, else in any."""
    for each in (language, Language.EN, *Language):
        if by_language.get(each):
            return by_language[each]
    return None


def _tried(work: Work, site: SiteCode, text: str, language: Language) -> Tried:
    listed = {each.id: each for each in models.questions_of(work.session, site, active_only=True)}
    hit = matching.nearest(
        text,
        [
            matching.Phrase(each.id, Language(spoken), way)
            for each in listed.values()
            for spoken, ways in each.asked.items()
            for way in ways
        ],
        language,
    )
    if hit is None:
        return Tried(None, None, matching.THRESHOLD)
    question = listed[QuestionId(hit.phrase.about)]
    # Whoever asks in Chinese on an English phone is answered in Chinese.
    text_found = in_language(question.answers, hit.phrase.language) or ""
    near = Answer(question.id, text_found, hit.phrase.words, hit.score)
    return Tried(near if hit.score >= matching.THRESHOLD else None, near, matching.THRESHOLD)


def _written(work: Work, question: Question, new: QuestionInput) -> Question:
    question.asked = {str(language): ways for language, ways in new.asked.items() if ways}
    question.answers = {str(language): said for language, said in new.answers.items() if said}
    question.position, question.active = new.position, new.active
    question.changed_at, question.changed_by = work.now, work.principal.person
    work.session.add(question)
    work.session.flush()
    return question
