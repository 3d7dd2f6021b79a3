"""The demo's site, people and devices; it may be written again and again, and gives new one-time codes."""

from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from access_protocol.credential import CredentialClass
from access_protocol.ids import AccessPointId, Direction, PortalId, SiteCode, ZoneNumber
from access_protocol.topics import Kind
from access_protocol.wording import Language
from server.devices import actions as devices
from server.devices.actions import NewDevice
from server.devices.models import Device
from server.kernel.ids import RoomId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal
from server.kernel.work import Office, Work
from server.people import actions as people
from server.people import models as people_models
from server.people.actions import NewPerson
from server.people.rules import Role
from server.places import actions as places
from server.places import models as places_models
from server.places.actions import AccessPointInput, NewSite, PortalInput, RoomInput, ZoneInput
from server.places.rules import PASSES, PortalKind
from server.processes import demo_building, demo_drinks, demo_questions, demo_reception, demo_visits

SITE = SiteCode("TYO")
PASSWORD = "genkan-demo-2026"  # noqa: S105  printed for whoever looks at the demo

_JA, _ZH = Language.JA, Language.ZH
ZONES = {
    1: ("Entrance hall", {_JA: "エントランスホール", _ZH: "入口大厅"}),
    2: ("Office floor", {_JA: "オフィスフロア", _ZH: "办公区"}),
    3: ("Meeting rooms", {_JA: "会議室", _ZH: "会议室"}),
    4: ("Server room", {_JA: "サーバー室", _ZH: "机房"}),
}
PEOPLE = (
    ("admin@genkan.example", "Aoi Yamada", Role.ADMINISTRATOR),
    ("security@genkan.example", "Haruto Mori", Role.SECURITY),
    ("host@genkan.example", "Yui Tanaka", Role.HOST),
)
DEVICES = (
    ("gate-1", Kind.GATE, "Entrance gate"),
    ("gate-2", Kind.GATE, "Drinks machine"),
    ("gate-3", Kind.GATE, "Sakura"),
    ("door-front", Kind.CONTROLLER, "Front door"),
    ("turnstile-1", Kind.CONTROLLER, "Main turnstile"),
    ("vending-1", Kind.CONTROLLER, "Drinks machine"),
    ("door-sakura", Kind.CONTROLLER, "Door of Sakura"),
)
READERS = {
    "gate-1": ("main-gate-in", "main-gate-out"),
    "gate-2": ("drinks-reader",),
    "gate-3": ("sakura-in", "sakura-out"),
}
"""The readers that each gate agent serves: one camera an access point."""


def write(office: Office) -> dict[str, Any]:
    """Write what is missing, and return what a person or a script needs to use it."""
    with office.begin(Principal.system("demo-data")) as work:
        room = _places(work)
        _people(work)
        codes = [_device(work, name, kind, title) for name, kind, title in DEVICES]
        reception = demo_reception.write(work, SITE)
        demo_building.write(work, SITE)
        demo_questions.write(work, SITE)
        drinks = demo_drinks.write(work, SITE)
    guests = demo_visits.write(office, PEOPLE[-1][0], RoomId(room))
    return {
        "site": SITE,
        "url": str(office.settings.base_url),
        "room": room,
        "gates": READERS,
        "password": PASSWORD,
        "people": [{"email": email, "name": name, "role": role} for email, name, role in PEOPLE],
        "devices": codes,
        **reception,
        **drinks,
        "guests": guests,
    }


def _places(work: Work) -> str:
    if places_models.site_with(work.session, SITE) is None:
        site = NewSite(
            code=SITE,
            name="Tokyo Office",
            translations={_JA: "東京オフィス", _ZH: "东京办公室"},
            address="1-1-1 Marunouchi, Chiyoda-ku, Tokyo",
            time_zone="Asia/Tokyo",
            static_zones=[1, 2, 3],
            staff_zones=[1, 2, 3],
        )
        places.create_site(work, site)
    for number, (name, translations) in ZONES.items():
        zone = ZoneInput(name=name, translations=translations)
        places.put_zone(work, SITE, ZoneNumber(number), zone)
    front = PortalInput(
        name="Front door",
        translations={_JA: "正面玄関", _ZH: "正门"},
        kind=PortalKind.DOOR,
    )
    places.put_portal(work, SITE, PortalId("front-door"), front)
    gate = PortalInput(
        name="Main gate",
        translations={_JA: "メインゲート", _ZH: "主闸机"},
        kind=PortalKind.TURNSTILE,
    )
    places.put_portal(work, SITE, PortalId("main-gate"), gate)
    door = PortalInput(
        name="Door of Sakura",
        translations={_JA: "桜会議室の扉", _ZH: "樱会议室的门"},
        kind=PortalKind.DOOR,
    )
    places.put_portal(work, SITE, PortalId("sakura-door"), door)
    machine = PortalInput(
        name="Drinks machine",
        translations={_JA: "ドリンク自動販売機", _ZH: "饮料自动售货机"},
        kind=PortalKind.VENDING,
    )
    places.put_portal(work, SITE, PortalId("drinks"), machine)
    # No reader stands in the street: the poster beside the front door opens it.
    _access_point(work, "front-door-in", "front-door", 1, "door-front")
    for side in (Direction.IN, Direction.OUT):
        _access_point(work, f"main-gate-{side}", "main-gate", 2, "turnstile-1", "gate-1", side)
        _access_point(work, f"sakura-{side}", "sakura-door", 3, "door-sakura", "gate-3", side)
    _access_point(
        work, "drinks-reader", "drinks", 2, "vending-1", "gate-2", classes=[CredentialClass.VOUCHER]
    )
    rooms = places_models.rooms(work.session, SITE, PageQuery(cursor=None)).items
    if rooms:
        return rooms[0].id
    sakura = RoomInput(
        name="Sakura",
        translations={_JA: "桜", _ZH: "樱"},
        zone=3,
        portal="sakura-door",
        capacity=8,
    )
    return places.create_room(work, SITE, sakura).id


def _access_point(
    work: Work,
    name: str,
    portal: str,
    zone: int,
    controller: str,
    gate: str | None = None,
    side: Direction = Direction.IN,
    *,
    classes: Sequence[CredentialClass] = PASSES,
) -> None:
    point = AccessPointInput(
        portal=portal,
        zone=zone,
        direction=side,
        classes=list(classes),
        gate=gate,
        controller=controller,
    )
    places.put_access_point(work, SITE, AccessPointId(name), point)


def _people(work: Work) -> None:
    for email, name, role in PEOPLE:
        if people_models.by_email(work.session, email) is None:
            person = NewPerson(email=email, name=name, roles=[role], password=SecretStr(PASSWORD))
            people.create_person(work, person)


def _device(work: Work, name: str, kind: Kind, title: str) -> dict[str, str]:
    if work.session.get(Device, name) is None:
        devices.register(work, NewDevice(id=name, site=SITE, kind=kind, name=title))
    code = devices.make_code(work, name).code
    return {"id": name, "kind": kind, "code": code}
