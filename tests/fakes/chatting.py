"""People in a chat: a visitor's phone, a stranger's, and the host's browser, on one reception."""

import io
import re

from flask import Flask
from PIL import Image
from sqlmodel import Session, col, select
from werkzeug.test import TestResponse

from server.conversations import actions as chats
from server.conversations import models
from server.conversations.actions import NewContactPoint, QuestionInput
from server.conversations.models import Conversation, Message
from server.kernel.ids import VisitorId
from tests.fakes.reception import SITE, SYSTEM, Reception

WIFI = QuestionInput.model_validate(
    {
        "asked": {
            "en": ["How do I get on the Wi-Fi?", "wifi password"],
            "ja": ["Wi-Fiは使えますか"],
            "zh": ["Wi-Fi密码是多少"],
        },
        "answers": {
            "en": "Choose Genkan-Guest.",
            "ja": "Genkan-Guestをお選びください。",
            "zh": "请选择Genkan-Guest。",
        },
        "position": 1,
    }
)
PARKING = QuestionInput.model_validate(
    {
        "asked": {"en": ["Where can I park?"]},
        "answers": {"en": "Below the building."},
        "position": 2,
    }
)
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_KEY = re.compile(r'name="key" value="([^"]+)"')


def list_questions(reception: Reception) -> None:
    """Give the site a short list."""
    with reception.office.begin(SYSTEM) as work:
        for each in (WIFI, PARKING):
            chats.add_question(work, SITE, each)


def contact_code(reception: Reception) -> str:
    """Put up a contact-us sign."""
    with reception.office.begin(SYSTEM) as work:
        return chats.put_up_contact(work, SITE, NewContactPoint(note="Hall")).code


def picture(kind: str = "PNG") -> bytes:
    """A small picture."""
    written = io.BytesIO()
    Image.new("RGB", (30, 20), (10, 90, 60)).save(written, kind)
    return written.getvalue()


class Chatter:
    """A browser at a chat page."""

    def __init__(self, app: Flask, path: str, language: str = "en") -> None:
        self.http = app.test_client()
        self.path, self.language = path, language
        self.csrf = self.key = ""

    def get(self, below: str = "", **headers: str) -> TestResponse:
        """Look at the page, or something below it."""
        sent = {"Accept-Language": self.language} | headers
        return self._read(self.http.get(self.path + below, headers=sent, follow_redirects=True))

    def say(self, text: str = "", *files: tuple[str, bytes], **fields: str) -> TestResponse:
        """Send the form of the page that was looked at last."""
        data: dict[str, object] = {"text": text, "csrf_token": self.csrf, "key": self.key}
        data |= fields | {"files": [(io.BytesIO(content), name) for name, content in files]}
        sent = {"Accept-Language": self.language}
        found = self.http.post(
            self.path,
            data=data,
            headers=sent,
            content_type="multipart/form-data",
            follow_redirects=True,
        )
        return self._read(found)

    def _read(self, found: TestResponse) -> TestResponse:
        if found.mimetype == "text/html":
            for each, pattern in (("csrf", _TOKEN), ("key", _KEY)):
                if seen := pattern.search(found.text):
                    setattr(self, each, seen[1])
        return found


def conversation_of(reception: Reception, visitor: VisitorId) -> Conversation:
    """What is kept of a visitor's conversation."""
    with Session(reception.office.engine) as session:
        found = models.of_visitor(session, visitor)
        assert found is not None
        return found


def said(reception: Reception) -> list[tuple[str, str]]:
    """Everything said anywhere: by whom, and the text or which note."""
    with Session(reception.office.engine) as session:
        found = session.exec(
            select(Message).order_by(col(Message.conversation), col(Message.number))
        )
        return [(str(each.author), each.text or str(each.note)) for each in found.all()]
