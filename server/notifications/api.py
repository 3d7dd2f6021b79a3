"""The JSON API of the mail catcher."""

from datetime import datetime
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, Field

from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import ID_LENGTH, MailId
from server.kernel.pagination import PageQuery
from server.kernel.request import answer, answer_page, reading
from server.kernel.text import EmailAddress
from server.notifications import actions
from server.notifications.models import CaughtMail

blueprint = ApiBlueprint("Mail", "What the local mail catcher holds.", "/mails")


class MailPath(BaseModel):
    """Which mail."""

    mail: MailId = Field(pattern=rf"^[0-9a-f]{{{ID_LENGTH}}}$")


class MailQuery(PageQuery):
    """Which mails a list shows."""

    recipient: EmailAddress | None = None


class MailOut(BaseModel):
    """A caught mail in a list."""

    id: MailId
    caught_at: datetime
    recipient: str
    subject: str
    size: int = Field(description="Bytes of the message.")

    @classmethod
    def of(cls, found: CaughtMail) -> "MailOut":
        """Return what a list shows of the mail."""
        return cls.model_validate(found, from_attributes=True)


class MailPage(BaseModel):
    """A page of caught mails."""

    items: list[MailOut]
    next_cursor: str | None


class AttachmentOut(BaseModel):
    """A file or picture that came with a mail."""

    name: str
    media_type: str
    size: int = Field(description="Bytes.")


class ReadMailOut(MailOut):
    """A caught mail, opened."""

    sender: str
    text: str
    html: str = Field(description="Shows its pictures by `cid:` addresses.")
    attachments: list[AttachmentOut]


@blueprint.get("", {200: MailPage})
def list_mails(query: MailQuery) -> Response:
    """List caught mails, newest first; where a mail server is set there are none."""
    with reading() as work:
        return answer_page(actions.caught(work, query, recipient=query.recipient).map(MailOut.of))


@blueprint.get("/<mail>", {200: ReadMailOut})
def read_mail(path: MailPath) -> Response:
    """Read a caught mail."""
    with reading() as work:
        known = MailOut.of(actions.get(work, path.mail))
        found = actions.read(work, path.mail)
    attachments = [
        AttachmentOut(name=part.name, media_type=part.media_type, size=len(part.content))
        for part in found.parts
    ]
    return answer(
        ReadMailOut(
            **known.model_dump(),
            sender=found.sender,
            text=found.text,
            html=found.html,
            attachments=attachments,
        )
    )


@blueprint.get("/<mail>/message", {200: "message/rfc822"})
def get_message(path: MailPath) -> Response:
    """Get a caught message exactly as it would have gone out."""
    with reading() as work:
        message = actions.message_of(work, path.mail)
    response = Response(message, HTTPStatus.OK, mimetype="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="{path.mail}.eml"'
    return response
