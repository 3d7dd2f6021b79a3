"""Sends notices to browsers: Web Push (RFC 8030), encrypted for the browser (RFC 8291), signed by us (RFC 8292)."""

# pyright: reportUnknownMemberType=false
# pywebpush and py-vapid leave the type of some arguments open.

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from server.kernel import outbound
from server.kernel.ids import DeliveryId
from server.kernel.outbox import Outgoing
from server.kernel.principal import Principal
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Office
from server.notifications import channels, models, phrases, post
from server.notifications.kinds import ON_THE_WAY, URGENT, Failure
from server.notifications.models import Channel, Delivery, Notice, PushKey

if TYPE_CHECKING:
    from py_vapid import Vapid02

LARGEST = 4096
"""Bytes of an encrypted message that every push service takes (RFC 8030, 7.2)."""
LARGEST_TEXT = LARGEST - 103
"""What is left of it for the message: 86 bytes of header, 16 of tag, 1 of padding (RFC 8188, 2 and 2.1)."""
LONGEST_LIFE = timedelta(days=7)
"""How long a push service keeps news that is not worthless after the visit, for a phone that is off."""
_SIGNED_FOR = timedelta(hours=12)
_TOPIC = 24
"""Bytes of the hash that names a topic: 32 characters of base64url are allowed (RFC 8030, 5.4)."""


class PushSender:
    """The sender of outbox rows of kind `push`."""

    def __init__(self, office: Office) -> None:
        """Read what is sent from the office's database, when it is sent."""
        self._office = office
        self._key: Vapid02 | None = None

    def __call__(self, row: Outgoing) -> None:
        """Push the row's notice, or raise `SendFailed`."""
        found = self._found(DeliveryId(row.reference))
        if found is None:
            raise post.failed(Failure.GONE, "the channel was removed", final=True)
        notice, channel, hide_names = found
        text = payload(notice, hide_names=hide_names)
        if len(text.encode()) > LARGEST_TEXT:
            raise post.failed(Failure.TOO_LARGE, f"more than {LARGEST_TEXT} bytes", final=True)
        subscription: dict[str, Any] = json.loads(self._unsealed(channel))
        with outbound.session(self._office.settings) as session:
            answer = self._send(session, subscription, text, notice)
        _judge(answer, self._office.clock.now())

    def _send(
        self,
        session: requests.Session,
        subscription: dict[str, Any],
        text: str,
        notice: Notice,
    ) -> requests.Response:
        # It loads aiohttp and more: only a worker that pushes pays for it.
        from pywebpush import WebPusher  # noqa: PLC0415

        headers = headers_for(notice) | self._signed(subscription["endpoint"])
        try:
            answer = WebPusher(subscription, requests_session=session).send(
                text.encode(),
                headers,
                ttl=_seconds_to_live(notice, self._office.clock.now()),
                timeout=outbound.TOTAL_SECONDS,
            )
        except outbound.ForbiddenAddress as error:
            raise post.failed(Failure.FORBIDDEN_ADDRESS, str(error), final=True) from error
        except requests.RequestException as error:
            # Without its text, which names the endpoint: whoever knows that can push to the browser.
            raise post.failed(Failure.UNREACHABLE, type(error).__name__) from None
        if not isinstance(answer, requests.Response):
            raise TypeError("pywebpush answered with a command line")
        return answer

    def _signed(self, endpoint: str) -> dict[str, str]:
        key = self._key = self._key or self._vapid()
        scheme, _, rest = endpoint.partition("://")
        claims = {
            "aud": f"{scheme}://{rest.partition('/')[0]}",
            "exp": int((self._office.clock.now() + _SIGNED_FOR).timestamp()),
            "sub": f"mailto:{parseaddr(self._office.settings.mail_from)[1]}",
        }
        signed: dict[str, str] = key.sign(claims)
        return signed

    def _vapid(self) -> "Vapid02":
        from py_vapid import Vapid02  # noqa: PLC0415  loaded with pywebpush, see above

        with self._office.reading(Principal.system("push")) as work:
            stored = work.session.get_one(PushKey, 1)
            try:
                secret = work.sealer.unseal(stored.sealed_private, channels.PUSH_KEY)
            except CannotUnseal as error:
                raise post.failed(Failure.SEALED, "the push key", final=True) from error
        return Vapid02.from_raw(base64.urlsafe_b64encode(secret).rstrip(b"="))

    def _found(self, delivery_id: DeliveryId) -> tuple[Notice, Channel, bool] | None:
        with self._office.reading(Principal.system("push")) as work:
            delivery = work.session.get(Delivery, delivery_id)
            if delivery is None or delivery.channel is None:
                return None
            notice = work.session.get_one(Notice, delivery.notice)
            channel = work.session.get_one(Channel, delivery.channel)
            wanted = models.preferences_of(work.session, notice.person)
            return notice, channel, wanted.hide_names

    def _unsealed(self, channel: Channel) -> bytes:
        return unsealed(self._office, channel)


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
    about = f"{notice.visitor or notice.visit or notice.id}:{notice.person}:{what}"
    hashed = hashlib.sha256(about.encode()).digest()[:_TOPIC]
    return base64.urlsafe_b64encode(hashed).decode("ascii")


def _seconds_to_live(notice: Notice, now: datetime) -> int:
    left = LONGEST_LIFE if notice.expires_at is None else notice.expires_at - now
    return max(0, int(min(left, LONGEST_LIFE).total_seconds()))


def _judge(answer: requests.Response, now: datetime) -> None:
    status = answer.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise post.failed(Failure.GONE, f"the push service answered {status}", final=True)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise post.failed(Failure.TOO_LARGE, f"the push service answered {status}", final=True)
    why = f"the push service answered {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise post.failed(Failure.BUSY, why, again_in=post.asked_to_wait(answer.headers, now))
    # A redirect too: it is not followed, and who answers so will do so tomorrow.
    raise post.failed(Failure.REFUSED, why, final=True)
