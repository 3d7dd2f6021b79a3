"""A panel site whose room has readers on both sides, and whose host carries a pass too."""

from datetime import timedelta
from uuid import UUID

from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, CredentialId
from access_protocol.knowledge import Direction
from server.credentials.models import Credential, CredentialKind
from server.kernel.clock import FixedClock
from server.kernel.ids import PersonId
from server.kernel.principal import Principal
from server.kernel.work import Office
from server.meetings import actions as meetings
from server.people import models as people
from server.places import actions as places
from server.places.actions import AccessPointInput
from server.visits.models import Visitor
from tests.fakes.panel_site import SITE, PanelSite

ROOM_IN, ROOM_OUT = "sakura-door-in", "sakura-door-out"


class MeetingSite(PanelSite):
    """The site; each method lets somebody go through the room's door now."""

    def __init__(self, office: Office, clock: FixedClock) -> None:
        """Hang a reader inside the room too, and let every device be there."""
        super().__init__(office, clock)
        inner = AccessPointInput(
            portal="sakura-door",
            zone=3,
            direction=Direction.OUT,
            gate="gate-1",
            controller="door-sakura",
        )
        with office.begin(Principal.system()) as work:
            places.put_access_point(work, SITE, AccessPointId(ROOM_OUT), inner)
        self.comes("gate-1", "door-sakura", "turnstile-1")
        clock.advance(timedelta(minutes=1))

    def staff(self, name: str = "host") -> CredentialId:
        """The pass of somebody of the house."""
        with self.office.begin(Principal.system()) as work:
            person = people.by_email(work.session, f"{name}@genkan.example")
            assert person is not None
            credential = CredentialId(UUID(person.id).bytes)
            if work.session.get(Credential, credential) is None:
                work.session.add(
                    Credential(
                        id=credential,
                        kind=CredentialKind.STAFF,
                        person=PersonId(person.id),
                        site=SITE,
                        last_expires=work.now + timedelta(days=1),
                    )
                )
        return credential

    def enters(self, *who: Visitor | str) -> None:
        """Let visitors, or staff by their names, go in."""
        self._goes(ROOM_IN, who)

    def leaves(self, *who: Visitor | str) -> None:
        """Let them go out."""
        self._goes(ROOM_OUT, who)

    def _goes(self, point: str, people_: tuple[Visitor | str, ...]) -> None:
        for each in people_:
            held = self.staff(each) if isinstance(each, str) else CredentialId(each.credential)
            self.presented(point, held, None, Outcome.OPENED)

    def minutes_pass(self, minutes: float) -> None:
        """Let time pass, and the timers look."""
        self.clock.advance(timedelta(minutes=minutes))
        with self.office.begin(Principal.system()) as work:
            meetings.note_due(work)
