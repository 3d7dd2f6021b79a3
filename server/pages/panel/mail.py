"""The mail that the local catcher holds: listed, and read without letting it do anything."""

import base64
import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

from flask import Response, render_template, url_for

from server.kernel.errors import NotFound
from server.kernel.ids import MailId
from server.kernel.pagination import PageQuery
from server.kernel.request import reading
from server.notifications import actions
from server.pages.panel import blueprint
from server.web.forms import sent_cursor
from server.web.security import sandbox_answer

A_PAGE = 50
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif"})
"""Kinds of file that a browser may show; every other one is saved."""
LINKS_OPEN_OUTSIDE = '<base target="_blank">'
_CONTENT_ID = re.compile(r"cid:([^\"'\s)>]+)")


class Line(NamedTuple):
    """One mail in the list."""

    subject: str
    recipient: str
    at: datetime
    url: str


@blueprint.get("/mail")
def mail() -> str:
    """List the caught mails, newest first."""
    cursor = sent_cursor()
    lines, following = _caught(cursor)
    next_url = url_for("panel.mail", cursor=following) if following else ""
    return render_template(
        "panel/mail.html", messages=lines, next_url=next_url, newest=cursor is None
    )


@blueprint.get("/mail/list")
def mail_list() -> str:
    """Return the newest mails alone, for a page that is open."""
    lines, _ = _caught(None)
    return render_template("panel/mail_list.html", messages=lines)


def _caught(cursor: str | None) -> tuple[list[Line], str | None]:
    with reading() as work:
        page = actions.caught(work, PageQuery(limit=A_PAGE, cursor=cursor))
    lines = [
        Line(
            each.subject, each.recipient, each.caught_at, url_for("panel.message", mail_id=each.id)
        )
        for each in page.items
    ]
    return lines, page.next_cursor


@blueprint.get("/mail/<mail_id>")
def message(mail_id: str) -> str:
    """Show one mail."""
    with reading() as work:
        known = actions.get(work, MailId(mail_id))
        found = actions.read(work, MailId(mail_id))
    parts = [
        {
            "name": part.name,
            "url": url_for("panel.message_part", mail_id=mail_id, number=number),
        }
        for number, part in enumerate(found.parts)
    ]
    shown = {
        "subject": known.subject,
        "sender": found.sender,
        "recipient": known.recipient,
        "at": known.caught_at,
        "text": found.text,
        "parts": parts,
        "html_url": url_for("panel.message_html", mail_id=mail_id) if found.html else "",
    }
    return render_template("panel/message.html", message=shown)


@blueprint.get("/mail/<mail_id>/html")
def message_html(mail_id: str) -> Response:
    """Return the mail's own HTML, its pictures inside it, under a policy that forbids everything else."""
    with reading() as work:
        found = actions.read(work, MailId(mail_id))
    pictures = {
        part.content_id: f"data:{part.media_type};base64,{base64.b64encode(part.content).decode()}"
        for part in found.parts
        if part.content_id and part.media_type in SHOWN
    }
    sandbox_answer()
    html = _CONTENT_ID.sub(lambda match: pictures.get(unquote(match[1]), ""), found.html)
    return Response(LINKS_OPEN_OUTSIDE + html, mimetype="text/html")


@blueprint.get("/mail/<mail_id>/parts/<int:number>")
def message_part(mail_id: str, number: int) -> Response:
    """Return an attachment."""
    with reading() as work:
        parts = actions.read(work, MailId(mail_id)).parts
    if number >= len(parts):
        raise NotFound("There is no such attachment.")
    part = parts[number]
    sandbox_answer()
    shown = part.media_type in SHOWN
    response = Response(
        part.content, mimetype=part.media_type if shown else "application/octet-stream"
    )
    response.headers.set(
        "Content-Disposition", "inline" if shown else "attachment", filename=part.name
    )
    return response
