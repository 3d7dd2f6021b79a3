"""Sends notices to hosts' browsers: what a notice says in a push, and which newer one takes its place."""

import base64
import hashlib
import json
from datetime import UTC
from typing import Any

from server.kernel.ids import DeliveryId
from server.kernel.outbox import Outgoing
from server.kernel.principal import Principal
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Office
from server.notifications import channels, models, phrases, post
from server.notifications.kinds import ON_THE_WAY, URGENT, Failure
from server.notifications.models import Channel, Delivery, Notice
from server.notifications.web_push import WebPush

_TOPIC = 24
"""Bytes of the hash that names a topic: 32 characters of base64url are allowed (RFC 8030, 5.4)."""


class PushSender:
    """The sender of outbox rows of kind `push`."""

    def __init__(self, office: Office) -> None:
        """Read what is sent from the office's database, when it is sent."""
        self._office = office
        self._web_push = WebPush(office)

    def __call__(self, row: Outgoing) -> None:
        """Push the row's notice, or raise `SendFailed`."""
        found = self._found(DeliveryId(row.reference))
        if found is None:
            raise post.failed(Failure.GONE, "the channel was removed", final=True)
        notice, channel, hide_names = found
        subscription: dict[str, Any] = json.loads(unsealed(self._office, channel))
        text = payload(notice, hide_names=hide_names)
        self._web_push.push(subscription, text, headers_for(notice), notice.expires_at)

    def _found(self, delivery_id: DeliveryId) -> tuple[Notice, Channel, bool] | None:
        with self._office.reading(Principal.system("push")) as work:
            delivery = work.session.get(Delivery, delivery_id)
            if delivery is None or delivery.channel is None:
                return None
            notice = work.session.get_one(Notice, delivery.notice)
            channel = work.session.get_one(Channel, delivery.channel)
            wanted = models.preferences_of(work.session, notice.person)
            return notice, channel, wanted.hide_names


def unsealed(office: Office, channel: Channel) -> bytes:
    """Return the address of a channel, or raise `SendFailed` for good."""
    try:
        return office.sealer.unseal(channel.sealed_address, channels.purpose(channel.id))
    except CannotUnseal as error:
        raise post.failed(Failure.SEALED, "the channel's address", final=True) from error


def payload(notice: Notice, *, hide_names: bool) -> str:
    """Return what the browser's service worker is given, as JSON."""
    words = phrases.word(notice.kind, notice.language, notice.details, hide_names=hide_names)
    return json.dumps(
        {
            "kind": notice.kind,
            "title": words.title,
            "body": words.body,
            "lang": notice.language,
            "path": notice.opens,
            "notice": notice.id,
            "tag": topic(notice),
            "urgent": notice.kind in URGENT,
            "at": notice.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def headers_for(notice: Notice) -> dict[str, str]:
    """Return the headers by which a push service knows what may wait and what replaces what (RFC 8030, 5.3, 5.4)."""
    return {"urgency": "high" if notice.kind in URGENT else "normal", "topic": topic(notice)}


def topic(notice: Notice) -> str:
    """Return the topic of a notice: the newer of two on one topic takes the older one's place, also on the screen.

    Where a visitor is, is one topic; everything else is one of its own by its kind. It tells nothing about whom.
    """
    what = "on-the-way" if notice.kind in ON_THE_WAY else notice.kind
    return topic_of(f"{notice.visitor or notice.visit or notice.id}:{notice.person}:{what}")


def topic_of(about: str) -> str:
    """Return a topic that tells nothing of what it is made from."""
    hashed = hashlib.sha256(about.encode()).digest()[:_TOPIC]
    return base64.urlsafe_b64encode(hashed).decode("ascii")
