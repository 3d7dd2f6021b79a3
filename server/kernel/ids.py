"""The names of things in the database, and the source of new ones.

Site codes, portals, access points, devices and events are named by `access_protocol.ids`, because gates and
controllers know them too. What only the server knows is named here.
"""

import base64
import os
import threading
from collections.abc import Callable
from typing import NewType

from server.kernel.clock import Clock

PersonId = NewType("PersonId", str)
SessionId = NewType("SessionId", str)
TokenId = NewType("TokenId", str)
FloorId = NewType("FloorId", str)
RoomId = NewType("RoomId", str)
VisitId = NewType("VisitId", str)
VisitorId = NewType("VisitorId", str)
SeriesId = NewType("SeriesId", str)
SeriesGuestId = NewType("SeriesGuestId", str)
TermsId = NewType("TermsId", str)
WishId = NewType("WishId", str)
CompanionId = NewType("CompanionId", str)
MeetingId = NewType("MeetingId", str)
AttendanceId = NewType("AttendanceId", str)
CrossingId = NewType("CrossingId", str)
PosterId = NewType("PosterId", str)
KioskId = NewType("KioskId", str)
WalkInId = NewType("WalkInId", str)
ApprovalId = NewType("ApprovalId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
AttachmentId = NewType("AttachmentId", str)
CallId = NewType("CallId", str)
CallSignalId = NewType("CallSignalId", str)
QuestionId = NewType("QuestionId", str)
ContactPointId = NewType("ContactPointId", str)
MailId = NewType("MailId", str)
ChannelId = NewType("ChannelId", str)
NoticeId = NewType("NoticeId", str)
DeliveryId = NewType("DeliveryId", str)
MessengerAccountId = NewType("MessengerAccountId", str)
MessengerLinkId = NewType("MessengerLinkId", str)
ItemId = NewType("ItemId", str)
OrderId = NewType("OrderId", str)
MovementId = NewType("MovementId", str)
OutboxId = NewType("OutboxId", str)
AuditId = NewType("AuditId", str)
GroupId = NewType("GroupId", str)
SurveyAnswerId = NewType("SurveyAnswerId", str)
CannedAnswerId = NewType("CannedAnswerId", str)
RetentionRunId = NewType("RetentionRunId", str)

ID_LENGTH = 32
"""Characters in an id made by `Ids.new`: a UUID version 7 (RFC 9562) in hexadecimal, so ids sort by time."""


class Ids:
    """Makes ids and secrets from a clock and a random source, both of which a test may replace."""

    def __init__(self, clock: Clock, random: Callable[[int], bytes] = os.urandom) -> None:
        """Take the clock for the time in each id, and `random(n)`, which returns n random bytes."""
        self._clock = clock
        self._random = random
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """Return a UUID version 7 (RFC 9562) as 32 hexadecimal digits; wrap it in the NewType of its thing.

        Each is greater than the one before from the same process, also within a millisecond.
        """
        milliseconds = int(self._clock.now().timestamp() * 1000)
        tail = int.from_bytes(self._random(10), "big")
        value = (milliseconds & (1 << 48) - 1) << 80 | tail
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        with self._lock:
            if value >> 80 <= self._last >> 80:
                value = self._last + 1
            self._last = value
        return f"{value:032x}"

    def random_bytes(self, count: int) -> bytes:
        """Return `count` random bytes, for example the 16 of a credential id."""
        return self._random(count)

    def secret(self, size: int = 32) -> str:
        """Return a secret of `size` random bytes as unpadded base64url text."""
        return base64.urlsafe_b64encode(self._random(size)).rstrip(b"=").decode("ascii")
