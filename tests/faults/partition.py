"""Two gates that do not hear of each other, and one credential that is shown to both."""

from dataclasses import replace

from access_protocol.credential import CredentialClass
from access_protocol.ids import AccessPointId, DeviceId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback
from access_protocol.topics import Kind
from server.devices import actions as devices
from server.devices.actions import NewDevice
from server.kernel.principal import Principal
from server.places import actions as places
from server.places.actions import AccessPointInput, PortalInput, ZoneInput
from server.places.rules import PortalKind
from tests.faults import records
from tests.faults.figures import Scene
from tests.faults.history import Findings
from tests.faults.installation import (
    GATE,
    OTHER_ENTRANCE,
    OTHER_GATE,
    OTHER_TURNSTILE,
    SITE,
    Installation,
    credential_of,
)
from tests.faults.proxy import FAIR
from tests.faults.wires import NO_WORD

FOUND_WITHIN_S = 10.0
OFFICE = ZoneNumber(2)


def two_gates_apart(scene: Scene) -> Findings:
    """Together they let somebody in once. Apart they cannot know; then the double entry is found soon."""
    site = scene.site
    _add_second_gate(site)
    unexpected, wrongly = set[str](), set[str]()
    for _ in scene.rounds():
        holder = scene.random.randbytes(16)
        site.present(_fresh(site, holder), GATE)
        site.settle()
        if site.present(_fresh(site, holder), OTHER_GATE):
            wrongly.add(f"{holder.hex()} came in at both gates, which were together")
        found = _apart(site, scene.random.randbytes(16))
        unexpected |= {found} if found else set()
    got = site.findings()
    return replace(
        got, unexpected=got.unexpected | unexpected, opened_wrongly=got.opened_wrongly | wrongly
    )


def _apart(site: Installation, holder: bytes) -> str | None:
    first = _fresh(site, holder)
    granted = site.present(first, GATE)
    # The command is out; nobody hears what the gate says of the passage.
    site.lines[GATE].becomes(NO_WORD)
    twice = site.present(_fresh(site, holder), OTHER_GATE) and granted
    site.pause(1.0)
    site.lines[GATE].becomes(FAIR)
    site.lines[GATE].cut()
    site.until(lambda: not site.online(GATE), 5.0)
    site.until(lambda: site.online(GATE))
    if twice and not site.until(
        lambda: credential_of(first) in records.conflicts(site.database), FOUND_WITHIN_S
    ):
        return f"{holder.hex()} came in twice, which was not found in {FOUND_WITHIN_S:.0f} s"
    return None


def _fresh(site: Installation, holder: bytes) -> str:
    """The holder's credential, re-issued a second later than the last one."""
    site.pause_for(1.0)
    return site.a_pass(credential_class=CredentialClass.REFRESHED, holder=holder)


def _add_second_gate(site: Installation) -> None:
    """A side gate into the same zone, where nobody may enter twice without an exit between."""
    office, site_code = site.office(), SiteCode(SITE)
    with office.begin(Principal.system("faults")) as work:
        side = PortalInput(name="Side gate", kind=PortalKind.TURNSTILE)
        places.put_portal(work, site_code, PortalId("side-gate"), side)
        codes: dict[str, str] = {}
        for name, kind in ((OTHER_GATE, Kind.GATE), (OTHER_TURNSTILE, Kind.CONTROLLER)):
            devices.register(work, NewDevice(id=name, site=SITE, kind=kind, name=name))
            codes[name] = devices.make_code(work, DeviceId(name)).code
        point = AccessPointInput(
            portal="side-gate", zone=OFFICE, gate=OTHER_GATE, controller=OTHER_TURNSTILE
        )
        places.put_access_point(work, site_code, AccessPointId(OTHER_ENTRANCE), point)
        # Who leaves is not read here, so an entry has to be forgiven some time.
        zone = ZoneInput(
            name="Office floor", anti_passback=AntiPassback.HARD, forgiven_after_min=720
        )
        places.put_zone(work, site_code, OFFICE, zone)
    office.close()
    site.add_turnstile(OTHER_TURNSTILE, codes[OTHER_TURNSTILE])
    site.add_gate(OTHER_GATE, codes[OTHER_GATE], OTHER_ENTRANCE)
