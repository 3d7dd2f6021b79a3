"""What the gates of a site tell each other: who passed where, for anti-passback and for cards that no longer count.

A passage is told once a controller has reported it. What could not be told while the broker was away is told
when it is back; that somebody hears it twice does no harm. What the others tell is believed only in the name of
the topic it came on, and only where its time is plausible.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from access_protocol import codec, topics
from access_protocol.credential import CredentialClass
from access_protocol.events import PassageNotice
from access_protocol.feeds import LastPassage
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, EventId, ZoneNumber
from access_protocol.knowledge import AntiPassback, Direction
from access_protocol.topics import Kind, Subject, Topic
from access_protocol.transport.base import Transport
from gate_agent.clock import Clock
from gate_agent.history import OwnPassage
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import Identity
from gate_agent.logs import Log

TOLD_AT_ONCE = 20
"""Passages told in one tick, so that a gate that was away for long does not flood the others."""
SURELY_TOLD_S = 20.0
"""A connection that stood for so long after a notice has delivered it."""
OLDEST = timedelta(hours=72)
"""A notice about an earlier passage is not sent and not believed: what it says came with the feeds."""
_AHEAD = timedelta(seconds=60)
"""By so much the clock of another gate may be ahead of ours."""
_MOST_REMEMBERED = 4096
BELIEVED_AT_ONCE, BELIEVED_A_SECOND = 1000.0, 2.0
"""Notices of one other gate: what waited while it was away, and more than go through a turnstile. A gate in
the wrong hands would otherwise fill the disks of all; what is too many comes with the feeds."""

log = Log(__name__)


class ImplausibleNoticeError(ValueError):
    """A notice whose time cannot be."""


class SharedHistory:
    """The gate's `rules.History`: its own journal, and what the other gates and the server told."""

    def __init__(self, journal: Journal, knowledge: HeldKnowledge) -> None:
        """Of both, the later passage counts."""
        self._own = journal.history
        self._told = knowledge.feeds

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """See `rules.History.presentation_used`."""
        return self._own.presentation_used(credential, presented_at, point)

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """See `rules.History.entry_spent`."""
        return self._own.entry_spent(credential, point)

    def bound_generation(self, credential: CredentialId) -> int | None:
        """See `rules.History.bound_generation`."""
        used = self._own.bound_generation(credential), self._told.bound_generation(credential)
        return max((one for one in used if one is not None), default=None)

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """See `rules.History.inside`; where the disk does not say, the visitor counts as inside."""
        try:
            told = self._told.last_passage(credential, zone)
        except LookupError:
            return True
        own = self._own.last_passage(credential, zone)
        if told is None or (own is not None and own.at > told.at):
            return self._own.inside(credential, zone, since)
        return told.direction is Direction.IN and (since is None or told.at > since)


class TooManyNoticesError(ValueError):
    """More notices than a gate of people can have."""


class Passages:
    """Tells the others, and listens to them; several threads may call it. `moment` counts seconds."""

    def __init__(
        self,
        identity: Identity,
        transport: Transport,
        *,
        journal: Journal,
        knowledge: HeldKnowledge,
        clock: Clock,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is told before the first `tick`."""
        self._transport = transport
        self._journal = journal
        self._knowledge = knowledge
        self._clock = clock
        self._moment = moment
        self._topic = topics.build(identity.site, Kind.GATE, identity.device, Subject.PASSAGE)
        self._device = identity.device
        self._sent = journal.told
        self._again = False
        self._in_flight: deque[tuple[int, float]] = deque()
        self._heard: OrderedDict[EventId, None] = OrderedDict()
        self._room: dict[DeviceId, tuple[float, float]] = {}

    def reconnected(self) -> None:
        """The broker was away: what is not surely told is told again, at the next tick."""
        self._again = True

    def tick(self) -> None:
        """Tell what happened since the last time."""
        if not self._transport.connected:
            return
        now = self._moment()
        if self._again:
            self._again = False
            self._in_flight.clear()
            self._sent = self._journal.told
        while self._in_flight and now - self._in_flight[0][1] >= SURELY_TOLD_S:
            self._journal.tell(self._in_flight.popleft()[0])
        for passage in self._journal.history.passages_after(self._sent, TOLD_AT_ONCE):
            notice = self._notice(passage)
            if notice is not None and not self._transport.publish(
                self._topic, codec.encode(notice)
            ):
                return
            self._sent = passage.order
            self._in_flight.append((passage.order, now))

    def _notice(self, passage: OwnPassage) -> PassageNotice | None:
        point = self._journal.history.points().get(passage.point)
        if point is None or self._clock.now() - passage.at > OLDEST:
            return None
        mine = LastPassage(
            passage.credential, point.zone, point.direction, passage.at, passage.event
        )
        self._look_for_conflict(mine, self._told(mine))
        return PassageNotice(
            at=passage.at,
            event=passage.event,
            access_point=passage.point,
            zone=point.zone,
            direction=point.direction,
            credential=passage.credential.hex(),
            credential_class=passage.credential_class,
            generation=passage.generation,
        )

    def handle(self, topic: Topic, payload: bytes) -> None:
        """Take what another gate told.

        Raises `MalformedReportError`, `ImplausibleNoticeError`, `TooManyNoticesError`, or
        `held_feeds.KnowledgeNotKept`.
        """
        if topic.device == self._device:
            return
        notice = codec.decode(PassageNotice, payload)
        if not self._clock.trusted:
            return  # nobody is admitted now, and the server tells the same by its feeds
        age = self._clock.now() - notice.at
        if not -_AHEAD <= age <= OLDEST:
            raise ImplausibleNoticeError(f"a passage at {notice.at.isoformat()}")
        event = EventId(notice.event)
        if event in self._heard:
            return
        self._take_room(topic.device)
        passage = LastPassage(
            CredentialId(bytes.fromhex(notice.credential)),
            ZoneNumber(notice.zone),
            notice.direction,
            notice.at,
            event,
        )
        before = (self._told(passage), self._own(passage))
        bound = notice.credential_class is CredentialClass.BOUND
        self._knowledge.feeds.note(passage, notice.generation if bound else None)
        self._heard[event] = None
        if len(self._heard) > _MOST_REMEMBERED:
            self._heard.popitem(last=False)
        for one in before:
            self._look_for_conflict(passage, one)

    def _take_room(self, device: DeviceId) -> None:
        now = self._moment()
        left, since = self._room.get(device, (BELIEVED_AT_ONCE, now))
        left = min(BELIEVED_AT_ONCE, left + (now - since) * BELIEVED_A_SECOND)
        self._room[device] = left - 1 if left >= 1 else left, now
        if left < 1:
            raise TooManyNoticesError(f"too many passages of {device}")

    def _told(self, passage: LastPassage) -> LastPassage | None:
        try:
            return self._knowledge.feeds.last_passage(passage.credential, passage.zone)
        except LookupError:
            return None

    def _own(self, passage: LastPassage) -> LastPassage | None:
        history = self._journal.history
        own = history.last_passage(passage.credential, passage.zone)
        if own is None:
            return None
        direction = history.points()[own.point].direction
        return LastPassage(own.credential, passage.zone, direction, own.at, own.event)

    def _look_for_conflict(self, passage: LastPassage, other: LastPassage | None) -> None:
        """Say it where somebody entered twice: two gates did not hear of each other at the time.

        The server makes the record; the visitor is kept out or let in as the newest passage says.
        """
        zone = self._knowledge.policy.zone(passage.zone)
        if other is None or other.event == passage.event:
            return
        if zone.anti_passback is not AntiPassback.HARD:
            return
        since = zone.counts_since(max(passage.at, other.at))
        entries = passage.direction is other.direction is Direction.IN
        if entries and (since is None or min(passage.at, other.at) > since):
            log.warning(
                "conflict",
                credential=passage.credential.hex(),
                zone=passage.zone,
                events=[str(other.event), str(passage.event)],
            )
