"""Deliveries of a notice: handed to the outbox for each channel, held in quiet hours, followed to their end."""

from collections.abc import Sequence
from datetime import datetime

from server.kernel import live, outbox
from server.kernel.ids import ChannelId, DeliveryId, NoticeId
from server.kernel.outbox import OutboxSettled
from server.kernel.work import Work
from server.notifications import models, notice_mail, post, rules
from server.notifications.kinds import (
    URGENT,
    ChannelKind,
    DeliveryState,
    Failure,
    MailUse,
    NoticeKind,
    QuietWay,
)
from server.notifications.models import Channel, Delivery, Notice, Preferences
from server.notifications.preferences import hours_of
from server.notifications.quiet import quiet_until

PUSH, SERVICE, MAIL = "push", "service", rules.KIND
"""Outbox kinds; each is sent by threads of its own."""
_OUTBOX = {ChannelKind.PUSH: PUSH, ChannelKind.SERVICE: SERVICE, ChannelKind.MAIL: MAIL}
_KINDS = frozenset(_OUTBOX.values())


def hand_over(work: Work, notice: Notice) -> None:
    """Write a delivery for each channel of the notice's person."""
    wanted = models.preferences_of(work.session, notice.person)
    channels = list(models.channels_of(work.session, notice.person))
    held = _held_until(wanted, notice, work.now)
    by_mail = not channels or wanted.mail is MailUse.ALWAYS
    if held is not None and wanted.in_quiet is QuietWay.MAIL:
        by_mail, channels = True, []
    due = held if held is not None and wanted.in_quiet is QuietWay.WAIT else work.now
    for channel in channels:
        _deliver(work, notice, channel, due)
    if by_mail:
        _deliver(work, notice, None, due)


def hand_over_to(work: Work, notice: Notice, channel: Channel) -> None:
    """Write a delivery for one channel, at once: a test message."""
    _deliver(work, notice, channel, work.now)


def withdraw(work: Work, notices: Sequence[NoticeId]) -> None:
    """Take back what was not sent yet of these notices."""
    if not notices:
        return
    for delivery in models.waiting(work.session, notices):
        _take_back(work, delivery)


def withdraw_channel(work: Work, channel: Channel) -> None:
    """Take back what waits for a channel that goes; where it was the last hope of a notice, mail takes over."""
    for delivery in models.waiting_for(work.session, channel.id):
        _take_back(work, delivery)
        _fall_back(work, delivery.notice)


def settled(work: Work, row: OutboxSettled) -> None:
    """Note what became of a delivery; where every channel failed, the notice goes by mail."""
    if row.kind not in _KINDS or not row.reference:
        return
    delivery = work.session.get(Delivery, DeliveryId(row.reference))
    if delivery is None or delivery.state is not DeliveryState.WAITING:
        return
    delivery.settled_at = work.now
    delivery.state, delivery.failure, delivery.why = _outcome(row)
    notice = work.session.get_one(Notice, delivery.notice)
    channel = work.session.get(Channel, delivery.channel) if delivery.channel else None
    if channel is not None:
        _note_on_channel(work, channel, delivery)
    if delivery.state is DeliveryState.FAILED:
        _fall_back(work, notice.id)
    live.notice(work, "notices", about=notice.person)


def _held_until(wanted: Preferences, notice: Notice, now: datetime) -> datetime | None:
    if wanted.urgent_passes and notice.kind in URGENT:
        return None
    return quiet_until(hours_of(wanted), now)


def _deliver(work: Work, notice: Notice, channel: Channel | None, due: datetime) -> None:
    kind = ChannelKind.MAIL if channel is None else channel.kind
    worthless = notice.expires_at is not None and due >= notice.expires_at
    delivery = Delivery(
        id=DeliveryId(work.ids.new()),
        notice=notice.id,
        channel=channel.id if channel else None,
        kind=kind,
        label=channel.label if channel else notice.email[:100],
        state=DeliveryState.WAITING,
        due_at=due,
        created_at=work.now,
    )
    if worthless:
        quiet = due > work.now
        delivery.state = DeliveryState.QUIET if quiet else DeliveryState.FAILED
        delivery.failure = None if quiet else Failure.TOO_LATE
        delivery.settled_at = work.now
    work.session.add(delivery)
    if worthless:
        return
    if channel is None:
        notice_mail.send(work, notice, delivery)
    else:
        outbox.post(
            work,
            _OUTBOX[kind],
            channel.goes_to,
            reference=delivery.id,
            due_at=due,
            deadline=notice.expires_at,
        )


def _take_back(work: Work, delivery: Delivery) -> None:
    taken = outbox.withdraw(work, _OUTBOX[delivery.kind], delivery.id, "not needed any more")
    if taken:
        delivery.state, delivery.settled_at = DeliveryState.WITHDRAWN, work.now


def _fall_back(work: Work, notice_id: NoticeId) -> None:
    notice = work.session.get_one(Notice, notice_id)
    work.session.flush()
    tried = models.deliveries_of(work.session, [notice_id]).get(notice_id, [])
    done = {DeliveryState.SENT, DeliveryState.WAITING}
    over = notice.expires_at is not None and notice.expires_at <= work.now
    if notice.kind is NoticeKind.TEST or notice.reacted_at is not None or over:
        return
    if any(each.state in done or each.kind is ChannelKind.MAIL for each in tried):
        return
    _deliver(work, notice, None, work.now)


def _outcome(row: OutboxSettled) -> tuple[DeliveryState, Failure | None, str]:
    if row.state is outbox.State.SENT:
        return DeliveryState.SENT, None, ""
    if row.state is outbox.State.EXPIRED:
        return DeliveryState.FAILED, Failure.TOO_LATE, row.error or ""
    failure, why = post.failure_in(row.error or "")
    return DeliveryState.FAILED, failure, why


def _note_on_channel(work: Work, channel: Channel, delivery: Delivery) -> None:
    if delivery.state is DeliveryState.SENT:
        channel.last_sent_at, channel.failing_since, channel.failure = work.now, None, None
        return
    channel.failing_since = channel.failing_since or work.now
    channel.failure = delivery.failure
    if delivery.failure is Failure.GONE:
        _remove(work, channel)


def _remove(work: Work, channel: Channel) -> None:
    withdraw_channel(work, channel)
    work.session.flush()
    work.session.delete(channel)
    work.session.flush()


def waiting_tries(work: Work, deliveries: Sequence[Delivery]) -> dict[str, str]:
    """Return why the latest try failed, for those that wait to be tried again."""
    waiting = [each.id for each in deliveries if each.state is DeliveryState.WAITING]
    return outbox.last_errors(work.session, waiting)


def remove(work: Work, channel: ChannelId) -> None:
    """Remove a channel with its address; what was sent through it stays to be seen."""
    _remove(work, work.session.get_one(Channel, channel))
