"""Letters: what a guest reads in each language, and that hostile text stays text."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol.wording import Language
from server.notifications import letters, mail
from server.notifications.actions import Letter, LetterKind
from server.notifications.wording import WORDS

SENDER = "Genkan <reception@genkan.example>"
AT = datetime(2026, 4, 1, 5, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\nnot looked at here"
HOSTILE = [
    "a\r\nBcc: victim@example.jp",
    "a\nSubject: other",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "{host.__class__} %(x)s {0}",
    '" <x@y.jp>,',
    "👩‍👩‍👧‍👦 家族",
    "مرحبا بالعالم",
    "x" * 10_000,
    "=?utf-8?q?=0D=0ABcc:_x@y.jp?=",
    "END:VEVENT\r\nATTENDEE:mailto:x@y.jp",
]


def a_letter(
    kind: LetterKind = LetterKind.INVITATION,
    language: Language = Language.EN,
    text: str = "Sakura",
    name: str = "Taro Yamada",
) -> Letter:
    return Letter(
        kind=kind,
        language=language,
        recipient="taro@example.jp",
        name=name,
        title=text,
        host=name,
        site="Tokyo",
        place=text,
        starts_at=AT,
        ends_at=AT + timedelta(hours=1),
        time_zone="Asia/Tokyo",
        note=text,
        link="https://genkan.example/v/secret",
        pass_picture=PICTURE,
        calendar_uid="visitor@genkan",
        sequence=3,
    )


def sent(letter: Letter) -> EmailMessage:
    written = letters.write(letter, SENDER, AT)
    message = mail.compose(written, SENDER, "message-1", AT)
    parsed = message_from_bytes(message, policy=policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def entry_of(message: EmailMessage) -> tuple[icalendar.Calendar, icalendar.Event]:
    attached = next(part for part in message.walk() if part.get_filename() == "visit.ics")
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    calendar = icalendar.Calendar.from_ical(content)
    assert isinstance(calendar, icalendar.Calendar)
    (event,) = calendar.events
    return calendar, event


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", LetterKind)
def test_every_letter_is_written_in_every_language(language: Language, kind: LetterKind) -> None:
    written = letters.write(a_letter(kind, language), SENDER, AT)
    says = WORDS[language].says[kind]
    assert says.heading in written.html
    assert written.language == language.value
    assert "{" not in written.subject + written.text
    assert "https://genkan.example/v/secret" in written.text


def test_the_time_is_that_of_the_site() -> None:
    written = letters.write(a_letter(language=Language.JA), SENDER, AT)
    assert "2026年4月1日水曜日 14:00 – 15:00 (日本標準時)" in written.text


def test_a_visit_over_midnight_names_both_days() -> None:
    text = letters.when(AT, AT + timedelta(hours=12), "Asia/Tokyo", Language.EN)
    assert "1 April 2026" in text
    assert "2 April 2026" in text


def test_an_invitation_is_text_and_html_with_the_pass_inline_and_a_calendar_entry() -> None:
    message = sent(a_letter())
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/calendar",
        "text/calendar",
    ]
    html = message.get_body(("html",))
    assert html is not None
    assert f'src="cid:{letters.PASS_PICTURE}"' in html.get_content()
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == f"<{letters.PASS_PICTURE}>"
    assert picture.get_payload(decode=True) == PICTURE
    assert message["Content-Language"] == "en"
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_calendar_entry_asks_for_the_visit() -> None:
    calendar, event = entry_of(sent(a_letter()))
    assert calendar["METHOD"] == "REQUEST"
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("visitor@genkan", 3, "CONFIRMED")
    assert event.DTSTART == AT
    assert event["ATTENDEE"] == "mailto:taro@example.jp"
    assert event["ORGANIZER"] == "mailto:reception@genkan.example"


def test_a_cancellation_takes_the_entry_back() -> None:
    calendar, event = entry_of(sent(a_letter(LetterKind.CANCELLATION)))
    assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_neither_headers_nor_html_nor_calendar(text: str) -> None:
    message = sent(a_letter(text=text, name=text[:100]))
    assert set(message.keys()) == set(sent(a_letter()).keys())
    assert len(message.get_all("To") or []) == 1
    assert [each.addr_spec for each in message["To"].addresses] == ["taro@example.jp"]
    html = message.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()
    _, event = entry_of(message)
    assert event["ATTENDEE"] == "mailto:taro@example.jp"
    assert event["UID"] == "visitor@genkan"


@given(st.text(max_size=300), st.text(max_size=100), st.sampled_from(list(LetterKind)))
def test_whatever_is_written_the_message_reads_back(text: str, name: str, kind: LetterKind) -> None:
    text = text.encode(errors="replace").decode()  # the tables hold no half characters
    name = name.encode(errors="replace").decode()
    written = letters.write(a_letter(kind, text=text, name=name), SENDER, AT)
    found = mail.read(mail.compose(written, SENDER, "message-1", AT))
    assert found.recipient.endswith("taro@example.jp>") or found.recipient == "taro@example.jp"
    assert [part.name for part in found.parts] == ["pass.png", "visit.ics"]
    assert "\n" not in found.subject
    assert found.parts[1].content.splitlines()[-1] == b"END:VCALENDAR"
