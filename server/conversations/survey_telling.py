"""Telling of surveys: the group that reads them, and the visitor whose comment was answered."""

from html import escape

from access_protocol.wording import Language
from server.conversations import surveys
from server.conversations.survey_models import SurveyAnswer
from server.conversations.surveys import CommentAnswered, SurveyAnswered
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import Mail, NewNotice, NewsKind, NoticeKind, Recipient
from server.people.models import Group, Person
from server.places.models import Site, name_in
from server.visits import actions as visits


def tell_readers(work: Work, answered: SurveyAnswered) -> None:
    """Tell the group of a low score or a new comment; who said it stands on the page only."""
    group, members = surveys.readers_of(work, answered.site)
    kind = NoticeKind.LOW_SCORE if answered.low else NoticeKind.COMMENT
    found = work.session.get_one(SurveyAnswer, answered.answer)
    for person in members:
        _tell(work, kind, found, person)
    if group is not None and group.email:
        _mail(work, kind, found, group)


def tell_answered(work: Work, answered: CommentAnswered) -> None:
    """Tell a visitor by mail and messenger that they were answered."""
    if answered.visitor is not None:
        visits.tell_survey_answered(work, answered.visitor)
        visits.tell_joined(work, answered.visitor, NewsKind.MESSAGE)


def page_of(answer: SurveyAnswer) -> str:
    """Return where the group reads an answer."""
    return f"/panel/survey/{answer.site}#answer-{answer.id}"


def _tell(work: Work, kind: NoticeKind, answer: SurveyAnswer, person: Person) -> None:
    language = Language(person.language)
    to = Recipient(person=person.id, name=person.name, email=person.email, language=language)
    news = NewNotice(
        kind=kind,
        path=page_of(answer),
        details=_details(work, answer, language),
        once=f"{kind}:{answer.id}:{work.now.isoformat()}:{person.id}",
    )
    notifications.tell(work, to, news)


def _mail(work: Work, kind: NoticeKind, answer: SurveyAnswer, group: Group) -> None:
    language = Language(work.settings.default_language)
    words = notifications.word(kind, language, _details(work, answer, language))
    link = f"{str(work.settings.base_url).rstrip('/')}{page_of(answer)}"
    mail = Mail(
        recipient=group.email,
        name=group.name,
        subject=words.title,
        text=f"{words.body}\n\n{link}\n",
        html=f'<p>{escape(words.body)}</p><p><a href="{escape(link)}">{escape(link)}</a></p>',
        language=language.value,
    )
    notifications.send_mail(work, mail)


def _details(work: Work, answer: SurveyAnswer, language: Language) -> dict[str, str]:
    site = work.session.get_one(Site, answer.site)
    return {"score": str(answer.score), "site": name_in(site, language)}
