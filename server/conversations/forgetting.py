"""What a visitor can see and take along of their conversation, and how it is forgotten with all its files."""

from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select

from access_protocol.ids import SiteCode
from server.conversations import call_models, models, thread, wording
from server.conversations.models import Attachment, Conversation, Message
from server.kernel.ids import VisitorId
from server.kernel.work import Work


def about_visitor(work: Work, visitor: VisitorId) -> dict[str, Any]:
    """Return what is kept of a visitor here, as JSON may hold it; files by what they are called, type and size."""
    found = models.of_visitor(work.session, visitor)
    if found is None:
        return {}
    files = models.attachments_of(work.session, found.id)
    said = models.messages(work.session, found.id, found.last_number)
    return {
        "nickname": found.nickname,
        "avatar": found.avatar,
        "has_picture": bool(found.picture),
        "language": str(found.language),
        "started_at": _moment(found.started_at),
        "messages": [
            {
                "at": _moment(each.at),
                "by": str(each.author),
                "channel": str(each.channel),
                "text": wording.words_of(each, found.language),
                "files": [
                    {"name": file.name, "type": file.media_type, "bytes": file.size}
                    for file in files.get(each.id, [])
                ],
            }
            for each in said
        ],
    }


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Delete the conversation of a visitor: its messages, and its files from the disk."""
    found = models.of_visitor(work.session, visitor)
    if found is not None:
        forget(work, found)


def forget_before(work: Work, site: SiteCode, before: datetime, *, dry_run: bool) -> int:
    """Delete the conversations of a site in which nothing was said since a moment; return how many they are."""
    statement = select(Conversation).where(
        Conversation.site == site, col(Conversation.last_at) < before
    )
    old = work.session.exec(statement).all()
    if not dry_run:
        for found in old:
            forget(work, found)
    return len(old)


def forget(work: Work, found: Conversation) -> None:
    """Delete a conversation with everything in it."""
    session = work.session
    stored = select(Attachment.stored).where(Attachment.conversation == found.id)
    names = [*session.exec(stored).all(), *([found.picture] if found.picture else [])]
    call_models.drop_calls(session, found.id)
    session.exec(delete(Attachment).where(col(Attachment.conversation) == found.id))
    session.exec(delete(Message).where(col(Message.conversation) == found.id))
    session.delete(found)
    session.flush()
    thread.drop_files(work, names)
    thread.show(work, found)


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
