"""A mail for one person, and its message as it goes out: text and HTML, pictures inline, a calendar entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from server.kernel.text import on_one_line

_POLICY = policy.SMTP.clone(max_line_length=78)
CALENDAR_FILE = "visit.ics"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What one person is to get. `pictures` are PNG files by the content id under which `html` shows them."""

    recipient: str
    name: str
    subject: str
    text: str
    html: str
    language: str
    pictures: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    calendar: bytes | None = None
    """An iCalendar object (RFC 5545) whose METHOD is `calendar_method`."""
    calendar_method: str = "REQUEST"
    reply_to: str = ""
    """Where answers go; the sender's address where there is none."""


def compose(mail: Mail, sender: str, message_id: str, at: datetime) -> bytes:
    """Return the message (RFC 5322), its lines ended by CRLF, in 7 bits.

    multipart/mixed( multipart/alternative( text, multipart/related( HTML, pictures ), calendar ), calendar file )
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = _address(*parseaddr(sender))
    message["To"] = _address(mail.name, mail.recipient)
    if mail.reply_to:
        message["Reply-To"] = _address("", mail.reply_to)
    message["Subject"] = _header_text(mail.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    _add_pictures(message, mail)
    if mail.calendar is not None:
        _add_calendar(message, mail.calendar, mail.calendar_method)
    # Last: what builds a message moves the headers that begin with Content- to its parts.
    message["Content-Language"] = mail.language
    return message.as_bytes()


def _add_pictures(message: EmailMessage, mail: Mail) -> None:
    html = message.get_body(("html",))
    if not isinstance(html, EmailMessage):
        return
    for name, png in mail.pictures.items():
        html.add_related(
            png,
            "image",
            "png",
            cid=f"<{name}>",
            disposition="inline",
            filename=f"{name.partition('@')[0]}.png",
        )


def _add_calendar(message: EmailMessage, calendar: bytes, method: str) -> None:
    # Outlook and Gmail read the alternative, others the attached file.
    text = calendar.decode()
    parameters = {"method": method, "component": "VEVENT"}
    message.add_alternative(text, subtype="calendar", cte="base64", params=parameters)
    message.add_attachment(
        text, subtype="calendar", cte="base64", params=parameters, filename=CALENDAR_FILE
    )


def _address(name: str, address: str) -> Address:
    return Address(display_name=_header_text(name), addr_spec=on_one_line(address))


def _header_text(text: str) -> str:
    """Return text that is nothing but text in a header.

    Without "=?" it is never taken for an encoded word (RFC 2047), which could hide a line's end: the standard
    library decodes such a word when it is set and writes out what was in it.
    """
    return on_one_line(text).replace("=?", "= ?")


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file that came with a message."""

    name: str
    media_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadMail:
    """A message as somebody reads it."""

    subject: str
    sender: str
    recipient: str
    text: str
    html: str
    """Shows its pictures by `cid:` addresses."""
    parts: tuple[Part, ...]


def read(message: bytes) -> ReadMail:
    """Return what stands in a message that `compose` made."""
    found = message_from_bytes(message, EmailMessage, policy=policy.SMTP)  # pyright: ignore[reportArgumentType, reportCallIssue]
    text, html = found.get_body(("plain",)), found.get_body(("html",))
    return ReadMail(
        subject=str(found["Subject"]),
        sender=str(found["From"]),
        recipient=str(found["To"]),
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
        parts=tuple(_parts(found)),
    )


def _parts(message: EmailMessage) -> list[Part]:
    parts: list[Part] = []
    for each in message.walk():
        name = each.get_filename()
        if name is None:
            continue
        content = each.get_payload(decode=True)
        parts.append(
            Part(
                name=name,
                media_type=each.get_content_type(),
                content=content if isinstance(content, bytes) else b"",
                content_id=str(each["Content-ID"] or "").strip("<>"),
            )
        )
    return parts
