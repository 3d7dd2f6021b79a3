"""The channels of a person: browsers and messengers that they add, try out and remove."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import AfterValidator, BaseModel, Field, SecretStr
from sqlmodel import select

from access_protocol.wording import Language
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import ChannelId, NoticeId, PersonId
from server.kernel.principal import Kind
from server.kernel.text import Line
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.notifications import deliveries, models, services
from server.notifications.kinds import ChannelKind, DeliveryState, NoticeKind
from server.notifications.models import Channel, Delivery, Notice, PushKey

MOST_CHANNELS = 20
LONGEST_ENDPOINT = 2000
_POINT, _AUTH = 65, 16
"""Bytes of a subscription's keys (RFC 8291, 2 and 3.2)."""


def _key_of(size: int) -> Any:  # noqa: ANN401  pydantic's validators are typed as anything
    def check(text: str) -> str:
        try:
            found = base64.b64decode(
                text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True
            )
        except ValueError as error:
            raise ValueError("must be base64url") from error
        if len(found) != size:
            raise ValueError(f"must hold {size} bytes")
        return text.rstrip("=")

    return AfterValidator(check)


def _on_the_curve(text: str) -> str:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as error:
        raise ValueError("is no public key of the curve P-256") from error
    return text


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("must be an https address")
    if not url.isascii() or any(each.isspace() or not each.isprintable() for each in url):
        raise ValueError("must be an address in ASCII")
    return url


class SubscriptionKeys(BaseModel):
    """The keys of a push subscription, in base64url."""

    p256dh: Annotated[str, _key_of(_POINT), AfterValidator(_on_the_curve)] = Field(max_length=100)
    auth: Annotated[str, _key_of(_AUTH)] = Field(max_length=40)


class Subscription(BaseModel):
    """A push subscription as `PushSubscription.toJSON()` gives it."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(max_length=LONGEST_ENDPOINT)
    keys: SubscriptionKeys


class NewChannel(BaseModel):
    """A channel to add: a browser's push subscription, or a messenger's URL as apprise writes it."""

    label: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="What you call it, or which browser it is."
    )
    subscription: Subscription | None = None
    url: SecretStr | None = Field(
        default=None, description="For a messenger, for example ntfys://host/topic; kept sealed."
    )


@dataclass(frozen=True, kw_only=True)
class ChannelAdded(Event):
    """A person can be reached on another channel."""

    channel: ChannelId
    person: PersonId


@dataclass(frozen=True, kw_only=True)
class ChannelRemoved(Event):
    """A channel was removed by its person."""

    channel: ChannelId
    person: PersonId


def push_key(work: Work) -> str:
    """Return the public key for `PushManager.subscribe` (base64url); it is made when first asked for."""
    found = work.session.get(PushKey, 1)
    if found is None:
        private = ec.generate_private_key(ec.SECP256R1())
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        secret = private.private_numbers().private_value.to_bytes(32, "big")
        insert_once(
            work.session,
            PushKey,
            id=1,
            public=base64.urlsafe_b64encode(point).rstrip(b"=").decode("ascii"),
            sealed_private=work.sealer.seal(secret, PUSH_KEY),
            created_at=work.now,
        )
        found = work.session.get_one(PushKey, 1)
    return found.public


PUSH_KEY = "push-key"
"""Purpose under which the private part is sealed."""


def add_channel(work: Work, person: PersonId, new: NewChannel) -> Channel:
    """Add a channel of one's own; a browser that subscribes again keeps its channel.

    A browser belongs to whoever signed in at it last.
    """
    _require_own(work, person)
    kind, address, goes_to = _address(new)
    if kind is ChannelKind.PUSH:
        push_key(work)  # its private part signs what is sent there
    mark = hashlib.sha256(address.encode()).hexdigest() if kind is ChannelKind.PUSH else None
    if mark and new.subscription:
        address = new.subscription.model_dump_json()
    known = _with_mark(work, mark)
    if known is None and len(models.channels_of(work.session, person)) >= MOST_CHANNELS:
        raise Conflict(f"You have {MOST_CHANNELS} channels. Remove one that you do not use.")
    if known is not None and known.person != person:
        deliveries.remove(work, known.id)
        known = None
    channel = known or Channel(
        id=ChannelId(work.ids.new()),
        person=person,
        kind=kind,
        label="",
        goes_to=goes_to,
        sealed_address=b"",
        address_hash=mark,
        created_at=work.now,
    )
    channel.label = new.label or channel.label or goes_to
    channel.sealed_address = work.sealer.seal(address.encode(), purpose(channel.id))
    channel.failing_since = channel.failure = None
    work.session.add(channel)
    work.session.flush()
    if known is None:
        work.record(ChannelAdded(channel=channel.id, person=person))
    return channel


def list_channels(work: Work, person: PersonId) -> Sequence[Channel]:
    """Return the channels that a person added, oldest first; one's own only."""
    _require_own(work, person)
    return models.channels_of(work.session, person)


def remove_channel(work: Work, channel_id: ChannelId) -> None:
    """Remove a channel of one's own; what waits for it is withdrawn, or goes by mail."""
    channel = find_channel(work, channel_id)
    deliveries.remove(work, channel.id)
    work.record(ChannelRemoved(channel=channel_id, person=channel.person))


def find_channel(work: Work, channel_id: ChannelId) -> Channel:
    """Return one of the caller's own channels."""
    channel = work.session.get(Channel, channel_id)
    if channel is None or not _own(work, channel.person):
        raise NotFound("There is no such channel.")
    return channel


def send_test(work: Work, channel_id: ChannelId, language: Language) -> NoticeId:
    """Have a test message sent on one channel, at once; its delivery tells what became of it."""
    channel = find_channel(work, channel_id)
    if any(each.state is DeliveryState.WAITING for each in _tests(work, channel)):
        raise Conflict("A test message is on its way already.")
    notice = Notice(
        id=NoticeId(work.ids.new()),
        person=channel.person,
        kind=NoticeKind.TEST,
        language=language,
        name="",
        email="",
        details={},
        path="/host/",
        created_at=work.now,
        expires_at=None,
    )
    work.session.add(notice)
    work.session.flush()
    deliveries.hand_over_to(work, notice, channel)
    return notice.id


def latest_test(work: Work, channel_id: ChannelId) -> Delivery | None:
    """Return what became of the latest test message on a channel."""
    return next(iter(_tests(work, find_channel(work, channel_id))), None)


def forget_person(work: Work, person: PersonId) -> None:
    """Remove every channel and choice of a person whose account was closed; nothing is sent to them any more."""
    waiting = models.waiting_of(work.session, person)
    deliveries.withdraw(work, [each.notice for each in waiting])
    for channel in models.channels_of(work.session, person):
        deliveries.remove(work, channel.id)
    row = work.session.get(models.Preferences, person)
    if row is not None:
        work.session.delete(row)


def seal_anew(work: Work) -> None:
    """Seal addresses and the push key with the present master key."""
    for channel in work.session.exec(select(Channel)).all():
        channel.sealed_address = work.sealer.renewed(channel.sealed_address, purpose(channel.id))
    for key in work.session.exec(select(PushKey)).all():
        key.sealed_private = work.sealer.renewed(key.sealed_private, PUSH_KEY)


def purpose(channel: ChannelId) -> str:
    """Return the purpose under which a channel's address is sealed."""
    return f"channel:{channel}"


def _address(new: NewChannel) -> tuple[ChannelKind, str, str]:
    if (new.subscription is None) == (new.url is None):
        raise Invalid([("url", "give either the address of a messenger or a push subscription")])
    if new.subscription is not None:
        endpoint = new.subscription.endpoint
        return ChannelKind.PUSH, endpoint, (urlsplit(endpoint).hostname or "")[:100]
    url = new.url.get_secret_value().strip() if new.url else ""
    return ChannelKind.SERVICE, url, services.name_of(url)


def _with_mark(work: Work, mark: str | None) -> Channel | None:
    if mark is None:
        return None
    return work.session.exec(select(Channel).where(Channel.address_hash == mark)).first()


def _tests(work: Work, channel: Channel) -> Sequence[Delivery]:
    return models.tests_of(work.session, channel.id)


def _require_own(work: Work, person: PersonId) -> None:
    if not _own(work, person):
        raise Forbidden("Everybody adds and removes their own channels only.")


def _own(work: Work, person: PersonId) -> bool:
    return work.principal.person == person or work.principal.kind is Kind.SYSTEM
