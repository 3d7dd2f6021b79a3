"""Journals and questions of gates over MQTT, and the conversation with doors for operators."""

from datetime import timedelta

from access_protocol import codec, topics
from access_protocol.commands import Acknowledgement
from access_protocol.events import JournalBatch, SyncRequest
from access_protocol.topics import SERVER, Kind, Subject
from server.access import doors, knowledge, ledger
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
    desk.every(knowledge.TIME_EVERY, "signed time for gates", knowledge.tell_everyone_the_time)
    desk.every(OVERDUE_EVERY, "door commands overdue", doors.settle_overdue)


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
    knowledge.answer(work, gate.site, gate.id, read(SyncRequest, incoming).held)


def _acknowledged(work: Work, incoming: Incoming) -> None:
    if incoming.topic.addressee != SERVER:
        return
    controller = sender_of(work, incoming)
    doors.acknowledged(work, controller.id, read(Acknowledgement, incoming))
