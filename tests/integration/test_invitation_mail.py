"""The mails of one visit from invitation to cancellation, over a real SMTP server, as calendars and cameras read."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import cv2
import icalendar
import numpy as np
import pytest
import zxingcpp
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from access_protocol.wording import Language
from demo.codes import QR_CODES
from demo.ports import free_port
from server.kernel import outbox
from server.kernel.principal import Principal
from server.notifications.smtp import MailServer, SmtpSender
from server.visits import actions
from server.visits.actions import VisitChange, WelcomeInput
from server.visits.models import Visitor
from tests.fakes.reception import SITE, Reception, open_reception
from tests.services.template import SqliteTemplate

WELCOME = WelcomeInput(
    directions={Language.EN: "Exit 4.", Language.JA: "4番出口です。", Language.ZH: "4号出口。"},
    bring={Language.EN: "A photo ID.", Language.JA: "身分証明書", Language.ZH: "身份证件"},
)


@dataclass
class Mailbox:
    """A mail server's mailbox."""

    messages: list[EmailMessage] = field(default_factory=list[EmailMessage])

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  the name that aiosmtpd calls
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.SMTP)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"


@dataclass
class Post:
    """A reception whose mail goes to a mailbox."""

    reception: Reception
    mailbox: Mailbox
    sender: SmtpSender

    def latest(self, to: str = "taro@example.jp") -> EmailMessage:
        """Deliver what waits, and return the latest message to somebody."""
        while outbox.send_due(self.reception.office, {"mail": self.sender}):
            pass
        return [each for each in self.mailbox.messages if to in str(each["To"])][-1]


@pytest.fixture
def post(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[Post]:
    reception = open_reception(sqlite_template.copy(tmp_path / "genkan.sqlite3"), tmp_path)
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    server = MailServer.from_url(f"smtp://127.0.0.1:{port}?tls=off")
    settings = reception.office.settings
    with closing(reception.office):
        yield Post(
            reception, mailbox, SmtpSender(server, settings.mail_from, reception.office.sealer)
        )
        controller.stop()


def entry_in(message: EmailMessage) -> tuple[str, icalendar.Event]:
    """The method and the appointment that a calendar reads; both places that hold it say the same."""
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    contents = {part.get_content().replace("\r\n", "\n") for part in parts}
    assert len(parts) == 2
    assert len(contents) == 1
    calendar = icalendar.Calendar.from_ical(contents.pop())
    assert isinstance(calendar, icalendar.Calendar)
    method = str(calendar["METHOD"])
    assert {part.get_param("method") for part in parts} == {method}
    (event,) = calendar.events
    return method, event


def code_in(message: EmailMessage) -> str:
    """What a camera reads from the picture in the mail."""
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    content = picture.get_payload(decode=True)
    assert isinstance(content, bytes)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    (found,) = zxingcpp.read_barcodes(image, formats=QR_CODES)
    return found.text


@pytest.mark.parametrize("language", Language)
def test_an_invitation_holds_link_code_address_and_what_to_know(
    post: Post, language: Language
) -> None:
    reception = post.reception
    with reception.work("admin") as work:
        actions.change_welcome(work, SITE, WELCOME)
    visit = reception.invite(language=language, bring="Laptop")
    (visitor,) = reception.guests_of(visit)
    with reception.work() as work:
        link = actions.link_of(work, work.session.get_one(Visitor, visitor.id))
    message = post.latest()
    assert message["Content-Language"] == language
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        for wanted in (link, "Laptop", WELCOME.directions[language], WELCOME.bring[language]):
            assert wanted in text
    held = reception.pass_of(visitor.id)
    assert held is not None
    assert code_in(message).startswith("GK1:")
    method, event = entry_in(message)
    assert method == "REQUEST"
    assert link in str(event["DESCRIPTION"])
    assert WELCOME.directions[language] in str(event["DESCRIPTION"])
    assert "Tokyo Office" in str(event["LOCATION"])
    assert event.start == visit.starts_at


def test_a_calendar_follows_a_visit_through_all_that_becomes_of_it(post: Post) -> None:
    reception = post.reception
    visit = reception.invite()
    (visitor,) = reception.guests_of(visit)
    seen: list[tuple[str, icalendar.Event]] = [entry_in(post.latest())]
    begins = reception.clock.now() + timedelta(days=1)
    with reception.work() as work:
        wanted = VisitChange(starts_at=begins, ends_at=begins + timedelta(hours=1))
        actions.change(work, visit.id, wanted)
    seen.append(entry_in(post.latest()))
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        actions.decline_invitation(work, visit.id, visitor.id)
    seen.append(entry_in(post.latest()))
    with reception.work() as work:
        actions.expect_again(work, visit.id, visitor.id)
    seen.append(entry_in(post.latest()))
    with reception.work() as work:
        actions.cancel(work, visit.id)
    seen.append(entry_in(post.latest()))

    assert [method for method, _ in seen] == ["REQUEST", "REQUEST", "CANCEL", "REQUEST", "CANCEL"]
    assert len({str(event["UID"]) for _, event in seen}) == 1
    sequences = [int(str(event["SEQUENCE"])) for _, event in seen]
    assert sequences == sorted(set(sequences))
    assert seen[1][1].start == begins
    assert [str(event["STATUS"]) for _, event in seen[1:3]] == ["CONFIRMED", "CANCELLED"]
    for message in post.mailbox.messages:
        if "taro@" in str(message["To"]):
            _, event = entry_in(message)
            # Calendars take changes only from who sent the first entry.
            assert str(event["ORGANIZER"]) == "mailto:reception@genkan.example"
            assert "reception@genkan.example" in str(message["From"])
            assert str(event["ATTENDEE"]) == "mailto:taro@example.jp"


def test_the_code_for_another_phone_goes_to_the_visitor_and_stands_in_no_subject(
    post: Post,
) -> None:
    visit = post.reception.invite()
    (visitor,) = post.reception.guests_of(visit)
    with post.reception.work() as work:
        link = actions.link_of(work, work.session.get_one(Visitor, visitor.id))
    with post.reception.office.begin(Principal.anonymous()) as work:
        actions.request_code(work, link.rpartition("/")[2])
    message = post.latest()
    assert not [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert link not in message.as_string()
    assert not [word for word in str(message["Subject"]).split() if word.isdigit()]
