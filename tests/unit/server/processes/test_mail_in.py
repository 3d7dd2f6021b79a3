"""Answers to our mails: received over a real connection, read as far as somebody wrote them, said where they belong."""

import io
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import SecretStr
from sqlmodel import select

from access_protocol.wording import Language
from server.app import create_office
from server.conversations import mail_reading, mail_text
from server.conversations.models import Attachment, Message
from server.conversations.rules import Author, Channel
from server.kernel.clock import FixedClock
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.kernel.sealing import Sealer
from server.kernel.settings import Settings
from server.notifications.rules import opened
from server.privacy import actions as privacy
from server.processes.mail_in import Address, Server
from server.visits import reply_address as addresses
from server.visits.models import Visitor
from tests.fakes.panel_site import NOON, PanelSite

DOMAIN = "reception.example"


class Scene:
    """A site whose visitor got a mail, and the company's mail server beside it."""

    def __init__(self, site: PanelSite, server: Server) -> None:
        self.site, self.server = site, server
        _, (self.anna,) = site.invite(("Anna Keller", ""), language=Language.EN)

    @property
    def address(self) -> str:
        with self.site.office.reading(Principal.system()) as work:
            return addresses.reply_address(work, self.anna.id)

    def send(
        self, message: EmailMessage | bytes, to: str = "", sender: str = "anna@visitor.example"
    ) -> None:
        raw = message if isinstance(message, bytes) else message.as_bytes()
        with smtplib.SMTP("127.0.0.1", self.server.port, timeout=300) as client:
            client.sendmail(sender, [to or self.address], raw)

    def messages(self) -> list[Message]:
        with self.site.office.reading(Principal.system()) as work:
            found = select(Message).where(Message.author == Author.VISITOR)
            return list(work.session.exec(found).all())

    def files(self) -> list[Attachment]:
        with self.site.office.reading(Principal.system()) as work:
            return list(work.session.exec(select(Attachment)).all())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(
        demo=True,
        data_folder=tmp_path,
        worker_wake="",
        mail_in="smtp://127.0.0.1:0",
        mail_in_address=f"visits@{DOMAIN}",
    )
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    with Server(office, Address("smtp", "127.0.0.1", 0)) as server:
        yield Scene(PanelSite(office, clock), server)
    office.close()


def letter(text: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Anna Keller <anna@visitor.example>"
    message["To"] = f"visits@{DOMAIN}"
    message["Subject"] = "Re: Invitation"
    message["Message-ID"] = headers.pop("message_id", "<one@visitor.example>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "PNG")
    return drawn.getvalue()


def test_an_answer_is_said_in_the_conversation_without_what_it_quotes(scene: Scene) -> None:
    scene.send(
        letter(
            "May I bring a dog?\n\nOn Wed, 1 Apr 2026 at 14:00, Genkan wrote:\n> You are invited."
        )
    )
    (said,) = scene.messages()
    assert (said.text, said.channel) == ("May I bring a dog?", Channel.MAIL)


def test_the_same_mail_twice_is_said_once(scene: Scene) -> None:
    for _ in range(2):
        scene.send(letter("I come by car."))
    assert len(scene.messages()) == 1


def test_our_mails_ask_for_answers_to_the_address_of_the_visitor_alone(scene: Scene) -> None:
    with scene.site.office.reading(Principal.system()) as work:
        row = work.session.exec(select(OutboxRow).where(OutboxRow.reference == scene.anna.id)).one()
        raw = opened(work.sealer, row.body or b"")
    assert f"Reply-To: {scene.address}".encode() in raw.replace(b"\r\n ", b" ")


def test_pictures_are_kept_and_what_is_no_picture_is_named(scene: Scene) -> None:
    message = letter("My car")
    message.add_attachment(picture(), maintype="image", subtype="png", filename="car.png")
    message.add_attachment(
        b"PK\x03\x04" + bytes(50), maintype="application", subtype="zip", filename="bomb.zip"
    )
    scene.send(message)
    (said,) = scene.messages()
    assert "bomb.zip" in said.text
    assert [each.media_type for each in scene.files()] == ["image/png"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List_Id": "<news.example>"},
        {"X_Autoreply": "yes"},
    ],
)
def test_what_a_program_wrote_is_taken_and_dropped(scene: Scene, headers: dict[str, str]) -> None:
    scene.send(letter("I am away until Monday.", **headers))
    assert scene.messages() == []


def test_a_bounce_is_taken_and_dropped(scene: Scene) -> None:
    scene.send(letter("Undeliverable"), sender="")
    assert scene.messages() == []


def test_an_address_that_was_not_given_out_is_refused(scene: Scene) -> None:
    local, _, domain = scene.address.partition("@")
    changed = local[:-1] + ("a" if local[-1] != "a" else "b")
    for wrong in (f"visits@{domain}", f"{changed}@{domain}", f"{local}@elsewhere.example", "root"):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            scene.send(letter("Let me in"), to=wrong)
    assert scene.messages() == []


def test_capitals_in_an_address_do_no_harm(scene: Scene) -> None:
    scene.send(letter("Hello"), to=scene.address.upper())
    assert len(scene.messages()) == 1


def test_a_mail_that_is_too_large_is_refused_while_it_is_sent(scene: Scene) -> None:
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        scene.send(letter("x" * (21 * 1024 * 1024 // 60)).as_bytes() + b"y" * 21 * 1024 * 1024)
    assert refused.value.smtp_code == 552


def test_two_recipients_come_one_after_the_other(scene: Scene) -> None:
    _, (tom,) = scene.site.invite(("Tom Becker", ""))
    with scene.site.office.reading(Principal.system()) as work:
        other = addresses.reply_address(work, tom.id)
    with smtplib.SMTP("127.0.0.1", scene.server.port, timeout=300) as client:
        refused = client.sendmail(
            "anna@visitor.example", [scene.address, other], b"Subject: x\n\nHi"
        )
    assert [code for code, _ in refused.values()] == [452]


def test_mail_comes_by_lmtp_too(tmp_path: Path) -> None:
    settings = Settings(
        demo=True,
        data_folder=tmp_path,
        worker_wake="",
        mail_in="lmtp://127.0.0.1:0",
        mail_in_address=f"visits@{DOMAIN}",
    )
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    with Server(office, Address("lmtp", "127.0.0.1", 0)) as server:
        scene = Scene(PanelSite(office, clock), server)
        with smtplib.LMTP("127.0.0.1", server.port) as client:
            client.sendmail("a@visitor.example", [scene.address], letter("By LMTP").as_bytes())
        assert [each.text for each in scene.messages()] == ["By LMTP"]
    office.close()


@pytest.mark.parametrize(
    ("whole", "own"),
    [
        (
            "はい、伺います。\n\n2026年4月1日(水) 14:00 Genkan <a@b.example>:\n> ご招待",
            "はい、伺います。",
        ),
        ("好的。\n\n在 2026年4月1日，Genkan 写道：\n> 邀请", "好的。"),
        ("Yes.\n\nFrom: Genkan\nSent: Wednesday\nTo: Anna\n\nYou are invited", "Yes."),
        ("承知しました。\n\n差出人: Genkan\n送信日時: 2026年4月1日\n\n本文", "承知しました。"),
        ("Yes.\n-----Original Message-----\nFrom: x", "Yes."),
        ("Yes.\n-- \nAnna Keller\nNordwind", "Yes."),
        ("> Do you come?\nYes.\n> By car?\nNo.", "Yes.\nNo."),
        ("On Wed, 1 Apr 2026 at 14:00, Genkan\nReception wrote:\n> x\n\nYes.", "Yes."),
        ("My list:\n- one\n- two", "My list:\n- one\n- two"),
    ],
)
def test_only_what_was_written_is_read(whole: str, own: str) -> None:
    assert mail_text.cut(whole) == own


def test_an_html_mail_is_read_as_text() -> None:
    message = EmailMessage()
    message.set_content(
        "<style>p{}</style><p>Yes &amp; no.</p><blockquote>old</blockquote>", "html"
    )
    assert mail_text.read(message.as_bytes()).text == "Yes & no."


@given(st.binary(max_size=600))
def test_whatever_bytes_come_are_read_without_an_error(raw: bytes) -> None:
    mail_text.read(raw)
    mail_text.read(
        b"Content-Type: text/html; charset=nonsense\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + raw
    )


@given(st.text(max_size=300))
def test_cutting_adds_nothing(text: str) -> None:
    assert set(mail_text.cut(text)) <= set(text) | {"\n"}


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=42, max_size=42))
def test_no_made_up_address_is_somebodys(token: str) -> None:
    settings = Settings(demo=True, mail_in="smtp://127.0.0.1:1", mail_in_address="v@r.example")
    sealer = Sealer(SecretStr("0123456789abcdef0123456789abcdef"))
    assert addresses.visitor_at(settings, sealer, f"v+{token}@r.example") is None


def test_the_visitor_is_a_visitor(scene: Scene) -> None:
    with scene.site.office.reading(Principal.system()) as work:
        assert isinstance(addresses.find_by_reply_address(work, scene.address), Visitor)


def test_a_mail_made_to_be_read_for_hours_is_given_up() -> None:
    endless = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    endless += b"--b\r\n\r\nx\r\n" * 400_000 + b"--b--\r\n"
    with pytest.raises(mail_reading.Unreadable):
        mail_reading.read(endless, most_seconds=1)


def test_a_mail_that_breaks_its_reader_is_refused_and_the_next_one_taken(scene: Scene) -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (each, each)
        for each in range(3000)
    )
    with pytest.raises(smtplib.SMTPDataError) as refused:
        scene.send(nested)
    assert refused.value.smtp_code == 554
    scene.send(letter("I come by car."))
    assert [each.text for each in scene.messages()] == ["I come by car."]


@pytest.mark.parametrize(
    "headers",
    [
        b"Message-ID: <\r\n",
        b"Message-ID: <a@[\r\nFrom: <a@[\r\n",
        b"From: " + b"(" * 3000 + b"\r\n",
        b'From: "\r\n',
        b"Content-Type: text/plain; charset=idna\r\n",
        b"Content-Type: text/plain; charset=undefined\r\n",
        b"Content-Type: text/plain; charset=punycode\r\n",
        b"Content-Type: text/plain; charset=a\x00b\r\n",
    ],
)
def test_headers_that_are_wrong_do_not_hide_what_was_written(headers: bytes) -> None:
    assert mail_text.read(headers + b"\r\nGr\xc3\xbc\xc3\x9fe").text == "Grüße"


def test_controls_in_a_mail_are_left_out() -> None:
    assert mail_text.read(b"\r\na\x00\x1b[2Jb\xe2\x80\xaec").text == "a[2Jbc"


def test_a_line_of_digits_before_a_quotation_is_read_at_once() -> None:
    assert mail_text.cut("1" * 1_000_000 + "\n> you wrote") == "1" * 1_000_000


def test_a_mail_of_somebody_who_was_forgotten_brings_nothing_back(scene: Scene) -> None:
    address = scene.address
    with scene.site.office.begin(Principal.system()) as work:
        privacy.forget(work, scene.anna.id)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        scene.send(letter("I come by car."), to=address)
    assert refused.value.smtp_code == 550
    assert scene.messages() == []
