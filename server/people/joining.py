"""Somebody joins the house, or forgot their password: a link in their mail lets them set one, a single time."""

from datetime import timedelta
from html import escape

from access_protocol.wording import Language
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import PersonId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import Mail
from server.people import models, sessions
from server.people.events import PasswordLinkSent, PersonChanged
from server.people.models import Person

LINK_LIFE = timedelta(days=3)
PATH = "panel/password"
"""Links lead to `<base_url>/panel/password/<secret>`."""


def send_password_link(work: Work, person_id: PersonId) -> None:
    """Mail somebody a link with which they set their password; one that was sent before ends."""
    require(work.principal, Right.PEOPLE_MANAGE)
    person = work.session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    if not person.active:
        raise Conflict("This account is closed.")
    secret = work.ids.secret(32)
    person.link_hash, person.link_ends_at = models.hash_of(secret), work.now + LINK_LIFE
    work.session.add(person)
    work.session.flush()
    link = f"{str(work.settings.base_url).rstrip('/')}/{PATH}/{secret}"
    notifications.send_mail(
        work, _mail(person, link), reference=f"password:{person.id}", deadline=person.link_ends_at
    )
    work.record(PasswordLinkSent(person=person.id))


def behind_link(work: Work, secret: str, *, held: bool = False) -> Person:
    """Return whose password a link sets; `NotFound` once it was used, is too old or another one was sent."""
    found = models.with_link(work.session, secret, held=held)
    ends_at = found.link_ends_at if found is not None and found.active else None
    if found is None or ends_at is None or ends_at <= work.now:
        raise NotFound(_GONE)
    return found


def set_password(work: Work, secret: str, password_hash: str) -> Person:
    """Take the password of whoever has the link, as `passwords.checked_hash` made it; older sessions end."""
    person = behind_link(work, secret, held=True)
    person.password_hash = password_hash
    person.link_hash = person.link_ends_at = None
    work.session.add(person)
    sessions.end_all(work, person.id)
    work.record(PersonChanged(person=person.id, fields=("password",)))
    return person


_GONE = "This link was used already, or is too old. Please ask an administrator for a new one."


def _mail(person: Person, link: str) -> Mail:
    language = Language(person.language)
    subject, *paragraphs = _WORDS[language]
    said = [each.format(name=person.name, email=person.email) for each in paragraphs]
    said.insert(-1, link)
    shown = "".join(
        f'<p><a href="{escape(each)}">{escape(each)}</a></p>'
        if each is link
        else f"<p>{escape(each)}</p>"
        for each in said
    )
    return Mail(
        recipient=person.email,
        name=person.name,
        subject=subject,
        text="\n\n".join(said) + "\n",
        html=f'<!doctype html><html lang="{language.value}"><body>{shown}</body></html>',
        language=language.value,
    )


_WORDS = {
    Language.EN: (
        "Genkan: set your password",
        "{name}, here you set the password of your account {email} at Genkan, where visitors are invited and received.",
        "The link works once, for three days. If you do not expect this mail, do nothing.",
    ),
    Language.JA: (
        "Genkan：パスワードの設定",
        "{name}様、来訪者の招待と受付を行うGenkanのアカウント（{email}）のパスワードを、こちらで設定してください。",
        "リンクは3日間、1回だけ使えます。お心当たりがない場合は、何もしないでください。",
    ),
    Language.ZH: (
        "Genkan：设置密码",
        "{name}，您好！请在此为您的账户（{email}）设置密码。Genkan用于邀请和接待访客。",
        "该链接三天内有效，只能使用一次。如果您不知道此邮件的来由，请忽略。",
    ),
}
"""By language: the subject, what stands before the link, and what stands after it."""
