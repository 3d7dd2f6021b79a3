"""What the demo's site has beyond doors, brought to a panel site: drinks behind the gate, floor plans, a chat."""

from access_protocol.credential import CredentialClass
from access_protocol.events import (
    Contact,
    ControllerState,
    Lock,
    Outcome,
    SlotCondition,
    SlotState,
)
from access_protocol.ids import AccessPointId, CredentialId, DeviceId
from access_protocol.topics import Kind
from access_protocol.wording import Language
from server.conversations import actions as conversations
from server.conversations.actions import Author, NewContactPoint
from server.credentials import actions as credentials
from server.devices import actions as devices
from server.devices import reports
from server.devices.models import Device
from server.kernel.ids import ConversationId, PersonId
from server.kernel.principal import Principal
from server.people import models as people
from server.places import actions as places
from server.places.actions import AccessPointInput, PortalInput
from server.places.rules import PortalKind
from server.processes import demo_building, demo_drinks, demo_questions
from server.visits.models import Visitor
from tests.fakes.panel_site import BOOT, GATE, SITE, PanelSite

VENDING = DeviceId("vending-1")
SYSTEM = Principal.system()


def furnish(site: PanelSite) -> str:
    """Set all of it up; return the code of the sign that leads to the chat."""
    with site.office.begin(SYSTEM) as work:
        new = devices.NewDevice(id=VENDING, site=SITE, kind=Kind.CONTROLLER, name="Drinks")
        devices.register(work, new)
        work.session.get_one(Device, VENDING).enrolled_at = work.now
        machine = PortalInput(name="Drinks", kind=PortalKind.VENDING)
        places.put_portal(work, SITE, demo_drinks.MACHINE, machine)
        reader = AccessPointInput(
            portal=demo_drinks.MACHINE,
            zone=2,
            gate=GATE,
            controller=VENDING,
            classes=[CredentialClass.VOUCHER],
        )
        places.put_access_point(work, SITE, AccessPointId("drinks-reader"), reader)
        demo_building.write(work, SITE)
        demo_drinks.write(work, SITE)
        demo_questions.write(work, SITE)
        sign = conversations.put_up_contact(work, SITE, NewContactPoint(note="Hall")).code
    site.comes(GATE, "turnstile-1", "door-sakura", VENDING)
    _is_ready(site)
    return sign


def _is_ready(site: PanelSite) -> None:
    """Let the machine report that it is shut and can give something out of each slot."""
    state = ControllerState(
        boot=BOOT,
        uptime_ms=1_000,
        since_ms=0,
        lock=Lock.LOCKED,
        contact=Contact.CLOSED,
        slots=tuple(
            SlotState(slot=number, condition=SlotCondition.READY)
            for number in range(1, len(demo_drinks.ITEMS) + 1)
        ),
    )
    with site.office.begin(Principal.for_device(VENDING, SITE)) as work:
        device = work.session.get_one(Device, VENDING)
        reports.door_state(work, device, state, retained=False)


def goes_through(site: PanelSite, visitor: Visitor, point: str) -> None:
    """Let a visitor pass a gate or a door."""
    held = CredentialId(visitor.credential)
    site.presented(point, held, None, Outcome.OPENED, Outcome.PASSED)


def writes(site: PanelSite, visitor: Visitor, text: str) -> ConversationId:
    """Let a visitor ask something."""
    with site.office.begin(Principal.for_visitor(visitor.id)) as work:
        found = conversations.open_for_visitor(work, visitor.id, Language.EN)
        conversations.say(work, found.id, text, author=Author.VISITOR)
        return found.id


def allow(site: PanelSite, name: str) -> PersonId:
    """Let somebody of the house have a pass; return who they are."""
    with site.office.begin(SYSTEM) as work:
        person = people.by_email(work.session, f"{name}@genkan.example")
        assert person is not None
        credentials.allow(work, person.id, SITE, [2, 3])
        return person.id
