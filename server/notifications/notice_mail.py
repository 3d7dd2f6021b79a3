"""A notice as a mail to the host: the same words, and a link to the host's page."""

from access_protocol.wording import Language
from server.kernel import outbox
from server.kernel.work import Work
from server.notifications import mail, phrases, rules
from server.notifications.letterpress import template
from server.notifications.mail import Mail
from server.notifications.models import Delivery, Notice

_BUTTON = {Language.EN: "Open", Language.JA: "開く", Language.ZH: "打开"}
_CLOSING = {
    Language.EN: "You choose how you are told on your host's page.",
    Language.JA: "お知らせの受け取り方は、ホストのページで選べます。",
    Language.ZH: "您可以在接待人页面上选择接收通知的方式。",
}


def send(work: Work, notice: Notice, delivery: Delivery) -> None:
    """Have the notice mailed when the delivery is due."""
    written = write(notice, str(work.settings.base_url))
    message = mail.compose(written, work.settings.mail_from, delivery.id, work.now)
    outbox.post(
        work,
        rules.KIND,
        notice.email,
        {"subject": written.subject},
        body=rules.sealed(work.sealer, message),
        reference=delivery.id,
        due_at=delivery.due_at,
        deadline=notice.expires_at,
    )


def write(notice: Notice, base_url: str) -> Mail:
    """Return the mail."""
    language = Language(notice.language)
    words = phrases.word(notice.kind, language, notice.details)
    told = {
        "language": language.value,
        "title": words.title,
        "body": words.body,
        "link": f"{base_url.rstrip('/')}{notice.opens}",
        "button": _BUTTON[language],
        "closing": _CLOSING[language],
    }
    return Mail(
        recipient=notice.email,
        name=notice.name,
        subject=words.title,
        text=template("notice.txt").render(told),
        html=template("notice.html").render(told),
        language=language.value,
    )
