"""What visitors write elsewhere than on their page: at a messenger that they joined, or in answer to a mail."""

from sqlmodel import col, select

from access_protocol.wording import Language
from server.conversations import files, mail_text, opening
from server.conversations.events import MessageSaid
from server.conversations.models import Message
from server.conversations.rules import LONGEST_MESSAGE, MOST_FILES, Author, Channel
from server.conversations.saying import say
from server.kernel.errors import Invalid
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.notifications.actions import MessengerKind, MessengerWrote, NewsKind
from server.visits import actions as visits
from server.visits.models import Visit, Visitor

LONGEST_LETTER = 20 * 1024 * 1024
"""Bytes of a mail as it comes, encoded: two large pictures; what is larger is refused while it is being sent."""
_CUT = "…"
_CHANNELS = {MessengerKind.LINE: Channel.LINE, MessengerKind.WECOM: Channel.WECOM}


class NobodysAddress(Exception):
    """A mail to an address that we did not give out, or to somebody who is not known any more."""


def messenger_wrote(work: Work, wrote: MessengerWrote) -> None:
    """Take what a joined visitor wrote into their conversation; of several visits, into that of the one at hand."""
    visitor = _at_hand(work, wrote.visitors)
    if visitor is not None:
        channel = _CHANNELS[wrote.kind]
        _said(work, visitor, wrote.text, (), channel, f"{channel}:{wrote.event}")


def take_mail(
    work: Work,
    address: str,
    letter: mail_text.Letter,
    checked: list[files.Checked],
    refused: list[str],
) -> Message | None:
    """Take a mail to a reply address into its conversation; None where a program wrote it, or nothing is in it.

    `refused` are the names of files that could not be taken: whoever reads the message is told. Raises
    `NobodysAddress`, and what `say` raises.
    """
    visitor = visits.find_by_reply_address(work, address)
    if visitor is None:
        raise NobodysAddress
    if letter.is_automatic:
        return None
    text = letter.text
    if refused:
        text = f"{text}\n\n[{', '.join(refused)}: ×]".strip()
    if not text and not checked:
        return None
    return _said(
        work, visitor, text, checked, Channel.MAIL, f"mail:{letter.id}" if letter.id else ""
    )


def answer_by_mail(work: Work, said: MessageSaid) -> None:
    """Tell a visitor who wrote by mail, by mail, that they were answered: with the link, and not with what was said."""
    if said.author not in {Author.HOST, Author.RECEPTION} or said.visitor is None:
        return
    newest = (
        select(Message.channel)
        .where(Message.conversation == said.conversation, Message.author == Author.VISITOR)
        .order_by(col(Message.number).desc())
    )
    if work.session.exec(newest.limit(1)).first() == Channel.MAIL:
        visits.mail_news(work, said.visitor, NewsKind.MESSAGE)


def check_files(letter: mail_text.Letter) -> tuple[list[files.Checked], list[str]]:
    """Return the files of a mail that may be kept, and the names of those that may not; before any work begins."""
    kept: list[files.Checked] = []
    refused: list[str] = []
    for each in letter.files:
        if len(kept) >= MOST_FILES:
            refused.append(files.shown_name(each.name))
            continue
        try:
            kept.append(files.checked(each.name, each.content))
        except Invalid:
            refused.append(files.shown_name(each.name))
    return kept, refused


def _said(
    work: Work,
    visitor: Visitor,
    text: str,
    checked: "list[files.Checked] | tuple[()]",
    channel: Channel,
    key: str,
) -> Message:
    found = opening.open_for_visitor(work, visitor.id, Language(visitor.language))
    whole = text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + _CUT
    return say(work, found.id, whole, checked, author=Author.VISITOR, channel=channel, key=key)


def _at_hand(work: Work, visitors: tuple[VisitorId, ...]) -> Visitor | None:
    """Return the visitor whose visit goes on or comes next; otherwise the one of the latest visit."""
    guests = [found for each in visitors if (found := work.session.get(Visitor, each)) is not None]
    dated = [(work.session.get_one(Visit, guest.visit), guest) for guest in guests]
    coming = [
        (visit.starts_at, guest.id, guest) for visit, guest in dated if visit.ends_at > work.now
    ]
    if coming:
        return min(coming)[2]
    past = [(visit.ends_at, guest.id, guest) for visit, guest in dated]
    return max(past)[2] if past else None
