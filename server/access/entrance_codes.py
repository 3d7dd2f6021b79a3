"""The changing codes at entrances: their keys, who shows them, and whether somebody gave the right one.

The keys lie sealed in the database. So the section for a gate is neither kept nor put into the outbox: a row there
only says that the gate has to be told, and the section is made when it is sent.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from access_protocol import documents, entrance_code, topics
from access_protocol import knowledge as sections
from access_protocol.documents import Document, DocumentKind
from access_protocol.entrance_code import KEY_BYTES, EntranceCode
from access_protocol.ids import AccessPointId, DeviceId, SiteCode
from access_protocol.knowledge import EntranceScreen
from access_protocol.topics import SERVER, Kind, Subject
from server.access.models import Entrance
from server.devices import actions as devices
from server.devices import models as device_models
from server.devices.actions import signing_key
from server.devices.models import Device, IssuedDocument, KeyPurpose
from server.kernel import live, outbox, throttle
from server.kernel.desk import Desk
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitorId
from server.kernel.outbox import Outgoing, Sender, SendFailed
from server.kernel.principal import Principal, Right, require
from server.kernel.work import Work
from server.places import models as places
from server.places.models import AccessPoint

OUTBOX_KIND = "entrance"
KEPT = timedelta(seconds=60)
"""A gate that could not be told in this time asks by itself, every minute."""


@dataclass(frozen=True, kw_only=True)
class EntranceKeyRotated(Event):
    """The codes of an entrance come from a new key; what its screens showed before counts no more."""

    site: SiteCode
    access_point: AccessPointId


def post(work: Work, site: SiteCode, access_point: AccessPointId, path: str) -> None:
    """Let screens at an access point show the changing code beside the poster at `path` of our site ("/e/K7M2QX").

    Empty: no poster hangs there any more. For whoever keeps the posters; it checks the rights.
    """
    if work.session.get(AccessPoint, (site, access_point)) is None:
        raise NotFound("There is no such entrance.")
    row = work.session.get(Entrance, (site, access_point), with_for_update=True)
    if row is None:
        row = _made(work, site, access_point)
    row.path = path
    work.session.add(row)
    _changed(work, site, access_point)


def rotate(work: Work, site: SiteCode, access_point: AccessPointId) -> None:
    """Let the codes of an entrance come from a new key at once: for a gate or a kiosk that was stolen."""
    require(work.principal, Right.KEYS_MANAGE, site)
    row = work.session.get(Entrance, (site, access_point), with_for_update=True)
    if row is None:
        raise NotFound("This entrance shows no code.")
    row.sealed_key, row.made_at = _new_key(work, site, access_point), work.now
    work.session.add(row)
    work.record(EntranceKeyRotated(site=site, access_point=access_point))
    _changed(work, site, access_point)


def code_now(work: Work, site: SiteCode, access_point: AccessPointId) -> EntranceCode | None:
    """Return what a screen at this entrance shows now; None where no poster hangs."""
    row = work.session.get(Entrance, (site, access_point))
    return None if row is None or not row.path else entrance_code.code_at(_key(work, row), work.now)


def codes_ahead(
    work: Work, site: SiteCode, access_point: AccessPointId, steps: int
) -> list[EntranceCode]:
    """Return the present code and those after it, as many as asked; none where no poster hangs.

    For a screen that must get over a moment without its network. Whoever holds the screen's secret could get each of
    them in its time anyway, and has them so many steps earlier.
    """
    row = work.session.get(Entrance, (site, access_point))
    if row is None or not row.path:
        return []
    key = _key(work, row)
    return [
        entrance_code.code_at(key, work.now + each * entrance_code.STEP) for each in range(steps)
    ]


def check_code(
    work: Work, site: SiteCode, access_point: AccessPointId, digits: str, who: VisitorId | PersonId
) -> bool:
    """Tell whether a visitor, or somebody of the house, gave the present code of this entrance or the one before.

    Wrong ones are counted for them, wherever they try: raises `TooMany` after a few. The caller must
    commit its work also where the answer is no, or nothing is counted.
    """
    guessing = f"entrance-code:{who}"
    throttle.check(work, guessing)
    row = work.session.get(Entrance, (site, access_point))
    typed = "".join(digits.split())
    if row is not None and row.path and entrance_code.accepts(_key(work, row), typed, work.now):
        throttle.succeeded(work, guessing)
        return True
    throttle.failed(work, guessing)
    return False


def accepts(work: Work, site: SiteCode, access_point: AccessPointId, digits: str) -> bool:
    """Tell whether a scanned address carries the present code or the one before; its view limits how often."""
    row = work.session.get(Entrance, (site, access_point))
    return (
        row is not None
        and bool(row.path)
        and entrance_code.accepts(_key(work, row), digits, work.now)
    )


def refresh(work: Work, site: SiteCode) -> None:
    """Let every gate of the site know what its screen shows, where that changed."""
    for gate in device_models.devices(work.session, site=site, kind=Kind.GATE):
        if gate.admitted and _concerns(work, gate) and _issued(work, gate)[1]:
            _tell(work, gate)


def answer(work: Work, gate: Device, held: int | None) -> None:
    """Send a gate that asks what its screen shows, unless it holds that."""
    if held is None and not _shown(work, gate):
        return  # it shows nothing, and there is nothing to say
    row, _ = _issued(work, gate)
    if devices.catch_up(work, row, held):
        _tell(work, gate)


def register(desk: Desk) -> None:
    """Send gates what their screens show."""
    desk.sends(OUTBOX_KIND, _sender(desk))


def seal_anew(work: Work) -> None:
    """Seal with the present master key what the previous one sealed."""
    for row in work.session.exec(select(Entrance)).all():
        row.sealed_key = work.sealer.renewed(row.sealed_key, _purpose(row.site, row.access_point))


def _sender(desk: Desk) -> Sender:
    def send(row: Outgoing) -> None:
        with desk.office.begin(Principal.system("entrances")) as work:
            gate = work.session.get_one(Device, DeviceId(row.destination))
            issued, _ = _issued(work, gate)
            document = Document(
                DocumentKind.ENTRANCE,
                gate.site,
                gate.id,
                issued.version,
                work.now,
                _body(work, gate),
            )
            key = signing_key(work, gate.site, KeyPurpose.AUTHORITY)
        topic = topics.build(gate.site, Kind.SERVER, SERVER, Subject.KNOWLEDGE, gate.id)
        if not desk.transport.publish(topic, documents.seal(document, key), expiry=KEPT):
            raise SendFailed("the broker is away")

    return send


def _issued(work: Work, gate: Device) -> tuple[IssuedDocument, bool]:
    """Number the section as every other; what is kept of it is a hash, which tells whether it changed."""
    return devices.issue(
        work,
        gate.id,
        DocumentKind.ENTRANCE,
        lambda: hashlib.sha256(_body(work, gate)).digest(),
    )


def _concerns(work: Work, gate: Device) -> bool:
    """Tell whether a gate shows a code now, or was ever told to."""
    told = work.session.get(IssuedDocument, (gate.id, DocumentKind.ENTRANCE))
    return told is not None or bool(_shown(work, gate))


def _shown(work: Work, gate: Device) -> Sequence[Entrance]:
    served = [point.id for point in places.access_points_of_gate(work.session, gate.site, gate.id)]
    wanted = (
        select(Entrance)
        .where(Entrance.site == gate.site, col(Entrance.access_point).in_(served))
        .where(Entrance.path != "")
    )
    return work.session.exec(wanted.order_by(col(Entrance.access_point))).all()


def _body(work: Work, gate: Device) -> bytes:
    base = str(work.settings.base_url).rstrip("/")
    return sections.write_entrance(
        EntranceScreen(row.access_point, _key(work, row), f"{base}{row.path}")
        for row in _shown(work, gate)
    )


def _tell(work: Work, gate: Device) -> None:
    outbox.post(work, OUTBOX_KIND, gate.id, reference=gate.id, deadline=work.now + KEPT)


def _changed(work: Work, site: SiteCode, access_point: AccessPointId) -> None:
    work.session.flush()
    refresh(work, site)
    live.notice(work, "entrance", about=access_point, site=site)


def _made(work: Work, site: SiteCode, access_point: AccessPointId) -> Entrance:
    return Entrance(
        site=site,
        access_point=access_point,
        sealed_key=_new_key(work, site, access_point),
        made_at=work.now,
    )


def _new_key(work: Work, site: SiteCode, access_point: AccessPointId) -> bytes:
    return work.sealer.seal(work.ids.random_bytes(KEY_BYTES), _purpose(site, access_point))


def _key(work: Work, row: Entrance) -> bytes:
    return work.sealer.unseal(row.sealed_key, _purpose(row.site, row.access_point))


def _purpose(site: SiteCode, access_point: AccessPointId) -> str:
    return f"entrance-key:{site}/{access_point}"
