"""Reads an invitation as the visitor's mail program does: the link, the QR picture, the calendar entry."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy

import cv2
import numpy as np
import zxingcpp

from demo.codes import QR_CODES
from demo.timeline import StepFailedError


@dataclass(frozen=True)
class Invitation:
    """What an invitation holds."""

    subject: str
    link: str
    code_png: bytes
    code_text: str
    calendar: str


def read_invitation(message: bytes) -> Invitation:
    """Take a mail apart; raise `StepFailedError` where it lacks something."""
    mail = message_from_bytes(message, policy=policy.default)
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    calendars = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    text = mail.get_body(("plain",))
    link = re.search(r"https?://\S+", text.get_content()) if text else None
    if not pictures or not calendars or link is None:
        raise StepFailedError("the invitation lacks its QR code, its calendar entry or its link")
    picture = pictures[0].get_payload(decode=True)
    if not isinstance(picture, bytes):
        raise StepFailedError("the QR code in the invitation is no picture")
    return Invitation(
        subject=str(mail["Subject"]),
        link=link.group(),
        code_png=picture,
        code_text=read_code(picture),
        calendar=calendars[0].get_content(),
    )


def read_code(picture: bytes) -> str:
    """Read the QR code in a PNG, as any phone would."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    found = zxingcpp.read_barcodes(image, formats=QR_CODES) if image is not None else []
    if len(found) != 1:
        raise StepFailedError(f"{len(found)} codes in the picture instead of one")
    return found[0].text
