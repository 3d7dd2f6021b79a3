"""Journals and questions of gates over MQTT, the conversation with doors, and what is due on time."""

from datetime import timedelta

from access_protocol import codec, topics
from access_protocol.commands import Acknowledgement
from access_protocol.documents import DocumentKind
from access_protocol.events import JournalBatch, SyncRequest
from access_protocol.topics import SERVER, Kind, Subject
from server.access import (
    credentials_feed,
    doors,
    entrance_codes,
    feeds,
    knowledge,
    ledger,
    lockdowns,
    presence,
)
from server.access.door_conversation import DoorConversation
from server.access.ledger import Source
from server.devices.actions import read, sender_of
from server.kernel import outbox
from server.kernel.desk import Desk, Incoming
from server.kernel.work import Work

RECEIPT_KEPT = timedelta(seconds=60)
"""A gate that got no receipt sends the batch again, and then gets one."""
OVERDUE_EVERY = timedelta(seconds=1)


def register(desk: Desk) -> None:
    """Take journals, answer gates that ask, and talk to doors."""
    desk.on(Kind.GATE, Subject.JOURNAL, _journal)
    desk.on(Kind.GATE, Subject.SYNC, _sync)
    desk.on(Kind.CONTROLLER, Subject.ACKNOWLEDGEMENT, _acknowledged)
    conversation = DoorConversation(desk.office, desk.transport)
    desk.hear(Kind.CONTROLLER, Subject.ANSWER, conversation.answered)
    desk.sends(doors.OUTBOX_KIND, conversation.ask)
    entrance_codes.register(desk)
    desk.every(OVERDUE_EVERY, "door commands overdue", doors.settle_overdue)
    desk.every(lockdowns.LOOKED_EVERY, "lockdowns carried out", lockdowns.carry_out)
    desk.every(
        credentials_feed.LOOKED_EVERY, "bound credentials of the day", credentials_feed.of_the_day
    )
    desk.every(presence.ENDED_EVERY, "presence without exit readers", presence.end_expired)
    desk.every(feeds.FORGOTTEN_EVERY, "forget old changes", feeds.forget_expired)


def _journal(work: Work, incoming: Incoming) -> None:
    """Store a batch; its receipt is in the outbox, so it leaves after the commit or not at all."""
    gate = sender_of(work, incoming)
    receipt = ledger.ingest(work, Source(gate.id, gate.site), read(JournalBatch, incoming))
    gate.last_seen = work.now
    outbox.post(
        work,
        "mqtt",
        topics.build(gate.site, Kind.SERVER, SERVER, Subject.RECEIPT, gate.id),
        body=codec.encode(receipt),
        reference=receipt.journal,
        deadline=work.now + RECEIPT_KEPT,
    )


def _sync(work: Work, incoming: Incoming) -> None:
    gate = sender_of(work, incoming)
    asked = read(SyncRequest, incoming)
    knowledge.answer(work, gate, asked)
    entrance_codes.answer(work, gate, asked.held.get(DocumentKind.ENTRANCE))


def _acknowledged(work: Work, incoming: Incoming) -> None:
    if incoming.topic.addressee != SERVER:
        return
    controller, word = sender_of(work, incoming), read(Acknowledgement, incoming)
    doors.acknowledged(work, controller.id, word)
    lockdowns.acknowledged(work, controller.id, word)
