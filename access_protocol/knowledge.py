"""What a gate must know to decide by itself, and how each section is written in a signed document.

The sections: *keys* (the issuers whose credentials count), *policy* (this gate's access points, how
stale it may become, which zones are locked down and how they treat a second entry), *entrance* (what its
screen shows beside a poster; it has no say in any decision), and *time* (the answer to one question of the
gate). What grows comes as feeds (`feeds`). A controller gets one section,
the *key list*: whom it obeys, and in what.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import cbor2
import msgspec

from access_protocol.codec import Count, DeviceIdText, ShortText, SlugText
from access_protocol.commands import LONGEST_PULSE, Action
from access_protocol.credential import HIGHEST_GENERATION, CredentialClass
from access_protocol.events import SyncNonce
from access_protocol.ids import (
    HIGHEST_ZONE,
    AccessPointId,
    DeviceId,
    Direction,
    PortalId,
    ZoneNumber,
)
from access_protocol.keys import KeyRing, MalformedKeyError, RingKey

ALL_GENERATIONS = HIGHEST_GENERATION + 1
"""The lowest valid generation of a credential that is revoked altogether."""


class MalformedSectionError(ValueError):
    """A document's body that does not have the form of its section."""


class AntiPassback(StrEnum):
    """What happens at a second entry without an exit between."""

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """One side of a portal, with what the site's policy says about it.

    `classes` are the credential classes admitted here; a static credential is always single entry.
    """

    id: AccessPointId
    portal: PortalId
    controller: DeviceId
    zone: ZoneNumber
    direction: Direction
    classes: frozenset[CredentialClass]
    pulse: timedelta

    @property
    def gives_out(self) -> bool:
        """Whether it stands at a vending machine, which takes vouchers and lets nobody through."""
        return CredentialClass.VOUCHER in self.classes


@dataclass(frozen=True, slots=True)
class ZonePolicy:
    """What the site's policy says about one zone.

    An entry counts for anti-passback until `forgiven_after` has gone by, and only if it was later than
    `amnesty`, by which a guard forgave all entries before.
    """

    anti_passback: AntiPassback = AntiPassback.OFF
    forgiven_after: timedelta | None = None
    amnesty: datetime | None = None

    def counts_since(self, now: datetime) -> datetime | None:
        """Return since when entries count at the time `now`; None where all do."""
        forgiven = None if self.forgiven_after is None else now - self.forgiven_after
        return max(filter(None, (forgiven, self.amnesty)), default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """What one gate may do: its access points, how old its knowledge may get, what is locked down.

    `zones` holds those zones about which there is something to say.
    """

    access_points: Mapping[AccessPointId, AccessPoint]
    static_staleness: timedelta = timedelta(hours=24)
    staleness: timedelta = timedelta(hours=72)
    locked_down: frozenset[ZoneNumber] = field(default=frozenset[ZoneNumber]())
    zones: Mapping[ZoneNumber, ZonePolicy] = field(default_factory=dict[ZoneNumber, ZonePolicy])

    def zone(self, number: ZoneNumber) -> ZonePolicy:
        """Return what is said about a zone."""
        return self.zones.get(number, _NOTHING_SAID)


_NOTHING_SAID = ZonePolicy()


@dataclass(frozen=True, slots=True)
class Obeyed:
    """One sender that a controller obeys, its raw public key, and in which actions."""

    sender: DeviceId
    public: bytes
    actions: frozenset[Action]


_Zone = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_ZONE)]
_Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_PULSE // timedelta(milliseconds=1))]


class _PointForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: SlugText
    portal: SlugText
    controller: DeviceIdText
    zone: _Zone
    direction: Direction
    classes: list[CredentialClass]
    pulse_ms: _Milliseconds


class _ZoneForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zone: _Zone
    anti_passback: AntiPassback
    forgiven_after_s: _Seconds | None
    amnesty: _Seconds | None


class _PolicyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_points: list[_PointForm]
    static_staleness_s: _Seconds
    staleness_s: _Seconds
    locked_down: list[_Zone]
    zones: list[_ZoneForm]


class _KeyForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    public: _Key
    not_before: _Seconds
    not_after: _Seconds


class _ObeyedForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    sender: DeviceIdText
    public: _Key
    actions: list[Action]


def dump(form: object) -> bytes:
    """Return a form as deterministic CBOR; `feeds` writes its chunks by it too."""
    return cbor2.dumps(msgspec.to_builtins(form, builtin_types=(bytes,)), canonical=True)


def load(body: bytes, form: Any) -> Any:  # noqa: ANN401 - msgspec.convert is typed by its argument
    """Return the form that CBOR holds, or raise `MalformedSectionError`."""
    try:
        return msgspec.convert(cbor2.loads(body), form, builtin_types=(bytes,))
    except (
        cbor2.CBORDecodeError,
        msgspec.ValidationError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        MemoryError,
    ) as error:
        raise MalformedSectionError(str(error)) from error


def write_keys(ring: KeyRing) -> bytes:
    """Return the body of a keys section."""
    return dump(
        [
            _KeyForm(key.public, int(key.not_before.timestamp()), int(key.not_after.timestamp()))
            for key in ring
        ]
    )


def read_keys(body: bytes) -> KeyRing:
    """Return the issuers' key ring, or raise `MalformedSectionError`."""
    forms: list[_KeyForm] = load(body, list[_KeyForm])
    try:
        return KeyRing(
            RingKey(
                form.public,
                datetime.fromtimestamp(form.not_before, UTC),
                datetime.fromtimestamp(form.not_after, UTC),
            )
            for form in forms
        )
    except MalformedKeyError as error:
        raise MalformedSectionError(str(error)) from error


def write_policy(policy: Policy) -> bytes:
    """Return the body of a policy section."""
    return dump(
        _PolicyForm(
            access_points=[
                _PointForm(
                    id=point.id,
                    portal=point.portal,
                    controller=point.controller,
                    zone=point.zone,
                    direction=point.direction,
                    classes=sorted(point.classes),
                    pulse_ms=point.pulse // timedelta(milliseconds=1),
                )
                for point in policy.access_points.values()
            ],
            static_staleness_s=_seconds(policy.static_staleness),
            staleness_s=_seconds(policy.staleness),
            locked_down=sorted(policy.locked_down),
            zones=[_zone_form(number, policy.zones[number]) for number in sorted(policy.zones)],
        )
    )


def _zone_form(number: ZoneNumber, zone: ZonePolicy) -> _ZoneForm:
    return _ZoneForm(
        zone=number,
        anti_passback=zone.anti_passback,
        forgiven_after_s=None if zone.forgiven_after is None else _seconds(zone.forgiven_after),
        amnesty=None if zone.amnesty is None else int(zone.amnesty.timestamp()),
    )


def _zone(form: _ZoneForm) -> ZonePolicy:
    after, amnesty = form.forgiven_after_s, form.amnesty
    return ZonePolicy(
        anti_passback=form.anti_passback,
        forgiven_after=None if after is None else timedelta(seconds=after),
        amnesty=None if amnesty is None else datetime.fromtimestamp(amnesty, UTC),
    )


def _seconds(duration: timedelta) -> int:
    return duration // timedelta(seconds=1)


def read_policy(body: bytes) -> Policy:
    """Return a gate's policy, or raise `MalformedSectionError`."""
    form: _PolicyForm = load(body, _PolicyForm)
    points = [
        AccessPoint(
            id=AccessPointId(point.id),
            portal=PortalId(point.portal),
            controller=DeviceId(point.controller),
            zone=ZoneNumber(point.zone),
            direction=point.direction,
            classes=frozenset(point.classes),
            pulse=timedelta(milliseconds=point.pulse_ms),
        )
        for point in form.access_points
    ]
    return Policy(
        access_points={point.id: point for point in points},
        static_staleness=timedelta(seconds=form.static_staleness_s),
        staleness=timedelta(seconds=form.staleness_s),
        locked_down=frozenset(map(ZoneNumber, form.locked_down)),
        zones={ZoneNumber(zone.zone): _zone(zone) for zone in form.zones},
    )


@dataclass(frozen=True, slots=True)
class TimeAnswer:
    """The body of a time document: the question that it answers, and what there was to know then.

    A gate is up to date as of the document's time once it holds all `versions`.
    """

    nonce: bytes
    versions: Mapping[str, int]


class _TimeForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    nonce: SyncNonce
    versions: dict[ShortText, Count]


def write_time(answer: TimeAnswer) -> bytes:
    """Return the body of a time document."""
    return dump(_TimeForm(answer.nonce, dict(answer.versions)))


def read_time(body: bytes) -> TimeAnswer:
    """Return what a time document answers, or raise `MalformedSectionError`."""
    form: _TimeForm = load(body, _TimeForm)
    return TimeAnswer(form.nonce, form.versions)


@dataclass(frozen=True, slots=True)
class EntranceScreen:
    """What a gate's screen shows at one access point: the changing code under `key`, and the poster's address.

    The screen's QR code is the address with `?c=` and the digits, so that scanning it types the code too.
    """

    access_point: AccessPointId
    key: bytes
    address: str

    def address_with(self, digits: str) -> str:
        """Return what the QR code on the screen says while these digits stand there."""
        return f"{self.address}?c={digits}"


class _ScreenForm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    access_point: SlugText
    key: _Key
    address: Annotated[str, msgspec.Meta(pattern="^https?://[!-~]+$", max_length=200)]


def write_entrance(screens: Iterable[EntranceScreen]) -> bytes:
    """Return the body of an entrance section."""
    return dump([_ScreenForm(one.access_point, one.key, one.address) for one in screens])


def read_entrance(body: bytes) -> tuple[EntranceScreen, ...]:
    """Return what a gate's screen shows, or raise `MalformedSectionError`."""
    forms: list[_ScreenForm] = load(body, list[_ScreenForm])
    return tuple(
        EntranceScreen(AccessPointId(form.access_point), form.key, form.address) for form in forms
    )


def write_key_list(obeyed: tuple[Obeyed, ...]) -> bytes:
    """Return the body of a controller's key list."""
    return dump([_ObeyedForm(one.sender, one.public, sorted(one.actions)) for one in obeyed])


def read_key_list(body: bytes) -> tuple[Obeyed, ...]:
    """Return whom a controller obeys, or raise `MalformedSectionError`."""
    forms: list[_ObeyedForm] = load(body, list[_ObeyedForm])
    return tuple(
        Obeyed(DeviceId(form.sender), form.public, frozenset(form.actions)) for form in forms
    )
