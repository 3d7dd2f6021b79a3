"""The worker's side of a command to a door: ask the controller, sign its nonce back, while there is time.

The command is signed when it is sent and never after its deadline. Nothing is repeated: a question that finds no
broker is tried again by the outbox until the deadline; once the controller was asked, only its answer moves things.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from access_protocol import codec, commands, topics
from access_protocol.commands import Action, Answer, Ask, Command
from access_protocol.ids import NONCE_BYTES, DeviceId, EventId, Nonce, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from server.devices.actions import signing_key
from server.devices.models import KeyPurpose
from server.kernel.desk import Incoming
from server.kernel.outbox import Outgoing, SendFailed
from server.kernel.principal import Principal
from server.kernel.work import Office

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    site: SiteCode
    controller: DeviceId
    action: Action
    pulse: timedelta
    deadline: datetime
    key: SigningKey
    slot: int | None


class DoorConversation:
    """Holds the questions under way; `ask` runs on the outbox's thread, `answered` on the transport's."""

    def __init__(self, office: Office, transport: Transport) -> None:
        """Begin with no question under way."""
        self._office = office
        self._transport = transport
        self._asked: dict[EventId, _Asked] = {}
        self._lock = threading.Lock()

    def ask(self, row: Outgoing) -> None:
        """Ask the controller for a nonce: the sender of outbox rows of the kind `door_command`."""
        site, event = SiteCode(row.payload["site"]), EventId(row.reference)
        controller = DeviceId(row.destination)
        with self._office.begin(Principal.system("doors")) as work:
            key = signing_key(work, site, KeyPurpose.COMMAND)
        pulse = timedelta(milliseconds=row.payload["pulse_ms"])
        action = Action(row.payload.get("action", Action.UNLOCK))
        deadline = row.deadline or self._office.clock.now()
        with self._lock:
            self._forget_late_ones()
            self._asked[event] = _Asked(
                site, controller, action, pulse, deadline, key, row.payload.get("slot")
            )
        topic = topics.build(site, Kind.SERVER, SERVER, Subject.ASK, controller)
        left = deadline - self._office.clock.now()
        if left <= timedelta() or not self._transport.publish(
            topic, codec.encode(Ask(event=event)), expiry=left
        ):
            with self._lock:
                self._asked.pop(event, None)
            raise SendFailed("the broker is away")

    def answered(self, incoming: Incoming) -> None:
        """Sign the controller's nonce back to it, if it answers what we asked and there is still time."""
        if incoming.retained or incoming.topic.addressee != SERVER:
            return
        try:
            answer = codec.decode(Answer, incoming.payload)
        except codec.MalformedReportError as error:
            log.warning("unreadable answer", device=incoming.topic.device, error=str(error))
            return
        asked = self._take(EventId(answer.event), incoming)
        if asked is None or len(answer.nonce) != NONCE_BYTES:
            return
        left = asked.deadline - self._office.clock.now()
        if left <= timedelta():
            log.warning("answer after the deadline; nothing was sent", event=answer.event)
            return
        command = Command(
            controller=asked.controller,
            nonce=Nonce(answer.nonce),
            action=asked.action,
            pulse=asked.pulse,
            event=EventId(answer.event),
            slot=asked.slot,
        )
        topic = topics.build(asked.site, Kind.SERVER, SERVER, Subject.COMMAND, asked.controller)
        self._transport.publish(topic, commands.seal(command, asked.key), expiry=left)

    def _take(self, event: EventId, incoming: Incoming) -> _Asked | None:
        """Return the question that this answers, once; an answer by another device takes nothing."""
        with self._lock:
            asked = self._asked.get(event)
            if asked is None or (asked.site, asked.controller) != (
                incoming.topic.site,
                incoming.topic.device,
            ):
                return None
            return self._asked.pop(event)

    def _forget_late_ones(self) -> None:
        now = self._office.clock.now()
        self._asked = {event: one for event, one in self._asked.items() if one.deadline > now}
